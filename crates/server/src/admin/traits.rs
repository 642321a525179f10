//! `GET /api/workspaces/{workspace}/traits`; `GET`, `PUT` and `DELETE .../traits/{key}`: the
//! computed traits on every profile.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::TraitDefinition;
use engine::{ConfigChange, Engine, Resource};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::Upload;
use super::body::RawBody;
use super::revision::{Expectation, show, show_revised};
use resources::put_error;
use resources::{configure, unknown_resource};
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

/// Serialised directly: by way of a `Value`, numbers would be widened to double precision.
#[derive(Serialize)]
pub(super) struct Traits {
    traits: Vec<TraitDefinition>,
}

pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Traits>, ApiError> {
    Ok(Json(Traits { traits: workspace.config()?.traits.clone() }))
}

pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let read = move |engine: &Engine| {
        show(engine, &Resource::Trait(key.clone()), |config| {
            config.trait_definition(&key).cloned().ok_or_else(|| {
                let keys: Vec<&str> =
                    config.traits.iter().map(|trait_| trait_.key.as_str()).collect();
                unknown_resource("trait", &key, &keys)
            })
        })
    };
    workspace.run(read).await
}

/// The body is the definition, with or without its key. The answer is the definition as it is
/// stored.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, RawBody(body)): Upload<RawBody>,
) -> Result<Response, ApiError> {
    let definition = parse_definition(&key, &body)
        .map_err(|what| ApiError::invalid(format!("trait {key:?}: {what}")))?;
    configure(&app, &workspace, move |_, engine| {
        let is_new = engine.config().trait_definition(&key).is_none();
        let change = ConfigChange::put_trait(&definition);
        engine.change_config(change, expected).map_err(|error| put_error(error, expected))?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, show_revised(engine, &Resource::Trait(key), &definition)).into_response())
    })
    .await
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    configure(&app, &workspace, move |_, engine| {
        engine.change_config(ConfigChange::RemoveTrait { key }, expected)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Parses a definition. The JSON need not have the key, and must not have another one.
fn parse_definition(key: &str, json: &[u8]) -> Result<TraitDefinition, String> {
    let text = |error: serde_json::Error| error.to_string();
    let mut keys: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(json).map_err(text)?;
    keys.entry("key".to_owned()).or_insert(to_raw_value(key).map_err(text)?);
    let keys = serde_json::to_vec(&keys).map_err(text)?;
    let definition: TraitDefinition = serde_json::from_slice(&keys).map_err(text)?;
    match definition.key == key {
        true => Ok(definition),
        false => Err(format!("key is {:?}, but the path says {key:?}", definition.key)),
    }
}
