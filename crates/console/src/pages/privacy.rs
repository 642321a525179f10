//! People's data: deleting people, refusing new data of them, and the receipts.

mod receipt;

use std::sync::Arc;

use axum::extract::Form;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::Right::{ChangeWorkspace, SeePeople};
use domain::{WorkspaceId, grouped};
use engine::{RegulationStatus, RegulationType};
use maud::{Markup, Render, html};
use resources::privacy::{
    self, AskedId, AskedRegulation, Regulations, ShownRegulation, Suppression,
};
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page};
use crate::ui::form::{CodeArea, Field, Form as FormElement, InputKind, Select, TextInput};
use crate::ui::{
    Badge, Button, Callout, Cell, Column, EmptyState, Icon, RelativeTime, Table, Tone,
};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/privacy", SeePeople),
    edit("/console/{workspace}/privacy", "regulation.create"),
    read("/console/{workspace}/privacy/{id}", SeePeople),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/privacy", get(show).post(create))
        .route("/console/{workspace}/privacy/{id}", get(receipt::show));
    gated(app, CALLS, routes)
}

/// The path of the page of a workspace.
pub(super) fn path(workspace: &WorkspaceId) -> String {
    format!("/console/{workspace}/privacy")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    #[serde(default)]
    id: String,
}

/// What was typed into the form.
#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    type_: RegulationType,
    user_ids: String,
    anonymous_ids: String,
    external_ids: String,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            type_: RegulationType::SuppressWithDelete,
            user_ids: String::new(),
            anonymous_ids: String::new(),
            external_ids: String::new(),
        }
    }
}

/// The ids on the lines of a text.
fn ids(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// The ids on the lines of a text, each behind its type and a colon.
fn typed_ids(text: &str) -> Vec<AskedId> {
    let read = |line: String| {
        let (type_, id) = line.split_once(':').unwrap_or((&line, ""));
        AskedId { type_: type_.trim().to_owned(), id: id.trim().to_owned() }
    };
    ids(text).into_iter().map(read).collect()
}

async fn show(
    frame: Frame,
    Extension(caller): Extension<Caller>,
    workspace: Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let id = query.id.trim();
    let checked = match id.is_empty() {
        true => None,
        false => Some(privacy::suppression(&workspace.0, id.to_owned()).await?),
    };
    let page = page(&frame, &caller, workspace, &Typed::default(), None, checked.as_ref()).await?;
    Ok(page.into_response())
}

async fn create(
    frame: Frame,
    Extension(caller): Extension<Caller>,
    workspace: Workspace,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    let asked = AskedRegulation {
        type_: typed.type_,
        user_ids: ids(&typed.user_ids),
        anonymous_ids: ids(&typed.anonymous_ids),
        external_ids: typed_ids(&typed.external_ids),
    };
    match privacy::create(&workspace.0, asked).await {
        Ok(shown) => {
            let receipt = format!("{}/{}", path(workspace.0.id()), shown.id);
            Ok(Redirect::to(&receipt).into_response())
        }
        Err(error) if error.kind.status().is_client_error() => {
            let page = page(&frame, &caller, workspace, &typed, Some(&error), None).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

async fn page(
    frame: &Frame,
    caller: &Caller,
    Workspace(workspace): Workspace,
    typed: &Typed,
    error: Option<&ApiError>,
    checked: Option<&Suppression>,
) -> Result<Markup, ApiError> {
    let all = privacy::list(&workspace).await?;
    let (own, now) = (workspace.id(), workspace.handle().now()?);
    let may_change = caller.grant.role.has(ChangeWorkspace);
    let body = html! {
        @if may_change { (form(frame, own, typed, error)) }
        (check(own, &all, checked))
        @if all.regulations.is_empty() {
            (EmptyState {
                icon: Icon::Person,
                title: "Nothing was asked for yet",
                text: "Whoever wants to be forgotten is deleted here, from every file, with a receipt that proves it.",
                next: None,
            })
        } @else {
            section class="section" {
                h2 { "What was asked for" }
                div class="card card-table" { (table(own, &all, now)) }
            }
        }
    };
    Ok(Page::new(frame, Area::People, "Privacy")
        .lead("Delete people, and refuse new data of them.")
        .actions(html! {
            (Button::secondary("People").href(&Area::People.path(own)))
        })
        .body(body)
        .render())
}

fn form(frame: &Frame, own: &WorkspaceId, typed: &Typed, error: Option<&ApiError>) -> Markup {
    let why = error.map(|error| error.message.as_str());
    html! {
        section class="card" {
            h2 { "Delete or suppress people" }
            (FormElement {
                action: &path(own),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (Select {
                        field: Field::new("type", "What"),
                        options: &RegulationType::ALL.map(|type_| (type_.word(), label(type_))),
                        value: typed.type_.word(),
                    })
                    (CodeArea {
                        field: Field::new("user_ids", "User ids")
                            .hint("One on each line; all ids of each person are meant")
                            .optional().error(why),
                        value: &typed.user_ids,
                        below: html! {},
                    })
                    (CodeArea {
                        field: Field::new("anonymous_ids", "Anonymous ids")
                            .hint("Of people without a user id, one on each line").optional(),
                        value: &typed.anonymous_ids,
                        below: html! {},
                    })
                    (CodeArea {
                        field: Field::new("external_ids", "Other ids")
                            .hint("Of the types that identity rules know, one on each line: email:ann@example.com")
                            .optional(),
                        value: &typed.external_ids,
                        below: html! {},
                    })
                    (Callout::warning("A deletion cannot be undone")
                        .text("Their profiles, histories and messages go from every file, also from the journal. Back up again afterwards: earlier backups hold them."))
                    div class="actions" { (Button::danger("Begin")) }
                },
            })
        }
    }
}

fn check(own: &WorkspaceId, all: &Regulations, checked: Option<&Suppression>) -> Markup {
    let value = checked.map_or("", |checked| checked.id.as_str());
    html! {
        section class="card section" {
            h2 { "Who is suppressed" }
            p {
                (grouped(all.suppressed_people as u64)) " people. "
                (grouped(all.refused)) " messages, calls and imports of theirs were refused since the workspace was opened."
            }
            form class="filters" action=(path(own)) {
                (TextInput::new(Field::new("id", "Is this id suppressed?"))
                    .kind(InputKind::Search).value(value))
                (Button::secondary("Look").icon(Icon::Search))
            }
            @if let Some(checked) = checked {
                p role="status" { (verdict(checked)) }
            }
        }
    }
}

fn verdict(checked: &Suppression) -> &'static str {
    match checked.suppressed {
        true => "Yes: new data with it is refused, as a user id and as an anonymous id.",
        false => "No: new data with it is taken.",
    }
}

fn table(own: &WorkspaceId, all: &Regulations, now: domain::Timestamp) -> Markup {
    let columns = vec![
        Column::text("Asked for"),
        Column::text("What"),
        Column::number("People"),
        Column::text("State"),
    ];
    let rows = all.regulations.iter().map(|one: &ShownRegulation| {
        let href = format!("{}/{}", path(own), one.id);
        vec![
            Cell::new(html! { a href=(href) { (RelativeTime { at: one.requested_at, now }) } }),
            Cell::new(label(one.type_)),
            Cell::new(grouped(one.people.into())).value(one.people),
            Cell::new(status(one.status)),
        ]
    });
    Table::new("What was asked for", columns).rows(rows).render()
}

/// The state of a regulation.
fn status(status: RegulationStatus) -> Markup {
    let (tone, label) = match status {
        RegulationStatus::Initialized => (Tone::Neutral, "begins"),
        RegulationStatus::Running => (Tone::Accent, "under way"),
        RegulationStatus::PartialSuccess => (Tone::Warning, "done, but for a destination"),
        RegulationStatus::Failed => (Tone::Bad, "failed"),
        RegulationStatus::Finished => (Tone::Good, "done"),
    };
    Badge::of(tone, label).render()
}

fn label(type_: RegulationType) -> &'static str {
    match type_ {
        RegulationType::SuppressOnly => "Refuse new data, keep what is there",
        RegulationType::Unsuppress => "Take new data again",
        RegulationType::DeleteInternal => "Delete here",
        RegulationType::SuppressWithDeleteInternal => "Delete here, and refuse new data",
        RegulationType::DeleteOnly => "Delete here and at destinations",
        RegulationType::SuppressWithDelete => {
            "Delete here and at destinations, and refuse new data"
        }
    }
}
