//! `GET .../events`: what happened to a user, page by page through the whole history, each event
//! once.

use axum::Json;
use axum::extract::OriginalUri;
use domain::{Message, Timestamp};
use engine::{TimelineEntry, TimelineQuery};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cursor;
use super::lookup::Lookup;
use web::error::ApiError;
use web::parameters::{self, Parameters};

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 100;

#[derive(Deserialize)]
pub(super) struct Query {
    include: Option<String>,
    exclude: Option<String>,
    start: Option<String>,
    end: Option<String>,
    sort: Option<String>,
    limit: Option<usize>,
    next: Option<String>,
}

pub(super) async fn read(
    lookup: Lookup,
    Parameters(query): Parameters<Query>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ApiError> {
    let limit = parameters::count("limit", query.limit, LIMIT_DEFAULT, LIMIT_MAX)?;
    let ascending = match query.sort.as_deref() {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(other) => {
            return Err(ApiError::invalid(format!("sort is {other:?}, it must be asc or desc")));
        }
    };
    let after = match cursor::next(query.next.as_deref())? {
        Some(text) => Some(parse_entry(&text).ok_or_else(cursor::wrong_next)?),
        None => None,
    };
    let timeline = TimelineQuery {
        ascending,
        start: instant("start", query.start.as_deref())?,
        end: instant("end", query.end.as_deref())?,
        include: cursor::list(query.include.as_deref()),
        exclude: cursor::list(query.exclude.as_deref()),
        with_others: false,
        after,
        limit,
    };
    // Bodies come from the journal's files.
    let (events, has_more) =
        lookup.read(move |engine, user| Ok(engine.events(user, &timeline)?)).await?;
    let last =
        events.last().map(|event| format!("{}.{}", event.entry.timestamp.0, event.entry.offset));
    let data: Vec<Value> = events.iter().map(|event| event_json(&event.message)).collect();
    Ok(Json(
        json!({ "data": data, "cursor": cursor::cursor(uri.path(), limit, has_more, last.as_deref()) }),
    ))
}

fn event_json(message: &Message) -> Value {
    let ids = [("user_id", &message.user_id), ("anonymous_id", &message.anonymous_id)];
    let external_ids: Vec<Value> =
        ids.iter().filter_map(|(type_, id)| id.as_ref().map(|id| external_id(type_, id))).collect();
    let part = |text: &Option<String>| -> Value {
        text.as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_else(|| Value::Object(Map::new()))
    };
    let mut event = json!({
        "external_ids": external_ids,
        "context": part(&message.context),
        "type": message.type_,
        "message_id": message.message_id,
        "source_id": message.source,
        "timestamp": message.timestamp.to_string(),
        "received_at": message.received_at.to_string(),
        "properties": part(&message.body),
        "event": message.event_name(),
        "related": { "users": [{ "external_ids": external_ids }] },
    });
    if let Some(name) = &message.name {
        event["name"] = name.as_str().into();
    }
    event
}

fn external_id(type_: &str, id: &str) -> Value {
    json!({ "id": id, "type": type_, "collection": "users", "encoding": "none" })
}

fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    match text {
        None => Ok(None),
        Some(text) => Timestamp::parse(text).map(Some).ok_or_else(|| {
            ApiError::invalid(format!(
                "{name} is {text:?}, it must be ISO 8601, such as 2026-01-31T00:00:00Z"
            ))
        }),
    }
}

fn parse_entry(text: &str) -> Option<TimelineEntry> {
    let (timestamp, offset) = text.split_once('.')?;
    let timestamp = Timestamp(timestamp.parse().ok().filter(|ms| *ms >= 0)?);
    Some(TimelineEntry { timestamp, offset: offset.parse().ok()? })
}
