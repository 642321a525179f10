//! The APIs on a real router without a port.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod ab_tests;
mod accounts;
mod attribution;
mod audiences;
mod browser;
mod budgets;
mod catalogs;
mod closing;
mod computed_traits;
mod configuration;
mod definitions;
mod described;
mod description;
mod destinations;
mod dialects;
mod exports;
mod feeds;
mod groupings;
mod holdouts;
mod in_app;
mod items;
mod jobs;
mod lists;
mod live;
mod locations;
mod message_files;
mod message_links;
mod mistakes;
mod oauth;
mod offers;
mod operations;
mod overview;
mod people;
mod profile_api;
mod profile_routes;
mod public;
mod recombee;
mod recommendations;
mod regulations;
mod replays;
mod retention;
mod scenarios;
mod segmentations;
mod several_catalogs;
mod sources;
mod subscriptions;
mod synonyms;
mod threads;
mod tracking;
mod traits;
mod twilio;
mod uploads;
mod user_facts;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::response::Parts;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use domain::{Source, TraitDefinition, WorkspaceConfig, WorkspaceId};
use engine::{Clock, DataFolder, Engine, EngineOptions, Entry, SystemClock};
use serde_json::{Value, json};
use server::router;
use testkit::FaultyDisk;
use tower::ServiceExt;
use web::{App, Installation, Settings, Workspaces, install_metrics};

/// A server with one workspace on a disk that can be made to fail.
struct TestApp {
    router: Router,
    engine: Arc<Engine>,
    disk: FaultyDisk,
    folder: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl TestApp {
    async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
        let id = WorkspaceId::new("shop").unwrap();
        let engine =
            Engine::open_on(id.clone(), folder.path(), Arc::new(disk.clone()), &|_, _| {}).unwrap();
        let source = |name: &str, key: &str, bearer: &[&str], enabled| Source {
            bearer_tokens: bearer.iter().map(|token| (*token).to_owned()).collect(),
            enabled,
            ..Source::new(name, key)
        };
        let config = WorkspaceConfig {
            private_token: Some("private".to_owned()),
            public_token: Some("public".to_owned()),
            profile_token: Some("profile".to_owned()),
            sources: vec![
                source("web", "key", &[], true),
                source("backend", "bearer-key", &["t1", "t2"], true),
                source("old", "off-key", &[], false),
            ],
            traits: vec![TraitDefinition::recommended_items("recommended_items")],
            ..WorkspaceConfig::empty(id)
        };
        engine.submit(vec![Entry::Configured(config)]).await.unwrap();
        Self::of(engine, folder, disk, settings)
    }

    /// A server whose time is that of a clock.
    async fn at(clock: Arc<dyn Clock>) -> Self {
        Self::with_options(clock, EngineOptions::default()).await
    }

    /// The same, of an engine that is opened with options.
    async fn with_options(clock: Arc<dyn Clock>, options: EngineOptions) -> Self {
        let mut app = Self::new().await;
        let config = (*app.engine.config()).clone();
        let place = app.folder.path().join("timed");
        let options = EngineOptions { clock: Arc::clone(&clock), ..options };
        let engine = Engine::open_with(config.id.clone(), &place, &options, &|_, _| {}).unwrap();
        engine.submit(vec![Entry::Configured(config)]).await.unwrap();
        app.engine = Arc::new(engine);
        app.router = router(Self::app_at(&app.engine, &place, Settings::default(), &[], clock));
        app
    }

    fn of(engine: Engine, folder: tempfile::TempDir, disk: FaultyDisk, settings: Settings) -> Self {
        let engine = Arc::new(engine);
        let router = Self::router(&engine, folder.path(), settings, &[]);
        Self { router, engine, disk, folder }
    }

    fn router(
        engine: &Arc<Engine>,
        folder: &Path,
        settings: Settings,
        closed: &[(&str, &str)],
    ) -> Router {
        router(Self::app(engine, folder, settings, closed))
    }

    fn app(
        engine: &Arc<Engine>,
        folder: &Path,
        settings: Settings,
        closed: &[(&str, &str)],
    ) -> Arc<App> {
        Self::app_at(engine, folder, settings, closed, Arc::new(SystemClock))
    }

    fn app_at(
        engine: &Arc<Engine>,
        folder: &Path,
        settings: Settings,
        closed: &[(&str, &str)],
        clock: Arc<dyn Clock>,
    ) -> Arc<App> {
        static METRICS: OnceLock<metrics_exporter_prometheus::PrometheusHandle> = OnceLock::new();
        let metrics = METRICS.get_or_init(|| install_metrics().unwrap()).clone();
        let data = DataFolder::open(&folder.join("installation")).unwrap();
        data.set_admin_token("admin").unwrap();
        let memory = Arc::clone(engine.memory());
        let options = EngineOptions { memory, clock, ..EngineOptions::default() };
        let installation = Installation { data: Arc::new(data), options };
        let workspaces = Workspaces::new([Arc::clone(engine)]);
        closed
            .iter()
            .for_each(|(name, why)| workspaces.close(&WorkspaceId::new(*name).unwrap(), why));
        Arc::new(App::new(settings, workspaces, installation, metrics))
    }

    /// The same after a restart.
    fn reopened(self) -> Self {
        let Self { router, engine, disk, folder } = self;
        engine.stop();
        drop((router, engine));
        let id = WorkspaceId::new("shop").unwrap();
        let engine =
            Engine::open_on(id, folder.path(), Arc::new(disk.clone()), &|_, _| {}).unwrap();
        Self::of(engine, folder, disk, Settings::default())
    }

    /// The head of the answer, and its body as it came.
    async fn send_raw(&self, request: Request<Body>) -> (Parts, Bytes) {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        (parts, axum::body::to_bytes(body, usize::MAX).await.unwrap())
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, bytes) = self.send_raw(request).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::String(text));
        assert_eq!(
            testkit::widened_number(&body),
            None,
            "a number is longer than it needs to be in {body}"
        );
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn post(&self, path: &str, body: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A batch of the source `web`; the answer in strict mode.
    async fn batch(&self, messages: Value) -> Answer {
        let body = json!({ "writeKey": "key", "batch": messages }).to_string();
        self.post("/v1/batch", body, &[("x-tastemaker-strict", "1")]).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A part of a profile.
    async fn profile(&self, id: &str, rest: &str) -> Answer {
        let path = format!("/v1/spaces/shop/collections/users/profiles/{id}/{rest}");
        self.get(&path, &[("authorization", &basic("profile"))]).await
    }

    async fn admin(&self, path: &str) -> Answer {
        self.get(path, &[("authorization", "Bearer admin")]).await
    }

    /// Starts a training run and waits until it has ended: the run.
    async fn train(&self) -> Value {
        let started = self
            .post("/api/workspaces/shop/training", "", &[("authorization", "Bearer admin")])
            .await;
        assert_eq!(started.status, 202, "{}", started.line());
        self.ended_job(&started).await;
        let path = format!("/api/workspaces/shop/training/{}", started.body["run"]["id"]);
        self.admin(&path.replace('"', "")).await.body
    }

    /// A job that was started with this answer, once it has ended.
    async fn ended_job(&self, started: &Answer) -> Value {
        let path = started.headers["location"].to_str().unwrap();
        loop {
            let job = self.admin(path).await;
            assert_eq!(job.status, 200, "{}", job.line());
            if !["waiting", "running"].map(Value::from).contains(&job.body["state"]) {
                return job.body;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

fn basic(user: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:")))
}

fn track(n: u32, user: &str, event: &str, properties: Value) -> Value {
    json!({ "type": "track", "messageId": format!("m{n}"), "userId": user, "event": event, "properties": properties })
}

impl Answer {
    /// `status code: message`, for tables of mistakes; of a problem with the place in the body
    /// or the query parameter that is wrong.
    fn line(&self) -> String {
        let (error, message) = match &self.body["error"] {
            Value::Null => (&self.body, "detail"),
            error => (error, "message"),
        };
        let text = |name: &str| error[name].as_str().unwrap_or("-");
        let line = format!("{} {}: {}", self.status.as_u16(), text("code"), text(message));
        match (text("pointer"), text("parameter")) {
            ("-", "-") => line,
            (pointer, "-") => format!("{line} (at {pointer})"),
            (_, parameter) => format!("{line} (parameter {parameter})"),
        }
    }
}

#[tokio::test]
async fn operations_answer_whatever_happens() {
    let app = TestApp::new().await;
    assert_eq!(app.get("/healthz", &[]).await.status, 200);
    assert_eq!(app.get("/readyz", &[]).await.status, 200);
    app.batch(json!([track(1, "u", "E", json!({}))])).await;
    let metrics = app.get("/metrics", &[]).await;
    let text = metrics.body.as_str().unwrap();
    for name in [
        "tracking_messages_total{outcome=\"accepted\"}",
        "journal_append_seconds",
        "engine_ready 1",
        "http_requests_total",
    ] {
        assert!(text.contains(name), "{name} is missing in\n{text}");
    }
    let nothing = app.get("/v1/nothing", &[]).await;
    insta::assert_snapshot!(nothing.line(), @"404 not_found: there is nothing at this path");
    assert!(nothing.headers.contains_key("request-id"));
    let other = app.get("/v1/batch", &[]).await;
    insta::assert_snapshot!(other.line(), @"405 method_not_allowed: this path takes POST");
    assert_eq!(other.headers["allow"], "POST");
    let other = app.post("/healthz", "", &[]).await;
    insta::assert_snapshot!(other.line(), @"405 method_not_allowed: this path takes GET, HEAD");
}

#[tokio::test]
async fn administration_is_for_administrators() {
    let app = TestApp::new().await;
    let mut lines = Vec::new();
    for headers in
        [&[][..], &[("authorization", "Bearer x")], &[("authorization", basic("admin").as_str())]]
    {
        lines.push(app.get("/api/workspaces", headers).await.line());
    }
    lines.push(app.admin("/api/workspaces/nope").await.line());
    lines.push(app.admin("/api/workspaces/shop/rejections?limit=0").await.line());
    lines.push(app.admin("/api/workspaces/shop/rejections?limit=x").await.line());
    insta::assert_snapshot!(lines.join("\n"));
    let all = app.admin("/api/workspaces").await;
    assert_eq!(all.status, 200);
    assert!(!all.body.to_string().contains("profile\""), "no token is shown: {}", all.body);

    let items = "item_id,title\ni1,One\ni2,Two\n";
    let admin = ("authorization", "Bearer admin");
    let imported = app
        .post("/api/workspaces/shop/catalog", items, &[admin, ("content-type", "text/csv")])
        .await;
    insta::assert_json_snapshot!(imported.body);
    let mut refused = app
        .post(
            "/api/workspaces/shop/catalog",
            "item_id\n\"\"\nx\n",
            &[admin, ("content-type", "text/csv")],
        )
        .await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let id = refused.headers["request-id"].to_str().unwrap();
    assert_eq!(refused.body["instance"].take(), format!("urn:uuid:{id}"));
    insta::assert_json_snapshot!(refused.body);
    let nothing = app.post("/api/workspaces/shop/training", "", &[admin]).await;
    insta::assert_snapshot!(nothing.line(), @"409 no_interactions: the workspace has no interactions to learn from: send events or import interactions first");
    let list = app.admin("/api/workspaces/shop/recommendations?user=nobody&count=5").await;
    assert_eq!(list.body["items"].as_array().unwrap().len(), 2);
    assert_eq!(list.body["fallback"], true);
    assert_eq!(list.body["user_known"], false);
    app.batch(json!([track(1, "ann", "Seen", json!({}))])).await;
    let list = app.admin("/api/workspaces/shop/recommendations?user=ann").await;
    assert_eq!(list.body["user_known"], true);
    let list = app.admin("/api/workspaces/shop/recommendations").await;
    assert_eq!(list.body.get("user_known"), None);
}
