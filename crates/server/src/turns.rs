//! Every list and every long answer takes a turn, whatever the API.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{TraitDefinition, WorkspaceConfig, WorkspaceId};
use engine::{Command, DataFolder, Engine, EngineOptions, EntityKind, Entry, RequestBudget};
use futures_util::FutureExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use tower::ServiceExt;
use web::workspaces::RequestedWorkspace;
use web::{App, Installation, Settings, Workspaces};

use crate::{router, sign_target};

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
    let of_shop = |path: &str| (format!("/api/workspaces/shop/{path}"), "Bearer admin".to_owned());
    let of_user = |path: &str| {
        (format!("/v1/spaces/shop/collections/users/profiles/user_id:u/{path}"), profile.clone())
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
            let make = move |_: &Engine, _: &Arc<RequestBudget>| {
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
