//! `GET` and `POST /api/workspaces`; `GET` and `DELETE /api/workspaces/{workspace}`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::json::to_value;
use domain::{WorkspaceId, WorkspaceSettings};
use engine::{ConfigChange, Engine, Expected, Health, Resource};
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::Body;
use super::revision::show_revised;
use web::access::Caller;
use web::error::{ApiError, ErrorKind};
use web::parameters::Parameters;
use web::workspaces::Workspace;
use web::{App, Installation};

/// The most workspaces: each has threads, open files and a share of the memory.
const WORKSPACES_MAX: usize = 1_000;
/// The interval at which a removal looks whether the last requests of the workspace have ended.
const REMOVAL_POLL_INTERVAL: Duration = Duration::from_millis(10);

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, ApiError> {
    let _turn = app.admission.administrators_account().take_question_turn().await?;
    let show = move |engines: &[Arc<Engine>]| {
        let covered = engines.iter().filter(|engine| caller.grant.covers(engine.id().as_str()));
        covered.map(|engine| workspace_json(engine)).collect()
    };
    let workspaces: Vec<Value> = app.workspaces.look_at_all(show).await?;
    Ok(Json(json!({ "workspaces": workspaces })))
}

pub(super) async fn read(Workspace(workspace): Workspace) -> Result<Json<Value>, ApiError> {
    workspace.ask(|engine| Ok(Json(workspace_json(engine)))).await
}

/// Names and counts; tokens and keys are not shown.
fn workspace_json(engine: &Engine) -> Value {
    let config = engine.config();
    let sources: Vec<Value> = config
        .sources
        .iter()
        .map(|source| json!({ "name": source.name, "enabled": source.enabled }))
        .collect();
    json!({
        "id": config.id,
        "name": config.name,
        "ready": engine.health() == Health::Ready,
        "sources": sources,
        "traits": to_value(&config.traits),
        "counts": engine.counts(),
        "training": to_value(&engine.training()),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWorkspace {
    id: String,
    name: Option<String>,
}

/// Creates an empty workspace, which is served from now on.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Body(NewWorkspace { id, name }): Body<NewWorkspace>,
) -> Result<Response, ApiError> {
    let id = WorkspaceId::new(id).map_err(|error| ApiError::invalid(format!("id: {error}")))?;
    let made = tokio::task::spawn_blocking(move || {
        let engine = create_workspace(&app, &id, name)?;
        let location = format!("/api/workspaces/{}", engine.id());
        let body = show_revised(&engine, &Resource::Settings, workspace_json(&engine));
        Ok((StatusCode::CREATED, [(header::LOCATION, location)], body).into_response())
    });
    made.await?
}

fn create_workspace(
    app: &App,
    id: &WorkspaceId,
    name: Option<String>,
) -> Result<Arc<Engine>, ApiError> {
    let _configuring = app.configuring.lock();
    let data = &app.installation.data;
    let known = data.workspaces().map_err(|error| ApiError::unavailable(error.to_string()))?;
    if known.contains(id) || app.workspaces.knows(id) {
        return Err(ApiError::new(
            ErrorKind::AlreadyExists,
            format!("workspace {id} exists already"),
        ));
    }
    if known.len() >= WORKSPACES_MAX {
        let message =
            format!("there are {} workspaces, the limit is {WORKSPACES_MAX}", known.len());
        return Err(ApiError::new(ErrorKind::TooMany, message));
    }
    let settings = WorkspaceSettings { name, ..WorkspaceSettings::default() };
    settings.validate().map_err(ApiError::invalid)?;
    let engine = data.open_workspace_with(id, &app.installation.options, &|_, _| {})?;
    // With this entry the end of its journal is recorded, so that a lost folder is noticed.
    engine.change_config(ConfigChange::put_settings(&settings), Expected::Anything)?;
    let engine = Arc::new(engine);
    app.workspaces.open(Arc::clone(&engine));
    Ok(engine)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Removal {
    confirm: Option<String>,
}

/// Closes the workspace and moves its folder to the trash of the data folder.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Parameters(Removal { confirm }): Parameters<Removal>,
) -> Result<Json<Value>, ApiError> {
    let id = Workspace::find(&app, &id)?.0.id().clone();
    if confirm.as_deref() != Some(id.as_str()) {
        return Err(ApiError::invalid(format!(
            "this removes workspace {id} with all its data: repeat its id to confirm, as ?confirm={id}"
        )));
    }
    let moved_to = tokio::task::spawn_blocking(move || remove_workspace(&app, &id)).await??;
    Ok(Json(json!({ "moved_to": moved_to })))
}

/// Removes a workspace and returns the folder that it was moved to, relative to the data folder.
fn remove_workspace(app: &App, id: &WorkspaceId) -> Result<String, ApiError> {
    let mut engine = {
        // Not longer: a waiting request may hold the engine.
        let _one_at_a_time = app.configuring.lock();
        app.workspaces.close_for_removal(id, |engine| match engine.is_training() {
            false => Ok(()),
            true => {
                let message =
                    format!("workspace {id} is being trained: try again when the run has ended");
                Err(ApiError::new(ErrorKind::TrainingUnderWay, message))
            }
        })?
    };
    let began = Instant::now();
    let engine = loop {
        engine = match Arc::try_unwrap(engine) {
            Ok(engine) => break engine,
            Err(engine) => engine,
        };
        if began.elapsed() > app.settings.removal_wait_max {
            app.workspaces.open(engine);
            let message =
                format!("requests still use workspace {id}: nothing was removed, try again later");
            return Err(ApiError::new(ErrorKind::InUse, message));
        }
        std::thread::sleep(REMOVAL_POLL_INTERVAL);
    };
    drop(engine);
    let Installation { data, options } = &app.installation;
    match data.trash_workspace(id, options.clock.now()) {
        Ok(folder) => {
            app.workspaces.forget(id);
            app.jobs.forget_workspace(id);
            tracing::warn!(workspace = %id, folder = %folder.display(), "a workspace was removed");
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            Ok(format!("trash/{name}"))
        }
        Err(error) => {
            // It is opened again as any other that is closed.
            app.workspaces.close(id, &format!("removing it failed: {error}"));
            Err(ApiError::unavailable(format!("workspace {id} cannot be moved: {error}")))
        }
    }
}
