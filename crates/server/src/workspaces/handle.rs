//! Workspaces as handlers have them. Methods of an engine wait: for the views while the fold
//! changes them, for files, for processors. A handler runs on a thread that serves all other
//! requests as well, so it has no engine, but a handle that takes work for threads that may wait.

use std::sync::Arc;

use domain::{Timestamp, WorkspaceConfig, WorkspaceId};
use engine::{Engine, Entry, Outcome, RequestBudget, SubmitError};
use tokio::task::{JoinError, spawn_blocking};

use super::{NotOpen, Workspaces};
use crate::admission::Account;
use crate::error::ApiError;

/// A workspace by its name. The engine is looked up for each piece of work, and let go of before
/// anybody waits for the client, so that the workspace can be closed and opened again meanwhile.
#[derive(Clone)]
pub(crate) struct WorkspaceHandle {
    workspaces: Arc<Workspaces>,
    id: WorkspaceId,
}

impl WorkspaceHandle {
    pub(super) fn new(workspaces: &Arc<Workspaces>, id: WorkspaceId) -> Self {
        Self { workspaces: Arc::clone(workspaces), id }
    }

    pub(crate) fn id(&self) -> &WorkspaceId {
        &self.id
    }

    /// The configuration in force. Takes no lock.
    ///
    /// # Errors
    /// [`NotOpen::Closed`] where the workspace is closed at the moment.
    pub(crate) fn config(&self) -> Result<Arc<WorkspaceConfig>, NotOpen> {
        Ok(self.workspaces.find_engine(&self.id)?.config())
    }

    /// The time by the workspace's clock. Takes no lock.
    ///
    /// # Errors
    /// [`NotOpen::Closed`] where the workspace is closed at the moment.
    pub(crate) fn now(&self) -> Result<Timestamp, NotOpen> {
        Ok(self.workspaces.find_engine(&self.id)?.now())
    }

    /// Appends entries; the outcomes come once they are durable and applied.
    ///
    /// # Errors
    /// If the workspace is closed, and where the journal does not take them.
    pub(crate) async fn submit<E>(&self, entries: Vec<Entry>) -> Result<Vec<Outcome>, E>
    where
        E: From<NotOpen> + From<SubmitError> + From<JoinError> + Send + 'static,
    {
        if entries.iter().any(engine::is_decided_on_state) {
            let submit = move |workspace: &BlockingHandle| {
                Ok(workspace.engine()?.submit_blocking(entries)?)
            };
            return self.run_with((), submit).await;
        }
        let engine = self.workspaces.find_engine(&self.id)?;
        Ok(engine.submit(entries).await?)
    }

    /// Does a piece of work on a thread that may wait. The permits are held until it has ended,
    /// also where the caller leaves before.
    ///
    /// # Errors
    /// Those of the work, and one where it panics.
    pub(crate) async fn run_with<T, E>(
        &self,
        permits: impl Send + 'static,
        work: impl FnOnce(&BlockingHandle) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<JoinError> + Send + 'static,
    {
        let handle = BlockingHandle(self.clone());
        let work = move || {
            let _until_it_has_ended = permits;
            work(&handle)
        };
        spawn_blocking(work).await?
    }
}

/// A workspace on a thread that may wait.
pub(crate) struct BlockingHandle(WorkspaceHandle);

impl BlockingHandle {
    /// The workspace as it is open now.
    ///
    /// # Errors
    /// [`NotOpen::Closed`] where it is closed at the moment.
    pub(crate) fn engine(&self) -> Result<Arc<Engine>, NotOpen> {
        self.0.workspaces.find_engine(&self.0.id)
    }
}

/// A workspace for one request whose answer is made whole. Work that has not begun when this is
/// dropped, since the caller has left, is not done.
pub(crate) struct RequestedWorkspace {
    handle: WorkspaceHandle,
    account: Account,
    budget: Arc<RequestBudget>,
}

impl RequestedWorkspace {
    /// The work is charged to `account` and bounded by `budget`.
    pub(crate) fn new(
        handle: WorkspaceHandle,
        account: Account,
        budget: Arc<RequestBudget>,
    ) -> Self {
        Self { handle, account, budget }
    }

    pub(crate) fn id(&self) -> &WorkspaceId {
        self.handle.id()
    }

    pub(crate) fn handle(&self) -> &WorkspaceHandle {
        &self.handle
    }

    /// As [`WorkspaceHandle::config`].
    pub(crate) fn config(&self) -> Result<Arc<WorkspaceConfig>, NotOpen> {
        self.handle.config()
    }

    /// Looks at one thing, changes something, or waits for the disk. Takes no turn.
    ///
    /// # Errors
    /// Those of the work, and 503 where the workspace is closed.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.handle.run_with((), move |workspace| work(&*workspace.engine()?)).await
    }

    /// Answers a question that may be long, once it is its turn.
    ///
    /// # Errors
    /// As [`Self::run`], and 503 where the caller has left.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.account.take_question_turn().await?;
        self.compute(turn, move |engine, _| question(engine)).await
    }

    /// Makes lists, once there is a permit. Work that makes several lists checks the budget in
    /// between.
    ///
    /// # Errors
    /// As [`Self::ask`], and 429 where the account has used up its computing.
    pub(crate) async fn make_lists<T: Send + 'static>(
        &self,
        make: impl FnOnce(&Engine, &RequestBudget) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.account.take_turn().await?;
        self.compute(turn, make).await
    }

    async fn compute<T: Send + 'static>(
        &self,
        turn: impl Send + 'static,
        work: impl FnOnce(&Engine, &RequestBudget) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let budget = Arc::clone(&self.budget);
        let work = move |workspace: &BlockingHandle| {
            let engine = workspace.engine()?;
            let _computing = engine.start_computing(&budget);
            budget.check()?;
            work(&engine, &budget)
        };
        self.handle.run_with(turn, work).await
    }
}

impl Drop for RequestedWorkspace {
    fn drop(&mut self) {
        self.budget.note_caller_left();
    }
}

impl Workspaces {
    /// Looks at all that are open, by name, on a thread that may wait.
    ///
    /// # Errors
    /// If that panics.
    pub(crate) async fn look_at_all<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&[Arc<Engine>]) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let workspaces = Arc::clone(self);
        Ok(spawn_blocking(move || look(&workspaces.engines())).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use domain::TraitDefinition;
    use engine::{Command, DataFolder, EngineOptions, EntityKind};
    use futures_util::FutureExt;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt;

    use super::*;
    use crate::{App, Installation, Settings, router, sign_target};

    /// Long enough for any of these lists to be made many times.
    const WAIT: Duration = Duration::from_millis(300);

    fn app(folder: &tempfile::TempDir) -> Arc<App> {
        let data = DataFolder::open(folder.path()).unwrap();
        data.set_admin_token("admin").unwrap();
        let id = WorkspaceId::new("shop").unwrap();
        let engine = data.open_workspace_with(&id, &EngineOptions::default(), &|_, _| {}).unwrap();
        let config = WorkspaceConfig {
            private_token: Some("private".to_owned()),
            profile_token: Some("profile".to_owned()),
            traits: vec![TraitDefinition::recommended_items("recommended_items")],
            ..WorkspaceConfig::empty(id)
        };
        let add = Command::Add { kind: EntityKind::User, id: "u".to_owned() };
        let add = Entry::Command { received_at: engine.now(), command: Box::new(add) };
        engine.submit_blocking(vec![Entry::Configured(config), add]).unwrap();
        let installation = Installation { data: Arc::new(data), options: EngineOptions::default() };
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let workspaces = Workspaces::new([Arc::new(engine)]);
        Arc::new(App::new(Settings::default(), workspaces, installation, metrics))
    }

    #[tokio::test]
    async fn every_list_and_long_answer_waits_for_its_turn() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(&folder);
        let router = router(Arc::clone(&app));
        let profile = format!("Basic {}", STANDARD.encode("profile:"));
        let of_shop =
            |path: &str| (format!("/api/workspaces/shop/{path}"), "Bearer admin".to_owned());
        let of_user = |path: &str| {
            (
                format!("/v1/spaces/shop/collections/users/profiles/user_id:u/{path}"),
                profile.clone(),
            )
        };
        let of_shop_signed = |path: &str| {
            (sign_target(&format!("/shop/{path}"), "private", engine::now()), String::new())
        };
        let routes = [
            of_user("traits"),
            of_user("events"),
            of_user("external_ids"),
            of_user("metadata"),
            of_shop("recommendations?user=u"),
            of_shop("kpis"),
            of_shop("rejections"),
            of_shop("events"),
            of_shop("scenarios"),
            ("/api/workspaces".to_owned(), "Bearer admin".to_owned()),
            of_shop_signed("recomms/users/u/items/?count=1"),
            of_shop_signed("items/list/"),
        ];
        let account = app.admission.administrators_account();
        let (mut turns, mut question_turns) = (Vec::new(), Vec::new());
        while let Some(turn) = account.take_turn().now_or_never() {
            turns.push(turn.ok().unwrap());
        }
        while let Some(turn) = account.take_question_turn().now_or_never() {
            question_turns.push(turn.ok().unwrap());
        }
        let send = |path: &str, authorization: &str| {
            let request = Request::get(path).header("authorization", authorization);
            tokio::spawn(router.clone().oneshot(request.body(Body::empty()).unwrap()))
        };
        let waiting: Vec<_> =
            routes.iter().map(|(path, authorization)| (path, send(path, authorization))).collect();
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert_eq!(send(path, "").await.unwrap().unwrap().status(), StatusCode::OK, "{path}");
        }
        tokio::time::sleep(WAIT).await;
        for (path, answer) in &waiting {
            assert!(!answer.is_finished(), "{path} took no turn");
        }
        drop((turns, question_turns));
        for (path, answer) in waiting {
            assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::OK, "{path}");
        }
    }

    #[tokio::test]
    async fn nothing_is_done_for_a_caller_who_left_while_it_waited() {
        let folder = tempfile::tempdir().unwrap();
        let app = app(&folder);
        let account = app.admission.administrators_account();
        let workspace = || {
            let handle = app.workspaces.handle("shop").unwrap();
            RequestedWorkspace::new(handle, account.clone(), app.private_budget())
        };
        let (told, done) = std::sync::mpsc::channel();
        let mut turns = Vec::new();
        while let Some(turn) = account.take_turn().now_or_never() {
            turns.push(turn.ok().unwrap());
        }
        let make = |name: &'static str| {
            let (workspace, told) = (workspace(), told.clone());
            tokio::spawn(async move {
                let make = move |_: &Engine, _: &RequestBudget| {
                    told.send(name).unwrap();
                    Ok(())
                };
                workspace.make_lists(make).await.map(|()| name)
            })
        };
        let (gone, stays) = (make("gone"), make("stays"));
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop(turns);
        assert_eq!(stays.await.unwrap().map_err(|error| error.message), Ok("stays"));
        drop(told);
        assert_eq!(done.iter().collect::<Vec<_>>(), ["stays"]);
    }
}
