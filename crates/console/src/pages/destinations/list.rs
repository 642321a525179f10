//! All destinations of a workspace, and the kinds of which one can be added.

use axum::response::{IntoResponse, Response};
use domain::{ENGINE_DESTINATION, WorkspaceId};
use maud::{Markup, Render, html};
use resources::destinations::{self, ShownDelivery, ShownDestination};
use serde::Deserialize;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::{kind_title, notice, state};
use crate::page::{Area, Frame, Page, destination_path};
use crate::pages::replays;
use crate::ui::{Badge, Button, Cell, Column, EmptyState, Icon, Table, Tone, Unit};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    notice: Option<String>,
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Response, ApiError> {
    let mut rows = Vec::new();
    for destination in destinations::list(&workspace)? {
        if destination.name == ENGINE_DESTINATION {
            continue;
        }
        // One that was removed in between is left out.
        if let Ok(delivery) = destinations::delivery(&workspace, destination.name.clone()).await {
            rows.push((destination, delivery));
        }
    }
    let new = format!("{}/new", Area::Destinations.path(workspace.id()));
    let add = || Button::primary("Add a destination").icon(Icon::Add).href(&new).render();
    let add = frame.may_open(&new).then(add);
    let replays = replays::path(workspace.id());
    let replay =
        frame.may_open(&replays).then(|| Button::secondary("Replay").href(&replays).render());
    let body = html! {
        section class="card card-table" { (table(workspace.id(), &rows)) }
        @if rows.is_empty() {
            (EmptyState {
                icon: Icon::Destinations,
                title: "No other destination yet",
                text: "Messages go to recommendations only. Add a webhook, a database, a topic or another service that is to get them too.",
                next: add.clone(),
            })
        }
    };
    let page = Page::new(&frame, Area::Destinations, "Destinations")
        .lead("Where messages go, and how delivery to each place is doing.")
        .actions(html! { @if let Some(replay) = replay { (replay) } @if let Some(add) = add.filter(|_| !rows.is_empty()) { (add) } })
        .body(body);
    Ok(page.notice_if(notice(query.notice.as_deref())?).into_response())
}

fn table<'a>(workspace: &WorkspaceId, rows: &[(ShownDestination, ShownDelivery)]) -> Table<'a> {
    let columns = vec![
        Column::text("Destination"),
        Column::text("State"),
        Column::number("Lag"),
        Column::number("Oldest"),
        Column::number("Delivered"),
        Column::number("Dead letters"),
    ];
    let rows = rows.iter().map(|(destination, delivery)| row(workspace, destination, delivery));
    Table::new("Destinations", columns).row(engine_row(workspace)).rows(rows)
}

/// Our own engine takes messages as they come: nothing is delivered.
fn engine_row(workspace: &WorkspaceId) -> Vec<Cell> {
    let first = html! {
        a href=(Area::Mappings.path(workspace)) { "Recommendations" }
        span class="under" { "our own engine: its mappings" }
    };
    let mut cells = vec![Cell::new(first), Cell::new(Badge::of(Tone::Good, "on"))];
    cells.extend((0..4).map(|_| Cell::new("–")));
    cells
}

fn row(
    workspace: &WorkspaceId,
    destination: &ShownDestination,
    delivery: &ShownDelivery,
) -> Vec<Cell> {
    let first = html! {
        a href=(destination_path(workspace, &destination.name, "")) { (destination.name) }
        span class="under" { (kind_title(&destination.kind)) }
    };
    vec![
        Cell::new(first),
        Cell::new(state(&delivery.state)),
        Cell::new(Unit::Count("").text(delivery.lag_entries as f64)),
        Cell::new(Unit::Seconds.text(delivery.oldest_s)),
        Cell::new(Unit::Count("").text(delivery.delivered as f64)),
        Cell::new(Unit::Count("").text(delivery.dead_letters as f64)),
    ]
}

/// The kinds, each with a link to the form of a new destination.
pub(super) fn kinds(workspace: &WorkspaceId) -> Markup {
    let columns = vec![Column::text("Kind"), Column::text("What it does")];
    let rows = destinations::kinds().into_iter().map(|kind| {
        let href = format!("{}/new?kind={}", Area::Destinations.path(workspace), kind.name);
        vec![Cell::new(html! { a href=(href) { (kind.title) } }), Cell::new(kind.about)]
    });
    html! {
        section class="card card-table" { (Table::new("Kinds of destinations", columns).rows(rows)) }
    }
}
