//! Messages and calls as they arrive, with what became of them.

mod entry;
mod opened;
mod refusals;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::Right::SeePeople;
use domain::Timestamp;
use domain::WorkspaceId;
use maud::{Markup, Render, html};
use resources::live::{self, Filter, LiveEntry, LiveOutcome, LivePage};
use resources::rejections;
use serde::Deserialize;
use web::App;
use web::access::Call;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

pub(super) use self::entry::in_words;
use crate::gate::{gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::ui::form::{Field, InputKind, Select, TextInput};
use crate::ui::{Button, Callout, EmptyState, Icon, LiveList, Pagination, Tab, tabs};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/live", SeePeople),
    read("/console/{workspace}/live/stream", SeePeople),
    read("/console/{workspace}/live/{offset}", SeePeople),
];

/// The most entries of a page, and those that stay on it while more arrive.
const ENTRIES_SHOWN_MAX: usize = 50;
/// The most rejected messages that are shown where no page of the journal has any.
const EARLIER_SHOWN_MAX: usize = 20;

/// The outcomes that have a tab, with its label.
const TABS: [(Option<LiveOutcome>, &str); 6] = [
    (None, "All"),
    (Some(LiveOutcome::Accepted), "Accepted"),
    (Some(LiveOutcome::Rejected), "Rejected"),
    (Some(LiveOutcome::AppliedInPart), "In part"),
    (Some(LiveOutcome::Duplicate), "Duplicates"),
    (Some(LiveOutcome::Refused), "Refused calls"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/live", get(list))
        .route("/console/{workspace}/live/stream", get(stream::follow))
        .route("/console/{workspace}/live/{offset}", get(opened::show));
    gated(app, CALLS, routes)
}

/// What the page shows.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Query {
    source: String,
    event: String,
    user: String,
    outcome: String,
    before: Option<u64>,
}

impl Query {
    fn filter(&self) -> Result<Filter, ApiError> {
        let given = |text: &String| Some(text.clone());
        Filter::new(
            given(&self.source),
            given(&self.event),
            given(&self.user),
            given(&self.outcome),
        )
    }

    /// The address with this query below a path of the page.
    fn address(
        &self,
        workspace: &WorkspaceId,
        below: &str,
        further: Option<(&str, u64)>,
    ) -> String {
        let given = [
            ("source", &self.source),
            ("event", &self.event),
            ("user", &self.user),
            ("outcome", &self.outcome),
        ];
        let given = given.into_iter().filter(|(_, value)| !value.is_empty());
        let mut parts: Vec<String> =
            given.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        parts.extend(further.map(|(name, value)| format!("{name}={value}")));
        let path = Area::Live.path(workspace);
        match parts.is_empty() {
            true => format!("{path}{below}"),
            false => format!("{path}{below}?{}", parts.join("&")),
        }
    }

    fn with_outcome(&self, outcome: Option<LiveOutcome>) -> Self {
        let word = outcome.map_or("", LiveOutcome::word);
        Self { outcome: word.to_owned(), before: None, ..self.clone() }
    }
}

async fn list(
    frame: Frame,
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let page = live::page(&workspace, query.filter()?, query.before, ENTRIES_SHOWN_MAX).await?;
    let config = workspace.config()?;
    let sources: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
    let refusals = match query.outcome == LiveOutcome::Rejected.word() {
        true => Some(rejections::read(&workspace, EARLIER_SHOWN_MAX).await?),
        false => None,
    };
    let (id, now) = (workspace.id(), app.installation.options.clock.now());
    let body = html! {
        (outcome_tabs(id, &query))
        (filters(&query, &sources))
        @if let Some(refusals) = &refusals { (refusals::table(id, refusals)) }
        (entries(id, &query, &page, now))
        @if let Some(refusals) = refusals.filter(|_| page.entries.is_empty()) {
            (refusals::earlier(&refusals, &query.source, now))
        }
    };
    Ok(Page::new(&frame, Area::Live, "Live")
        .lead("Messages and calls as they arrive, with what became of them.")
        .body(body)
        .into_response())
}

fn outcome_tabs(workspace: &WorkspaceId, query: &Query) -> Markup {
    let addresses =
        TABS.map(|(outcome, _)| query.with_outcome(outcome).address(workspace, "", None));
    let shown: Vec<Tab> = TABS
        .iter()
        .zip(&addresses)
        .map(|((outcome, label), href)| Tab {
            label,
            href,
            count: None,
            is_current: query.outcome == outcome.map_or("", LiveOutcome::word),
        })
        .collect();
    tabs("Outcomes", &shown)
}

fn filters(query: &Query, sources: &[&str]) -> Markup {
    let all = std::iter::once(("", "All sources"));
    let options: Vec<(&str, &str)> = all.chain(sources.iter().map(|name| (*name, *name))).collect();
    html! {
        form class="filters" {
            (Select {
                field: Field::new("source", "Source").optional(),
                options: &options,
                value: &query.source,
            })
            (TextInput::new(Field::new("event", "Event").optional())
                .kind(InputKind::Search).value(&query.event))
            (TextInput::new(Field::new("user", "Person").optional())
                .kind(InputKind::Code).value(&query.user))
            @if !query.outcome.is_empty() {
                input type="hidden" name="outcome" value=(query.outcome);
            }
            (Button::secondary("Filter").icon(Icon::Filter))
        }
    }
}

fn entries(workspace: &WorkspaceId, query: &Query, page: &LivePage, now: Timestamp) -> Markup {
    let list = html! {
        ol class="timeline" {
            @for entry in &page.entries { (entry::render(workspace, entry, now)) }
        }
    };
    let newest = query.address(workspace, "", None);
    let older = page.before.map(|before| query.address(workspace, "", Some(("before", before))));
    let stream = query.address(workspace, "/stream", Some(("after", page.after)));
    let is_newest = query.before.is_none();
    html! {
        @if is_newest {
            noscript { div class="actions" { (Button::secondary("Show newer").href(&newest)) } }
        }
        section class="card" aria-label="Messages and calls" {
            @if is_newest {
                (LiveList { stream: &stream, of: "messages", list, entries_max: ENTRIES_SHOWN_MAX })
            } @else { (list) }
            @if page.entries.is_empty() { (nothing(workspace, query, page)) }
        }
        (Pagination {
            of: "messages and calls",
            shown: &shown(&page.entries),
            previous: (!is_newest).then_some(newest.as_str()),
            next: older.as_deref(),
        })
    }
}

fn shown(entries: &[LiveEntry]) -> String {
    domain::counted(entries.len() as u64, "entry", "entries")
}

fn nothing(workspace: &WorkspaceId, query: &Query, page: &LivePage) -> Markup {
    let is_filtered = query.filter().is_ok_and(|filter| !filter.is_empty());
    if page.before.is_some() {
        let title = "Nothing among the latest entries";
        let text = "One page looks at a part of the journal only: go on to the next one.";
        return Callout::info(title).text(text).render();
    }
    let all = Area::Live.path(workspace);
    match is_filtered {
        true => EmptyState {
            icon: Icon::Filter,
            title: "Nothing passes the filters",
            text: "It appears here as soon as it arrives.",
            next: Some(html! { (Button::secondary("Show all").href(&all)) }),
        },
        false => EmptyState {
            icon: Icon::Live,
            title: "Nothing has arrived yet",
            text: "Send a message with the write key of a source: it appears here at once.",
            next: None,
        },
    }
    .render()
}
