//! Audiences: who belongs to them, and how one is made by clicking or as text.

mod builder;
mod editing;
mod history;
mod likely;
mod members;
mod parts;
pub(super) mod preview;

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::{ChangeWorkspace, ReadWorkspace};
use domain::WorkspaceId;
use domain::quantity::grouped;
use maud::html;
use resources::audiences;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::workspaces::Workspace;

use crate::gate::{edit, gated, preview, read};
use crate::page::{Area, Frame, Page};
use crate::ui::{Button, Cell, Column, EmptyState, Icon, Table};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/audiences", ReadWorkspace),
    read("/console/{workspace}/audiences/new", ChangeWorkspace),
    edit("/console/{workspace}/audiences/new", "audience.put"),
    preview("/console/{workspace}/audiences/preview", ReadWorkspace),
    read("/console/{workspace}/audiences/likely", ChangeWorkspace),
    edit("/console/{workspace}/audiences/likely", "audience.put"),
    read("/console/{workspace}/audiences/of/{key}", ReadWorkspace),
    read("/console/{workspace}/audiences/of/{key}/history/stream", ReadWorkspace),
    read("/console/{workspace}/audiences/of/{key}/edit", ChangeWorkspace),
    edit("/console/{workspace}/audiences/of/{key}/edit", "audience.put"),
    read("/console/{workspace}/audiences/of/{key}/delete", ChangeWorkspace),
    edit("/console/{workspace}/audiences/of/{key}/delete", "audience.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/audiences", get(list))
        .route("/console/{workspace}/audiences/new", get(editing::new).post(editing::create))
        .route("/console/{workspace}/audiences/preview", post(editing::preview))
        .route("/console/{workspace}/audiences/likely", get(likely::show).post(likely::save))
        .route("/console/{workspace}/audiences/of/{key}", get(members::show))
        .route("/console/{workspace}/audiences/of/{key}/history/stream", get(history::follow))
        .route(
            "/console/{workspace}/audiences/of/{key}/edit",
            get(editing::edit).post(editing::update),
        )
        .route(
            "/console/{workspace}/audiences/of/{key}/delete",
            get(members::ask).post(members::delete),
        );
    gated(app, CALLS, routes)
}

/// The page of an audience.
pub(super) fn path(workspace: &WorkspaceId, key: &str) -> String {
    format!("{}/of/{key}", Area::Audiences.path(workspace))
}

async fn list(
    frame: Frame,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    let all = audiences::list(&workspace).await?;
    let new = format!("{}/new", Area::Audiences.path(workspace.id()));
    let likely = format!("{}/likely", Area::Audiences.path(workspace.id()));
    let make = html! {
        (Button::secondary("Likely to act").href(&likely))
        (Button::primary("New audience").icon(Icon::Add).href(&new))
    };
    let may_change = caller.grant.role.has(ChangeWorkspace);
    let columns = vec![
        Column::text("Audience"),
        Column::number("Members"),
        Column::text("Who belongs to it"),
    ];
    let table = Table::new("Audiences", columns).rows(all.iter().map(|own| {
        vec![
            Cell::new(html! {
                a href=(path(workspace.id(), &own.key)) { (own.name.as_deref().unwrap_or(&own.key)) }
                @if own.name.is_some() { span class="under" { (own.key) } }
            }),
            Cell::new(grouped(own.n_members)),
            Cell::new(match own.likely {
                Some(_) => html! { (own.described()) },
                None => html! { code { (own.condition) } },
            }),
        ]
    }));
    let body = html! {
        @if all.is_empty() {
            (EmptyState {
                icon: Icon::Audiences,
                title: "No audience yet",
                text: "An audience is the people for whom a condition holds, such as who ordered twice in 30 days. Who belongs to it is kept at every moment.",
                next: may_change.then(|| make.clone()),
            })
        } @else {
            section class="card card-table" { (table) }
        }
    };
    let page = Page::new(&frame, Area::Audiences, "Audiences")
        .lead("People for whom a condition holds now.");
    let page = if may_change && !all.is_empty() { page.actions(make) } else { page };
    Ok(page.body(body).into_response())
}
