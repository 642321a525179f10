//! The pages, one folder each: `routes` says which paths a folder serves, and its table what each
//! takes.

mod people;
mod scenarios;
mod sign_in;
mod start;
mod try_it;

use std::sync::Arc;

use axum::Router;
use web::App;

pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .merge(sign_in::routes(app))
        .merge(start::routes(app))
        .merge(people::routes(app))
        .merge(scenarios::routes(app))
        .merge(try_it::routes(app))
}
