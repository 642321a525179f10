//! `GET /api/workspaces/{workspace}/recommendations?user=`: previews the list of a trait, `POST`
//! that of a call; `POST .../recommendations/calculate`: what such lists would come to for
//! everybody. `GET .../recommendations/{recomm_id}`: shows a past recommendation.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use domain::list::LIST_COUNT_MAX;
use domain::{Exclusion, Fallback, InteractionKind, ListCaller, ListSettings, Logic, Relevance};
use resources::calculation::{self, Calculation, CalculationRequest};
use resources::recommendations::{self, COUNT_DEFAULT, Preview, PreviewRequest, Vocabulary};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Upload;
use super::body::Body;
use crate::recommendation::ListBody;
use resources::results::ShownPlace;
use web::error::ApiError;
use web::parameters::{Parameters, count};
use web::workspaces::Workspace;

/// The keys of a trait, as parameters.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Query {
    user: Option<String>,
    count: Option<usize>,
    logic: Option<Logic>,
    interaction: Option<InteractionKind>,
    anchors: Option<u32>,
    max_age_s: Option<u32>,
    learns_from_s: Option<u32>,
    active_within_s: Option<u32>,
    min_count: Option<u32>,
    fallback: Option<Fallback>,
    exclude: Option<Exclusion>,
    item_type: Option<String>,
    diversity: Option<f32>,
    rotation_rate: Option<f32>,
    rotation_time_s: Option<u32>,
    min_relevance: Option<Relevance>,
}

/// Shows the list of a recommended-items trait for a person, with reasons.
///
/// An unknown user gets trending items. No impression is recorded.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/recommendations",
    params(Query),
    responses((status = 200, description = "Done", body = ListBody)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let settings = ListSettings {
        logic: query.logic,
        interaction: query.interaction,
        anchors: query.anchors,
        max_age_s: query.max_age_s,
        learns_from_s: query.learns_from_s,
        active_within_s: query.active_within_s,
        min_count: query.min_count,
        fallback: query.fallback,
        exclude: query.exclude,
        item_type: query.item_type,
        diversity: query.diversity,
        rotation_rate: query.rotation_rate,
        rotation_time_s: query.rotation_time_s,
        min_relevance: query.min_relevance,
        ..ListSettings::default()
    };
    let count = count("count", query.count, COUNT_DEFAULT, LIST_COUNT_MAX as usize)?;
    let request = settings.request(count, ListCaller::Trait);
    let preview = recommendations::preview_trait(&workspace, query.user, request).await?;
    let body = ListBody::new(&preview.list, preview.computed_at);
    let body = match preview.user_known {
        Some(is_known) => body.with_user_known(is_known),
        None => body,
    };
    Ok(Json(body).into_response())
}

/// Shows the list that a call of the recommender API would get, with reasons.
///
/// Shows the list that a call would get, with reasons.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/recommendations",
    request_body = PreviewRequest,
    responses((status = 200, description = "Done", body = Preview)),
)]
pub(super) async fn preview(
    Upload(workspace, Body(request)): Upload<Body<PreviewRequest>>,
) -> Result<Json<Preview>, ApiError> {
    Ok(Json(recommendations::preview(&workspace, request).await.map_err(|error| error.error)?))
}

/// Works out what lists with such settings would come to, for everybody.
///
/// Nothing is saved, and no impression is recorded. The answer says how many people there are, how
/// many lists follow from what their person did, how many different items they hold, how accurate
/// such lists were beside popular items, and shows three lists. Lists are made for up to 1,000
/// people taken by chance, or for one second.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/recommendations/calculate",
    request_body = CalculationRequest,
    responses((status = 200, description = "Done", body = Calculation)),
)]
pub(super) async fn calculate(
    Upload(workspace, Body(request)): Upload<Body<CalculationRequest>>,
) -> Result<Json<Calculation>, ApiError> {
    Ok(Json(calculation::calculate_lists(&workspace, request).await?))
}

/// Lists the words of which filters and boosters are made.
///
/// The words of which filters and boosters are made.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/vocabulary",
    responses((status = 200, description = "Done", body = Vocabulary)),
)]
pub(super) async fn vocabulary(
    Workspace(workspace): Workspace,
) -> Result<Json<Vocabulary>, ApiError> {
    Ok(Json(recommendations::vocabulary(&workspace).await?))
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct PastRecommendationBody {
    recomm_id: Uuid,
    user: Option<UserBody>,
    at: String,
    #[serde(flatten)]
    place: ShownPlace,
    group: Option<String>,
    model: Option<String>,
    items: Vec<String>,
    /// The number of lists that have continued it, and the time of the latest.
    n_next: u32,
    last_at: String,
    was_clicked: bool,
    was_converted: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
struct UserBody {
    #[serde(rename = "type")]
    type_: String,
    id: String,
}

/// Shows a past recommendation.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/recommendations/{recomm_id}",
    responses((status = 200, description = "Done", body = PastRecommendationBody)),
)]
pub(super) async fn read_one(
    Workspace(workspace): Workspace,
    Path((_, recomm_id)): Path<(String, String)>,
) -> Result<Json<PastRecommendationBody>, ApiError> {
    let (recomm_id, past) = recommendations::past(&workspace, &recomm_id).await?;
    Ok(Json(PastRecommendationBody {
        recomm_id,
        user: past.user.map(|(type_, id)| UserBody { type_: type_.word().to_owned(), id }),
        at: past.at.to_string(),
        place: past.place.into(),
        group: past.group,
        model: past.model,
        items: past.items,
        n_next: past.n_next,
        last_at: past.last_at.to_string(),
        was_clicked: past.was_clicked,
        was_converted: past.was_converted,
    }))
}
