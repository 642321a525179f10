#![doc = include_str!("../README.md")]

mod access;
mod address;
mod admin;
mod admission;
mod app;
mod auth;
mod connections;
mod error;
mod operations;
mod parameters;
mod profile_api;
mod recombee;
mod recommendation;
mod tracking;
mod workspaces;

pub use admission::CallerLimits;
pub use app::{App, Installation, Settings};
pub use connections::{ConnectionLimits, Listener, Tls, serve};
pub use operations::install_metrics;
pub use recombee::{SignedTarget, sign_target, verify_signature};
pub use recommendation::{ListBody, source_word};
pub use tracking::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX};
pub use workspaces::Workspaces;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::Instrument;

use crate::error::ApiError;

/// The longest time that a request may take, in seconds.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// Answers that are shorter are not worth compressing, in bytes.
const COMPRESSED_BYTES_MIN: u64 = 1_024;
/// How long browsers may remember the answer to a CORS preflight, in seconds.
const CORS_AGE_MAX: Duration = Duration::from_secs(3_600);

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    layered(app, tracking::routes())
}

/// The same server, but messages are discarded once they are parsed and checked: the reference that
/// ingestion is measured beside.
pub fn discarding_router(app: Arc<App>) -> Router {
    layered(app, tracking::discarding_routes())
}

fn layered(app: Arc<App>, tracking: Router<Arc<App>>) -> Router {
    let tracking = tracking.layer(RequestDecompressionLayer::new()).layer(browsers());
    let compression = CompressionLayer::new().quality(CompressionLevel::Fastest);
    let recombee = recombee::routes()
        .layer(RequestDecompressionLayer::new())
        .layer(compression.compress_when(SizeAbove::new(COMPRESSED_BYTES_MIN)))
        .layer(browsers());
    let routes = Router::new()
        .merge(tracking)
        .merge(profile_api::routes())
        .merge(admin::routes(&app))
        .merge(operations::routes())
        .merge(recombee)
        .fallback(|| async { ApiError::not_found("there is nothing at this path") })
        .layer(CatchPanicLayer::custom(error::panic_response))
        .layer(TimeoutLayer::with_status_code(
            axum::http::StatusCode::REQUEST_TIMEOUT,
            REQUEST_TIME_MAX,
        ))
        .layer(from_fn(operations::measure))
        .with_state(app);
    // Only outside of the routes does an answer say which methods its path takes.
    Router::new().fallback_service(routes).layer(from_fn(name_request))
}

/// Lets pages of any origin post.
fn browsers() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::POST])
        // Not `*`: browsers do not count Authorization among it.
        .allow_headers(AllowHeaders::mirror_request())
        .max_age(CORS_AGE_MAX)
}

/// Gives every request an id that its log lines and its answer carry, and tells caches to keep out.
async fn name_request(request: Request, next: Next) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    let span = tracing::info_span!("request", request.id = id);
    let mut response = error::as_json(next.run(request).instrument(span).await);
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("request-id", id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
