#![doc = include_str!("../README.md")]

mod admin;
mod app;
mod auth;
mod error;
mod operations;
mod parameters;
mod profile_api;
mod recommendation;
mod tracking;

pub use app::{App, Settings};
pub use operations::install_metrics;
pub use recommendation::list_json;
pub use tracking::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, parse_batch};

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::decompression::RequestDecompressionLayer;
use tower_http::timeout::TimeoutLayer;

use crate::error::ApiError;

/// The longest time that a request may take, in seconds.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// The longest header line of an answer that clients may cache for CORS, in seconds.
const CORS_AGE_MAX: Duration = Duration::from_secs(3_600);

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::POST])
        .allow_headers(Any)
        .max_age(CORS_AGE_MAX);
    let tracking = tracking::routes().layer(RequestDecompressionLayer::new()).layer(cors);
    Router::new()
        .merge(tracking)
        .merge(profile_api::routes())
        .merge(admin::routes(&app))
        .merge(operations::routes())
        .fallback(|| async { ApiError::not_found("there is nothing at this path") })
        .method_not_allowed_fallback(|| async { ApiError::method_not_allowed() })
        .layer(from_fn(name_request))
        .layer(CatchPanicLayer::custom(error::of_panic))
        .layer(TimeoutLayer::with_status_code(axum::http::StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIME_MAX))
        .layer(from_fn_with_state(Arc::clone(&app), app::limit_requests))
        .layer(from_fn(operations::measure))
        .with_state(app)
}

/// Gives every answer an id that can be asked for in the logs, and tells caches to keep out.
async fn name_request(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("request-id", id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
