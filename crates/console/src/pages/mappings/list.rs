//! The mappings in force, and the events that none of them takes.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::{Timestamp, WorkspaceId};
use mapping::{ActionSchema, MAPPINGS_MAX};
use maud::{Markup, html};
use resources::events::{self, EventNotTaken};
use serde::Deserialize;
use serde_json::Value;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::words::action_title;
use super::{Stored, is_enabled, may_change, name_of, notice, text_of};
use crate::page::{Frame, new_mapping_path};
use crate::ui::{
    Badge, Button, Callout, Cell, Column, EmptyState, Icon, RelativeTime, Table, Tone, Unit,
};

/// The most events that the page shows.
const EVENTS_SHOWN_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    destination: Option<String>,
    notice: Option<String>,
}

pub(super) async fn list(
    frame: Frame,
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Response, ApiError> {
    let stored = Stored::read(&workspace, query.destination).await?;
    let presets = stored.destination.presets(&*workspace.config()?);
    let (may_change, id) = (may_change(&caller), workspace.id());
    let mappings = stored.shown();
    let is_full = mappings.len() >= MAPPINGS_MAX;
    let is_engine = stored.destination.is_engine();
    let body = html! {
        (origin(&stored, is_full && may_change))
        @if mappings.is_empty() {
            (EmptyState {
                icon: Icon::Mappings,
                title: "No mapping",
                text: match is_engine {
                    true => "Recommendations learn nothing from messages. They are still in the timelines of people.",
                    false => "Nothing is sent there.",
                },
                next: None,
            })
        } @else {
            section class="card card-table" { (table(&stored, &mappings, &presets)) }
        }
        @if is_engine {
            @let events = events::list(&workspace).await?.not_taken;
            @let now = app.installation.options.clock.now();
            section class="section" aria-labelledby="not-taken" {
                h2 id="not-taken" { "Events that no mapping takes" }
                (not_taken(id, &events, may_change && !is_full, now))
            }
        }
    };
    let lead = match is_engine {
        true => {
            "What messages become: each mapping takes some of them and says what they mean for recommendations."
        }
        false => {
            "What is sent: each mapping takes some messages and says what becomes of them there."
        }
    };
    let page = |part| stored.addresses.page(part);
    let page = stored
        .list_page(&frame, "Mappings")
        .lead(lead)
        .actions(html! {
            @if may_change && !stored.destination.uses_presets {
                (Button::quiet("Back to the presets").href(&page("/presets")))
            }
            @if may_change && is_engine {
                (Button::quiet("Apply to the past").href(&page("/past")))
            }
            (Button::secondary("Try a message").icon(Icon::TryIt).href(&page("/try")))
            @if may_change && !is_full {
                (Button::primary("New mapping").icon(Icon::Add).href(&page("/edit")))
            }
        })
        .body(body);
    Ok(page.notice_if(notice(query.notice.as_deref())?).into_response())
}

/// Whose mappings they are, and what a change of them means.
fn origin(stored: &Stored, is_full: bool) -> Markup {
    let (whose, own) = match stored.destination.is_engine() {
        true => ("this workspace’s", "These are this workspace’s own mappings"),
        false => ("this destination’s", "These are this destination’s own mappings"),
    };
    let first_change = format!(
        "The first change makes the whole list {whose} own. A change holds for the messages that come after it."
    );
    html! {
        @if stored.destination.uses_presets {
            (Callout::info("These are the presets").text(&first_change))
        } @else {
            (Callout::info(own).text(
                "A change holds for the messages that come after it."
            ))
        }
        @if is_full {
            (Callout::warning("There is no place for more mappings").text(
                "A destination has at most 50: delete one to make another."
            ))
        }
    }
}

fn table<'a>(stored: &Stored, mappings: &[Value], presets: &[Value]) -> Table<'a> {
    let actions: &'static [ActionSchema] = stored.actions();
    let columns = vec![Column::text("Mapping"), Column::text("Does"), Column::text("State")];
    let rows = mappings.iter().map(|mapping| {
        let name = name_of(mapping);
        let first = html! {
            a href=(stored.addresses.of_mapping("/edit", name)) { @if name.is_empty() { "without a name" } @else { (name) } }
            span class="under" { code { (text_of(mapping, "trigger")) } }
        };
        let preset = presets.iter().find(|preset| name_of(preset) == name);
        vec![
            Cell::new(first),
            Cell::new(action_title(actions, text_of(mapping, "action")).to_owned()),
            Cell::new(state(mapping, preset)),
        ]
    });
    Table::new("Mappings in force", columns).rows(rows)
}

fn state(mapping: &Value, preset: Option<&Value>) -> Markup {
    html! {
        @if is_enabled(mapping) { (Badge::of(Tone::Good, "on")) } @else { (Badge::new("off")) }
        " "
        @match preset {
            Some(preset) if preset == mapping => (Badge::new("preset")),
            Some(_) => (Badge::of(Tone::Accent, "changed preset")),
            None => (Badge::of(Tone::Accent, "own")),
        }
    }
}

fn not_taken(
    workspace: &WorkspaceId,
    events: &[EventNotTaken],
    may_make: bool,
    now: Timestamp,
) -> Markup {
    if events.is_empty() {
        return html! { p class="field-hint" { "None came so far." } };
    }
    let mut columns = vec![
        Column::text("Event"),
        Column::number("Messages"),
        Column::text("Last"),
        Column::text("Near it"),
    ];
    if may_make {
        columns.push(Column::actions("Make a mapping"));
    }
    let rows = events.iter().take(EVENTS_SHOWN_MAX).map(|event| {
        let first = html! { (event.event) span class="under" { (event.type_.word()) } };
        let near = event.would_be_taken_by.as_ref().map_or("–", |near| near.preset);
        let mut row = vec![
            Cell::new(first),
            Cell::new(Unit::Count("").text(event.count as f64)),
            Cell::new(RelativeTime { at: event.last_at, now }),
            Cell::new(near),
        ];
        if may_make {
            let href = new_mapping_path(workspace, event.type_, &event.event);
            row.push(Cell::new(Button::quiet("Make a mapping for it").href(&href)));
        }
        row
    });
    let table = Table::new("Events that no mapping takes", columns).rows(rows);
    html! {
        div class="card card-table" { (table) }
        @if events.len() > EVENTS_SHOWN_MAX {
            p class="field-hint" { "And " (events.len() - EVENTS_SHOWN_MAX) " more, which came less often." }
        }
    }
}
