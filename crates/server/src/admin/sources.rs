//! `GET` and `POST /api/workspaces/{workspace}/sources`; `GET`, `PATCH` and `DELETE
//! .../sources/{name}`; `POST .../sources/{name}/rotate`. A write key is shown once, in the answer
//! that made it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{Source, WorkspaceConfig};
use engine::{ConfigChange, Engine, Expected, Resource};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::body::Body;
use super::revision::{Expectation, show, show_revised};
use super::{Upload, new_secret, resource_path};
use resources::configure;
use web::App;
use web::error::{ApiError, ErrorKind};
use web::workspaces::Workspace;
use web::workspaces::{KeyOwner, RequestedWorkspace};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSource {
    name: String,
    /// A random key is made where it is missing.
    write_key: Option<String>,
    #[serde(default)]
    bearer_tokens: Vec<String>,
    enabled: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    name: Option<String>,
    write_key: Option<String>,
    bearer_tokens: Option<Vec<String>>,
    enabled: Option<bool>,
}

#[derive(Serialize)]
struct SourceBody {
    name: String,
    enabled: bool,
    n_bearer_tokens: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    write_key: Option<String>,
}

impl SourceBody {
    fn without_key(source: &Source) -> Self {
        let n_bearer_tokens = source.bearer_tokens.len();
        Self {
            name: source.name.clone(),
            enabled: source.enabled,
            n_bearer_tokens,
            write_key: None,
        }
    }

    fn with_key(source: &Source) -> Self {
        Self { write_key: Some(source.write_key.clone()), ..Self::without_key(source) }
    }
}

pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Value>, ApiError> {
    let config = workspace.config()?;
    let sources: Vec<SourceBody> = config.sources.iter().map(SourceBody::without_key).collect();
    Ok(Json(json!({ "sources": sources })))
}

pub(super) async fn create(
    State(app): State<Arc<App>>,
    Upload(workspace, Body(new)): Upload<Body<NewSource>>,
) -> Result<Response, ApiError> {
    let source = Source {
        name: new.name,
        write_key: new.write_key.unwrap_or_else(new_secret),
        bearer_tokens: new.bearer_tokens,
        enabled: new.enabled.unwrap_or(true),
    };
    configure(&app, &workspace, move |app, engine| {
        let name = source.name.clone();
        put(app, engine, &name, &source, Expected::Absent)?;
        let location = resource_path(engine, "sources", &name);
        let body = show_revised(engine, &Resource::Source(name), SourceBody::with_key(&source));
        Ok((StatusCode::CREATED, [(header::LOCATION, location)], body).into_response())
    })
    .await
}

pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let read = move |engine: &Engine| {
        show(engine, &Resource::Source(name.clone()), |config| {
            Ok(SourceBody::without_key(&find_source(config, &name)?))
        })
    };
    workspace.run(read).await
}

pub(super) async fn update(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(patch)): Upload<Body<Patch>>,
) -> Result<Response, ApiError> {
    change(&app, &workspace, name, expected, patch, SourceBody::without_key).await
}

/// Replaces the write key by a new one. The earlier key is refused from now on.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<Response, ApiError> {
    let patch = Patch { write_key: Some(new_secret()), ..Patch::default() };
    change(&app, &workspace, name, expected, patch, SourceBody::with_key).await
}

async fn change(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    expected: Expected,
    patch: Patch,
    to_body: fn(&Source) -> SourceBody,
) -> Result<Response, ApiError> {
    configure(app, workspace, move |app, engine| {
        let present = find_source(&engine.config(), &name)?;
        let source = Source {
            name: patch.name.unwrap_or(present.name),
            write_key: patch.write_key.unwrap_or(present.write_key),
            bearer_tokens: patch.bearer_tokens.unwrap_or(present.bearer_tokens),
            enabled: patch.enabled.unwrap_or(present.enabled),
        };
        put(app, engine, &name, &source, expected)?;
        Ok(show_revised(engine, &Resource::Source(source.name.clone()), to_body(&source)))
    })
    .await
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    configure(&app, &workspace, move |app, engine| {
        engine.change_config(ConfigChange::RemoveSource { name }, expected)?;
        app.workspaces.reload_sources();
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

fn put(
    app: &App,
    engine: &Engine,
    name: &str,
    source: &Source,
    expected: Expected,
) -> Result<(), ApiError> {
    match app.workspaces.owner(&source.write_key) {
        KeyOwner::Source((other, owner)) if other.id() == engine.id() && owner.name == name => {}
        KeyOwner::Nobody => {}
        KeyOwner::Source(_) | KeyOwner::Closed => {
            return Err(ApiError::new(
                ErrorKind::WriteKeyTaken,
                format!(
                    "source {:?}: write_key is that of another source: give each its own",
                    source.name
                ),
            ));
        }
        KeyOwner::PerhapsClosed => {
            return Err(ApiError::unavailable(format!(
                "source {:?}: write_key may be that of a workspace that could not be opened: mend that one first, see /readyz",
                source.name
            )));
        }
    }
    engine.change_config(ConfigChange::put_source(name, source), expected)?;
    app.workspaces.reload_sources();
    Ok(())
}

fn find_source(config: &WorkspaceConfig, name: &str) -> Result<Source, ApiError> {
    config.source(name).cloned().ok_or_else(|| {
        let names: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
        resources::unknown_resource("source", name, &names)
    })
}
