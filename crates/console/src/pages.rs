//! The pages, one folder each: `routes` says which paths a folder serves, and its table what each
//! takes.

mod catalog;
mod live;
mod people;
mod results;
mod scenarios;
mod segments;
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
        .merge(catalog::routes(app))
        .merge(results::routes(app))
        .merge(live::routes(app))
        .merge(people::routes(app))
        .merge(scenarios::routes(app))
        .merge(segments::routes(app))
        .merge(try_it::routes(app))
}
