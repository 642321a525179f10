//! Operations: sizes, lag, memory, background work, slow requests, how busy the server is, and what
//! is cut from the journal.

mod background;
mod retention;
mod slow_requests;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::ReadWorkspace;
use engine::TrainingRunState;
use maud::{Markup, html};
use resources::operations::{self, Operations};
use resources::overview::DISK_FULL_SHARE;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::workspaces::Workspace;

use crate::gate::{edit, gated, read};
use crate::live::{Part, fragments};
use crate::page::{Area, Frame, Page};
use crate::ui::{
    Badge, Callout, Cell, Column, LiveFragment, Meter, RelativeTime, StatTile, Table, Tone, Unit,
};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/operations", ReadWorkspace),
    read("/console/{workspace}/operations/stream", ReadWorkspace),
    edit("/console/{workspace}/operations/retention", "retention.start"),
];

/// How often the page is made anew.
const LIVE_INTERVAL: Duration = Duration::from_secs(10);

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/operations", get(show))
        .route("/console/{workspace}/operations/stream", get(follow))
        .route("/console/{workspace}/operations/retention", post(retention::start));
    gated(app, CALLS, routes)
}

async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    let operations = operations::read(&app, &workspace, &caller).await?;
    let stream = format!("/console/{}/operations/stream", workspace.id());
    let kept = resources::retention::read(&workspace, None).await?;
    let body = html! {
        (LiveFragment { stream: &stream, content: content(&operations) })
        (retention::section(&frame, workspace.id(), &caller, &kept, operations.at))
    };
    let page = Page::new(&frame, Area::Operations, "Operations")
        .lead("Sizes, lag, memory, background work, and what was slow.");
    Ok(page.body(body).into_response())
}

async fn follow(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Response {
    let id = workspace.id().clone();
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let (app, caller, id) = (Arc::clone(&app), caller.clone(), id.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, id.as_str())?;
            Ok(Part::Fragment(content(&operations::read(&app, &workspace, &caller).await?)))
        }
    })
}

fn content(operations: &Operations) -> Markup {
    let tile = |label, value: u64, unit| StatTile {
        label,
        value: Some(value as f64),
        unit,
        interval: None,
        change: None,
        trend: &[],
        href: None,
    };
    let disk = &operations.disk;
    let is_well = operations.problems.is_empty()
        && operations.ready
        && !operations.background.iter().any(background::needs_attention);
    html! {
        div class="stack" {
            @for problem in &operations.problems {
                (Callout::error("This workspace has a problem").text(problem))
            }
            (background::failing(&operations.background))
            @if is_well {
                (Callout::success("The workspace takes messages, and nothing hinders it"))
            }
            div class="stats" {
                (tile("Journal", disk.journal_bytes, Unit::Bytes))
                (tile("Store", disk.store_bytes, Unit::Bytes))
                @if disk.snapshot_bytes > 0 {
                    (tile("Snapshots of the state", disk.snapshot_bytes, Unit::Bytes))
                }
                (tile("Models", disk.model_bytes, Unit::Bytes))
                (tile("Messages that wait to be applied", operations.fold_lag, Unit::Count("")))
            }
            @if let Some(room) = disk.room {
                section class="card" {
                    h2 { "Disk" }
                    div class="gauge" {
                        (Meter {
                            share: room.used_share(),
                            tone: if room.used_share() > DISK_FULL_SHARE { Tone::Warning } else { Tone::Accent },
                            label: Some("Disk in use"),
                        })
                        p {
                            strong { (Unit::Bytes.text(room.free_bytes as f64)) } " of "
                            (Unit::Bytes.text(room.total_bytes as f64)) " are free"
                        }
                    }
                }
            }
            section class="card card-table" { (background::table(operations)) }
            section class="card" {
                h2 { "Check of the journal" }
                (background::journal_check(operations.journal_check.as_ref(), operations.at))
            }
            (slow_requests::section(operations))
            section class="card card-table" { (limits(operations)) }
            section class="card card-table" { (memory(operations)) }
            @if let Some(run) = &operations.training {
                @let (tone, word) = match &run.state {
                    TrainingRunState::Running { .. } => (Tone::Accent, "running"),
                    TrainingRunState::Done { .. } => (Tone::Good, "done"),
                    TrainingRunState::Failed { .. } => (Tone::Bad, "failed"),
                };
                section class="card" {
                    h2 { "Training" }
                    p {
                        "The last run began "
                        (RelativeTime { at: run.started_at, now: operations.at }) ". "
                        (Badge::of(tone, word))
                    }
                }
            }
        }
    }
}

/// Limits, with what is in use of them.
fn limits(operations: &Operations) -> Table<'static> {
    let requests = &operations.requests;
    let count = |name: &'static str, used: usize, max: usize| {
        let unit = Unit::Count("");
        row(name, (used as f64, unit.text(used as f64)), (max as f64, unit.text(max as f64)))
    };
    let bytes = |n: u64| (n as f64, Unit::Bytes.text(n as f64));
    let connections = operations.connections.iter();
    let streams = &operations.streams;
    Table::new("Limits in use, of the whole server", columns("Limit"))
        .captioned()
        .rows(connections.map(|open| count("Open connections", open.open, open.max)))
        .row(count(
            "Open streams: live pages, and calls that follow messages",
            streams.open,
            streams.max,
        ))
        .row(count("Requests under way", requests.requests, requests.requests_max))
        .row(count("Lists being made", requests.list_turns, requests.list_turns_max))
        .row(count("Long answers being made", requests.question_turns, requests.question_turns_max))
        .row(row(
            "Messages that wait for the journal, of this workspace",
            bytes(operations.queued_bytes),
            bytes(operations.queued_bytes_max),
        ))
}

fn memory(operations: &Operations) -> Table<'static> {
    let bytes = |n: u64| (n as f64, Unit::Bytes.text(n as f64));
    let own = &operations.memory;
    let alone = |name: &'static str, n: u64| {
        vec![Cell::new(name), Cell::new(Unit::Bytes.text(n as f64)), Cell::new("–"), Cell::new("–")]
    };
    let budget = operations.budget.iter();
    Table::new("Memory", columns("Part"))
        .captioned()
        .rows(
            budget.map(|used| row(part_name(used.part), bytes(used.bytes), bytes(used.bytes_max))),
        )
        .row(alone("Store: blocks that were read", own.store_cache_bytes))
        .row(alone("Store: writes in no table yet", own.store_unflushed_bytes))
        .row(alone("Ids of recent messages", own.message_ids_bytes))
}

fn columns(name: &'static str) -> Vec<Column<'static>> {
    vec![
        Column::text(name),
        Column::number("In use"),
        Column::number("At most"),
        Column::number("Share"),
    ]
}

fn row(name: &'static str, used: (f64, String), max: (f64, String)) -> Vec<Cell> {
    let share = if max.0 > 0.0 { used.0 / max.0 } else { 0.0 };
    vec![Cell::new(name), Cell::new(used.1), Cell::new(max.1), Cell::new(Unit::Share.text(share))]
}

fn part_name(part: &str) -> &'static str {
    match part {
        "expressions" => "Filters and boosters",
        "expression_values" => "Values of filters and boosters",
        "item_groupings" => "Groupings of items",
        "period_popularity" => "Popularity in periods",
        "people_by_item" => "Who acted on each item in look-back windows",
        "cold_start_items" => "New items",
        "search_indexes" => "Text search",
        "impression_queues" => "Lists on their way to the journal",
        "answers" => "Answers that wait for their callers",
        _ => "Other",
    }
}
