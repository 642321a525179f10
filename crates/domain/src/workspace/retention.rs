//! How long the journal of a workspace is kept.

use serde::{Deserialize, Serialize};

/// The longest time that can be set, in days: a hundred years.
pub const RETENTION_DAYS_MAX: u32 = 36_500;

/// How long messages and other entries are kept. Profiles, traits, lists and results stay as they
/// are after it; the messages themselves are listed no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// In days, from the arrival on; 1 to 36,500.
    pub days: u32,
}

impl Retention {
    /// Checks the range.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn validate(self) -> Result<(), String> {
        match self.days {
            1..=RETENTION_DAYS_MAX => Ok(()),
            days => Err(format!("retention.days is {days}, it must be 1 to {RETENTION_DAYS_MAX}")),
        }
    }
}
