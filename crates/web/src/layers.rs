//! The layers around the routes of all front ends: errors in one form, times, ids and metrics of
//! requests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument;

use crate::App;
use crate::error::{ApiError, as_json, as_problem, panic_response};
use crate::metrics::measure;

/// The longest time that a request may take, in seconds.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);

/// Paths below it show errors as problems; clients of other APIs know another form.
const PROBLEMS_BELOW: &str = "/api/";

/// The service of these routes.
pub fn layered(app: Arc<App>, routes: Router<Arc<App>>) -> Router {
    let routes = routes
        .fallback(|| async { ApiError::not_found("there is nothing at this path") })
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIME_MAX))
        .layer(from_fn_with_state(Arc::clone(&app), measure))
        .with_state(app);
    // Only outside of the routes does an answer say which methods its path takes.
    Router::new().fallback_service(routes).layer(from_fn(name_request))
}

/// Gives every request an id that its log lines and its answer carry, and tells caches to keep out.
async fn name_request(request: Request, next: Next) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    let span = tracing::info_span!("request", request.id = id);
    let shows_problems = request.uri().path().starts_with(PROBLEMS_BELOW);
    let mut response = as_json(next.run(request).instrument(span).await);
    if shows_problems {
        response = as_problem(response, &id);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("request-id", id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
