//! `GET /api/workspaces/{workspace}/campaigns`, and what is below it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::Campaign;
use resources::campaign_preview::{self, CampaignPreviewBody, ShownCampaignPreview};
use resources::campaigns::{self, CampaignReport};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::{Body, RawBody};
use super::revision::{Expectation, revised};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Campaigns {
    campaigns: Vec<CampaignReport>,
}

/// Lists the campaigns with what they did.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/campaigns",
    responses((status = 200, description = "Done", body = Campaigns)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Campaigns>, ApiError> {
    Ok(Json(Campaigns { campaigns: campaigns::list(&workspace).await? }))
}

/// Shows a campaign with what it did.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/campaigns/{key}",
    responses((status = 200, description = "Done", body = CampaignReport)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(campaigns::read(&workspace, key).await?))
}

/// Makes or replaces a campaign.
///
/// One whose status is `running` sends at once, or from its time on.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/campaigns/{key}",
    request_body = Campaign,
    responses(
        (status = 200, description = "Done", body = Campaign),
        (status = 201, description = "Made", body = Campaign),
    ),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let campaign = campaigns::parse(&key, &body)?;
    let (campaign, is_new) = campaigns::put(&app, &workspace, campaign, expected).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, revised(campaign)).into_response())
}

/// Removes a campaign, and what waits for it.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/campaigns/{key}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    campaigns::delete(&app, &workspace, key, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows what a person would get of a campaign now.
///
/// The campaign need not be saved, and nothing is sent or written.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/campaign_previews",
    request_body = CampaignPreviewBody,
    responses((status = 200, description = "Done", body = ShownCampaignPreview)),
)]
pub(super) async fn preview(
    Upload(workspace, Body(CampaignPreviewBody { campaign, person })): Upload<
        Body<CampaignPreviewBody>,
    >,
) -> Result<Json<ShownCampaignPreview>, ApiError> {
    let person = person.map(String::from);
    Ok(Json(campaign_preview::preview(&workspace, campaign, person).await?))
}
