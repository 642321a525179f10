//! Long work of a workspace, as jobs.

use std::sync::Arc;

use domain::{Right, WorkspaceId};
use uuid::Uuid;
use web::App;
use web::access::{Caller, Who};
use web::error::{ApiError, ErrorKind};
use web::jobs::{FILES_KEPT_MAX, Job, JobFile, JobState};

/// The jobs of a workspace, the latest first.
pub fn list(app: &App, workspace: &WorkspaceId) -> Vec<Job> {
    app.jobs.list(workspace)
}

/// A job.
///
/// # Errors
/// 404 where there is none of the id.
pub fn read(app: &App, workspace: &WorkspaceId, id: &str) -> Result<Job, ApiError> {
    let known = parse(id).and_then(|id| app.jobs.find(workspace, id));
    known.ok_or_else(|| unknown(id))
}

/// Cancels a job. One that has ended stays as it is.
///
/// # Errors
/// 403 for a caller who did not start it and may not change the workspace; 404 where there is none
/// of the id.
pub fn cancel(
    app: &App,
    workspace: &WorkspaceId,
    caller: &Caller,
    id: &str,
) -> Result<Job, ApiError> {
    let job = read(app, workspace, id)?;
    if !may_cancel(&job, caller) {
        let least = Right::ChangeWorkspace.least_role();
        let message = format!(
            "somebody else started this job: to cancel it takes the role {least} or one with more \
             rights, yours is {}",
            caller.grant.role
        );
        return Err(ApiError::new(ErrorKind::Forbidden, message));
    }
    app.jobs.cancel(workspace, job.id).ok_or_else(|| unknown(id))
}

/// Whether a caller may cancel a job: their own, and any where they may change the workspace.
pub fn may_cancel(job: &Job, caller: &Caller) -> bool {
    job.started_by == Who::from(&caller.actor) || caller.grant.role.has(Right::ChangeWorkspace)
}

/// The file that a job has made.
///
/// # Errors
/// 404 where there is no such job, or it has no file; 409 where it has not ended.
pub fn file(app: &App, workspace: &WorkspaceId, id: &str) -> Result<Arc<JobFile>, ApiError> {
    let job = read(app, workspace, id)?;
    match (app.jobs.file(workspace, job.id), job.state) {
        (Some(file), _) => Ok(file),
        (None, JobState::Waiting | JobState::Running) => {
            let message = format!("job {id} has not ended: ask again when it has");
            Err(ApiError::new(ErrorKind::JobUnderWay, message))
        }
        (None, _) => {
            let message = format!(
                "job {id} has no file: only exports have one, and the last {FILES_KEPT_MAX} of a \
                 workspace are kept"
            );
            Err(ApiError::not_found(message))
        }
    }
}

fn parse(id: &str) -> Option<Uuid> {
    id.parse().ok()
}

fn unknown(id: &str) -> ApiError {
    ApiError::not_found(format!(
        "there is no job {id:?}: jobs are kept for a day, and until the server stops"
    ))
}
