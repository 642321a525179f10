//! Endpoints for operators: liveness, readiness, metrics.

mod destination_metrics;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use engine::{Engine, Health};
use serde::Deserialize;
use serde_json::json;

use web::App;
use web::error::ApiError;
use web::parameters::Parameters;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadyQuery {
    /// Only this workspace counts.
    workspace: Option<String>,
}

/// 200 if any workspace, or the requested one, takes messages; else 503. The body names every
/// problem, also those with which a workspace goes on: one damaged workspace must not take the
/// others out of service.
async fn ready(
    State(app): State<Arc<App>>,
    Parameters(query): Parameters<ReadyQuery>,
) -> Result<Response, ApiError> {
    if app.is_stopping() {
        let body = json!({ "status": "stopping" });
        return Ok((StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response());
    }
    let states = app
        .workspaces
        .look_at_all(|engines| engines.iter().map(describe_state).collect::<Vec<_>>())
        .await?;
    let is_meant = |id: &str| query.workspace.as_deref().is_none_or(|wanted| wanted == id);
    let (mut n_meant, mut n_ready) = (0, 0);
    let mut problems: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, is_ready, own) in states.into_iter().filter(|(id, ..)| is_meant(id)) {
        n_meant += 1;
        n_ready += usize::from(is_ready);
        if !own.is_empty() {
            problems.insert(id, own);
        }
    }
    for (id, why) in app.workspaces.closed().into_iter().filter(|(id, _)| is_meant(id.as_str())) {
        n_meant += 1;
        problems.insert(id.to_string(), vec![why]);
    }
    let stray = app.workspaces.stray_folders().into_iter().filter(|(name, _)| is_meant(name));
    problems.extend(stray.map(|(name, why)| (name, vec![why])));
    if let (Some(wanted), 0) = (&query.workspace, n_meant) {
        return Err(ApiError::not_found(format!("there is no workspace {wanted:?}")));
    }
    let clock = engine::clock_problem();
    let (code, status) = match (n_meant, n_ready) {
        (1.., 0) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        _ if problems.is_empty() && clock.is_none() => (StatusCode::OK, "ready"),
        _ => (StatusCode::OK, "degraded"),
    };
    let mut body = json!({ "status": status, "workspaces": n_meant, "ready": n_ready });
    if !problems.is_empty() {
        body["problems"] = json!(problems);
    }
    if let Some(clock) = clock {
        body["clock"] = clock.into();
    }
    Ok((code, Json(body)).into_response())
}

/// Describes a workspace: its name, whether it takes messages, and its problems.
fn describe_state(engine: &Arc<Engine>) -> (String, bool, Vec<String>) {
    let problems = engine.problems().iter().map(ToString::to_string).collect();
    (engine.id().to_string(), engine.health() == Health::Ready, problems)
}

async fn metrics_text(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let n_closed = app.workspaces.closed().len();
    let look = move |engines: &[Arc<Engine>]| {
        note_gauges(engines, n_closed);
        destination_metrics::text(engines)
    };
    let of_destinations = app.workspaces.look_at_all(look).await?;
    for (part, n_bytes) in app.memory.bytes_by_part() {
        metrics::gauge!("memory_bytes", "part" => part.name()).set(n_bytes as f64);
    }
    metrics::gauge!("memory_bytes_max").set(app.memory.bytes_max() as f64);
    app.metrics.run_upkeep();
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Ok((text, app.metrics_text() + &of_destinations).into_response())
}

/// Sets the gauges of the workspaces that are open, and of those that are not.
fn note_gauges(engines: &[Arc<Engine>], n_closed: usize) {
    let mut sums = [0u64; 4];
    for counts in engines.iter().map(|engine| engine.counts()) {
        let own = [counts.queued_bytes, counts.known_users, counts.items, counts.interactions];
        sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
    }
    let [queued_bytes, users, items, interactions] = sums.map(|sum| sum as f64);
    metrics::gauge!("engine_queue_bytes").set(queued_bytes);
    metrics::gauge!("engine_known_users").set(users);
    metrics::gauge!("engine_items").set(items);
    metrics::gauge!("engine_interactions").set(interactions);
    let is_ready = |engine: &Arc<Engine>| engine.health() == Health::Ready;
    let is_all_ready = n_closed == 0 && engines.iter().all(is_ready);
    metrics::gauge!("engine_ready").set(if is_all_ready { 1.0 } else { 0.0 });
    metrics::gauge!("engine_workspaces_closed").set(n_closed as f64);
    metrics::gauge!("engine_problems")
        .set(engines.iter().map(|engine| engine.problems().len()).sum::<usize>() as f64);
    metrics::gauge!("clock_is_doubted").set(if engine::clock_problem().is_some() {
        1.0
    } else {
        0.0
    });
    let ids_bytes: u64 = engines.iter().map(|engine| engine.message_ids_bytes()).sum();
    metrics::gauge!("engine_message_ids_bytes").set(ids_bytes as f64);
}
