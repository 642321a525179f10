//! Settings: those of a workspace, and those of the installation with its accounts and keys.

mod accounts;
mod api_keys;
mod audit;
mod chrome;
mod computed_traits;
mod general;
mod grants;
mod identity;
mod limits;
mod recommended_items;
mod shown_once;
mod sources;
mod tokens;
mod traits;
mod typed;
mod workspaces;

use std::sync::Arc;

use axum::{Extension, Router};
use web::App;
use web::access::Call;

pub(super) use self::audit::who as author;
pub(super) use self::grants::{words as role_words, workspaces_text};
use self::shown_once::Secrets;
pub(super) use self::typed::{Mistake, Typed, again, without_position};

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .merge(sources::routes(app))
        .merge(tokens::routes(app))
        .merge(traits::routes(app))
        .merge(computed_traits::routes(app))
        .merge(recommended_items::routes(app))
        .merge(general::routes(app))
        .merge(identity::routes(app))
        .merge(workspaces::routes(app))
        .merge(accounts::routes(app))
        .merge(api_keys::routes(app))
        .merge(audit::routes(app))
        .merge(limits::routes(app))
        .merge(shown_once::routes(app))
        .layer(Extension(Secrets::default()))
}

/// The tables of all these pages.
pub(super) const CALLS: &[&[Call]] = &[
    sources::CALLS,
    tokens::CALLS,
    traits::CALLS,
    computed_traits::CALLS,
    recommended_items::CALLS,
    general::CALLS,
    identity::CALLS,
    workspaces::CALLS,
    accounts::CALLS,
    api_keys::CALLS,
    audit::CALLS,
    limits::CALLS,
    shown_once::CALLS,
];
