//! The pages, one folder each: `routes` says which paths a folder serves, and its table what each
//! takes.

mod models;
mod operations;
mod overview;
mod scenarios;
mod sign_in;
mod start;

use std::sync::Arc;

use axum::Router;
use web::App;

pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .merge(sign_in::routes(app))
        .merge(start::routes(app))
        .merge(models::routes(app))
        .merge(operations::routes(app))
        .merge(overview::routes(app))
        .merge(scenarios::routes(app))
}
