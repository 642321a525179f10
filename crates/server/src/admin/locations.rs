//! `GET /api/workspaces/{workspace}/locations`, and the catalogs of locations below it.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use resources::locations::{
    self, ImportedLocations, LocationCatalogReport, LocationOptions, LocationPage, LocationQuery,
};
use serde::Serialize;
use web::access::NothingDone;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::Upload;
use super::catalog::read_format;

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct LocationCatalogs {
    catalogs: Vec<LocationCatalogReport>,
}

/// Lists the catalogs of locations.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/locations",
    responses((status = 200, description = "Done", body = LocationCatalogs)),
)]
pub(super) async fn list(
    Workspace(workspace): Workspace,
) -> Result<Json<LocationCatalogs>, ApiError> {
    Ok(Json(LocationCatalogs { catalogs: locations::list(&workspace).await? }))
}

/// Shows a catalog with its locations, all or those near a point.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/locations/{catalog}",
    params(LocationQuery),
    responses((status = 200, description = "Done", body = LocationPage)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, catalog)): Path<(String, String)>,
    Parameters(query): Parameters<LocationQuery>,
) -> Result<Json<LocationPage>, ApiError> {
    Ok(Json(locations::read(&workspace, catalog, query).await?))
}

/// Makes a file a catalog of locations, whole or not at all.
///
/// The body is CSV or JSON Lines by its content type (`text/csv`, `application/x-ndjson`), with the
/// columns `location_id`, `latitude` and `longitude`.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/locations/{catalog}",
    params(LocationOptions),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"))),
    responses((status = 200, description = "Done, or with `dry_run` what would be", body = ImportedLocations)),
)]
pub(super) async fn put(
    Path((_, catalog)): Path<(String, String)>,
    Parameters(options): Parameters<LocationOptions>,
    headers: HeaderMap,
    Upload(workspace, body): Upload<Bytes>,
) -> Result<Response, ApiError> {
    let format = read_format(&headers)?;
    let imported = locations::put(&workspace, catalog, body, format, options).await?;
    Ok(match imported.dry_run {
        true => (Extension(NothingDone), Json(imported)).into_response(),
        false => Json(imported).into_response(),
    })
}

/// Removes a catalog of locations.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/locations/{catalog}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    Workspace(workspace): Workspace,
    Path((_, catalog)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    locations::delete(&workspace, catalog).await?;
    Ok(StatusCode::NO_CONTENT)
}
