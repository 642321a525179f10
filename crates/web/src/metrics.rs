//! The metrics of the process, and those of its requests.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use domain::WorkspaceId;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::App;
use crate::connections::Connection;
use crate::slow_requests::{OfWorkspace, RoutePattern, SLOW_REQUEST, SlowRequest, is_stream};

/// The parameters of paths that name a workspace: of the admin API and the console, of the
/// recommender API, and of the profile API.
const WORKSPACE_PARAMETERS: [&str; 3] = ["workspace", "database", "space"];

/// Bounds of the latency histograms, in seconds.
const LATENCY_BUCKETS_S: [f64; 13] =
    [0.0005, 0.001, 0.002, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Collects metrics of this process from now on; once a process.
pub fn install_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_BUCKETS_S)?
        .install_recorder()
}

/// Counts and times requests by route, never by id, and keeps those that are slow.
pub(crate) async fn measure(
    State(app): State<Arc<App>>,
    path: Option<MatchedPath>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let route = path.map_or("none".to_owned(), |path| path.as_str().to_owned());
    let method = name_method(request.method());
    let connection = request.extensions().get::<Arc<Connection>>().cloned();
    let started = Instant::now();
    let response = next.run(request).await;
    let duration = started.elapsed();
    let status = response.status().as_u16();
    metrics::counter!("http_requests_total", "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("http_request_seconds", "route" => route.clone())
        .record(duration.as_secs_f64());
    // A body may take its time to arrive, which is no work of the server's.
    let duration = connection.map_or(duration, |connection| connection.working_for());
    if duration >= SLOW_REQUEST && !is_stream(&response) {
        let extensions = response.extensions();
        let pattern = extensions.get::<RoutePattern>();
        let named = || find_workspace(&app, parameters.as_ref().ok()?);
        app.slow_requests.add(SlowRequest {
            at: app.access.now(),
            method,
            route: pattern.map_or(route, |RoutePattern(pattern)| pattern.clone()),
            workspace: extensions.get().map(|OfWorkspace(id)| id.clone()).or_else(named),
            duration_ms: duration.as_micros() as f64 / 1_000.0,
            status,
        });
    }
    response
}

/// The workspace that a path names, if there is one of this name.
fn find_workspace(app: &App, parameters: &RawPathParams) -> Option<WorkspaceId> {
    let (_, id) = parameters.iter().find(|(name, _)| WORKSPACE_PARAMETERS.contains(name))?;
    WorkspaceId::new(id).ok().filter(|id| app.workspaces.knows(id))
}

/// A method as one of few words: callers may send any text.
fn name_method(method: &Method) -> &'static str {
    const USUAL: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    USUAL.into_iter().find(|usual| method == usual).unwrap_or("other")
}
