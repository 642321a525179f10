//! What operators and their machines ask: is it alive, is it ready, how is it doing.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use engine::Health;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::json;

use crate::App;

/// Bounds of the latency histograms, in seconds.
const LATENCY_BUCKETS_S: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Collects metrics of this process from now on; once a process.
pub fn install_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS_S)?
        .install_recorder()
}

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
}

/// 200 where every workspace takes messages, else 503 with what hinders each.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let not_ready: serde_json::Map<String, serde_json::Value> = app
        .engines
        .iter()
        .filter_map(|(id, engine)| match engine.health() {
            Health::Ready => None,
            Health::Failing(why) | Health::Broken(why) => Some((id.to_string(), why.into())),
        })
        .collect();
    if app.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "stopping" }))).into_response();
    }
    if not_ready.is_empty() {
        return Json(json!({ "status": "ready", "workspaces": app.engines.len() })).into_response();
    }
    let body = json!({ "status": "not ready", "workspaces": not_ready });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

async fn metrics_text(State(app): State<Arc<App>>) -> Response {
    let mut sums = [0u64; 4];
    for counts in app.engines.values().map(|engine| engine.counts()) {
        let own = [counts.queued_bytes, counts.known_users, counts.items, counts.interactions];
        sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
    }
    let [queued_bytes, users, items, interactions] = sums.map(|sum| sum as f64);
    metrics::gauge!("engine_queue_bytes").set(queued_bytes);
    metrics::gauge!("engine_known_users").set(users);
    metrics::gauge!("engine_items").set(items);
    metrics::gauge!("engine_interactions").set(interactions);
    let is_ready = |engine: &Arc<engine::Engine>| engine.health() == Health::Ready;
    metrics::gauge!("engine_ready").set(if app.engines.values().all(is_ready) { 1.0 } else { 0.0 });
    app.metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}

/// Counts and times requests by route, never by id.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let route =
        request.extensions().get::<MatchedPath>().map_or("none".to_owned(), |path| path.as_str().to_owned());
    let started = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("http_requests_total", "route" => route.clone(), "status" => status).increment(1);
    metrics::histogram!("http_request_seconds", "route" => route).record(started.elapsed().as_secs_f64());
    response
}
