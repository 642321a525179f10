//! `POST /api/workspaces/{workspace}/catalog`: a file becomes the catalog, whole or not at all.
//! `GET` lists its versions; `POST .../catalog/versions/{version}/activate` goes back to one.

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use catalog::import::{ImportError, parse_confirm, parse_type};
use catalog::{Format, ImportOptions};
use engine::{CatalogImportError, ConfirmedRemovals, Engine};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Upload;
use web::access::NothingDone;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

/// The parameters: the options of `tastemaker import catalog`, by the same names.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Query {
    #[serde(rename = "type")]
    types: Vec<String>,
    skip_invalid: bool,
    allow_bad_cells: bool,
    dry_run: bool,
    confirm: Option<String>,
    drop: Vec<String>,
}

impl Query {
    fn options(&self) -> Result<ImportOptions, ApiError> {
        let types = self.types.iter().map(|text| parse_type(text));
        Ok(ImportOptions {
            types: types.collect::<Result<_, _>>().map_err(wrong("type"))?,
            skip_invalid: self.skip_invalid,
            allow_bad_cells: self.allow_bad_cells,
            ..ImportOptions::default()
        })
    }

    fn confirmed(&self) -> Result<ConfirmedRemovals, ApiError> {
        let n_withdrawn = self.confirm.as_deref().map(parse_confirm);
        let n_withdrawn = n_withdrawn.transpose().map_err(wrong("confirm"))?;
        Ok(ConfirmedRemovals { n_withdrawn, dropped: self.drop.clone() })
    }
}

fn wrong(name: &str) -> impl Fn(String) -> ApiError {
    move |what| ApiError::invalid(format!("query parameter {name}: {what}"))
}

/// The body is CSV or JSON Lines by its content type (`text/csv`, `application/x-ndjson`).
pub(super) async fn import(
    Parameters(query): Parameters<Query>,
    headers: HeaderMap,
    Upload(workspace, body): Upload<Bytes>,
) -> Result<Response, ApiError> {
    let (options, confirmed) = (query.options()?, query.confirmed()?);
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
    let import = move |engine: &Engine| match is_dry_run {
        true => preview_file(engine, &body, format, &options, &confirmed),
        false => import_file(engine, &body, format, &options, &confirmed),
    };
    let answer = workspace.run(import).await?;
    Ok(match is_dry_run {
        true => (Extension(NothingDone), answer).into_response(),
        false => answer.into_response(),
    })
}

fn preview_file(
    engine: &Engine,
    body: &[u8],
    format: Format,
    options: &ImportOptions,
    confirmed: &ConfirmedRemovals,
) -> Result<Json<Value>, ApiError> {
    let preview = engine.preview_catalog(|| Ok(body), format, options, confirmed);
    Ok(Json(json!(preview.map_err(import_error)?)))
}

fn import_file(
    engine: &Engine,
    body: &[u8],
    format: Format,
    options: &ImportOptions,
    confirmed: &ConfirmedRemovals,
) -> Result<Json<Value>, ApiError> {
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
    Path((_, version)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let no_version = |_| {
        ApiError::invalid(format!("{version:?} is no catalog version: those are whole numbers"))
    };
    let version: u32 = version.parse().map_err(no_version)?;
    let activate = move |engine: &Engine| {
        engine.activate_catalog(version)?;
        Ok(Json(json!({ "current": version, "versions": engine.catalog_versions() })))
    };
    workspace.run(activate).await
}
