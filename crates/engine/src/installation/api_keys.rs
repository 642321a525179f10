//! API keys, by name. The key of the bootstrap file is one of them.

use std::collections::BTreeMap;

use domain::id::check_addressable;
use domain::workspace::TOKEN_NAME_BYTES_MAX;
use domain::{Grant, Role, Timestamp};

use super::{Actor, SecretHash};

/// The name of the key that the bootstrap file sets as `admin_token`.
pub const BOOTSTRAP_KEY: &str = "bootstrap";
/// The most API keys.
pub const API_KEYS_MAX: usize = 100;

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What it opens.
    pub grant: Grant,
    /// Its hash.
    pub hash: SecretHash,
    /// When it was made; none for keys of builds that had no roles.
    pub created_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: Option<Actor>,
}

impl ApiKey {
    /// Whether it can administer the installation.
    pub fn is_owner(&self) -> bool {
        self.grant.role == Role::Owner
    }
}

/// All API keys, by name.
pub type ApiKeys = BTreeMap<String, ApiKey>;

/// Checks the name of a new key.
///
/// # Errors
/// If it has other characters, or is that of the bootstrap file's.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    if !(1..=TOKEN_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_allowed) {
        return Err(format!(
            "name is {name:?}, it must be 1 to {TOKEN_NAME_BYTES_MAX} characters of a-z, A-Z, 0-9, '_', '-' and '.'"
        ));
    }
    check_addressable(name).map_err(|what| format!("name {what}"))?;
    match name == BOOTSTRAP_KEY {
        true => Err(format!("name is {name:?}, which is that of the bootstrap file's admin_token")),
        false => Ok(()),
    }
}
