//! The definition of an audience.

pub(super) mod likely;

use serde::{Deserialize, Serialize};

use self::likely::LikelyAudience;
use super::{SyncSettings, TraitDefinition};

/// The most audiences of a workspace.
pub const AUDIENCES_MAX: usize = 100;
/// The longest key of an audience or a computed trait, in characters.
const KEY_CHARS_MAX: usize = 100;
/// The longest name of an audience or a computed trait, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// The people for whom a condition holds, or who are most likely to act on some items: exactly one
/// of `condition` and `likely` is given. For whom a condition holds is kept at every message, and
/// changes with time at the exact instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AudienceDefinition {
    /// The key by which profiles, conditions and destinations name it.
    pub key: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The condition as text, see `docs/conditions.md`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// The items in which its people are interested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likely: Option<LikelyAudience>,
    /// The destinations that are told who enters and leaves; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncSettings>,
}

impl AudienceDefinition {
    /// Checks the key, the name, and that there is one definition. A condition is checked where its
    /// language is known.
    ///
    /// # Errors
    /// A sentence that names the mistake.
    pub(super) fn validate(&self) -> Result<(), String> {
        check_key(&self.key)?;
        check_name(self.name.as_deref())?;
        match &self.likely {
            None if self.condition.is_empty() => {
                Err("it needs a condition, or likely with the items in question".to_owned())
            }
            Some(_) if !self.condition.is_empty() => {
                Err("it has a condition and likely: leave one of them out".to_owned())
            }
            likely => likely.as_ref().map_or(Ok(()), LikelyAudience::validate),
        }
    }
}

/// Checks the key of an audience or a computed trait.
///
/// # Errors
/// A sentence that says what is wanted.
pub(super) fn check_key(key: &str) -> Result<(), String> {
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !(1..=KEY_CHARS_MAX).contains(&key.len()) || !key.bytes().all(is_part) {
        return Err(format!("key must be 1 to {KEY_CHARS_MAX} characters of a-z, 0-9 and '_'"));
    }
    Ok(())
}

/// Checks the name of an audience or a computed trait.
///
/// # Errors
/// A sentence that says what is wanted.
pub(super) fn check_name(name: Option<&str>) -> Result<(), String> {
    match name {
        Some(name) if !(1..=NAME_BYTES_MAX).contains(&name.len()) => {
            Err(format!("name must be 1 to {NAME_BYTES_MAX} bytes"))
        }
        _ => Ok(()),
    }
}

/// Checks the audiences of a workspace.
///
/// # Errors
/// A sentence that names the audience and the mistake.
pub(super) fn check_audiences(
    audiences: &[AudienceDefinition],
    traits: &[TraitDefinition],
) -> Result<(), String> {
    if audiences.len() > AUDIENCES_MAX {
        let n_audiences = audiences.len();
        return Err(format!("{n_audiences} audiences exceed the limit of {AUDIENCES_MAX}"));
    }
    for (n, audience) in audiences.iter().enumerate() {
        audience.validate().map_err(|what| format!("audience {:?}: {what}", audience.key))?;
        if audiences[..n].iter().any(|other| other.key == audience.key) {
            return Err(format!("two audiences have the key {:?}", audience.key));
        }
        let key = audience.key.strip_suffix("__detail").unwrap_or(&audience.key);
        if traits.iter().any(|trait_| trait_.key == key) {
            return Err(format!(
                "audience {:?} has the key of a trait: both would be one trait of a profile",
                audience.key
            ));
        }
    }
    Ok(())
}
