#![doc = include_str!("../README.md")]

pub mod assets;
mod csrf;
mod errors;
mod gate;
pub mod headers;
mod live;
mod local_path;
pub mod page;
mod pages;
mod preferences;
pub mod theme;
pub mod ui;

use std::sync::Arc;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::any;
use axum::{Extension, Router};
use tower_http::compression::CompressionLayer;
use web::App;

/// The path below which everything is served. A workspace has its pages below its id.
pub const ROOT: &str = "/console";

/// The path below which everything is served that belongs to no workspace: signing in, assets. No
/// id of a workspace begins with a hyphen.
pub const COMMON: &str = "/console/-";

/// All pages, with what they load.
pub fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    pages::routes(app)
        .route_layer(from_fn(csrf::show_token))
        .merge(assets::routes())
        .route(&format!("{ROOT}/{{workspace}}/{{*rest}}"), any(errors::nothing_here))
        .route(&format!("{ROOT}/{{workspace}}/"), any(errors::nothing_here))
        .layer(Extension(page::PageRights(pages::may_open)))
        // Around what a path answers to methods that it does not take, too.
        .layer(from_fn_with_state(Arc::clone(app), errors::show_as_pages))
        .layer(CompressionLayer::new())
        .layer(from_fn(headers::set))
        // A page for everybody, which has nothing of the others.
        .merge(preferences::routes())
}
