//! What asks first: deleting a mapping, and going back to the presets.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::Expected;
use maud::Render;
use resources::destinations;
use serde::Deserialize;
use serde_json::Value;
use web::App;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::{OfDestination, Stored, name_of};
use crate::page::Frame;
use crate::ui::Confirmation;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    name: String,
    destination: Option<String>,
}

pub(super) async fn ask_to_delete(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Named { name, destination }): Parameters<Named>,
) -> Result<Response, ApiError> {
    let stored = Stored::read(&workspace, destination).await?;
    stored.find_or_404(&name)?;
    let back = stored.addresses.of_mapping("/edit", &name);
    let confirm = format!("Delete mapping {name}");
    let consequences: &[&str] = match stored.destination.is_engine() {
        true => &[
            "Messages that only this mapping takes change nothing in recommendations any more. They are still in the timelines of people.",
            "What it made of earlier messages stays.",
        ],
        false => &[
            "Messages that only this mapping takes are not sent there any more.",
            "What waits of earlier messages is still sent.",
        ],
    };
    let body = Confirmation {
        consequences,
        action: &stored.addresses.of_mapping("/delete", &name),
        csrf: &frame.csrf,
        confirm: &confirm,
        back: &back,
    };
    let title = format!("{confirm}?");
    Ok(stored.page(&frame, &title).below(&name, &back).body(body.render()).into_response())
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Parameters(Named { name, destination }): Parameters<Named>,
) -> Result<Response, ApiError> {
    let stored = Stored::read(&workspace, destination).await?;
    let (place, _) = stored.find_or_404(&name)?;
    let mut list = stored.destination.mappings.clone();
    list.remove(place);
    let expected = Expected::Revision(stored.revision);
    put(&app, &workspace, &stored, Some(list), expected).await?;
    Ok(stored.lead_to(&stored.addresses.page(""), "deleted"))
}

pub(super) async fn ask_for_presets(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(OfDestination { destination }): Parameters<OfDestination>,
) -> Result<Response, ApiError> {
    let stored = Stored::read(&workspace, destination).await?;
    let presets = stored.destination.presets(&*workspace.config()?);
    let is_own =
        |mapping: &&Value| !presets.iter().any(|preset| name_of(preset) == name_of(mapping));
    let n_own = stored.shown().iter().filter(is_own).count() as u64;
    let gone = match n_own {
        0 => "Changes of presets are lost.".to_owned(),
        n => format!(
            "Changes of presets are lost, and {} of {} own.",
            domain::counted(n, "mapping", "mappings"),
            if stored.destination.is_engine() {
                "this workspace’s"
            } else {
                "this destination’s"
            },
        ),
    };
    let body = Confirmation {
        consequences: &[
            &gone,
            "The presets hold for the messages that come from then on. What was made of earlier ones stays.",
        ],
        action: &stored.addresses.page("/presets"),
        csrf: &frame.csrf,
        confirm: "Take the presets",
        back: &stored.addresses.page(""),
    };
    Ok(stored.page(&frame, "Back to the presets?").body(body.render()).into_response())
}

pub(super) async fn take_presets(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Parameters(OfDestination { destination }): Parameters<OfDestination>,
) -> Result<Response, ApiError> {
    let stored = Stored::read(&workspace, destination).await?;
    put(&app, &workspace, &stored, None, Expected::Anything).await?;
    Ok(stored.lead_to(&stored.addresses.page(""), "presets"))
}

/// Puts the whole list; the presets without one.
pub(super) async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    stored: &Stored,
    mappings: Option<Vec<Value>>,
    expected: Expected,
) -> Result<(), ApiError> {
    let change = stored.destination.with_mappings(mappings);
    destinations::put(app, workspace, stored.destination.name.clone(), change, expected).await?;
    Ok(())
}
