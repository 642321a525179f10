//! `POST /api/workspaces/{workspace}/catalog`: a file becomes the catalog, whole or not at all.
//! `GET` lists its versions; `POST .../catalog/versions/{version}/activate` goes back to one.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use catalog::import::{ImportError, parse_confirm, parse_type};
use catalog::{Format, ImportOptions};
use engine::{CatalogImportError, Confirmed, Engine};
use serde_json::{Value, json};

use super::{Upload, Workspace};
use crate::access::NothingDone;
use crate::error::ApiError;
use crate::parameters::Parameters;

/// The parameters: the options of `tastemaker import catalog`, by the same names.
#[derive(Default)]
struct Query {
    options: ImportOptions,
    dry_run: bool,
    confirmed: Confirmed,
}

impl Query {
    fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for (name, value) in pairs {
            let wrong = |what: String| {
                ApiError::invalid(format!("a query parameter is wrong: {name}: {what}"))
            };
            let flag = || {
                value
                    .parse::<bool>()
                    .map_err(|_| wrong(format!("{value:?} is neither true nor false")))
            };
            match name.as_str() {
                "type" => query.options.types.extend([parse_type(&value).map_err(wrong)?]),
                "skip_invalid" => query.options.skip_invalid = flag()?,
                "allow_bad_cells" => query.options.allow_bad_cells = flag()?,
                "dry_run" => query.dry_run = flag()?,
                "confirm" => {
                    query.confirmed.n_withdrawn = Some(parse_confirm(&value).map_err(wrong)?)
                }
                "drop" => query.confirmed.dropped.push(value),
                _ => {
                    return Err(wrong(
                        "no such parameter; there are type, skip_invalid, allow_bad_cells, dry_run, confirm and drop".to_owned(),
                    ));
                }
            }
        }
        Ok(query)
    }
}

/// The body is CSV or JSON Lines by its content type (`text/csv`, `application/x-ndjson`).
pub(super) async fn import(
    Parameters(pairs): Parameters<Vec<(String, String)>>,
    headers: HeaderMap,
    Upload(workspace, body): Upload<Bytes>,
) -> Result<Response, ApiError> {
    let query = Query::from_pairs(pairs)?;
    let type_ =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = match type_.split(';').next().unwrap_or_default().trim() {
        "text/csv" | "text/tab-separated-values" => Format::Csv,
        "application/x-ndjson" | "application/jsonl" => Format::JsonLines,
        other => {
            let message = format!("content type {other:?}: send text/csv or application/x-ndjson");
            return Err(ApiError::bad_request(message));
        }
    };
    let is_dry_run = query.dry_run;
    let answer = workspace.run(move |engine| import_file(engine, &body, format, &query)).await?;
    Ok(match is_dry_run {
        true => (Extension(NothingDone), answer).into_response(),
        false => answer.into_response(),
    })
}

fn import_file(
    engine: &Engine,
    body: &[u8],
    format: Format,
    query: &Query,
) -> Result<Json<Value>, ApiError> {
    let Query { options, dry_run, confirmed } = query;
    if *dry_run {
        let preview = engine
            .preview_catalog(|| Ok(body), format, options, confirmed)
            .map_err(import_error)?;
        return Ok(Json(json!(preview)));
    }
    let (file, report) = engine.read_catalog(body, format, options).map_err(import_error)?;
    let changes =
        engine.import_catalog(file, confirmed, &|_, _| {}).map_err(|error| match error {
            CatalogImportError::Submit(error) => error.into(),
            CatalogImportError::Withdraws { .. }
            | CatalogImportError::Drops { .. }
            | CatalogImportError::GivenUp => ApiError::import(error.to_string(), json!(report)),
        })?;
    let version = engine.counts().catalog_version;
    Ok(Json(json!({ "report": report, "changes": changes, "catalog_version": version })))
}

fn import_error(error: ImportError) -> ApiError {
    let message = error.to_string();
    match error {
        ImportError::Rows(report) => ApiError::import(message, json!(report)),
        _ => ApiError::import(message, Value::Null),
    }
}

/// The current version and those that can be activated again.
pub(super) async fn versions(Workspace(workspace): Workspace) -> Result<Json<Value>, ApiError> {
    let list = |engine: &Engine| {
        let current = engine.counts().catalog_version;
        Ok(Json(json!({ "current": current, "versions": engine.catalog_versions() })))
    };
    workspace.run(list).await
}

pub(super) async fn activate(
    Workspace(workspace): Workspace,
    Path((_, version)): Path<(String, u32)>,
) -> Result<Json<Value>, ApiError> {
    let activate = move |engine: &Engine| {
        engine.activate_catalog(version)?;
        Ok(Json(json!({ "current": version, "versions": engine.catalog_versions() })))
    };
    workspace.run(activate).await
}
