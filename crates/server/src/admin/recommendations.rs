//! `GET /api/workspaces/{workspace}/recommendations?user=`: previews a list. `GET
//! .../recommendations/{recomm_id}`: shows a past recommendation.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use domain::list::LIST_COUNT_MAX;
use domain::{Exclusion, InteractionKind, ListCaller, ListSettings, Logic, Relevance};
use engine::{Engine, RequestBudget};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::kpis::PlaceBody;
use crate::recommendation::ListBody;
use web::error::ApiError;
use web::parameters::{Parameters, count};
use web::workspaces::Workspace;

const COUNT_DEFAULT: usize = 10;

/// The keys of a trait, as parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    user: Option<String>,
    count: Option<usize>,
    logic: Option<Logic>,
    interaction: Option<InteractionKind>,
    exclude: Option<Exclusion>,
    item_type: Option<String>,
    diversity: Option<f32>,
    rotation_rate: Option<f32>,
    rotation_time_s: Option<u32>,
    min_relevance: Option<Relevance>,
}

/// An unknown user gets trending items. No impression is recorded.
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let settings = ListSettings {
        logic: query.logic,
        interaction: query.interaction,
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
    request.validate_for_user().map_err(ApiError::invalid)?;
    let make = move |engine: &Engine, _: &RequestBudget| {
        let user = query.user.as_deref().map(|user| engine.find_user(user));
        let list = engine.recommend(user.flatten(), &request)?;
        let body = ListBody::new(&list, engine.now());
        let body = match user {
            Some(user) => body.with_user_known(user.is_some()),
            None => body,
        };
        Ok(Json(body).into_response())
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
    let no_id = |_| ApiError::invalid(format!("{recomm_id:?} is not a recommendation id (a UUID)"));
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
