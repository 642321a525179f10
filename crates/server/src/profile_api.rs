//! The Profile API: profiles are read back.

mod batch;
mod cursor;
mod deletion;
mod events;
mod external_ids;
mod form;
mod links;
mod lookup;
mod metadata;
mod traits;

pub(crate) use events::instant;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use web::App;

pub(crate) fn routes() -> Router<Arc<App>> {
    let profiles = "/v1/spaces/{space}/collections/{collection}/profiles";
    let base = format!("{profiles}/{{id}}");
    Router::new()
        .route(&format!("{base}/traits"), get(traits::read))
        .route(&format!("{base}/events"), get(events::read))
        .route(&format!("{base}/external_ids"), get(external_ids::read))
        .route(&format!("{base}/external_ids/delete"), post(deletion::delete))
        .route(&format!("{base}/metadata"), get(metadata::read))
        .route(&format!("{base}/links"), get(links::read))
        .route(&format!("{profiles}/batch"), post(batch::read))
        .layer(from_fn(form::in_form_of_api))
}
