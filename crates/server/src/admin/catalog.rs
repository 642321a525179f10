//! `POST /api/workspaces/{workspace}/catalog`: a file becomes the catalog, whole or not at all.

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use catalog::import::ImportError;
use catalog::{Format, ImportOptions, read_file};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Workspace;
use crate::error::ApiError;
use crate::parameters::Parameters;

#[derive(Deserialize)]
pub(super) struct Query {
    #[serde(default)]
    skip_invalid: bool,
}

/// The body is CSV or JSON Lines by its content type (`text/csv`, `application/x-ndjson`).
pub(super) async fn import(
    Workspace(engine): Workspace,
    Parameters(query): Parameters<Query>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let body = body.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let type_ = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = match type_.split(';').next().unwrap_or_default().trim() {
        "text/csv" => Format::Csv,
        "application/x-ndjson" | "application/jsonl" => Format::JsonLines,
        other => {
            let message = format!("content type {other:?}: send text/csv or application/x-ndjson");
            return Err(ApiError::bad_request(message));
        }
    };
    let import = move || {
        let options = ImportOptions { skip_invalid: query.skip_invalid, ..Default::default() };
        let (file, report) = read_file(&body[..], format, &options).map_err(of_import)?;
        engine.import_catalog(file, &|_, _| {})?;
        let version = engine.counts().catalog_version;
        Ok(Json(json!({ "report": report, "catalog_version": version })))
    };
    tokio::task::spawn_blocking(import).await?
}

fn of_import(error: ImportError) -> ApiError {
    let message = error.to_string();
    match error {
        ImportError::Rows(report) => ApiError::import(message, json!(report)),
        _ => ApiError::import(message, Value::Null),
    }
}
