//! The pages, one folder each: `routes` says which paths a folder serves, and its table what each
//! takes.

mod account;
mod catalog;
mod exports;
mod invitation;
mod jobs;
mod live;
mod models;
mod operations;
mod overview;
mod people;
mod results;
#[cfg(test)]
mod rights;
mod scenarios;
mod segments;
mod settings;
mod sign_in;
mod start;
mod try_it;

use std::sync::Arc;

use axum::Router;
use web::App;
#[cfg(test)]
use web::access::Call;

pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .merge(sign_in::routes(app))
        .merge(start::routes(app))
        .merge(account::routes(app))
        .merge(invitation::routes(app))
        .merge(live::routes(app))
        .merge(people::routes(app))
        .merge(catalog::routes(app))
        .merge(try_it::routes(app))
        .merge(exports::routes(app))
        .merge(jobs::routes(app))
        .merge(models::routes(app))
        .merge(operations::routes(app))
        .merge(overview::routes(app))
        .merge(scenarios::routes(app))
        .merge(results::routes(app))
        .merge(segments::routes(app))
        .merge(settings::routes(app))
}

/// The tables of all pages.
#[cfg(test)]
fn tables() -> Vec<&'static [Call]> {
    let tables = [
        sign_in::CALLS,
        start::CALLS,
        account::CALLS,
        invitation::CALLS,
        live::CALLS,
        people::CALLS,
        catalog::CALLS,
        exports::CALLS,
        jobs::CALLS,
        try_it::CALLS,
        scenarios::CALLS,
        results::CALLS,
        models::CALLS,
        operations::CALLS,
        overview::CALLS,
    ];
    [&tables[..], segments::CALLS, settings::CALLS].concat()
}
