//! `GET /api/workspaces/{workspace}/people` and what is below it: people are found, and what is
//! known of each.

use axum::Json;
use axum::extract::Path;
use resources::campaign_messages::{self, CampaignMessagesPage, CampaignMessagesQuery};
use resources::people::{self, Found, INTERACTIONS_MAX, InteractionsPage, Profile, ShownPerson};
use resources::person_lists::{self, ListName, PersonList};
use resources::timeline::{PagePlace, TimelineFilter, TimelinePage, parse_cursor};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::parameters::{Parameters, count};
use web::workspaces::Workspace;

use crate::profile_api::instant;

const LIMIT_DEFAULT: usize = 20;
const TIMELINE_MAX: usize = 100;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    q: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct People {
    people: Vec<ShownPerson>,
}

/// Finds people by an id, an e-mail address or a name.
///
/// Without a text: the people who were active lately.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people",
    params(Search),
    responses((status = 200, description = "Done", body = People)),
)]
pub(super) async fn search(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Search>,
) -> Result<Json<People>, ApiError> {
    let people = match query.q {
        Some(text) => people::search(&workspace, text).await?,
        None => people::recent(&workspace).await?,
    };
    Ok(Json(People { people }))
}

/// Shows what is known of a person.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people/{id}",
    responses((status = 200, description = "Done", body = Profile)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Profile>, ApiError> {
    Ok(Json(people::read(&workspace, id).await?))
}

/// Shows the messages of campaigns to a person as they were sent, newest first, and why others were
/// not.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people/{id}/campaign_messages",
    params(CampaignMessagesQuery),
    responses((status = 200, description = "Done", body = CampaignMessagesPage)),
)]
pub(super) async fn campaign_messages(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(query): Parameters<CampaignMessagesQuery>,
) -> Result<Json<CampaignMessagesPage>, ApiError> {
    Ok(Json(campaign_messages::read(&workspace, id, query).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TimelineParameters {
    event: Option<String>,
    start: Option<String>,
    end: Option<String>,
    older: Option<String>,
    newer: Option<String>,
    limit: Option<usize>,
}

/// Shows what happened to a person, newest first.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people/{id}/timeline",
    params(TimelineParameters),
    responses((status = 200, description = "Done", body = TimelinePage)),
)]
pub(super) async fn timeline(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(query): Parameters<TimelineParameters>,
) -> Result<Json<TimelinePage>, ApiError> {
    let place = match (query.older.as_deref(), query.newer.as_deref()) {
        (None, None) => PagePlace::Newest,
        (Some(older), None) => PagePlace::OlderThan(cursor("older", older)?),
        (None, Some(newer)) => PagePlace::NewerThan(cursor("newer", newer)?),
        (Some(_), Some(_)) => return Err(ApiError::invalid("give older or newer, not both")),
    };
    let filter = TimelineFilter {
        event: query.event,
        start: instant("start", query.start.as_deref())?,
        end: instant("end", query.end.as_deref())?,
        limit: count("limit", query.limit, LIMIT_DEFAULT, TIMELINE_MAX)?,
        place,
    };
    Ok(Json(people::timeline(&workspace, id, filter).await?))
}

fn cursor(name: &str, text: &str) -> Result<engine::TimelineEntry, ApiError> {
    let wrong = || ApiError::invalid(format!("{name} is {text:?}, it must come from an answer"));
    parse_cursor(text).ok_or_else(wrong)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct InteractionsParameters {
    offset: Option<usize>,
    limit: Option<usize>,
}

/// Shows the interactions of a person with items, newest first.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people/{id}/interactions",
    params(InteractionsParameters),
    responses((status = 200, description = "Done", body = InteractionsPage)),
)]
pub(super) async fn interactions(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(query): Parameters<InteractionsParameters>,
) -> Result<Json<InteractionsPage>, ApiError> {
    let limit = count("limit", query.limit, LIMIT_DEFAULT, INTERACTIONS_MAX)?;
    Ok(Json(people::interactions(&workspace, id, query.offset.unwrap_or(0), limit).await?))
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Lists {
    #[schema(value_type = Vec<String>)]
    lists: Vec<ListName>,
}

/// Names the lists that can be shown for a person.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people/{id}/lists",
    responses((status = 200, description = "Done", body = Lists)),
)]
pub(super) async fn lists(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Lists>, ApiError> {
    people::check(&workspace, id).await?;
    Ok(Json(Lists { lists: person_lists::names(&workspace)? }))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParameters {
    #[param(value_type = String)]
    name: ListName,
}

/// Makes one of the lists of a person, with reasons.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people/{id}/list",
    params(ListParameters),
    responses((status = 200, description = "Done", body = PersonList)),
)]
pub(super) async fn list(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(query): Parameters<ListParameters>,
) -> Result<Json<PersonList>, ApiError> {
    Ok(Json(person_lists::read(&workspace, id, query.name).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Text {
    q: String,
}

/// Finds people, items and accounts.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/search",
    params(Text),
    responses((status = 200, description = "Done", body = Found)),
)]
pub(super) async fn everything(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Text>,
) -> Result<Json<Found>, ApiError> {
    Ok(Json(people::search_everything(&workspace, query.q).await?))
}
