//! `GET /api/workspaces/{workspace}/traits`; `GET`, `PUT` and `DELETE .../traits/{key}`: the
//! recommended-items traits on every profile; `POST .../traits/calculate`: what one would come to;
//! `GET .../traits/{key}/holdout`: what came of one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::TraitDefinition;
use resources::calculation::{self, Calculation};
use resources::traits::{self, HoldoutResults};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::Upload;
use super::body::RawBody;
use super::revision::{Expectation, revised};

/// Serialised directly: by way of a `Value`, numbers would be widened to double precision.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Traits {
    traits: Vec<TraitDefinition>,
}

/// Lists the recommended-items traits.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/traits",
    responses((status = 200, description = "Done", body = Traits)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Traits>, ApiError> {
    Ok(Json(Traits { traits: traits::list(&workspace)? }))
}

/// Shows a recommended-items trait.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/traits/{key}",
    responses((status = 200, description = "Done", body = TraitDefinition)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(traits::read(&workspace, key).await?))
}

/// Makes or replaces a recommended-items trait.
///
/// The body is the definition, with or without its key. The answer is the definition as it is
/// stored.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/traits/{key}",
    request_body = TraitDefinition,
    responses(
        (status = 200, description = "Done", body = TraitDefinition),
        (status = 201, description = "Made", body = TraitDefinition),
    ),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let definition = traits::parse(&key, &body)?;
    let (definition, is_new) = traits::put(&app, &workspace, definition, expected).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, revised(definition)).into_response())
}

/// Works out what a recommended-items trait would come to.
///
/// The body is a definition, with or without a key; nothing is saved. The answer says how many
/// people would get the trait, how many lists follow from what the person did, how accurate such
/// lists were beside popular items, and shows three lists. Lists are made for up to 1,000 people
/// taken by chance, or for one second.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/traits/calculate",
    request_body = TraitDefinition,
    responses((status = 200, description = "Done", body = Calculation)),
)]
pub(super) async fn calculate(
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Json<Calculation>, ApiError> {
    let definition = traits::parse_unnamed(&body)?;
    Ok(Json(calculation::calculate_trait(&workspace, definition).await?))
}

/// Shows what the people of a trait did beside those who are held out of it.
///
/// Both groups are counted from the time on at which their people had the trait or would have had
/// it. The intervals of the differences hold however often somebody looks.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/traits/{key}/holdout",
    responses((status = 200, description = "Done", body = HoldoutResults)),
)]
pub(super) async fn holdout(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Json<HoldoutResults>, ApiError> {
    Ok(Json(traits::read_holdout(&workspace, key).await?))
}

/// Removes a recommended-items trait.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/traits/{key}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    traits::delete(&app, &workspace, key, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
