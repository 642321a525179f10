//! The mappings of now applied to the past: first what would change, then the change.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use domain::ENGINE_DESTINATION;
use maud::{Markup, Render, html};
use resources::back_fills::{self, NewBackFill};
use resources::places::Place;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::workspaces::Workspace;

use crate::page::{Area, Frame, Page};
use crate::pages::jobs;
use crate::pages::settings::{Mistake, Typed, again};
use crate::ui::form::{Field, Form, InputKind, TextInput};
use crate::ui::{Button, Callout};

const FIELDS: [&str; 2] = ["from", "until"];

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    let path = Area::Mappings.path(workspace.id());
    let body = body(&frame, &path, &Typed(Vec::new()), &Mistake::default());
    Ok(page(&frame, body).into_response())
}

pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    let request = NewBackFill {
        from: Place::typed(typed.text("from")),
        until: Place::typed(typed.text("until")),
        preview: typed.text("do") != "apply",
    };
    match back_fills::start(&app, &workspace, &caller, ENGINE_DESTINATION, &request) {
        Ok(job) => Ok(Redirect::to(&jobs::path(workspace.id(), job.id)).into_response()),
        Err(error) => {
            let mistake = Mistake::of(error)?.among(&FIELDS);
            let path = Area::Mappings.path(workspace.id());
            Ok(again(page(&frame, body(&frame, &path, &typed, &mistake))))
        }
    }
}

fn page(frame: &Frame, body: Markup) -> Page<'_> {
    Page::new(frame, Area::Mappings, "Apply to the past")
        .lead("What earlier mappings made of past messages is replaced by what the mappings of now make of them.")
        .body(body)
}

fn body(frame: &Frame, path: &str, typed: &Typed, mistake: &Mistake) -> Markup {
    let text = |name, label, hint| {
        let field = Field::new(name, label).optional().hint(hint).error(mistake.at(name));
        TextInput::new(field).kind(InputKind::Code).value(typed.text(name))
    };
    let controls = html! {
        (mistake)
        (text("from", "From", "A time such as 2026-03-01T00:00:00Z, a date, or an offset of the journal such as offset:120. Without it from the first entry that can be read"))
        (text("until", "Until", "Not included. Without it up to now"))
        div class="actions" {
            (Button::primary("Show what would change").named("do", "preview"))
            (Button::quiet("Back to the mappings").href(path))
        }
    };
    let action = format!("{path}/past");
    html! {
        (Callout::info("Nothing changes before you have seen it").text(
            "The journal is read from its beginning, or from the snapshot of the last retention or deletion of people on, beside everything else, which takes a while. Profiles, merges of people and what lists were counted for stay as they are."
        ))
        section class="card" {
            (Form { action: &action, csrf: &frame.csrf, preview: None, body: controls }.render())
        }
    }
}
