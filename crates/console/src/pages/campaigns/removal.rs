//! Asks before a campaign is removed.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::quantity::counted;
use engine::Expected;
use maud::Render;
use resources::campaigns;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::{lead_to, path};
use crate::page::{Area, Frame, Page};
use crate::ui::Confirmation;

pub(super) async fn ask(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let report = campaigns::read(&workspace, key.clone()).await?.value;
    let waiting = counted(report.results.waiting, "message waits", "messages wait");
    let back = path(workspace.id(), &key, "");
    let confirm = format!("Remove {key}");
    let body = Confirmation {
        consequences: &[
            &format!("It sends nothing any more: {waiting} and will not be sent."),
            "What it has sent, and what it counted, is not shown any more.",
            "Messages that were handed to the channel are delivered.",
        ],
        action: &path(workspace.id(), &key, "/remove"),
        csrf: &frame.csrf,
        confirm: &confirm,
        back: &back,
    };
    let title = format!("{confirm}?");
    Ok(Page::new(&frame, Area::Campaigns, &title)
        .below(&key, &back)
        .body(body.render())
        .into_response())
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    campaigns::delete(&app, &workspace, key.clone(), Expected::Present).await?;
    Ok(lead_to(&Area::Campaigns.path(workspace.id()), "removed", &key))
}
