//! Mappings: what messages become for our own engine. The list, the editor of one, and what a
//! message would become.

mod change;
mod editor;
mod form;
mod list;
mod message;
mod past;
#[cfg(test)]
mod tests;
mod trial;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::ENGINE_DESTINATION;
use domain::Right::{ChangeWorkspace, ReadWorkspace};
use domain::WorkspaceId;
use maud::{Markup, Render};
use resources::Revised;
use resources::destinations::{self, ShownDestination};
use serde_json::Value;
use web::App;
use web::access::{Call, Caller, MadeResource};
use web::error::ApiError;
use web::parameters::one_of;
use web::workspaces::RequestedWorkspace;

use crate::gate::{edit, gated, preview, read};
use crate::page::{Area, encode};
use crate::ui::Callout;

const LIST: &str = "/console/{workspace}/mappings";
const EDIT: &str = "/console/{workspace}/mappings/edit";
const EDIT_TRY: &str = "/console/{workspace}/mappings/edit/try";
const EDIT_PREVIEW: &str = "/console/{workspace}/mappings/edit/preview";
const TRY: &str = "/console/{workspace}/mappings/try";
const TRY_PREVIEW: &str = "/console/{workspace}/mappings/try/preview";
const DELETE: &str = "/console/{workspace}/mappings/delete";
const PAST: &str = "/console/{workspace}/mappings/past";
const PRESETS: &str = "/console/{workspace}/mappings/presets";

pub(super) const CALLS: &[Call] = &[
    read(LIST, ReadWorkspace),
    read(EDIT, ReadWorkspace),
    edit(EDIT, "destination.put"),
    preview(EDIT_TRY, ReadWorkspace),
    preview(EDIT_PREVIEW, ReadWorkspace),
    read(TRY, ReadWorkspace),
    preview(TRY, ReadWorkspace),
    preview(TRY_PREVIEW, ReadWorkspace),
    read(DELETE, ChangeWorkspace),
    edit(DELETE, "destination.put"),
    read(PAST, ChangeWorkspace),
    edit(PAST, "back_fill.start"),
    read(PRESETS, ChangeWorkspace),
    edit(PRESETS, "destination.put"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route(LIST, get(list::list))
        .route(EDIT, get(editor::show).post(editor::save))
        .route(EDIT_TRY, post(editor::try_typed))
        .route(EDIT_PREVIEW, post(editor::preview))
        .route(TRY, get(trial::show).post(trial::try_typed))
        .route(TRY_PREVIEW, post(trial::preview))
        .route(DELETE, get(change::ask_to_delete).post(change::delete))
        .route(PAST, get(past::show).post(past::start))
        .route(PRESETS, get(change::ask_for_presets).post(change::take_presets));
    gated(app, CALLS, routes)
}

/// What became of the last form, by the word in the address.
const NOTICES: [(&str, &str); 3] = [
    ("saved", "Saved: it holds for the messages that come from now on"),
    ("deleted", "The mapping is gone"),
    ("presets", "The presets are in force again, for the messages that come from now on"),
];

fn notice(code: Option<&str>) -> Result<Option<Markup>, ApiError> {
    one_of("notice", code, &NOTICES.map(|(code, _)| code))?;
    let title = NOTICES.into_iter().find(|(known, _)| Some(*known) == code);
    Ok(title.map(|(_, title)| Callout::success(title).announced().render()))
}

fn may_change(caller: &Caller) -> bool {
    caller.grant.role.has(ChangeWorkspace)
}

/// The address of the editor of a mapping. A name may be any text, also `..`: it is a parameter.
fn edit_path(workspace: &WorkspaceId, name: &str) -> String {
    format!("{}/edit?name={}", Area::Mappings.path(workspace), encode(name))
}

/// Leads to a page that says what was done with the mappings.
fn lead_to(path: &str, notice: &str) -> Response {
    let separator = if path.contains('?') { '&' } else { '?' };
    let to = format!("{path}{separator}notice={notice}");
    let mut response = Redirect::to(&to).into_response();
    response.extensions_mut().insert(MadeResource(ENGINE_DESTINATION.to_owned()));
    response
}

/// The mappings in force.
async fn in_force(workspace: &RequestedWorkspace) -> Result<Stored, ApiError> {
    let Revised { value, revision } =
        destinations::read(workspace, ENGINE_DESTINATION.to_owned()).await?;
    Ok(Stored { destination: value, revision })
}

/// The mappings in force, with the revision that a change expects.
struct Stored {
    destination: ShownDestination,
    revision: u64,
}

impl Stored {
    /// The mappings in the one form that pages show, in their order.
    fn shown(&self) -> Vec<Value> {
        self.destination.mappings.iter().map(normal_form).collect()
    }

    /// The place of a mapping, and the mapping as pages show it.
    fn find(&self, name: &str) -> Option<(usize, Value)> {
        self.shown().into_iter().enumerate().find(|(_, mapping)| name_of(mapping) == name)
    }

    fn find_or_404(&self, name: &str) -> Result<(usize, Value), ApiError> {
        let missing = || ApiError::not_found(format!("there is no mapping {name:?}"));
        self.find(name).ok_or_else(missing)
    }

    /// The whole list after a change of one mapping, or with a further one at the end.
    fn with(&self, place: Option<usize>, mapping: Value) -> Vec<Value> {
        let mut list = self.destination.mappings.clone();
        match place.and_then(|place| list.get_mut(place)) {
            Some(old) => *old = mapping,
            None => list.push(mapping),
        }
        list
    }
}

/// A mapping with our own names of its keys, and with all of its fields; as it is stored where it
/// cannot be read.
fn normal_form(stored: &Value) -> Value {
    let read = mapping::Mapping::from_json(&stored.to_string()).ok();
    let normal = read.and_then(|mapping| serde_json::from_str(&mapping.to_json()).ok());
    normal.unwrap_or_else(|| stored.clone())
}

fn text_of<'m>(mapping: &'m Value, key: &str) -> &'m str {
    mapping.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn name_of(mapping: &Value) -> &str {
    text_of(mapping, "name")
}

fn is_enabled(mapping: &Value) -> bool {
    mapping.get("enabled") != Some(&Value::Bool(false))
}
