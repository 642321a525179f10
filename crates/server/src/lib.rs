#![doc = include_str!("../README.md")]

mod admin;
mod message_links;
mod operations;
mod profile_api;
mod recombee;
mod recommendation;
mod tracking;
#[cfg(test)]
mod turns;

pub use recombee::{SignedTarget, sign_target, verify_signature};
pub use recommendation::ListBody;
pub use resources::recommendations::source_word;
pub use tracking::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, message_of_upload};

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Method;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::cors::{AllowHeaders, Any, CorsLayer};
use tower_http::decompression::RequestDecompressionLayer;
use web::{App, layered};

/// Answers that are shorter are not worth compressing, in bytes.
const COMPRESSED_BYTES_MIN: u64 = 1_024;
/// How long browsers may remember the answer to a CORS preflight, in seconds.
const CORS_AGE_MAX: Duration = Duration::from_secs(3_600);

/// The routes of all APIs.
pub fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    with_tracking(app, tracking::routes())
}

/// The service of all APIs.
pub fn router(app: Arc<App>) -> Router {
    layered(Arc::clone(&app), routes(&app))
}

/// The same server, but messages are discarded once they are parsed and checked: the reference that
/// ingestion is measured beside.
pub fn discarding_router(app: Arc<App>) -> Router {
    layered(Arc::clone(&app), with_tracking(&app, tracking::discarding_routes()))
}

fn with_tracking(app: &Arc<App>, tracking: Router<Arc<App>>) -> Router<Arc<App>> {
    let tracking = tracking.layer(RequestDecompressionLayer::new()).layer(browsers(Method::POST));
    let compression = CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(COMPRESSED_BYTES_MIN));
    let library = tracking::browser_routes()
        .merge(tracking::in_app_page_routes())
        .layer(compression.clone())
        .merge(tracking::in_app_stream_routes())
        .layer(browsers(Method::GET));
    let recombee = recombee::routes()
        .layer(RequestDecompressionLayer::new())
        .layer(compression)
        .layer(browsers(Method::POST));
    Router::new()
        .merge(tracking)
        .merge(library)
        .merge(profile_api::routes())
        .merge(admin::routes(app))
        .merge(message_links::routes())
        .merge(operations::routes())
        .merge(recombee)
}

/// Lets pages of any origin call with a method.
fn browsers(method: Method) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([method])
        // Not `*`: browsers do not count Authorization among it.
        .allow_headers(AllowHeaders::mirror_request())
        .max_age(CORS_AGE_MAX)
}
