//! Workspaces: list, make, remove.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::Right::Administer;
use maud::{Markup, html};
use resources::lifecycle::{self, NewWorkspace};
use web::App;
use web::access::Call;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::chrome::{Notice, Noticed, installation_tabs, lead_to, lead_to_new, path};
use super::typed::{Mistake, Typed, again};
use crate::COMMON;
use crate::gate::{administer_call, gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::ui::form::{Field, Form, InputKind, TextInput};
use crate::ui::{Button, Cell, Column, EmptyState, Icon, Table};

pub(super) const CALLS: &[Call] = &[
    read("/console/-/workspaces", Administer),
    administer_call("/console/-/workspaces", "workspace.create"),
    read("/console/-/workspaces/{id}/remove", Administer),
    administer_call("/console/-/workspaces/{id}/remove", "workspace.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/-/workspaces", get(list).post(create))
        .route("/console/-/workspaces/{id}/remove", get(ask_removal).post(remove));
    gated(app, CALLS, routes)
}

async fn list(
    frame: Frame,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let page = page(&frame).body(body(&frame, &Typed::default(), &Mistake::default()));
    Ok(page.notice_if(notice).into_response())
}

fn page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Settings, "Workspaces")
        .lead("A workspace holds the people, items and models of one product.")
}

fn body(frame: &Frame, typed: &Typed, mistake: &Mistake) -> Markup {
    let row = |id: &domain::WorkspaceId| {
        vec![
            Cell::new(html! { a href=(Area::Overview.path(id)) { (id) } }),
            Cell::new(html! {
                div class="row-actions" {
                    (Button::quiet("Settings").href(&path(id, "general")))
                    (Button::quiet("Remove…").href(&format!("{COMMON}/workspaces/{id}/remove")))
                }
            }),
        ]
    };
    let columns = vec![Column::text("Workspace"), Column::actions("Actions")];
    let table = Table::new("Workspaces", columns).rows(frame.workspaces.iter().map(row));
    html! {
        (installation_tabs("workspaces"))
        @if frame.workspaces.is_empty() {
            (EmptyState {
                icon: Icon::Settings,
                title: "No workspace yet",
                text: "Make the first one below.",
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
        }
        section class="card" {
            h2 { "New workspace" }
            (mistake)
            (Form {
                action: &format!("{COMMON}/workspaces"),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (TextInput::new(Field::new("id", "Id")
                        .hint("It stands in addresses and cannot be changed later: a-z, 0-9 and “-”")
                        .error(mistake.at("id")))
                        .kind(InputKind::Code)
                        .value(typed.text("id")))
                    (TextInput::new(Field::new("name", "Name for people").optional()
                        .error(mistake.at("name")))
                        .value(typed.text("name")))
                    div class="actions" { (Button::primary("Make the workspace")) }
                },
            })
        }
    }
}

async fn create(
    State(app): State<Arc<App>>,
    frame: Frame,
    typed: Typed,
) -> Result<Response, ApiError> {
    let id = typed.text("id").to_owned();
    let new = NewWorkspace { id: id.clone(), name: typed.optional("name") };
    match lifecycle::create(&app, new, |engine| engine.id().clone()).await {
        Ok(made) => Ok(lead_to_new(&path(&made.value, ""), &id)),
        Err(error) => {
            let mistake = Mistake::of(error)?.or_at("id");
            Ok(again(page(&frame).body(body(&frame, &typed, &mistake))))
        }
    }
}

async fn ask_removal(
    State(app): State<Arc<App>>,
    frame: Frame,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = Workspace::find(&app, &id)?.0.id().to_string();
    let title = format!("Remove {id}?");
    let page = Page::new(&frame, Area::Settings, &title);
    Ok(page.body(removal(&frame, &id, &Mistake::default())).into_response())
}

/// Whoever removes a workspace types its id.
fn removal(frame: &Frame, id: &str, mistake: &Mistake) -> Markup {
    html! {
        div class="card confirmation" {
            ul class="consequences" {
                li { "All its people, items, models and settings are gone from the console and the interfaces." }
                li { "Its sources and tokens are refused from now on." }
                li { "Its folder moves to the trash of the data folder, from where an operator can bring it back." }
            }
            (mistake)
            (Form {
                action: &format!("{COMMON}/workspaces/{}/remove", encode(id)),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (TextInput::new(Field::new("confirm", &format!("Type {id} to confirm"))
                        .error(mistake.at("confirm").map(|_| "This is not the id of the workspace")))
                        .kind(InputKind::Code))
                    div class="actions" {
                        (Button::danger("Remove the workspace"))
                        (Button::quiet("Keep everything as it is").href(&format!("{COMMON}/workspaces")))
                    }
                },
            })
        }
    }
}

async fn remove(
    State(app): State<Arc<App>>,
    frame: Frame,
    Path(id): Path<String>,
    typed: Typed,
) -> Result<Response, ApiError> {
    match lifecycle::remove(&app, &id, Some(typed.text("confirm"))).await {
        Ok(_) => Ok(lead_to(&format!("{COMMON}/workspaces"), Notice::Removed)),
        Err(error) => {
            let mistake = Mistake::of(error)?;
            let title = format!("Remove {id}?");
            let page = Page::new(&frame, Area::Settings, &title);
            Ok(again(page.body(removal(&frame, &id, &mistake))))
        }
    }
}
