//! Workspaces come and go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{WorkspaceId, WorkspaceSettings};
use engine::{ConfigChange, Engine, Expected, Resource};
use serde::{Deserialize, Serialize};
use web::error::{ApiError, ErrorKind};
use web::workspaces::Workspace;
use web::{App, Installation};

use crate::{Revised, catalog_drafts};

/// The most workspaces: each has threads, open files and a share of the memory.
pub const WORKSPACES_MAX: usize = 1_000;
/// The interval at which a removal looks whether the last requests of the workspace have ended.
const REMOVAL_POLL_INTERVAL: Duration = Duration::from_millis(10);

/// What a workspace is made of.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkspace {
    /// Names it in addresses and on disk, for ever.
    pub id: String,
    /// A name for people.
    pub name: Option<String>,
}

/// Creates an empty workspace, which is served from now on. The answer is what `show` makes of it.
///
/// # Errors
/// 409 where there is one of this id, or too many; if the id or the name is wrong.
pub async fn create<T: Send + 'static>(
    app: &Arc<App>,
    NewWorkspace { id, name }: NewWorkspace,
    show: impl FnOnce(&Engine) -> T + Send + 'static,
) -> Result<Revised<T>, ApiError> {
    let wrong = |error| ApiError::invalid(format!("id: {error}")).at("/id");
    let id = WorkspaceId::new(id).map_err(wrong)?;
    let app = Arc::clone(app);
    let made = tokio::task::spawn_blocking(move || {
        let engine = create_workspace(&app, &id, name)?;
        Ok(Revised::now(&engine, &Resource::Settings, show(&engine)))
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
        let message = format!("workspace {id} exists already");
        return Err(ApiError::new(ErrorKind::AlreadyExists, message).at("/id"));
    }
    if known.len() >= WORKSPACES_MAX {
        let message =
            format!("there are {} workspaces, the limit is {WORKSPACES_MAX}", known.len());
        return Err(ApiError::new(ErrorKind::TooMany, message));
    }
    let settings = WorkspaceSettings { name, ..WorkspaceSettings::default() };
    settings.validate().map_err(|what| ApiError::invalid(what).at("/name"))?;
    let engine = data.open_workspace_with(id, &app.installation.options, &|_, _| {})?;
    // With this entry the end of its journal is recorded, so that a lost folder is noticed.
    engine.change_config(ConfigChange::put_settings(&settings), Expected::Anything)?;
    let engine = Arc::new(engine);
    app.workspaces.open(Arc::clone(&engine));
    Ok(engine)
}

/// A workspace that was removed.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RemovedWorkspace {
    /// The folder that it was moved to, relative to the data folder.
    pub moved_to: String,
}

/// Closes a workspace and moves its folder to the trash of the data folder. Whoever removes it
/// repeats its id.
///
/// # Errors If the id is not repeated; 404 where there is no such workspace; 409 while it is
/// trained or used.
pub async fn remove(
    app: &Arc<App>,
    id: &str,
    confirm: Option<&str>,
) -> Result<RemovedWorkspace, ApiError> {
    let id = Workspace::find(app, id)?.0.id().clone();
    if confirm != Some(id.as_str()) {
        let message = format!(
            "this removes workspace {id} with all its data: repeat its id to confirm, as ?confirm={id}"
        );
        return Err(ApiError::invalid(message).of_parameter("confirm"));
    }
    let app = Arc::clone(app);
    let moved_to = tokio::task::spawn_blocking(move || remove_workspace(&app, &id)).await??;
    Ok(RemovedWorkspace { moved_to })
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
            catalog_drafts::remove_all(app, id);
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
