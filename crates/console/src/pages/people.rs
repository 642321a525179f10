//! People: found by any id, and what is known of each, and of their accounts. The search of the
//! head leads here.

mod account;
pub(super) mod address;
mod audiences;
mod facts;
mod profile;
mod recommended;
mod search;
mod subscriptions;
mod timeline;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use domain::Right::{ChangeSubscriptions, SeePeople};
use maud::{Markup, html};
use resources::people::ShownPerson;
use web::App;
use web::access::{Audited, Call, Requirement};

use crate::gate::{gated, read};
use crate::ui::form::{Field, InputKind, TextInput};
use crate::ui::{Button, Icon};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/search", SeePeople),
    read("/console/{workspace}/people", SeePeople),
    read("/console/{workspace}/people/{id}", SeePeople),
    read("/console/{workspace}/people/{id}/timeline", SeePeople),
    read("/console/{workspace}/people/{id}/history", SeePeople),
    read("/console/{workspace}/people/{id}/audiences", SeePeople),
    read("/console/{workspace}/people/{id}/identity", SeePeople),
    read("/console/{workspace}/people/{id}/subscriptions", SeePeople),
    Call {
        method: "POST",
        path: "/console/{workspace}/people/{id}/subscriptions",
        requirement: Requirement::Right(ChangeSubscriptions),
        audited: Audited::Call("subscriptions.update"),
    },
    read("/console/{workspace}/accounts/{id}", SeePeople),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/search", get(search::everything))
        .route("/console/{workspace}/people", get(search::people))
        .route("/console/{workspace}/people/{id}", get(profile::overview))
        .route("/console/{workspace}/people/{id}/timeline", get(timeline::show))
        .route("/console/{workspace}/people/{id}/history", get(profile::history))
        .route("/console/{workspace}/people/{id}/audiences", get(audiences::show))
        .route("/console/{workspace}/people/{id}/identity", get(profile::identity))
        .route(
            "/console/{workspace}/people/{id}/subscriptions",
            get(subscriptions::show).post(subscriptions::save),
        )
        .route("/console/{workspace}/accounts/{id}", get(account::show));
    gated(app, CALLS, routes)
}

/// The form by which people are searched; it leads to a person at once where an id is whole.
fn search_form(action: &str, text: &str) -> Markup {
    html! {
        form class="filters" action=(action) {
            (TextInput::new(
                Field::new("q", "Any id").hint("User id, anonymous id, e-mail address, phone, user name or name; the beginning is enough"),
            ).kind(InputKind::Search).value(text))
            (Button::primary("Search").icon(Icon::Search))
        }
    }
}

/// How many interactions a person has, where older ones are not counted.
fn interactions_text(person: &ShownPerson) -> String {
    let n = domain::quantity::grouped(person.n_interactions as u64);
    if person.has_older_interactions { format!("{n} and more") } else { n }
}
