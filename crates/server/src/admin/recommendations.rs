//! `GET /api/workspaces/{workspace}/recommendations?user=`: a list for anybody, to look at.

use axum::Json;
use axum::response::{IntoResponse, Response};
use domain::list::{LIST_COUNT_MAX, ROTATION_TIME_S_DEFAULT};
use domain::{Exclusion, InteractionKind, ListRequest, Logic, Relevance};
use serde::Deserialize;

use super::Workspace;
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

/// A user that nobody knows gets what is popular. Nothing is remembered as shown.
pub(super) async fn read(
    Workspace(engine): Workspace,
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
    let user = query.user.as_deref().and_then(|user| engine.user_of_text(user));
    let list = engine.recommend(user, &request)?;
    Ok(Json(ListBody::of(&list, engine::now())).into_response())
}
