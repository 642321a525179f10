//! One destination: how delivery is doing, and its dead letters.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::ENGINE_DESTINATION;
use maud::{Markup, Render, html};
use resources::destinations::{self, DeadLettersQuery, ShownDelivery};
use resources::syncs::SyncedSubject;
use serde::Deserialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::{kind_title, letters, may_change, notice, state};
use crate::live::{Part, fragments};
use crate::page::{Area, Frame, Page, destination_path, mappings_path};
use crate::ui::{Button, Cell, Column, Icon, LiveFragment, StatTile, Table, Unit};

/// How often the page asks how delivery is doing.
const LIVE_INTERVAL: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthQuery {
    after: Option<String>,
    notice: Option<String>,
}

pub(super) async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(query): Parameters<HealthQuery>,
) -> Result<Response, ApiError> {
    if name == ENGINE_DESTINATION {
        return Ok(Redirect::to(&Area::Mappings.path(workspace.id())).into_response());
    }
    let delivery = destinations::delivery(&workspace, name.clone()).await?;
    let destination = destinations::read(&workspace, name.clone()).await?.value;
    let is_first = query.after.is_none();
    let wanted = DeadLettersQuery { after: query.after, limit: Some(letters::SHOWN_MAX) };
    let dead = destinations::dead_letters(&workspace, name.clone(), wanted).await?;
    let own = |part| destination_path(workspace.id(), &name, part);
    let shown = letters::Shown {
        frame: &frame,
        workspace: workspace.id(),
        destination: &name,
        may_change: may_change(&caller),
        now: app.access.now(),
    };
    let body = html! {
        (LiveFragment { stream: &own("/stream"), content: health(&delivery) })
        (shown.list(&dead, is_first))
    };
    let (settings, remove) = (own("/settings"), own("/remove"));
    let mappings = mappings_path(workspace.id(), &name);
    let page = Page::new(&frame, Area::Destinations, &name)
        .lead(kind_title(&destination.kind))
        .actions(html! {
            @if frame.may_open(&remove) { (Button::quiet("Remove").href(&remove)) }
            (Button::secondary("Mappings").icon(Icon::Mappings).href(&mappings))
            (Button::secondary("Settings").href(&settings))
        })
        .body(body);
    Ok(page.notice_if(notice(query.notice.as_deref())?).into_response())
}

pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Response {
    let id = workspace.id().clone();
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let (app, id, name) = (Arc::clone(&app), id.clone(), name.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, id.as_str())?;
            let delivery = destinations::delivery(&workspace, name).await?;
            Ok(Part::Fragment(health(&delivery)))
        }
    })
}

/// What a state means, and what happens next.
fn state_in_words(delivery: &ShownDelivery) -> &'static str {
    match delivery.state.as_str() {
        "on" => "Messages are sent as they come.",
        "off" => "Messages that come now are not sent later. Switch it on in the settings.",
        "down" => {
            "It fails. It is tried from time to time, and what waits is sent when it is back."
        }
        "waiting" => "Sending waits until the journal has noted how far it came.",
        _ => "Nothing is sent until this is mended. What waits is kept.",
    }
}

fn health(delivery: &ShownDelivery) -> Markup {
    let count = |label, value: u64, unit| tile(label, Some(value as f64), Unit::Count(unit));
    let duration =
        |label, ms: Option<u64>| tile(label, ms.map(|ms| ms as f64 / 1_000.0), Unit::Seconds);
    html! {
        div class="stack" {
            section class="card stack" {
                h2 { "State" }
                p { (state(&delivery.state)) " " (state_in_words(delivery)) }
                @if let Some(problem) = &delivery.problem { p { "The reason: " (problem) } }
            }
            div class="stats" {
                (count("Lag", delivery.lag_entries, "entries"))
                (tile("Age of the oldest that waits", Some(delivery.oldest_s), Unit::Seconds))
                (count("Delivered", delivery.delivered, ""))
                (count("Attempts that were repeated", delivery.retried, ""))
                (count("Under way", delivery.in_flight as u64, ""))
                (count("Wait for their next attempt", delivery.waiting_for_retry as u64, ""))
                (duration("Half were there within", delivery.latency_p50_ms))
                (duration("95 % were there within", delivery.latency_p95_ms))
            }
            div class="columns" {
                (reasons("Failed, by reason", "Nothing has failed for good.", &delivery.failed))
                (reasons(
                    "Withheld, by rule",
                    "No rule has withheld a message since the server started.",
                    &delivery.withheld,
                ))
            }
            @if !delivery.syncs.is_empty() { (syncs(&delivery.syncs)) }
        }
    }
}

fn syncs(syncs: &[SyncedSubject]) -> Markup {
    let columns = vec![
        Column::text("Trait or audience"),
        Column::number("People with a value"),
        Column::number("Values sent"),
    ];
    let count = |n: u64| Cell::new(Unit::Count("").text(n as f64));
    let rows = syncs.iter().map(|sync| {
        let name = html! { code { (sync.key) } " " span class="muted" { (sync.kind) } };
        vec![Cell::new(name), count(sync.people), count(sync.sent)]
    });
    let table = Table::new("Traits and audiences", columns).captioned().rows(rows);
    html! { section class="card card-table" { (table.render()) } }
}

fn tile<'a>(label: &'a str, value: Option<f64>, unit: Unit<'a>) -> StatTile<'a> {
    StatTile { label, value, unit, interval: None, change: None, trend: &[], href: None }
}

fn reasons(title: &str, none: &str, counts: &BTreeMap<String, u64>) -> Markup {
    if counts.is_empty() {
        return html! { section class="card" { h2 { (title) } p class="muted" { (none) } } };
    }
    let columns = vec![Column::text("Reason"), Column::number("Messages")];
    let rows = counts.iter().map(|(reason, n)| {
        vec![Cell::new(html! { code { (reason) } }), Cell::new(Unit::Count("").text(*n as f64))]
    });
    let table = Table::new(title, columns).captioned().rows(rows);
    html! { section class="card card-table" { (table.render()) } }
}
