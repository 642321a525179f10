//! `GET /api/workspaces/{workspace}/recommendations?user=`: a list for anybody, to look at.

use axum::Json;
use domain::Exclusion;
use domain::workspace::TRAIT_COUNT_MAX;
use serde::Deserialize;
use serde_json::Value;

use super::Workspace;
use crate::error::ApiError;
use crate::parameters::{Parameters, limit};
use crate::recommendation::list_json;

const COUNT_DEFAULT: usize = 10;

#[derive(Deserialize)]
pub(super) struct Query {
    user: Option<String>,
    count: Option<usize>,
    #[serde(default)]
    exclude: Exclusion,
}

/// A user that nobody knows gets what is popular.
pub(super) async fn read(
    Workspace(engine): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Json<Value>, ApiError> {
    let count = limit(query.count, COUNT_DEFAULT, TRAIT_COUNT_MAX as usize)?;
    let user = query.user.as_deref().and_then(|user| engine.user_of_text(user));
    let list = engine.recommend(user, count, query.exclude)?;
    Ok(Json(list_json(&list, engine::now())))
}
