//! Asks before a destination is removed.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use engine::Expected;
use maud::Render;
use resources::destinations;
use web::App;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::lead_to;
use crate::page::{Area, Frame, Page, destination_path};
use crate::ui::Confirmation;

pub(super) async fn ask(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let delivery = destinations::delivery(&workspace, name.clone()).await?;
    let letters = domain::counted(delivery.dead_letters, "dead letter", "dead letters");
    let waiting = domain::counted(delivery.lag_entries, "entry", "entries");
    let back = destination_path(workspace.id(), &name, "");
    let confirm = format!("Remove {name}");
    let body = Confirmation {
        consequences: &[
            &format!("What waits for it is not sent any more: {waiting} of the journal."),
            &format!("Its settings and secrets are gone, and {letters} with them."),
            "What it has got already stays there.",
        ],
        action: &destination_path(workspace.id(), &name, "/remove"),
        csrf: &frame.csrf,
        confirm: &confirm,
        back: &back,
    };
    let title = format!("{confirm}?");
    Ok(Page::new(&frame, Area::Destinations, &title)
        .below(&name, &back)
        .body(body.render())
        .into_response())
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    // Our own engine is no destination that can be removed here.
    destinations::delivery(&workspace, name.clone()).await?;
    destinations::delete(&app, &workspace, name.clone(), Expected::Present).await?;
    Ok(lead_to(&Area::Destinations.path(workspace.id()), "removed", &name))
}
