//! Destinations: how delivery to each is doing, its settings, and its dead letters.

mod form;
mod health;
mod letters;
mod list;
mod removal;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::Right::{ChangeWorkspace, ReadWorkspace, SeePeople};
use maud::{Markup, Render};
use resources::destinations::{self, ShownKind};
use web::App;
use web::access::{Call, Caller, MadeResource};
use web::error::ApiError;
use web::parameters::one_of;

use crate::gate::{edit, gated, read};
use crate::ui::{Badge, Callout, Tone};

const LIST: &str = "/console/{workspace}/destinations";
const NEW: &str = "/console/{workspace}/destinations/new";
const ONE: &str = "/console/{workspace}/destinations/{name}";
const STREAM: &str = "/console/{workspace}/destinations/{name}/stream";
const SETTINGS: &str = "/console/{workspace}/destinations/{name}/settings";
const CHECK: &str = "/console/{workspace}/destinations/{name}/check";
const LETTER: &str = "/console/{workspace}/destinations/{name}/dead-letter";
const SEND: &str = "/console/{workspace}/destinations/{name}/dead-letter/send";
const DROP: &str = "/console/{workspace}/destinations/{name}/dead-letter/drop";
const REMOVE: &str = "/console/{workspace}/destinations/{name}/remove";

pub(super) const CALLS: &[Call] = &[
    read(LIST, ReadWorkspace),
    read(NEW, ChangeWorkspace),
    edit(NEW, "destination.put"),
    read(ONE, ReadWorkspace),
    read(STREAM, ReadWorkspace),
    read(SETTINGS, ReadWorkspace),
    edit(SETTINGS, "destination.put"),
    edit(CHECK, "destination.check"),
    read(LETTER, SeePeople),
    edit(LETTER, "dead_letters.retry"),
    edit(SEND, "dead_letters.retry"),
    read(DROP, ChangeWorkspace),
    edit(DROP, "dead_letters.drop"),
    read(REMOVE, ChangeWorkspace),
    edit(REMOVE, "destination.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route(LIST, get(list::show))
        .route(NEW, get(settings::show_new).post(settings::add))
        .route(ONE, get(health::show))
        .route(STREAM, get(health::follow))
        .route(SETTINGS, get(settings::show).post(settings::save))
        .route(CHECK, post(settings::check))
        .route(LETTER, get(letters::show).post(letters::send_changed))
        .route(SEND, post(letters::send))
        .route(DROP, get(letters::ask_to_drop).post(letters::drop))
        .route(REMOVE, get(removal::ask).post(removal::remove));
    gated(app, CALLS, routes)
}

/// What became of the last form, by the word in the address.
const NOTICES: [(&str, &str); 5] = [
    ("added", "Added: it gets the messages that come from now on"),
    ("saved", "Saved: it holds for the messages that come from now on"),
    ("removed", "The destination is gone"),
    ("sent", "On their way again, by the present mappings"),
    ("dropped", "The dead letter is gone"),
];

fn notice(code: Option<&str>) -> Result<Option<Markup>, ApiError> {
    one_of("notice", code, &NOTICES.map(|(code, _)| code))?;
    let title = NOTICES.into_iter().find(|(known, _)| Some(*known) == code);
    Ok(title.map(|(_, title)| Callout::success(title).announced().render()))
}

fn may_change(caller: &Caller) -> bool {
    caller.grant.role.has(ChangeWorkspace)
}

/// Leads to a page that says what was done with a destination.
fn lead_to(path: &str, notice: &str, name: &str) -> Response {
    let mut response = Redirect::to(&format!("{path}?notice={notice}")).into_response();
    response.extensions_mut().insert(MadeResource(name.to_owned()));
    response
}

fn find_kind(name: &str) -> Result<ShownKind, ApiError> {
    let found = destinations::kinds().into_iter().find(|kind| kind.name == name);
    found.ok_or_else(|| ApiError::not_found(format!("no kind of destination {name:?}")))
}

/// The name of a kind for people.
fn kind_title(name: &str) -> String {
    find_kind(name).map_or_else(|_| name.to_owned(), |kind| kind.title)
}

/// The state of a destination, as `ShownDelivery` has it.
fn state(word: &str) -> Badge<'_> {
    let tone = match word {
        "on" => Tone::Good,
        "down" | "waiting" => Tone::Warning,
        "stopped" => Tone::Bad,
        _ => Tone::Neutral,
    };
    Badge::of(tone, word)
}
