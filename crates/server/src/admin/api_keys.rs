//! `GET` and `POST /api/api_keys`; `DELETE .../{name}`: keys for programs. A key is shown once, in
//! the answer that made it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use resources::api_keys::{self, MadeApiKey, NewApiKey, ShownApiKey};
use serde::Serialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;

use super::body::Body;

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ApiKeys {
    api_keys: Vec<ShownApiKey>,
}

/// Lists the API keys.
#[utoipa::path(
    get,
    path = "/api/api_keys",
    responses((status = 200, description = "Done", body = ApiKeys)),
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Json<ApiKeys> {
    Json(ApiKeys { api_keys: api_keys::list(&app) })
}

/// Makes an API key.
#[utoipa::path(
    post,
    path = "/api/api_keys",
    request_body = NewApiKey,
    responses((status = 201, description = "Made", body = MadeApiKey)),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<NewApiKey>,
) -> Result<(StatusCode, Json<MadeApiKey>), ApiError> {
    Ok((StatusCode::CREATED, Json(api_keys::create(&app, &caller, new).await?)))
}

/// Revokes an API key.
#[utoipa::path(
    delete,
    path = "/api/api_keys/{name}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    api_keys::delete(&app, &caller, name).await?;
    Ok(StatusCode::NO_CONTENT)
}
