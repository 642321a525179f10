//! All sources of a workspace.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{MessageType, Timestamp, WorkspaceId};
use maud::{Markup, Render, html};
use resources::sources::{self, ShownSource};
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::{path, state};
use crate::page::{Area, Frame, Page};
use crate::ui::{Button, Cell, Column, EmptyState, Icon, RelativeTime, Table};

pub(super) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    let shown = sources::list(&app, &workspace).await?;
    let settings = Area::Settings.path(workspace.id());
    let make = frame.may_open(&settings);
    let make = make.then(|| Button::secondary("Sources and keys").href(&settings).render());
    let body = match shown.is_empty() {
        true => EmptyState {
            icon: Icon::Sources,
            title: "No source yet",
            text: "A source is an app, shop or site that sends messages with a key of its own.",
            next: make.clone(),
        }
        .render(),
        false => table(workspace.id(), &shown, app.access.now()),
    };
    let page = Page::new(&frame, Area::Sources, "Sources")
        .lead("Who sends messages, what each may send, and what it has sent.")
        .actions(make.filter(|_| !shown.is_empty()).unwrap_or_default());
    Ok(page.body(body).into_response())
}

fn table(workspace: &WorkspaceId, shown: &[ShownSource], now: Timestamp) -> Markup {
    let row = |source: &ShownSource| {
        let href = path(workspace, &source.name, "");
        let limit = source.messages_per_second;
        vec![
            Cell::new(html! { a href=(href) { (source.name) } }),
            Cell::new(state(source)),
            Cell::new(html! { (types(source)) }),
            Cell::new(html! { @if source.plan.is_some() { "yes" } @else { "–" } }),
            Cell::new(html! {
                @match limit {
                    Some(limit) => { (domain::grouped(limit.into())) " a second" },
                    None => "–",
                }
            }),
            Cell::new(html! {
                @match source.last_message_at {
                    Some(at) => (RelativeTime { at, now }),
                    None => "none yet",
                }
            }),
            Cell::new(html! { (domain::grouped(source.messages_last_hour)) }),
        ]
    };
    let columns = vec![
        Column::text("Source"),
        Column::text("State"),
        Column::text("Types"),
        Column::text("Plan"),
        Column::text("Limit"),
        Column::text("Last message"),
        Column::number("Messages in the last hour"),
    ];
    html! {
        section class="card card-table" { (Table::new("Sources", columns).rows(shown.iter().map(row))) }
    }
}

fn types(source: &ShownSource) -> String {
    match &source.allowed_types {
        None => "all".to_owned(),
        Some(types) => {
            types.iter().map(|type_| MessageType::word(*type_)).collect::<Vec<_>>().join(", ")
        }
    }
}
