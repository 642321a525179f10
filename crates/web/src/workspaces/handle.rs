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
pub struct WorkspaceHandle {
    workspaces: Arc<Workspaces>,
    id: WorkspaceId,
}

impl WorkspaceHandle {
    pub(super) fn new(workspaces: &Arc<Workspaces>, id: WorkspaceId) -> Self {
        Self { workspaces: Arc::clone(workspaces), id }
    }

    /// The id of the workspace.
    pub fn id(&self) -> &WorkspaceId {
        &self.id
    }

    /// The workspace for a thread that may wait, and serves no requests.
    pub fn blocking(&self) -> BlockingHandle {
        BlockingHandle(self.clone())
    }

    /// The configuration in force. Takes no lock.
    ///
    /// # Errors
    /// [`NotOpen::Closed`] where the workspace is closed at the moment.
    pub fn config(&self) -> Result<Arc<WorkspaceConfig>, NotOpen> {
        Ok(self.workspaces.find_engine(&self.id)?.config())
    }

    /// The time by the workspace's clock. Takes no lock.
    ///
    /// # Errors
    /// [`NotOpen::Closed`] where the workspace is closed at the moment.
    pub fn now(&self) -> Result<Timestamp, NotOpen> {
        Ok(self.workspaces.find_engine(&self.id)?.now())
    }

    /// Appends entries; the outcomes come once they are durable and applied.
    ///
    /// # Errors
    /// If the workspace is closed, and where the journal does not take them.
    pub async fn submit<E>(&self, entries: Vec<Entry>) -> Result<Vec<Outcome>, E>
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
    pub async fn run_with<T, E>(
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

    /// Makes a list on a thread for lists, when its turn comes.
    ///
    /// # Errors
    /// Those of the work and of [`Account::make_list`].
    pub async fn make_list<T, E>(
        &self,
        account: &Account,
        work: impl FnOnce(&BlockingHandle) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ApiError> + Send + 'static,
    {
        let handle = BlockingHandle(self.clone());
        account.make_list(move || work(&handle)).await?
    }
}

/// A workspace on a thread that may wait.
pub struct BlockingHandle(WorkspaceHandle);

impl BlockingHandle {
    /// The workspace as it is open now.
    ///
    /// # Errors
    /// [`NotOpen::Closed`] where it is closed at the moment.
    pub fn engine(&self) -> Result<Arc<Engine>, NotOpen> {
        self.0.workspaces.find_engine(&self.0.id)
    }
}

/// A workspace for one request whose answer is made whole. Work that has not begun when this is
/// dropped, since the caller has left, is not done.
pub struct RequestedWorkspace {
    handle: WorkspaceHandle,
    account: Account,
    budget: Arc<RequestBudget>,
}

impl RequestedWorkspace {
    /// The work is charged to `account` and bounded by `budget`.
    pub fn new(handle: WorkspaceHandle, account: Account, budget: Arc<RequestBudget>) -> Self {
        Self { handle, account, budget }
    }

    /// The id of the workspace.
    pub fn id(&self) -> &WorkspaceId {
        self.handle.id()
    }

    /// The workspace, without what is charged for it.
    pub fn handle(&self) -> &WorkspaceHandle {
        &self.handle
    }

    /// As [`WorkspaceHandle::config`].
    pub fn config(&self) -> Result<Arc<WorkspaceConfig>, NotOpen> {
        self.handle.config()
    }

    /// Looks at one thing, changes something, or waits for the disk. Takes no turn.
    ///
    /// # Errors
    /// Those of the work, and 503 where the workspace is closed.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.handle.run_with((), move |workspace| work(&*workspace.engine()?)).await
    }

    /// Answers a question that may be long, once it is its turn.
    ///
    /// # Errors
    /// As [`Self::run`], and 503 where the caller has left.
    pub async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.ask_in_steps(move |engine, _| question(engine)).await
    }

    /// As [`Self::ask`], for an answer that is made in steps and checks the budget between them.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_in_steps<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Engine, &Arc<RequestBudget>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.account.take_question_turn().await?;
        self.handle.run_with(turn, within_budget(&self.budget, question)).await
    }

    /// Makes lists, once there is a permit. Work that makes several lists checks the budget in
    /// between.
    ///
    /// # Errors
    /// As [`Self::ask`], and 429 where the account has used up its computing.
    pub async fn make_lists<T: Send + 'static>(
        &self,
        make: impl FnOnce(&Engine, &Arc<RequestBudget>) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        self.handle.make_list(&self.account, within_budget(&self.budget, make)).await
    }
}

/// Charges work to the budget of a request, and does not begin it once that is used up.
fn within_budget<T>(
    budget: &Arc<RequestBudget>,
    work: impl FnOnce(&Engine, &Arc<RequestBudget>) -> Result<T, ApiError> + Send + 'static,
) -> impl FnOnce(&BlockingHandle) -> Result<T, ApiError> + Send + 'static {
    let budget = Arc::clone(budget);
    move |workspace: &BlockingHandle| {
        let engine = workspace.engine()?;
        let _computing = engine.start_computing(&budget);
        budget.check()?;
        work(&engine, &budget)
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
    pub async fn look_at_all<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&[Arc<Engine>]) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let workspaces = Arc::clone(self);
        Ok(spawn_blocking(move || look(&workspaces.engines())).await?)
    }
}
