//! Mappings of a destination: what messages become for our own engine, or are sent as elsewhere.
//! The list, the editor of one, and what a message would become. The parameter `destination` of
//! each page names another destination than our own engine.

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
use mapping::{ActionSchema, Mapping};
use maud::{Markup, Render};
use resources::Revised;
use resources::destinations::{self, ShownDestination};
use serde::Deserialize;
use serde_json::Value;
use web::App;
use web::access::{Call, Caller, MadeResource};
use web::error::ApiError;
use web::parameters::one_of;
use web::workspaces::RequestedWorkspace;

use crate::gate::{edit, gated, preview, read};
use crate::page::{Area, Frame, Page, destination_path, encode};
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

/// The destination that a page is about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfDestination {
    /// Our own engine where none is named.
    destination: Option<String>,
}

/// The addresses of the pages about the mappings of a destination.
#[derive(Debug, Clone)]
struct Addresses {
    workspace: WorkspaceId,
    /// None stands for our own engine.
    destination: Option<String>,
}

impl Addresses {
    fn new(workspace: &WorkspaceId, destination: &str) -> Self {
        let other = (destination != ENGINE_DESTINATION).then(|| destination.to_owned());
        Self { workspace: workspace.clone(), destination: other }
    }

    /// Of the list, or of a part of it, such as `/try`.
    fn page(&self, part: &str) -> String {
        let path = format!("{}{part}", Area::Mappings.path(&self.workspace));
        match &self.destination {
            None => path,
            Some(name) => format!("{path}?destination={}", encode(name)),
        }
    }

    /// Of a part that is about one mapping. A name may be any text, also `..`: it is a parameter.
    fn of_mapping(&self, part: &str, name: &str) -> String {
        let path = self.page(part);
        let separator = if path.contains('?') { '&' } else { '?' };
        format!("{path}{separator}name={}", encode(name))
    }
}

/// The mappings in force at a destination, with the revision that a change expects.
struct Stored {
    destination: ShownDestination,
    revision: u64,
    addresses: Addresses,
}

impl Stored {
    /// Reads those of a destination; without a name, of our own engine.
    async fn read(
        workspace: &RequestedWorkspace,
        destination: Option<String>,
    ) -> Result<Self, ApiError> {
        let name = destination.unwrap_or_else(|| ENGINE_DESTINATION.to_owned());
        let addresses = Addresses::new(workspace.id(), &name);
        let Revised { value, revision } = destinations::read(workspace, name).await?;
        Ok(Self { destination: value, revision, addresses })
    }

    fn actions(&self) -> &'static [ActionSchema] {
        self.destination.actions()
    }

    /// A page about one thing of the destination's mappings.
    fn page<'a>(&self, frame: &'a Frame, title: &'a str) -> Page<'a> {
        match self.destination.is_engine() {
            true => Page::new(frame, Area::Mappings, title),
            false => self.list_page(frame, title).below("Mappings", &self.addresses.page("")),
        }
    }

    /// The page of the list.
    fn list_page<'a>(&self, frame: &'a Frame, title: &'a str) -> Page<'a> {
        let name = &self.destination.name;
        match self.destination.is_engine() {
            true => Page::new(frame, Area::Mappings, title),
            false => Page::new(frame, Area::Destinations, title)
                .below(name, &destination_path(&self.addresses.workspace, name, "")),
        }
    }

    /// Leads to a page that says what was done with the mappings.
    fn lead_to(&self, path: &str, notice: &str) -> Response {
        let separator = if path.contains('?') { '&' } else { '?' };
        let to = format!("{path}{separator}notice={notice}");
        let mut response = Redirect::to(&to).into_response();
        response.extensions_mut().insert(MadeResource(self.destination.name.clone()));
        response
    }

    /// The mappings in the one form that pages show, in their order.
    fn shown(&self) -> Vec<Value> {
        let actions = self.actions();
        self.destination.mappings.iter().map(|stored| normal_form(actions, stored)).collect()
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
fn normal_form(actions: &'static [ActionSchema], stored: &Value) -> Value {
    let read = Mapping::from_json_for(actions, &stored.to_string()).ok();
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
