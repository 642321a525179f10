//! What a source has sent, and how it violated its plan.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::{MessageType, Timestamp, ValueType};
use maud::{Markup, Render, html};
use resources::source_schema::{self, SourceEvent, SourceProperty, SourceViolation};
use resources::sources;
use serde::Deserialize;
use web::App;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::{page, path};
use crate::page::{Frame, encode};
use crate::ui::{Cell, Column, EmptyState, Icon, RelativeTime, Table};

/// The most violations of the table.
const VIOLATIONS_SHOWN_MAX: usize = 500;

/// The event whose properties are shown; without it all events.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(rename = "type")]
    type_: Option<MessageType>,
    event: Option<String>,
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let source = sources::read(&app, &workspace, name.clone()).await?.value;
    let mut events = source_schema::read(&workspace, name.clone()).await?.events;
    events.sort_by_key(|event| std::cmp::Reverse(event.count));
    let (here, now) = (path(workspace.id(), &name, "/schema"), app.access.now());
    let body = match query.type_ {
        Some(type_) => {
            let event =
                events.iter().find(|event| event.type_ == type_ && event.event == query.event);
            let event = event.ok_or_else(|| {
                ApiError::not_found("the source has sent no message of this type and event")
            })?;
            properties(event, &here, now)
        }
        None if events.is_empty() => EmptyState {
            icon: Icon::Sources,
            title: "Nothing yet",
            text: "Events and their properties stand here as soon as the first message arrived.",
            next: None,
        }
        .render(),
        None => all_events(&events, &here, now),
    };
    Ok(page(&frame, &source, "/schema", &body).into_response())
}

fn name_of(event: &SourceEvent) -> &str {
    event.event.as_deref().unwrap_or(event.type_.word())
}

fn all_events(events: &[SourceEvent], here: &str, now: Timestamp) -> Markup {
    let row = |event: &SourceEvent| {
        let own = event.event.as_ref().map(|name| format!("&event={}", encode(name)));
        let href = format!("{here}?type={}{}", event.type_, own.unwrap_or_default());
        vec![
            Cell::new(html! { a href=(href) { (name_of(event)) } }),
            Cell::new(html! { (event.type_) }),
            Cell::new(html! { (domain::grouped(event.count)) }),
            Cell::new(html! { (event.properties.len()) }),
            Cell::new(RelativeTime { at: event.first_at, now }),
            Cell::new(RelativeTime { at: event.last_at, now }),
        ]
    };
    let columns = vec![
        Column::text("Event"),
        Column::text("Type"),
        Column::number("Messages"),
        Column::number("Properties"),
        Column::text("First"),
        Column::text("Latest"),
    ];
    html! {
        section class="card card-table" {
            (Table::new("Events that were sent", columns).rows(events.iter().map(row)))
        }
    }
}

fn properties(event: &SourceEvent, here: &str, now: Timestamp) -> Markup {
    let row = |property: &SourceProperty| {
        let types: Vec<&str> = property.types.iter().map(|type_| ValueType::word(*type_)).collect();
        vec![
            Cell::new(html! { (property.name) }),
            Cell::new(html! { (types.join(", ")) }),
            Cell::new(html! { (domain::grouped(property.count)) }),
            Cell::new(html! {
                @match &property.sample {
                    Some(sample) => code { (sample) },
                    None => "–",
                }
            }),
            Cell::new(RelativeTime { at: property.first_at, now }),
            Cell::new(RelativeTime { at: property.last_at, now }),
        ]
    };
    let columns = vec![
        Column::text("Property"),
        Column::text("Types"),
        Column::number("Messages"),
        Column::text("Sample"),
        Column::text("First"),
        Column::text("Latest"),
    ];
    let table = Table::new("Properties of the event", columns);
    html! {
        section class="section" {
            h2 { (name_of(event)) }
            p { (domain::counted(event.count, "message", "messages")) ". " a href=(here) { "All events" } }
            div class="card card-table" { (table.rows(event.properties.iter().map(row))) }
            @if event.other_values > 0 {
                p class="muted" {
                    (domain::counted(event.other_values, "value", "values"))
                    " of properties that are not listed: there are too many."
                }
            }
        }
    }
}

pub(super) async fn show_violations(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let source = sources::read(&app, &workspace, name.clone()).await?.value;
    let rows = source_schema::violations(&workspace, name).await?.violations;
    let body = match rows.is_empty() {
        true => EmptyState {
            icon: Icon::Check,
            title: "No violation",
            text: "Messages that do not fit the tracking plan are counted here.",
            next: None,
        }
        .render(),
        false => violations(&rows, app.access.now()),
    };
    Ok(page(&frame, &source, "/violations", &body).into_response())
}

fn violations(rows: &[SourceViolation], now: Timestamp) -> Markup {
    let row = |row: &SourceViolation| {
        vec![
            Cell::new(html! { (row.event.as_deref().unwrap_or(row.type_.word())) }),
            Cell::new(html! { (row.property.as_deref().unwrap_or("–")) }),
            Cell::new(html! { (row.kind.title()) }),
            Cell::new(html! { (domain::grouped(row.count)) }),
            Cell::new(html! {
                @match &row.sample {
                    Some(sample) => code { (sample) },
                    None => "–",
                }
            }),
            Cell::new(RelativeTime { at: row.first_at, now }),
            Cell::new(RelativeTime { at: row.last_at, now }),
        ]
    };
    let columns = vec![
        Column::text("Event"),
        Column::text("Property"),
        Column::text("What"),
        Column::number("Messages"),
        Column::text("Sample"),
        Column::text("First"),
        Column::text("Latest"),
    ];
    let shown = rows.iter().take(VIOLATIONS_SHOWN_MAX);
    html! {
        section class="card card-table" {
            (Table::new("Violations of the plan", columns).rows(shown.map(row)))
        }
    }
}
