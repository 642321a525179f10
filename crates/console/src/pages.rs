//! The pages, one folder each: `routes` says which paths a folder serves, and its table what each
//! takes.

mod account;
mod accuracy;
mod audiences;
mod calculation;
mod campaigns;
mod catalog;
#[cfg(test)]
mod choices;
mod destinations;
mod exports;
mod invitation;
mod jobs;
mod list_words;
mod live;
mod mappings;
mod models;
#[cfg(test)]
mod office;
mod operations;
mod overview;
mod past_events;
mod people;
mod privacy;
mod replays;
mod results;
#[cfg(test)]
mod rights;
mod scenarios;
mod scheduled_runs;
mod segments;
mod settings;
mod sign_in;
mod snippets;
mod sources;
mod start;
mod sync;
mod try_it;
mod versions;
#[cfg(test)]
mod walk;

use std::sync::Arc;

use axum::Router;
use domain::Role;
use web::App;
use web::access::{Call, Requirement};

pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .merge(sign_in::routes(app))
        .merge(start::routes(app))
        .merge(account::routes(app))
        .merge(invitation::routes(app))
        .merge(live::routes(app))
        .merge(people::routes(app))
        .merge(audiences::routes(app))
        .merge(campaigns::routes(app))
        .merge(privacy::routes(app))
        .merge(catalog::routes(app))
        .merge(try_it::routes(app))
        .merge(exports::routes(app))
        .merge(jobs::routes(app))
        .merge(mappings::routes(app))
        .merge(models::routes(app))
        .merge(operations::routes(app))
        .merge(overview::routes(app))
        .merge(scenarios::routes(app))
        .merge(results::routes(app))
        .merge(segments::routes(app))
        .merge(sources::routes(app))
        .merge(destinations::routes(app))
        .merge(replays::routes(app))
        .merge(settings::routes(app))
        .merge(sync::routes(app))
        .merge(versions::routes(app))
}

/// The row of a request, by its method and its path without the query; none where there is no such
/// page or form. A row that spells a part of the path wins over one that takes any.
pub(crate) fn find_call(method: &str, path: &str) -> Option<&'static Call> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |call: &&Call| {
        let own = call.path.split('/');
        call.method == method
            && own.clone().count() == parts.len()
            && own.zip(&parts).all(|(own, part)| own == *part || takes(own, part))
    };
    let rows = tables().into_iter().flatten().filter(fits);
    rows.min_by_key(|call| call.path.split('/').filter(|part| is_parameter(part)).count())
}

/// Whether a part of a row stands for a part of a path. No workspace has the id `-`.
fn takes(own: &str, part: &str) -> bool {
    is_parameter(own) && (own, part) != ("{workspace}", "-")
}

fn is_parameter(part: &str) -> bool {
    part.starts_with('{')
}

/// Whether a page takes what a role has. An address without a row takes nothing.
pub(crate) fn may_open(role: Role, address: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    match find_call("GET", path).map(|call| call.requirement) {
        Some(Requirement::Right(right)) => role.has(right),
        Some(Requirement::Caller | Requirement::Nothing) | None => true,
    }
}

/// The tables of all pages.
fn tables() -> Vec<&'static [Call]> {
    let tables = [
        sign_in::CALLS,
        start::CALLS,
        account::CALLS,
        invitation::CALLS,
        live::CALLS,
        people::CALLS,
        audiences::CALLS,
        campaigns::CALLS,
        privacy::CALLS,
        catalog::CALLS,
        exports::CALLS,
        jobs::CALLS,
        mappings::CALLS,
        try_it::CALLS,
        scenarios::CALLS,
        results::CALLS,
        models::CALLS,
        operations::CALLS,
        overview::CALLS,
        sources::CALLS,
        destinations::CALLS,
        replays::CALLS,
        sync::CALLS,
        versions::CALLS,
    ];
    [&tables[..], segments::CALLS, settings::CALLS].concat()
}
