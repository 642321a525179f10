//! Messages and calls as they arrive: `GET /api/workspaces/{workspace}/messages`, a page back from
//! the end; `.../messages/{offset}`, one opened; `.../live`, a stream of server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::{Extension, Json};
use futures_util::{Stream, StreamExt};
use resources::live::{self, ENTRIES_PER_PAGE_MAX, Filter, LivePage, OpenedEntry, Update};
use serde::{Deserialize, Serialize};

use web::App;
use web::access::Caller;
use web::admission::Origin;
use web::error::ApiError;
use web::parameters::{Parameters, count};
use web::streams::STREAM_HEARTBEAT;
use web::workspaces::Workspace;

const LIMIT_DEFAULT: usize = 50;
/// The header with the id of the last event, of clients that come back.
const LAST_EVENT_ID: &str = "last-event-id";

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    source: Option<String>,
    event: Option<String>,
    user: Option<String>,
    outcome: Option<String>,
    before: Option<u64>,
    limit: Option<usize>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    source: Option<String>,
    event: Option<String>,
    user: Option<String>,
    outcome: Option<String>,
    after: Option<u64>,
}

/// The data of an event `missed`.
#[derive(Serialize)]
struct Missed {
    /// The number of entries of the journal that were passed over.
    entries: u64,
}

/// Lists the latest messages and calls.
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/messages",
    params(PageQuery),
    responses((status = 200, description = "Done", body = LivePage)),
)]
pub(super) async fn list(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Json<LivePage>, ApiError> {
    let limit = count("limit", query.limit, LIMIT_DEFAULT, ENTRIES_PER_PAGE_MAX)?;
    let filter = Filter::new(query.source, query.event, query.user, query.outcome)?;
    Ok(Json(live::page(&workspace, filter, query.before, limit).await?))
}

/// Shows a message or call, with its mistakes and what each preset makes of it.
///
/// The message or call at an offset, with its mistakes and what each preset makes of it.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/messages/{offset}",
    responses((status = 200, description = "Done", body = OpenedEntry)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, offset)): Path<(String, String)>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Json<OpenedEntry>, ApiError> {
    let number = offset.parse();
    let number = number.map_err(|_| ApiError::not_found(format!("no message at {offset:?}")))?;
    Ok(Json(live::open(&workspace, number, origin.base_url(&headers)).await?))
}

/// Follows messages and calls as they arrive.
///
/// Events `entry`, and `missed` where there were too many. The id of each is the `after` of a
/// stream that goes on behind it.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/live",
    params(StreamQuery),
    responses((
        status = 200,
        description = "Done",
        body = String,
        content_type = "text/event-stream",
    )),
)]
pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    headers: HeaderMap,
    Parameters(query): Parameters<StreamQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let filter = Filter::new(query.source, query.event, query.user, query.outcome)?;
    let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()?.parse().ok());
    let updates =
        live::follow(&app, &caller, &workspace, filter, last.or(query.after), usize::MAX).await?;
    let events = updates.map(|update| {
        let (event, data, after) = match update {
            Update::Entry { entry, after } => ("entry", serde_json::to_string(&entry), after),
            Update::Missed { entries, after } => {
                ("missed", serde_json::to_string(&Missed { entries }), after)
            }
        };
        let data = data.expect("entries are JSON");
        Ok(Event::default().event(event).id(after.to_string()).data(data))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(STREAM_HEARTBEAT)))
}
