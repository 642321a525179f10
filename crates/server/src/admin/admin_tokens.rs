//! `GET` and `POST /api/admin_tokens`; `DELETE /api/admin_tokens/{name}`: the tokens of
//! administrators. Only their hashes are kept.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::workspace::TOKEN_NAME_BYTES_MAX;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Body;
use super::new_secret;
use crate::App;
use crate::error::ApiError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    name: String,
}

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    let names: Vec<Value> =
        app.installation.data.admin_tokens().keys().map(|name| json!({ "name": name })).collect();
    Json(json!({ "admin_tokens": names }))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Body(NewToken { name }): Body<NewToken>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    if !(1..=TOKEN_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_allowed) {
        return Err(ApiError::invalid(format!(
            "name is {name:?}, it must be 1 to {TOKEN_NAME_BYTES_MAX} characters of a-z, A-Z, 0-9, '_', '-' and '.'"
        )));
    }
    let token = new_secret();
    let answer = json!({ "name": name, "token": token });
    tokio::task::spawn_blocking(move || app.installation.data.add_admin_token(&name, &token))
        .await??;
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    tokio::task::spawn_blocking(move || app.installation.data.remove_admin_token(&name)).await??;
    Ok(StatusCode::NO_CONTENT)
}
