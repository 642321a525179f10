//! `GET /api/workspaces/{workspace}/campaigns`, and what is below it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::Campaign;
use resources::business_events::{self, TakenBusinessEvent, ToldBusinessEvent};
use resources::campaign_preview::{self, CampaignPreviewBody, ShownCampaignPreview};
use resources::campaign_report::{self, CampaignOutcome, ReportQuery};
use resources::campaigns::{self, CampaignReport, Trigger, Triggered};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::parameters::Parameters;
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

/// Shows what became of the messages of a campaign, by day and variant.
///
/// Messages count on the day on which they were sent, in the time zone of the workspace, whenever
/// somebody clicks or buys.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/campaigns/{key}/report",
    params(ReportQuery),
    responses((status = 200, description = "Done", body = CampaignOutcome)),
)]
pub(super) async fn report(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Parameters(query): Parameters<ReportQuery>,
) -> Result<Json<CampaignOutcome>, ApiError> {
    Ok(Json(campaign_report::read(&workspace, key, query).await?))
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

/// Begins messages of a campaign whose start is `triggered`.
///
/// People whom nobody knows are named in the answer.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/campaigns/{key}/trigger",
    request_body = Trigger,
    responses((status = 200, description = "Done", body = Triggered)),
)]
pub(super) async fn trigger(
    Path((_, key)): Path<(String, String)>,
    Upload(workspace, Body(asked)): Upload<Body<Trigger>>,
) -> Result<Json<Triggered>, ApiError> {
    Ok(Json(campaigns::trigger(&workspace, key, asked).await?))
}

/// Tells a business event, such as a new episode: campaigns that begin with it send to the people
/// who are interested in its items.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/business_events",
    request_body = ToldBusinessEvent,
    responses((status = 200, description = "Done", body = TakenBusinessEvent)),
)]
pub(super) async fn tell_business_event(
    Upload(workspace, Body(told)): Upload<Body<ToldBusinessEvent>>,
) -> Result<Json<TakenBusinessEvent>, ApiError> {
    Ok(Json(business_events::tell(&workspace, told).await?))
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
