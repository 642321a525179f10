//! What happened to a person, with filters and pages.

use axum::extract::Path;
use axum::response::Response;
use domain::{Timestamp, quantity::grouped};
use engine::SUBSCRIPTIONS_MEMBER;
use maud::{Markup, html};
use resources::people;
use resources::timeline::{PagePlace, ShownEvent, TimelineFilter, TimelinePage, parse_cursor};
use serde::Deserialize;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::profile::Person;
use crate::page::Frame;
use crate::page::encode;
use crate::ui::form::{Field, Select, TextInput};
use crate::ui::{Button, EmptyState, Icon, JsonView, Pagination, TimelineEntry, Tone, timeline};

/// How many messages stand on a page.
const SHOWN: usize = 25;
/// How many stand on the overview.
const LATELY: usize = 6;
const DAY_MS: i64 = 86_400_000;

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Query {
    event: String,
    from: String,
    until: String,
    older: Option<String>,
    newer: Option<String>,
}

/// The latest messages.
pub(super) async fn lately(
    workspace: &RequestedWorkspace,
    person: &Person,
) -> Result<Markup, ApiError> {
    let filter = TimelineFilter { limit: LATELY, ..TimelineFilter::default() };
    let page = people::timeline(workspace, person.name.clone(), filter).await?;
    Ok(html! {
        section class="section" {
            h2 { "Lately" }
            @if page.events.is_empty() {
                p { "No messages. What was imported is in the history." }
            } @else {
                div class="card" { (entries(&page.events, person.now, false, source_and_type)) }
                p { a href=(person.path("timeline")) { "The whole timeline" } }
            }
        }
    })
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let person = match Person::find(&frame, &workspace, id).await? {
        Ok(person) => person,
        Err(nobody) => return Ok(nobody),
    };
    let (from, until) = (day(&query.from), day(&query.until));
    let wrong_from = mistake(&query.from, from);
    let wrong_until = mistake(&query.until, until);
    let cursor = |name: &str, text: &Option<String>| match text.as_deref().map(parse_cursor) {
        Some(None) => {
            let what = format!("query parameter {name} is no place in this timeline");
            Err(ApiError::invalid(what).of_parameter(name))
        }
        place => Ok(place.flatten()),
    };
    let place = match (cursor("older", &query.older)?, cursor("newer", &query.newer)?) {
        (Some(entry), _) => PagePlace::OlderThan(entry),
        (None, Some(entry)) => PagePlace::NewerThan(entry),
        (None, None) => PagePlace::Newest,
    };
    let filter = TimelineFilter {
        event: Some(query.event.clone()).filter(|event| !event.is_empty()),
        start: from,
        // The day itself is in.
        end: until.map(|day| Timestamp(day.0 + DAY_MS)),
        limit: SHOWN,
        place,
    };
    let page = people::timeline(&workspace, person.name.clone(), filter).await?;
    let body = html! {
        (filters(&person, &query, wrong_from, wrong_until))
        @if page.events.is_empty() { (nothing(&person)) } @else {
            div class="card" { (entries(&page.events, person.now, true, source_and_type)) }
            (pages(&person, &query, &page))
        }
    };
    Ok(person.page(&frame, "timeline", &body))
}

fn filters(
    person: &Person,
    query: &Query,
    wrong_from: Option<&str>,
    wrong_until: Option<&str>,
) -> Markup {
    let counted = person
        .profile
        .events
        .iter()
        .map(|one| (one.event.clone(), format!("{} ({})", one.event, grouped(one.count))));
    let mut options: Vec<(String, String)> = vec![(String::new(), "Everything".to_owned())];
    options.extend(counted);
    if options.iter().all(|(value, _)| *value != query.event) {
        options.push((query.event.clone(), query.event.clone()));
    }
    let options: Vec<(&str, &str)> =
        options.iter().map(|(value, label)| (value.as_str(), label.as_str())).collect();
    let is_filtered = !(query.event.is_empty() && query.from.is_empty() && query.until.is_empty());
    html! {
        form class="filters" action=(person.path("timeline")) {
            (Select { field: Field::new("event", "Event").optional(), options: &options, value: &query.event })
            (TextInput::new(Field::new("from", "From").hint("A day, such as 2026-01-31").error(wrong_from).optional()).value(&query.from))
            (TextInput::new(Field::new("until", "Until").hint("A day, such as 2026-02-28").error(wrong_until).optional()).value(&query.until))
            (Button::primary("Filter"))
            @if is_filtered { (Button::quiet("Show all").href(&person.path("timeline"))) }
        }
        @if person.profile.has_older_messages {
            p class="field-hint" { "Events are counted among the latest 1,000 messages." }
        }
    }
}

fn pages(person: &Person, query: &Query, page: &TimelinePage) -> Markup {
    let at = |name: &str, cursor: &Option<String>| {
        let cursor = cursor.as_ref()?;
        let (event, from, until) =
            (encode(&query.event), encode(&query.from), encode(&query.until));
        let path = person.path("timeline");
        Some(format!("{path}?event={event}&from={from}&until={until}&{name}={cursor}"))
    };
    let (newer, older) = (at("newer", &page.newer), at("older", &page.older));
    let shown = match page.events.len() {
        1 => "1 message, newest first".to_owned(),
        n => format!("{n} messages, newest first"),
    };
    html! {
        (Pagination {
            of: "the timeline",
            shown: &shown,
            previous: newer.as_deref(),
            next: older.as_deref(),
        })
    }
}

fn nothing(person: &Person) -> Markup {
    html! {
        (EmptyState {
            icon: Icon::Live,
            title: "No messages here",
            text: "None of this person's messages passes the filter. What was imported is in the history.",
            next: Some(html! {
                (Button::secondary("All messages").href(&person.path("timeline")))
                (Button::quiet("History").href(&person.path("history")))
            }),
        })
    }
}

/// What happened; with the messages themselves where a page is about them. `facts_of` says what
/// stands beside the time of each.
pub(super) fn entries(
    events: &[ShownEvent],
    now: Timestamp,
    with_messages: bool,
    facts_of: impl Fn(&ShownEvent) -> Vec<&str>,
) -> Markup {
    let raw: Vec<String> =
        events.iter().map(|event| serde_json::to_string(event).unwrap_or_default()).collect();
    let facts: Vec<Vec<&str>> = events.iter().map(facts_of).collect();
    let entries: Vec<TimelineEntry> = events
        .iter()
        .enumerate()
        .map(|(n, event)| TimelineEntry {
            icon: icon(event),
            tone: Tone::Neutral,
            what: what(event),
            at: event.at,
            now,
            facts: &facts[n],
            outcome: None,
            detail: with_messages.then(|| html! {
                (JsonView { id: &format!("message-{n}"), label: "Message", text: &raw[n], marks: &[] })
            }),
        })
        .collect();
    timeline(&entries)
}

fn source_and_type(event: &ShownEvent) -> Vec<&str> {
    vec![event.source_id.as_str(), event.type_]
}

/// What happened, in words.
fn what(event: &ShownEvent) -> Markup {
    match event.type_ {
        "identify" if event.context.get(SUBSCRIPTIONS_MEMBER).is_some() => {
            html! { "Said which messages they want" }
        }
        "identify" => html! { "Told who they are" },
        "alias" => html! { "Two ids were linked" },
        "group" => html! { "Joined a group" },
        "page" | "screen" => {
            html! { "Looked at " bdi { (event.name.as_deref().unwrap_or(event.type_)) } }
        }
        _ => html! { bdi { (event.event) } },
    }
}

fn icon(event: &ShownEvent) -> Icon {
    match event.type_ {
        "identify" | "alias" | "group" => Icon::Person,
        _ => Icon::View,
    }
}

/// The start of a day, or an instant; none where the text is neither.
fn day(text: &str) -> Option<Timestamp> {
    Timestamp::parse_zoned(text)
}

fn mistake(text: &str, read: Option<Timestamp>) -> Option<&'static str> {
    (!text.trim().is_empty() && read.is_none())
        .then_some("This is not a day: write it as 2026-01-31")
}
