//! `POST /api/workspaces/{workspace}/catalog`: a file becomes the catalog, whole or not at all.
//! With `?job=true` it does so as a job. `GET` lists its versions; `POST
//! .../catalog/versions/{version}/activate` goes back to one.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use catalog::{CatalogChanges, Format};
use engine::CatalogPreview;
use resources::catalog::{self as resource, Options, Removal, Versions};
use serde::Serialize;
use web::App;
use web::access::{Caller, NothingDone};
use web::error::ApiError;
use web::jobs::Job;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::Upload;
use super::jobs::accepted;

/// What an import has changed, or would change.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[schema(as = ImportAnswer)]
enum Answer {
    Imported(resource::Imported),
    Preview(CatalogPreview),
}

/// Makes a file the catalog, whole or not at all.
///
/// The body is CSV or JSON Lines by its content type (`text/csv`, `application/x-ndjson`).
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/catalog",
    params(Options),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"), (String = "application/xml"))),
    responses(
        (status = 200, description = "Done, or with `dry_run` what would be", body = Answer),
        (status = 202, description = "The job, with `job`", body = Job),
    ),
)]
pub(super) async fn import(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Parameters(options): Parameters<Options>,
    headers: HeaderMap,
    Upload(workspace, body): Upload<Bytes>,
) -> Result<Response, ApiError> {
    let format = read_format(&headers)?;
    if options.dry_run && options.job {
        let message = "query parameter job: a dry run is no job, leave out one of the two";
        return Err(ApiError::invalid(message));
    }
    Ok(if options.job {
        let job = resource::start_import(&app, &workspace, caller.actor, body, format, &options)?;
        accepted(workspace.id(), job.id, &job)
    } else if options.dry_run {
        let preview = resource::preview(&workspace, body, format, &options).await?;
        (Extension(NothingDone), Json(Answer::Preview(preview))).into_response()
    } else {
        let imported = resource::import(&workspace, body, format, &options).await?;
        Json(Answer::Imported(imported)).into_response()
    })
}

/// The format of a file by its content type.
pub(super) fn read_format(headers: &HeaderMap) -> Result<Format, ApiError> {
    let type_ =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match type_.split(';').next().unwrap_or_default().trim() {
        "text/csv" | "text/tab-separated-values" => Ok(Format::Csv),
        "application/x-ndjson" | "application/jsonl" => Ok(Format::JsonLines),
        "application/xml" | "text/xml" => Ok(Format::GoogleMerchant),
        other => Err(ApiError::bad_request(format!(
            "content type {other:?}: send text/csv, application/x-ndjson or application/xml"
        ))),
    }
}

/// Lists the catalogs of products and the versions of them all.
///
/// The current version and those that can be activated again, and how many items each catalog has.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/catalog",
    responses((status = 200, description = "Done", body = Versions)),
)]
pub(super) async fn versions(Workspace(workspace): Workspace) -> Result<Json<Versions>, ApiError> {
    Ok(Json(resource::versions(&workspace).await?))
}

/// Withdraws all items of a catalog of products.
///
/// The name stays until the settings leave it out.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/catalog/{catalog}",
    params(Removal),
    responses((status = 200, description = "Done", body = CatalogChanges)),
)]
pub(super) async fn remove_items(
    Workspace(workspace): Workspace,
    Path((_, catalog)): Path<(String, String)>,
    Parameters(removal): Parameters<Removal>,
) -> Result<Json<CatalogChanges>, ApiError> {
    Ok(Json(resource::remove_items(&workspace, catalog, removal).await?))
}

/// Brings a version of the catalogs of products back.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/catalog/versions/{version}/activate",
    responses((status = 200, description = "Done", body = Versions)),
)]
pub(super) async fn activate(
    Workspace(workspace): Workspace,
    Path((_, version)): Path<(String, String)>,
) -> Result<Json<Versions>, ApiError> {
    Ok(Json(resource::activate(&workspace, resource::parse_version(&version)?).await?))
}
