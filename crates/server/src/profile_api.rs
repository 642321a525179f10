//! The Profile API: profiles are read back.

mod cursor;
mod events;
mod external_ids;
mod lookup;
mod metadata;
mod traits;

pub(crate) use events::instant;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use web::App;

pub(crate) fn routes() -> Router<Arc<App>> {
    let base = "/v1/spaces/{space}/collections/{collection}/profiles/{id}";
    Router::new()
        .route(&format!("{base}/traits"), get(traits::read))
        .route(&format!("{base}/events"), get(events::read))
        .route(&format!("{base}/external_ids"), get(external_ids::read))
        .route(&format!("{base}/metadata"), get(metadata::read))
}
