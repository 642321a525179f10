//! The settings of a destination: a new one, changing one, and trying the connection.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{ENGINE_DESTINATION, WorkspaceId};
use engine::Expected;
use maud::{Markup, html};
use resources::Revised;
use resources::destinations::{self, ShownDestination, ShownKind};
use serde::Deserialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::{Parameters, one_of};
use web::workspaces::{RequestedWorkspace, Workspace};

use super::form::{self, Controls};
use super::{find_kind, lead_to, list, may_change, notice};
use crate::page::{Area, Frame, Page, destination_path};
use crate::pages::settings::{Mistake, Typed, again};
use crate::ui::form::Form;
use crate::ui::{Button, Callout};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chosen {
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noticed {
    notice: Option<String>,
}

/// The kind that an address names; none where it names none.
fn chosen(kind: Option<&str>) -> Result<Option<ShownKind>, ApiError> {
    let kinds = destinations::kinds();
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name.as_str()).collect();
    one_of("kind", kind, &names)?;
    Ok(kinds.into_iter().find(|known| Some(known.name.as_str()) == kind))
}

pub(super) async fn show_new(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Chosen { kind }): Parameters<Chosen>,
) -> Result<Response, ApiError> {
    workspace.config()?;
    let Some(kind) = chosen(kind.as_deref())? else {
        return Ok(Page::new(&frame, Area::Destinations, "Add a destination")
            .lead("Choose what it is.")
            .body(list::kinds(workspace.id()))
            .into_response());
    };
    let typed = form::of_new(&kind);
    Ok(new_page(&frame, workspace.id(), &kind, &typed, &Mistake::default()).into_response())
}

fn new_page<'a>(
    frame: &'a Frame,
    workspace: &WorkspaceId,
    kind: &ShownKind,
    typed: &Typed,
    mistake: &Mistake,
) -> Page<'a> {
    let new = format!("{}/new", Area::Destinations.path(workspace));
    let body = html! {
        (Controls { kind, stored: None, typed, mistake })
        div class="actions" { (Button::primary("Add the destination")) }
    };
    let action = format!("{new}?kind={}", kind.name);
    let form = Form { action: &action, csrf: &frame.csrf, preview: None, body };
    Page::new(frame, Area::Destinations, "New destination")
        .below("Add a destination", &new)
        .lead(&kind.about)
        .body(html! { section class="card" { (form) } })
}

pub(super) async fn add(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Chosen { kind }): Parameters<Chosen>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let kind = chosen(kind.as_deref())?;
    let kind = kind.ok_or_else(|| ApiError::bad_request("kind is missing").of_parameter("kind"))?;
    let name = typed.text("name").to_owned();
    let Err(error) = put_new(&app, &workspace, &name, &typed, &kind).await else {
        return Ok(lead_to(&destination_path(workspace.id(), &name, ""), "added", &name));
    };
    let mistake = form::placed(Mistake::of(error)?, &kind);
    Ok(again(new_page(&frame, workspace.id(), &kind, &typed, &mistake)))
}

async fn put_new(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: &str,
    typed: &Typed,
    kind: &ShownKind,
) -> Result<(), ApiError> {
    // Its page is that of the mappings of our own engine.
    if name == ENGINE_DESTINATION {
        let what = format!("“{name}” cannot be the name of a destination: take another");
        return Err(ApiError::invalid(what).at("/name".to_owned()));
    }
    let change = form::change(typed, kind)?;
    let put = destinations::put(app, workspace, name.to_owned(), change, Expected::Absent).await;
    put.map(drop).map_err(|error| match error.kind.status() {
        StatusCode::PRECONDITION_FAILED => {
            let what = "There is another destination of this name: take another";
            ApiError::invalid(what).at("/name".to_owned())
        }
        _ => error,
    })
}

pub(super) async fn show(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(query): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let (stored, kind) = read(&workspace, name).await?;
    let typed = form::of_stored(&stored.value, &kind);
    let shown =
        Shown { frame: &frame, stored: &stored, kind: &kind, may_change: may_change(&caller) };
    let page = shown.page(workspace.id(), &typed, &Mistake::default());
    Ok(page.notice_if(notice(query.notice.as_deref())?).into_response())
}

/// A destination with its kind. Our own engine has no settings.
async fn read(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<(Revised<ShownDestination>, ShownKind), ApiError> {
    let stored = destinations::read(workspace, name).await?;
    let kind = find_kind(&stored.value.kind)?;
    Ok((stored, kind))
}

/// What a request needs to show the settings of a destination.
struct Shown<'a> {
    frame: &'a Frame,
    stored: &'a Revised<ShownDestination>,
    kind: &'a ShownKind,
    may_change: bool,
}

impl<'a> Shown<'a> {
    fn page(&self, workspace: &WorkspaceId, typed: &Typed, mistake: &Mistake) -> Page<'a> {
        let name = &self.stored.value.name;
        let body = html! {
            @if self.may_change { (self.check(workspace)) }
            section class="card" {
                h2 { "Settings" }
                (self.form(workspace, typed, mistake))
            }
        };
        Page::new(self.frame, Area::Destinations, "Settings")
            .below(name, &destination_path(workspace, name, ""))
            .lead(&self.kind.about)
            .body(body)
    }

    fn check(&self, workspace: &WorkspaceId) -> Markup {
        let action = destination_path(workspace, &self.stored.value.name, "/check");
        let body = html! { div class="actions" { (Button::secondary("Try the connection")) } };
        html! {
            section class="card stack" {
                h2 { "Connection" }
                p {
                    "Tries with the settings as they are saved whether it answers and takes the \
                     credentials. No message is sent."
                }
                (Form { action: &action, csrf: &self.frame.csrf, preview: None, body })
            }
        }
    }

    fn form(&self, workspace: &WorkspaceId, typed: &Typed, mistake: &Mistake) -> Markup {
        let stored = &self.stored.value;
        let body = html! {
            input type="hidden" name="revision" value=(self.stored.revision);
            (Controls { kind: self.kind, stored: Some(stored), typed, mistake })
            @if self.may_change { div class="actions" { (Button::primary("Save")) } }
        };
        let action = destination_path(workspace, &stored.name, "/settings");
        let form = Form { action: &action, csrf: &self.frame.csrf, preview: None, body };
        form.for_those_who(self.may_change)
    }
}

pub(super) async fn save(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    typed: Typed,
) -> Result<Response, ApiError> {
    let expected = typed.number("revision").map_or(Expected::Present, Expected::Revision);
    let (stored, kind) = read(&workspace, name.clone()).await?;
    let put = match form::change(&typed, &kind) {
        Ok(change) => destinations::put(&app, &workspace, name.clone(), change, expected).await,
        Err(error) => Err(error),
    };
    let Err(error) = put else {
        return Ok(lead_to(&destination_path(workspace.id(), &name, "/settings"), "saved", &name));
    };
    let mistake = form::placed(Mistake::of(error)?, &kind);
    let shown = Shown { frame: &frame, stored: &stored, kind: &kind, may_change: true };
    Ok(again(shown.page(workspace.id(), &typed, &mistake)))
}

pub(super) async fn check(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (stored, kind) = read(&workspace, name.clone()).await?;
    let checked = destinations::check(&workspace, name).await?;
    let typed = form::of_stored(&stored.value, &kind);
    let shown = Shown { frame: &frame, stored: &stored, kind: &kind, may_change: true };
    let page = shown.page(workspace.id(), &typed, &Mistake::default());
    let problem = checked.problem.unwrap_or_default();
    let outcome = match checked.ok {
        true => Callout::success("It answers and takes the credentials"),
        false => Callout::error("The connection does not work").text(&problem),
    };
    Ok(page.notice(outcome.announced()).into_response())
}
