//! Timelines: what happened to a person, page by page. The profile API shows the same events.

use domain::{Message, Timestamp};
use engine::{Engine, TimelineEntry, TimelineQuery};
use serde::Serialize;
use serde_json::{Map, Value};
use web::error::ApiError;

/// A message of a timeline.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownEvent {
    /// The ids that the message came with.
    pub external_ids: Vec<ShownExternalId>,
    /// Its context, as sent.
    pub context: Value,
    /// The type of the message: track, page, screen, identify, group, alias.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// Its id.
    pub message_id: String,
    /// The source that sent it.
    pub source_id: String,
    /// When it happened.
    pub timestamp: String,
    /// When it arrived.
    pub received_at: String,
    /// Its properties or traits, as sent.
    pub properties: Value,
    /// The name of the event.
    pub event: String,
    /// The name of a page or screen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whom it is about.
    pub related: Related,
    /// When it happened, for pages that show it.
    #[serde(skip)]
    pub at: Timestamp,
}

/// Whom an event is about.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Related {
    /// The people.
    pub users: Vec<RelatedUser>,
}

/// A person whom an event is about.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RelatedUser {
    /// The ids of the person.
    pub external_ids: Vec<ShownExternalId>,
}

/// An external id in an event.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownExternalId {
    /// The id.
    pub id: String,
    /// Its type: user_id or anonymous_id.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// What has it: users.
    pub collection: &'static str,
    /// How it is encoded: none.
    pub encoding: &'static str,
}

impl ShownEvent {
    /// The form of a message.
    pub fn new(message: &Message) -> Self {
        let ids = [("user_id", &message.user_id), ("anonymous_id", &message.anonymous_id)];
        let external_ids: Vec<ShownExternalId> = ids
            .into_iter()
            .filter_map(|(type_, id)| {
                let id = id.clone()?;
                Some(ShownExternalId { id, type_, collection: "users", encoding: "none" })
            })
            .collect();
        let part = |text: &Option<String>| {
            let value = text.as_deref().and_then(|text| serde_json::from_str(text).ok());
            value.unwrap_or_else(|| Value::Object(Map::new()))
        };
        Self {
            context: part(&message.context),
            type_: message.type_.word(),
            message_id: message.message_id.clone(),
            source_id: message.source.clone(),
            timestamp: message.timestamp.to_string(),
            received_at: message.received_at.to_string(),
            properties: part(&message.body),
            event: message.event_name().to_owned(),
            name: message.name.clone(),
            related: Related { users: vec![RelatedUser { external_ids: external_ids.clone() }] },
            external_ids,
            at: message.timestamp,
        }
    }
}

/// What is wanted of a timeline.
#[derive(Debug, Clone, Default)]
pub struct TimelineFilter {
    /// Only events with this name.
    pub event: Option<String>,
    /// Only events at or after this time.
    pub start: Option<Timestamp>,
    /// Only events before this time.
    pub end: Option<Timestamp>,
    /// The most events of a page.
    pub limit: usize,
    /// Where the page is.
    pub place: PagePlace,
}

/// Where a page is in a timeline.
#[derive(Debug, Clone, Copy, Default)]
pub enum PagePlace {
    /// At the newest event.
    #[default]
    Newest,
    /// Behind the last event of a page.
    OlderThan(TimelineEntry),
    /// Before the first event of a page.
    NewerThan(TimelineEntry),
}

/// A page of a timeline, newest first.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct TimelinePage {
    /// The events.
    pub events: Vec<ShownEvent>,
    /// The cursor of the page with older events; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older: Option<String>,
    /// The cursor of the page with newer events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer: Option<String>,
}

impl TimelinePage {
    /// Reads a page.
    pub(crate) fn read(
        engine: &Engine,
        user: domain::UserIdx,
        filter: &TimelineFilter,
    ) -> Result<Self, ApiError> {
        let (is_back, after) = match filter.place {
            PagePlace::Newest => (false, None),
            PagePlace::OlderThan(entry) => (false, Some(entry)),
            PagePlace::NewerThan(entry) => (true, Some(entry)),
        };
        let query = TimelineQuery {
            ascending: is_back,
            start: filter.start,
            end: filter.end,
            include: filter.event.iter().cloned().collect(),
            exclude: Vec::new(),
            with_others: filter.event.is_none(),
            after,
            from_offset: 0,
            limit: filter.limit,
        };
        let (mut events, has_more) = engine.events(user, &query)?;
        if is_back && !has_more {
            // The newest page is always a full one.
            let newest = TimelineFilter { place: PagePlace::Newest, ..filter.clone() };
            return Self::read(engine, user, &newest);
        }
        if is_back {
            events.reverse();
        }
        let (has_newer, has_older) = match filter.place {
            PagePlace::Newest => (false, has_more),
            PagePlace::OlderThan(_) => (true, has_more),
            PagePlace::NewerThan(_) => (true, true),
        };
        let cursor = |event: Option<&engine::Event>| event.map(|event| format_cursor(event.entry));
        Ok(Self {
            older: cursor(events.last()).filter(|_| has_older),
            newer: cursor(events.first()).filter(|_| has_newer),
            events: events.iter().map(|event| ShownEvent::new(&event.message)).collect(),
        })
    }
}

/// The text that names a place in a timeline.
pub fn format_cursor(entry: TimelineEntry) -> String {
    format!("{}.{}", entry.timestamp.0, entry.offset)
}

/// Reads such a text; none where it is not one.
pub fn parse_cursor(text: &str) -> Option<TimelineEntry> {
    let (timestamp, offset) = text.split_once('.')?;
    let timestamp = Timestamp(timestamp.parse().ok().filter(|ms| *ms >= 0)?);
    Some(TimelineEntry { timestamp, offset: offset.parse().ok()? })
}
