//! `GET /api/workspaces/{workspace}/recommendations?user=`: previews a list. `GET
//! .../recommendations/{recomm_id}`: shows a past recommendation.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use domain::list::{LIST_COUNT_MAX, ROTATION_TIME_S_DEFAULT};
use domain::{Exclusion, InteractionKind, ListRequest, Logic, Relevance};
use engine::{Engine, RequestBudget};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Workspace;
use super::kpis::PlaceBody;
use crate::error::ApiError;
use crate::parameters::{Parameters, count};
use crate::recommendation::ListBody;

const COUNT_DEFAULT: usize = 10;

/// The keys of a trait, as parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    user: Option<String>,
    count: Option<usize>,
    #[serde(default)]
    logic: Logic,
    interaction: Option<InteractionKind>,
    exclude: Option<Exclusion>,
    item_type: Option<String>,
    #[serde(default)]
    diversity: f32,
    #[serde(default)]
    rotation_rate: f32,
    rotation_time_s: Option<u32>,
    #[serde(default)]
    min_relevance: Relevance,
}

/// An unknown user gets trending items. No impression is recorded.
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let request = ListRequest {
        count: count("count", query.count, COUNT_DEFAULT, LIST_COUNT_MAX as usize)?,
        logic: query.logic,
        interaction: query.interaction,
        exclude: query.exclude.unwrap_or(query.logic.exclusion(query.item_type.as_deref())),
        item_type: query.item_type,
        diversity: query.diversity,
        rotation_rate: query.rotation_rate,
        rotation_time_s: query.rotation_time_s.unwrap_or(ROTATION_TIME_S_DEFAULT),
        min_relevance: query.min_relevance,
        ..ListRequest::new(0, query.logic)
    };
    request.validate_for_user().map_err(ApiError::invalid)?;
    let make = move |engine: &Engine, _: &RequestBudget| {
        let user = query.user.as_deref().and_then(|user| engine.find_user(user));
        let list = engine.recommend(user, &request)?;
        Ok(Json(ListBody::new(&list, engine.now())).into_response())
    };
    workspace.make_lists(make).await
}

#[derive(Serialize)]
pub(super) struct PastRecommendationBody {
    recomm_id: Uuid,
    user: Option<UserBody>,
    at: String,
    #[serde(flatten)]
    place: PlaceBody,
    group: Option<String>,
    model: Option<String>,
    items: Vec<String>,
    /// The number of lists that have continued it, and the time of the latest.
    n_next: u32,
    last_at: String,
    was_clicked: bool,
    was_converted: bool,
}

#[derive(Serialize)]
struct UserBody {
    #[serde(rename = "type")]
    type_: &'static str,
    id: String,
}

pub(super) async fn read_one(
    Workspace(workspace): Workspace,
    Path((_, recomm_id)): Path<(String, String)>,
) -> Result<Json<PastRecommendationBody>, ApiError> {
    let no_id =
        |_| ApiError::invalid(format!("{recomm_id:?} is no recommendation id: those are UUIDs"));
    let recomm_id = Uuid::try_parse(&recomm_id).map_err(no_id)?;
    let look_up = move |engine: &Engine| Ok(engine.recommendation(recomm_id)?);
    let Some(past) = workspace.run(look_up).await? else {
        let message = format!(
            "no recommendation {recomm_id}: there never was one, or it is older than {} days",
            engine::RECOMMENDATION_DAYS_KEPT
        );
        return Err(ApiError::not_found(message));
    };
    Ok(Json(PastRecommendationBody {
        recomm_id,
        user: past.user.map(|(type_, id)| UserBody { type_: type_.word(), id }),
        at: past.at.to_string(),
        place: PlaceBody::new(past.place),
        group: past.group,
        model: past.model,
        items: past.items,
        n_next: past.n_next,
        last_at: past.last_at.to_string(),
        was_clicked: past.was_clicked,
        was_converted: past.was_converted,
    }))
}
