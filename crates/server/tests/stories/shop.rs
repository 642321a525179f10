//! A workspace behind the HTTP APIs whose clock the story sets.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use base64::Engine as _;
use connectors::{InstanceKey, NetworkPolicy, Outgoing, OutgoingOptions};
use domain::{Source, Timestamp, WorkspaceConfig, WorkspaceId};
use engine::{DataFolder, Engine, EngineOptions, Entry, ManualClock};
use serde_json::{Value, json};
use tower::ServiceExt;
use web::{App, Installation, Settings, Workspaces, install_metrics};

const API: &str = "/api/workspaces/shop";
/// The messages of a batch.
const BATCH: usize = 200;
pub(crate) const DAY_MS: i64 = 86_400_000;
/// When stories begin.
pub(crate) const START: Timestamp = Timestamp(1_767_225_600_000);

pub(crate) struct Shop {
    router: Router,
    clock: Arc<ManualClock>,
    engine: Arc<Engine>,
    n_messages: usize,
    _folder: tempfile::TempDir,
}

impl Shop {
    /// A shop that trusts the certificates (PEM) of its destinations.
    pub(crate) async fn open(authorities_pem: Option<String>) -> Self {
        static METRICS: OnceLock<metrics_exporter_prometheus::PrometheusHandle> = OnceLock::new();
        let metrics = METRICS.get_or_init(|| install_metrics().unwrap()).clone();
        let (folder, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::new(START)));
        let outgoing = OutgoingOptions {
            policy: NetworkPolicy { allowed: vec!["127.0.0.0/8".parse().unwrap()] },
            authorities_pem: authorities_pem.map(String::into_bytes),
            ..OutgoingOptions::default()
        };
        let options = EngineOptions {
            clock: clock.clone(),
            outgoing: Some(Arc::new(Outgoing::new(&outgoing).unwrap())),
            instance_key: Some(Arc::new(InstanceKey::of_bytes([7; 32]))),
            ..EngineOptions::default()
        };
        let id = WorkspaceId::new("shop").unwrap();
        let engine = Engine::open_with(id.clone(), folder.path(), &options, &|_, _| {}).unwrap();
        let config = WorkspaceConfig {
            profile_token: Some("profile".to_owned()),
            sources: vec![Source::new("web", "key")],
            ..WorkspaceConfig::empty(id)
        };
        engine.submit(vec![Entry::Configured(config)]).await.unwrap();
        let engine = Arc::new(engine);
        let data = DataFolder::open(&folder.path().join("installation")).unwrap();
        data.set_admin_token("admin").unwrap();
        let installation = Installation { data: Arc::new(data), options };
        let workspaces = Workspaces::new([Arc::clone(&engine)]);
        let app = App::new(Settings::default(), workspaces, installation, metrics);
        let router = server::router(Arc::new(app));
        Self { router, clock, engine, n_messages: 0, _folder: folder }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// Lets time pass, as the journal's clock believes it: two days at a time at most.
    pub(crate) async fn pass_time_to(&self, at: Timestamp) {
        while self.now() < at {
            let next = Timestamp((self.now().0 + 2 * DAY_MS).min(at.0));
            self.clock.set(next);
            self.engine.submit(vec![Entry::Tick { at: next }]).await.unwrap();
        }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// A call of the admin API that succeeds.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let request = Request::builder()
            .method(method)
            .uri(format!("{API}/{path}"))
            .header("authorization", "Bearer admin")
            .body(if body.is_null() { Body::empty() } else { Body::from(body.to_string()) });
        let (status, answer) = self.send(request.unwrap()).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Value {
        self.call(Method::PUT, path, body).await
    }

    /// Imports items from CSV.
    pub(crate) async fn import(&self, csv: String) {
        let request = Request::post(format!("{API}/catalog"))
            .header("authorization", "Bearer admin")
            .header("content-type", "text/csv")
            .body(Body::from(csv));
        let (status, answer) = self.send(request.unwrap()).await;
        assert!(status.is_success(), "{status} {answer}");
    }

    /// Messages over the tracking API, each of which is given an id.
    pub(crate) async fn track(&mut self, mut messages: Vec<Value>) {
        for message in &mut messages {
            self.n_messages += 1;
            message["messageId"] = format!("m{}", self.n_messages).into();
        }
        for part in messages.chunks(BATCH) {
            let body = json!({ "writeKey": "key", "batch": part });
            let request = Request::post("/v1/batch").body(Body::from(body.to_string()));
            let (status, answer) = self.send(request.unwrap()).await;
            assert!(status.is_success(), "{status} {answer}");
        }
    }

    /// Trains a model and waits until it is in use.
    pub(crate) async fn train(&self) {
        let started = self.call(Method::POST, "training", Value::Null).await;
        let path = format!("training/{}", started["run"]["id"].as_str().unwrap());
        loop {
            let run = self.call(Method::GET, &path, Value::Null).await;
            match run["state"].as_str() {
                Some("done") => return,
                Some("waiting" | "running") => tokio::time::sleep(Duration::from_millis(10)).await,
                _ => panic!("{run}"),
            }
        }
    }

    /// The traits of a profile, as the Profile API has them.
    pub(crate) async fn traits(&self, id: &str) -> Value {
        let path = format!("/v1/spaces/shop/collections/users/profiles/{id}/traits?limit=100");
        let token = base64::engine::general_purpose::STANDARD.encode("profile:");
        let request = Request::get(path).header("authorization", format!("Basic {token}"));
        let (status, answer) = self.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, 200, "{answer}");
        answer["traits"].clone()
    }

    /// The items of a person's list of a scenario, with their reasons.
    pub(crate) async fn list(&self, user: &str, scenario: &str, count: usize) -> Vec<Value> {
        let body = json!({ "user": user, "scenario": scenario, "count": count });
        let answer = self.call(Method::POST, "recommendations", body).await;
        answer["items"].as_array().unwrap().clone()
    }
}

/// A track message of a user at an instant.
pub(crate) fn event(user: &str, name: &str, at: Timestamp, properties: Value) -> Value {
    json!({ "type": "track", "userId": user, "event": name, "timestamp": at.to_string(),
        "properties": properties })
}
