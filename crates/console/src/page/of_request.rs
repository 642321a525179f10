//! The frame of a request's page.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use domain::WorkspaceId;
use web::App;
use web::access::{Caller, csrf_token};
use web::error::ApiError;

use super::{Account, Frame, PageRights};
use crate::theme::Theme;

impl FromRequestParts<Arc<App>> for Frame {
    type Rejection = ApiError;

    /// Behind the gate, which has let the caller through.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| ApiError::unauthenticated("sign in first"))?;
        let path = RawPathParams::from_request_parts(parts, app).await.ok();
        let in_path = path.as_ref().and_then(|path| {
            let (_, id) = path.iter().find(|(name, _)| *name == "workspace")?;
            WorkspaceId::new(id).ok()
        });
        let rights = parts.extensions.get::<PageRights>().copied();
        let rights = rights.ok_or_else(ApiError::internal)?;
        Ok(Self::of(app, &caller, in_path, Theme::of(&parts.headers), rights))
    }
}

impl Frame {
    /// The frame of what a caller is shown.
    pub(crate) fn of(
        app: &App,
        caller: &Caller,
        workspace: Option<WorkspaceId>,
        theme: Theme,
        rights: PageRights,
    ) -> Self {
        let mut workspaces = app.workspaces.open_ids();
        workspaces.retain(|id| caller.grant.covers(id.as_str()));
        let name = caller.actor.name().unwrap_or("Administrator").to_owned();
        Self {
            workspace,
            workspaces,
            account: Account { name, role: caller.grant.role },
            csrf: caller.session.as_ref().map(|own| csrf_token(&own.token)).unwrap_or_default(),
            theme,
            rights,
        }
    }
}
