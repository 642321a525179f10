//! Synonyms of the search.

use std::sync::Arc;

use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::{ChangeWorkspace, ReadWorkspace};
use maud::{Markup, Render, html};
use resources::synonyms::{self, NewSynonym};
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::workspaces::Workspace;

use super::{Part, part_tabs};
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page};
use crate::ui::form::{Checkbox, Field, Form as FormElement, TextInput};
use crate::ui::{Button, Cell, Column, EmptyState, Icon, Table};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/segments/synonyms", ReadWorkspace),
    edit("/console/{workspace}/segments/synonyms", "synonym.create"),
    edit("/console/{workspace}/segments/synonyms/{id}/delete", "synonym.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/segments/synonyms", get(show).post(create))
        .route("/console/{workspace}/segments/synonyms/{id}/delete", post(delete));
    gated(app, CALLS, routes)
}

#[derive(Default, Deserialize)]
struct Typed {
    term: String,
    synonym: String,
    one_way: Option<String>,
}

async fn show(
    frame: Frame,
    Extension(caller): Extension<Caller>,
    workspace: Workspace,
) -> Result<Response, ApiError> {
    Ok(page(&frame, &caller, workspace, &Typed::default(), None).await?.into_response())
}

async fn create(
    frame: Frame,
    Extension(caller): Extension<Caller>,
    workspace: Workspace,
    Form(typed): Form<Typed>,
) -> Result<Response, ApiError> {
    let new = NewSynonym {
        term: typed.term.trim().to_owned(),
        synonym: typed.synonym.trim().to_owned(),
        one_way: typed.one_way.is_some(),
    };
    match synonyms::create(&workspace.0, new).await {
        Ok(_) => Ok(Redirect::to(&Part::Synonyms.path(workspace.0.id())).into_response()),
        Err(error) if error.kind.status().is_client_error() => {
            let page = page(&frame, &caller, workspace, &typed, Some(&error)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

async fn delete(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    synonyms::delete(&workspace, id).await?;
    Ok(Redirect::to(&Part::Synonyms.path(workspace.id())))
}

async fn page(
    frame: &Frame,
    caller: &Caller,
    Workspace(workspace): Workspace,
    typed: &Typed,
    error: Option<&ApiError>,
) -> Result<Markup, ApiError> {
    let all = synonyms::list(&workspace).await?;
    let start = Part::Synonyms.path(workspace.id());
    let may_change = caller.grant.role.has(ChangeWorkspace);
    let error_at = |pointer| {
        error
            .filter(|own| own.pointer.as_deref().unwrap_or("/term") == pointer)
            .map(|own| own.message.as_str())
    };
    let mut columns = vec![
        Column::text("A search for"),
        Column::text("also finds"),
        Column::text("And the other way round"),
    ];
    if may_change {
        columns.push(Column::actions("Remove"));
    }
    let table = Table::new("Synonyms", columns).rows(all.iter().map(|own| {
        let mut row = vec![
            Cell::new(&own.term),
            Cell::new(&own.synonym),
            Cell::new(if own.one_way { "no" } else { "yes" }),
        ];
        if may_change {
            let action = format!("{start}/{}/delete", own.id);
            row.push(Cell::new(FormElement {
                action: &action,
                csrf: &frame.csrf,
                preview: None,
                body: html! { (Button::quiet("Remove")) },
            }));
        }
        row
    }));
    let body = html! {
        (part_tabs(workspace.id(), Part::Synonyms))
        @if may_change {
            section class="card" {
                h2 { "New synonym" }
                (FormElement {
                    action: &start,
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! {
                        div class="fields" {
                            (TextInput::new(Field::new("term", "A search for").error(error_at("/term")))
                                .value(&typed.term))
                            (TextInput::new(Field::new("synonym", "also finds").error(error_at("/synonym")))
                                .value(&typed.synonym))
                        }
                        (Checkbox {
                            field: Field::new("one_way", "Only this way round")
                                .hint("A search for the second does not find the first"),
                            is_checked: typed.one_way.is_some(),
                        })
                        div class="actions" { (Button::primary("Add")) }
                    },
                })
            }
        }
        @if all.is_empty() {
            (EmptyState {
                icon: Icon::Search,
                title: "No synonym yet",
                text: "Where people search for \"sneakers\" and the catalog says \"trainers\", a synonym brings them together.",
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
        }
    };
    Ok(Page::new(frame, Area::Segments, "Synonyms")
        .lead("Words of people, and the words of the catalog.")
        .actions(html! {
            (Button::secondary("Try a search").href(&Area::TryIt.path(workspace.id())))
        })
        .body(body)
        .render())
}
