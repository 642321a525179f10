//! Identifiers: strings outside, dense indices inside.
//!
//! The fold assigns dense indices in journal order, so two nodes that fold one journal agree on
//! them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A dense index of a user: the row in every per-user structure of one workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserIdx(pub u32);

/// A dense index of an item: the row in every per-item structure of one workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ItemIdx(pub u32);

impl UserIdx {
    /// The position in a dense array.
    pub fn pos(self) -> usize {
        self.0 as usize
    }
}

impl ItemIdx {
    /// The position in a dense array.
    pub fn pos(self) -> usize {
        self.0 as usize
    }
}

/// The longest external id (user, item, anonymous, group) that is accepted, in bytes.
pub const ID_BYTES_MAX: usize = 1_000;

/// The longest id of a series, group, segmentation or segment, and of an item or user that the
/// recommender API makes, in bytes.
const STRICT_ID_BYTES_MAX: usize = 255;

/// Checks that an id or name can stand in addresses: browsers and HTTP clients take a segment of
/// one or two dots for a folder and leave it out, and nobody can read or type a control character.
///
/// # Errors
/// Says what is wrong, to follow the name of the field.
pub fn check_addressable(id: &str) -> Result<(), &'static str> {
    if matches!(id, "." | "..") {
        return Err("must not be \".\" or \"..\", which clients leave out of addresses");
    }
    match id.chars().any(char::is_control) {
        true => Err("must have no control characters, such as a line break or NUL"),
        false => Ok(()),
    }
}

/// Whether an id keeps to the characters and the length of the recommender API, and can stand in
/// addresses.
pub fn is_strict_id(id: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-:@.".contains(&b);
    let is_well_formed =
        (1..=STRICT_ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(is_allowed);
    is_well_formed && check_addressable(id).is_ok()
}

/// Checks [`is_strict_id`], and says the rule. `name` is that of the parameter.
///
/// # Errors
/// If it does not.
pub fn check_strict_id(name: &str, id: &str) -> Result<(), String> {
    if is_strict_id(id) {
        return Ok(());
    }
    if let Err(what) = check_addressable(id) {
        return Err(format!("{name} {what}"));
    }
    let shown: String = id.chars().take(80).collect();
    Err(format!(
        "{name} {shown:?} must be 1 to {STRICT_ID_BYTES_MAX} characters of a-z, A-Z, 0-9, '_', '-', ':', '@' and '.'"
    ))
}

/// The name of a workspace: a path segment in URLs and a folder on disk.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkspaceId(String);

/// First path segments that the server uses itself.
const RESERVED: [&str; 10] =
    ["v1", "api", "console", "healthz", "readyz", "metrics", "docs", "l", "o", "preferences"];

/// The longest workspace id, in bytes.
const WORKSPACE_ID_BYTES_MAX: usize = 63;

/// Why a text is not a workspace id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WorkspaceIdError {
    /// The text breaks the character or length rule.
    #[error(
        "workspace id {id:?} must be 1 to {WORKSPACE_ID_BYTES_MAX} characters of a-z, 0-9, '-' and '_', starting with a letter or digit"
    )]
    Malformed {
        /// The refused text.
        id: String,
    },
    /// The text is a path segment that the server uses itself.
    #[error("workspace id {id:?} is a reserved word: choose another name")]
    Reserved {
        /// The refused text.
        id: String,
    },
}

impl WorkspaceId {
    /// Checks the form and the reserved words.
    ///
    /// # Errors
    /// See [`WorkspaceIdError`].
    pub fn new(id: impl Into<String>) -> Result<Self, WorkspaceIdError> {
        let id = id.into();
        let well_formed = (1..=WORKSPACE_ID_BYTES_MAX).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
            && id.as_bytes()[0].is_ascii_alphanumeric();
        if !well_formed {
            return Err(WorkspaceIdError::Malformed { id });
        }
        if RESERVED.contains(&id.as_str()) {
            return Err(WorkspaceIdError::Reserved { id });
        }
        Ok(Self(id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WorkspaceId {
    type Error = WorkspaceIdError;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::new(id)
    }
}

impl std::str::FromStr for WorkspaceId {
    type Err = WorkspaceIdError;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

impl From<WorkspaceId> for String {
    fn from(id: WorkspaceId) -> Self {
        id.0
    }
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_can_stand_in_addresses() {
        for good in ["...", ".a", "a..", "a/b", "ü", " "] {
            assert_eq!(check_addressable(good), Ok(()), "{good:?}");
        }
        for bad in [".", "..", "a\0", "a\nb", "\u{7f}", "\u{85}"] {
            assert!(check_addressable(bad).is_err(), "{bad:?}");
            assert!(!is_strict_id(bad) && check_strict_id("id", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ids_are_path_segments_and_never_a_route_of_the_server() {
        for good in ["shop", "a", "shop-2_test", "0"] {
            assert_eq!(WorkspaceId::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "Shop", "a/b", "..", "-a", "a b", &"x".repeat(64)] {
            assert!(
                matches!(WorkspaceId::new(bad), Err(WorkspaceIdError::Malformed { .. })),
                "{bad:?}"
            );
        }
        assert!(matches!(WorkspaceId::new("metrics"), Err(WorkspaceIdError::Reserved { .. })));
    }
}
