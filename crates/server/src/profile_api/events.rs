//! `GET .../events`: what happened to a user, or to the users of an account, page by page through
//! the whole history, each event once.

use axum::Json;
use axum::extract::OriginalUri;
use domain::Timestamp;
use engine::{Engine, Event, TimelineQuery};
use resources::timeline::{ShownEvent, format_cursor, parse_cursor};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cursor;
use super::lookup::{Lookup, Subject};
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
        Some(text) => Some(parse_cursor(&text).ok_or_else(cursor::wrong_next)?),
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
        from_offset: 0,
        limit,
    };
    // Bodies come from the journal's files.
    let (events, has_more) =
        lookup.read(move |engine, subject| read_page(engine, subject, &timeline)).await?;
    let last = events.last().map(|event| format_cursor(event.entry));
    let data: Vec<ShownEvent> =
        events.iter().map(|event| ShownEvent::new(&event.message)).collect();
    Ok(Json(
        json!({ "data": data, "cursor": cursor::cursor(uri.path(), limit, has_more, last.as_deref()) }),
    ))
}

fn read_page(
    engine: &Engine,
    subject: &Subject,
    timeline: &TimelineQuery,
) -> Result<(Vec<Event>, bool), ApiError> {
    Ok(match subject {
        Subject::User(user) => engine.events(*user, timeline)?,
        Subject::Account(group_id) => engine.account_events(group_id, timeline)?,
    })
}

pub(crate) fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    match text {
        None => Ok(None),
        Some(text) => Timestamp::parse(text).map(Some).ok_or_else(|| {
            ApiError::invalid(format!(
                "{name} is {text:?}, it must be ISO 8601, such as 2026-01-31T00:00:00Z"
            ))
        }),
    }
}
