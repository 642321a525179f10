//! The workspace that a replay makes first.

use std::sync::Arc;

use domain::{Right, WorkspaceId};
use web::App;
use web::access::Caller;
use web::error::{ApiError, ErrorKind};
use web::workspaces::{RequestedWorkspace, Workspace};

use super::NewReplay;
use crate::lifecycle::{self, NewWorkspace};
use crate::sources::{self, NewSource};

/// Checks that the caller may make the workspace, that it can have the id, and is not there yet.
pub(super) fn check(app: &App, caller: &Caller, request: &NewReplay) -> Result<(), ApiError> {
    let name = request.workspace.as_deref().unwrap_or_default();
    if !(caller.grant.role.has(Right::Administer) && caller.grant.covers(name)) {
        let message = "it takes the right to make workspaces: name one that is there";
        return Err(ApiError::new(ErrorKind::Forbidden, message));
    }
    if let Err(error) = WorkspaceId::new(name) {
        return Err(ApiError::invalid(format!("workspace: {error}")).at("/workspace"));
    }
    match app.workspaces.handle(name) {
        Err(_) => Ok(()),
        Ok(_) => {
            let message =
                format!("workspace {name} exists already: leave create_workspace out to use it");
            Err(ApiError::new(ErrorKind::AlreadyExists, message).at("/workspace"))
        }
    }
}

/// Makes an empty workspace that has the sources whose messages are replayed, each with a write
/// key of its own.
pub(super) async fn make(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    request: &NewReplay,
) -> Result<(), ApiError> {
    let id = request.workspace.clone().unwrap_or_default();
    let new = NewWorkspace { id: id.clone(), name: None };
    let made = lifecycle::create(app, new, |_| ()).await;
    made.map_err(|error| error.at("/workspace"))?;
    let Workspace(other) = Workspace::find(app, &id)?;
    let config = workspace.config()?;
    let is_wanted = |name: &String| request.sources.is_empty() || request.sources.contains(name);
    let names = config.sources.iter().map(|source| source.name.clone()).filter(is_wanted);
    for name in names {
        sources::create(app, &other, NewSource { name, ..NewSource::default() }).await?;
    }
    Ok(())
}
