//! People who get nothing of campaigns, so that the effect of all of them can be measured.

use serde::{Deserialize, Serialize};

use super::audience::check_key;

/// The most groups of a workspace that have a name.
const GROUPS_MAX: usize = 10;

/// A group of people that campaigns may leave out, always the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlGroup {
    /// The name by which campaigns name it.
    pub name: String,
    /// How many of a hundred people belong to it, 1 to 99.
    pub percent: u8,
}

/// The control groups of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ControlGroups {
    /// How many of a hundred people get nothing of any campaign, 0 to 99, unless a campaign says
    /// `ignores_system_control`.
    pub system_percent: u8,
    /// Groups that campaigns name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<ControlGroup>,
}

impl ControlGroups {
    /// Whether there are none.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the values.
    ///
    /// # Errors
    /// A sentence that names the value.
    pub fn validate(&self) -> Result<(), String> {
        if self.system_percent > 99 {
            let percent = self.system_percent;
            return Err(format!("system_percent is {percent}: it must be 0 to 99"));
        }
        let n_groups = self.groups.len();
        if n_groups > GROUPS_MAX {
            return Err(format!("groups are {n_groups}: there may be {GROUPS_MAX}"));
        }
        for (n, ControlGroup { name, percent }) in self.groups.iter().enumerate() {
            check_key(name)?;
            if !(1..=99).contains(percent) {
                return Err(format!("group {name:?}: percent is {percent}: it must be 1 to 99"));
            }
            if self.groups[..n].iter().any(|other| other.name == *name) {
                return Err(format!("two groups have the name {name:?}"));
            }
        }
        Ok(())
    }
}
