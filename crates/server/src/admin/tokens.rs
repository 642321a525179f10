//! `GET` and `POST /api/workspaces/{workspace}/tokens`; `GET` and `DELETE .../tokens/{name}`. A
//! token is shown once, in the answer that made it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{Token, TokenKind};
use engine::{ConfigChange, Engine, Expected, Resource};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Body;
use super::revision::{Expectation, show, show_revised};
use super::{Upload, new_secret, resource_path};
use resources::{configure, unknown_resource};
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    name: String,
    kind: TokenKind,
    /// One is made where there is none.
    token: Option<String>,
}

pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Value>, ApiError> {
    let config = workspace.config()?;
    let tokens: Vec<Value> = config.all_tokens().map(|token| without_secret(&token)).collect();
    Ok(Json(json!({ "tokens": tokens })))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Upload(workspace, Body(NewToken { name, kind, token })): Upload<Body<NewToken>>,
) -> Result<Response, ApiError> {
    if let Some(of_key) = TokenKind::ALL.into_iter().find(|of_key| of_key.word() == name)
        && of_key != kind
    {
        return Err(ApiError::invalid(format!(
            "token {name:?}: kind is {:?}, a token of this name is of kind {name:?}: choose another name",
            kind.word()
        )));
    }
    let token = Token { name, kind, token: token.unwrap_or_else(new_secret) };
    configure(&app, &workspace, move |_, engine| {
        engine.change_config(ConfigChange::put_token(&token), Expected::Absent)?;
        let location = resource_path(engine, "tokens", &token.name);
        let body = json!({ "name": token.name, "kind": token.kind, "token": token.token });
        let body = show_revised(engine, &Resource::Token(token.name), body);
        Ok((StatusCode::CREATED, [(header::LOCATION, location)], body).into_response())
    })
    .await
}

pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let read = move |engine: &Engine| {
        show(engine, &Resource::Token(name.clone()), |config| {
            let token = config.token(&name).ok_or_else(|| {
                let names: Vec<String> = config.all_tokens().map(|token| token.name).collect();
                unknown_resource("token", &name, &names)
            })?;
            Ok(without_secret(&token))
        })
    };
    workspace.run(read).await
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    configure(&app, &workspace, move |_, engine| {
        engine.change_config(ConfigChange::RemoveToken { name }, expected)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

fn without_secret(token: &Token) -> Value {
    json!({ "name": token.name, "kind": token.kind })
}
