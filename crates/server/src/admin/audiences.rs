//! `GET /api/workspaces/{workspace}/audiences`, what is below it, and the audiences of a person.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::LikelyAudience;
use resources::audience_preview::{self, PersonInAudience, PreviewBody, ShownPreview};
use resources::audiences::{
    self, Audience, AudienceBody, MEMBERS_MAX, MembersPage, PersonAudience,
};
use resources::likely_preview::{self, ShownLikely};
use serde::{Deserialize, Serialize};
use web::App;
use web::error::ApiError;
use web::parameters::{Parameters, count};
use web::workspaces::Workspace;

use super::Upload;
use super::body::{Body, RawBody};
use super::revision::{Expectation, revised};

const MEMBERS_DEFAULT: usize = 100;

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Audiences {
    audiences: Vec<Audience>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PersonAudiences {
    audiences: Vec<PersonAudience>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MembersQuery {
    /// How many, up to 1,000.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<u32>,
    /// Lists who left in so many days and is not back, instead of the members. Up to 3,650.
    left_days: Option<u32>,
}

/// Lists the audiences.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/audiences",
    responses((status = 200, description = "Done", body = Audiences)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Audiences>, ApiError> {
    Ok(Json(Audiences { audiences: audiences::list(&workspace).await? }))
}

/// Shows an audience.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/audiences/{key}",
    responses((status = 200, description = "Done", body = Audience)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(audiences::read(&workspace, key).await?))
}

/// Makes or replaces an audience.
///
/// It has a condition, a text or its JSON form, or the items on which its people are likely to act.
/// Who belongs to the audience is worked out behind the answer.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/audiences/{key}",
    request_body = AudienceBody,
    responses(
        (status = 200, description = "Done", body = Audience),
        (status = 201, description = "Made", body = Audience),
    ),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let definition = audiences::parse(&key, &body)?;
    let (audience, is_new) = audiences::put(&app, &workspace, definition, expected).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, revised(audience)).into_response())
}

/// Removes an audience that no other one names.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/audiences/{key}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    audiences::delete(&app, &workspace, key, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists who belongs to an audience, or who left it lately.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/audiences/{key}/members",
    params(MembersQuery),
    responses((status = 200, description = "Done", body = MembersPage)),
)]
pub(super) async fn members(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Parameters(query): Parameters<MembersQuery>,
) -> Result<Json<MembersPage>, ApiError> {
    let limit = count("limit", query.limit, MEMBERS_DEFAULT, MEMBERS_MAX)?;
    Ok(Json(audiences::members(&workspace, key, query.left_days, query.after, limit).await?))
}

/// Lists the audiences of a person, with the times during which they belonged to each.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people/{id}/audiences",
    responses((status = 200, description = "Done", body = PersonAudiences)),
)]
pub(super) async fn of_person(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<PersonAudiences>, ApiError> {
    Ok(Json(PersonAudiences { audiences: audiences::of_person(&workspace, id).await? }))
}

/// Shows who would belong to an audience now.
///
/// It takes less than 2 s, whatever the number of people: what cannot be counted in time is
/// estimated from people at random.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/audience_previews",
    request_body = PreviewBody,
    responses((status = 200, description = "Done", body = ShownPreview)),
)]
pub(super) async fn preview(
    Upload(workspace, Body(PreviewBody { condition })): Upload<Body<PreviewBody>>,
) -> Result<Json<ShownPreview>, ApiError> {
    Ok(Json(audience_preview::preview(&workspace, condition).await?))
}

/// Shows what a product-based audience would come to.
///
/// Who is interested in the items, and size against expected response, in less than 2 s: people
/// who cannot be scored in time are estimated from those at random.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/audience_previews/likely",
    request_body = LikelyAudience,
    responses((status = 200, description = "Done", body = ShownLikely)),
)]
pub(super) async fn preview_likely(
    Upload(workspace, Body(likely)): Upload<Body<LikelyAudience>>,
) -> Result<Json<ShownLikely>, ApiError> {
    Ok(Json(likely_preview::preview(&workspace, likely).await?))
}

/// Shows why a person belongs to an audience, or does not.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/people/{id}/audiences/{key}",
    responses((status = 200, description = "Done", body = PersonInAudience)),
)]
pub(super) async fn why(
    Workspace(workspace): Workspace,
    Path((_, id, key)): Path<(String, String, String)>,
) -> Result<Json<PersonInAudience>, ApiError> {
    Ok(Json(audience_preview::of_person(&workspace, id, key).await?))
}
