//! Campaigns: what they send to whom, what became of it, and how one is written with its message in
//! view.

mod content;
mod definition;
mod editing;
mod form;
mod list;
mod one;
mod preview;
mod removal;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::Right::{ChangeWorkspace, ReadWorkspace};
use domain::{CampaignStatus, ENGINE_DESTINATION, WorkspaceId};
use maud::{Markup, Render};
use resources::destinations::{self, ShownDestination};
use web::App;
use web::access::{Call, MadeResource};
use web::error::ApiError;
use web::parameters::one_of;
use web::workspaces::RequestedWorkspace;

use crate::gate::{edit, gated, preview as previewing, read};
use crate::page::Area;
use crate::ui::{Badge, Callout, Tone};

const LIST: &str = "/console/{workspace}/campaigns";
const NEW: &str = "/console/{workspace}/campaigns/new";
const PREVIEW: &str = "/console/{workspace}/campaigns/preview";
const ONE: &str = "/console/{workspace}/campaigns/of/{key}";
const EDIT: &str = "/console/{workspace}/campaigns/of/{key}/edit";
const START: &str = "/console/{workspace}/campaigns/of/{key}/start";
const STOP: &str = "/console/{workspace}/campaigns/of/{key}/stop";
const REMOVE: &str = "/console/{workspace}/campaigns/of/{key}/remove";

pub(super) const CALLS: &[Call] = &[
    read(LIST, ReadWorkspace),
    read(NEW, ChangeWorkspace),
    edit(NEW, "campaign.put"),
    previewing(PREVIEW, ReadWorkspace),
    read(ONE, ReadWorkspace),
    read(EDIT, ChangeWorkspace),
    edit(EDIT, "campaign.put"),
    edit(START, "campaign.put"),
    edit(STOP, "campaign.put"),
    read(REMOVE, ChangeWorkspace),
    edit(REMOVE, "campaign.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route(LIST, get(list::show))
        .route(NEW, get(editing::new).post(editing::create))
        .route(PREVIEW, post(editing::preview))
        .route(ONE, get(one::show))
        .route(EDIT, get(editing::edit).post(editing::update))
        .route(START, post(one::start))
        .route(STOP, post(one::stop))
        .route(REMOVE, get(removal::ask).post(removal::remove));
    gated(app, CALLS, routes)
}

/// The page of a campaign, or one below it.
fn path(workspace: &WorkspaceId, key: &str, part: &str) -> String {
    format!("{}/of/{key}{part}", Area::Campaigns.path(workspace))
}

/// What became of the last form, by the word in the address.
const NOTICES: [(&str, &str); 4] = [
    ("saved", "Saved"),
    ("started", "Started: it sends from now on"),
    ("stopped", "Stopped: it does not send any more"),
    ("removed", "The campaign is gone"),
];

fn notice(code: Option<&str>) -> Result<Option<Markup>, ApiError> {
    one_of("notice", code, &NOTICES.map(|(code, _)| code))?;
    let title = NOTICES.into_iter().find(|(known, _)| Some(*known) == code);
    Ok(title.map(|(_, title)| Callout::success(title).announced().render()))
}

/// Leads to a page that says what was done with a campaign.
fn lead_to(path: &str, notice: &str, key: &str) -> Response {
    let mut response = Redirect::to(&format!("{path}?notice={notice}")).into_response();
    response.extensions_mut().insert(MadeResource(key.to_owned()));
    response
}

/// The destinations that may be channels.
fn channels(workspace: &RequestedWorkspace) -> Result<Vec<ShownDestination>, ApiError> {
    let all = destinations::list(workspace)?.into_iter();
    Ok(all.filter(|destination| destination.name != ENGINE_DESTINATION).collect())
}

fn status(status: CampaignStatus) -> Badge<'static> {
    match status {
        CampaignStatus::Draft => Badge::new("draft"),
        CampaignStatus::Running => Badge::of(Tone::Good, "running"),
        CampaignStatus::Stopped => Badge::of(Tone::Warning, "stopped"),
    }
}
