//! `GET` and `POST /api/api_keys`; `DELETE .../{name}`: keys for programs. A key is shown once, in
//! the answer that made it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use domain::{Grant, Role, WorkspaceId};
use engine::installation::{Change, SecretHash, make_secret};
use serde::Deserialize;
use serde_json::{Value, json};

use super::actor_json;
use super::body::Body;
use resources::installation::change;
use web::App;
use web::access::Caller;
use web::error::ApiError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    name: String,
    role: Role,
    workspaces: Option<BTreeSet<WorkspaceId>>,
}

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    let keys = app.access.installation().look(|state| {
        let keys = state.api_keys.iter().map(|(name, key)| {
            json!({
                "name": name,
                "role": key.grant.role,
                "workspaces": key.grant.workspaces,
                "created_at": key.created_at.map(|at| at.to_string()),
                "created_by": key.created_by.as_ref().map(actor_json),
            })
        });
        keys.collect::<Vec<Value>>()
    });
    Json(json!({ "api_keys": keys }))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(NewKey { name, role, workspaces }): Body<NewKey>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let key = make_secret().map_err(|error| ApiError::unavailable(error.to_string()))?;
    let grant = Grant { role, workspaces };
    let answer = json!({
        "name": name,
        "role": grant.role,
        "workspaces": grant.workspaces,
        "key": key,
    });
    let hash = SecretHash::of(&key);
    change(&app, &caller, Change::AddApiKey { name, grant, hash }).await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    change(&app, &caller, Change::RemoveApiKey { name }).await?;
    Ok(StatusCode::NO_CONTENT)
}
