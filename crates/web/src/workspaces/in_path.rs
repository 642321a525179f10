//! The workspace that the path of a request names.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use domain::WorkspaceId;

use super::{NotOpen, RequestedWorkspace};
use crate::App;
use crate::error::ApiError;

/// The workspace that a path names in its parameter `workspace`, for whoever was let through to it
/// by their role.
pub struct Workspace(pub RequestedWorkspace);

#[derive(serde::Deserialize)]
struct Place {
    workspace: String,
}

impl FromRequestParts<Arc<App>> for Workspace {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        // A path may have further parts.
        let Path(Place { workspace: id }) =
            Path::<Place>::from_request_parts(parts, app).await.map_err(|error| {
                ApiError::invalid(format!("the path is not URL-encoded UTF-8: {error}"))
            })?;
        Self::find(app, &id)
    }
}

impl Workspace {
    /// Finds an open workspace by its id.
    ///
    /// # Errors
    /// 503 where it is closed, 404 where there is none.
    pub fn find(app: &App, id: &str) -> Result<Self, ApiError> {
        let handle = app.workspaces.handle(id).map_err(|why| match why {
            NotOpen::Unknown(_) => {
                let known = app.workspaces.open_ids();
                let known = known.iter().map(WorkspaceId::as_str).collect::<Vec<_>>().join(", ");
                ApiError::not_found(format!("no workspace {id:?}; there are: {known}"))
            }
            NotOpen::Closed(_) => why.into(),
        })?;
        let account = app.admission.administrators_account();
        Ok(Self(RequestedWorkspace::new(handle, account, app.private_budget())))
    }
}
