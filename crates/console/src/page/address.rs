//! Addresses to which many pages lead. Ids may hold any characters.

use domain::{MessageType, WorkspaceId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Area;

/// Everything but letters, digits and what no part of an address gives a meaning.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b':').remove(b'@');

/// A text as a part of a path, or as a value behind `?`.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The page of a person by the user id.
pub(crate) fn person_path(workspace: &WorkspaceId, user_id: &str) -> String {
    // An id alone may be `..`, which browsers take for a step in the path, encoded or not.
    format!("{}/{}", Area::People.path(workspace), encode(&format!("user_id:{user_id}")))
}

/// The page of an item.
pub(crate) fn item_path(workspace: &WorkspaceId, item_id: &str) -> String {
    format!("{}/items/{}", Area::Catalog.path(workspace), encode(item_id))
}

/// The page of a destination, or a part of it, such as `/settings`.
pub(crate) fn destination_path(workspace: &WorkspaceId, name: &str, part: &str) -> String {
    format!("{}/{}{part}", Area::Destinations.path(workspace), encode(name))
}

/// The list of the mappings of a destination that is not our own engine.
pub(crate) fn mappings_path(workspace: &WorkspaceId, destination: &str) -> String {
    format!("{}?destination={}", Area::Mappings.path(workspace), encode(destination))
}

/// The editor of a new mapping for an event.
pub(crate) fn new_mapping_path(workspace: &WorkspaceId, type_: MessageType, event: &str) -> String {
    let path = Area::Mappings.path(workspace);
    format!("{path}/edit?type={}&event={}", type_.word(), encode(event))
}
