//! What asks first: deleting a mapping, and going back to the presets.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::ENGINE_DESTINATION;
use engine::Expected;
use maud::Render;
use resources::destinations::{self, DestinationChange};
use serde::Deserialize;
use serde_json::Value;
use web::App;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::{edit_path, in_force, lead_to, name_of};
use crate::page::{Area, Frame, Page, encode};
use crate::ui::Confirmation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    name: String,
}

pub(super) async fn ask_to_delete(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Named { name }): Parameters<Named>,
) -> Result<Response, ApiError> {
    in_force(&workspace).await?.find_or_404(&name)?;
    let path = Area::Mappings.path(workspace.id());
    let back = edit_path(workspace.id(), &name);
    let confirm = format!("Delete mapping {name}");
    let body = Confirmation {
        consequences: &[
            "Messages that only this mapping takes change nothing in recommendations any more. They are still in the timelines of people.",
            "What it made of earlier messages stays.",
        ],
        action: &format!("{path}/delete?name={}", encode(&name)),
        csrf: &frame.csrf,
        confirm: &confirm,
        back: &back,
    };
    let title = format!("{confirm}?");
    Ok(Page::new(&frame, Area::Mappings, &title)
        .below(&name, &back)
        .body(body.render())
        .into_response())
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Parameters(Named { name }): Parameters<Named>,
) -> Result<Response, ApiError> {
    let stored = in_force(&workspace).await?;
    let (place, _) = stored.find_or_404(&name)?;
    let mut list = stored.destination.mappings;
    list.remove(place);
    put(&app, &workspace, Some(list), Expected::Revision(stored.revision)).await?;
    Ok(lead_to(&Area::Mappings.path(workspace.id()), "deleted"))
}

pub(super) async fn ask_for_presets(
    frame: Frame,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    let stored = in_force(&workspace).await?;
    let path = Area::Mappings.path(workspace.id());
    let presets = mapping::presets_in_set(workspace.config()?.preset_set());
    let is_own = |mapping: &&Value| presets.get(name_of(mapping)).is_none();
    let n_own = stored.shown().iter().filter(is_own).count() as u64;
    let gone = match n_own {
        0 => "Changes of presets are lost.".to_owned(),
        n => format!(
            "Changes of presets are lost, and {} of this workspace’s own.",
            domain::counted(n, "mapping", "mappings")
        ),
    };
    let body = Confirmation {
        consequences: &[
            &gone,
            "The presets hold for the messages that come from then on. What was made of earlier ones stays.",
        ],
        action: &format!("{path}/presets"),
        csrf: &frame.csrf,
        confirm: "Take the presets",
        back: &path,
    };
    Ok(Page::new(&frame, Area::Mappings, "Back to the presets?")
        .body(body.render())
        .into_response())
}

pub(super) async fn take_presets(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    put(&app, &workspace, None, Expected::Anything).await?;
    Ok(lead_to(&Area::Mappings.path(workspace.id()), "presets"))
}

/// Puts the whole list; the presets without one.
pub(super) async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    mappings: Option<Vec<Value>>,
    expected: Expected,
) -> Result<(), ApiError> {
    let change = DestinationChange::of_mappings(mappings);
    destinations::put(app, workspace, ENGINE_DESTINATION.to_owned(), change, expected).await?;
    Ok(())
}
