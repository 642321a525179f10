//! How new the items of a list are.

use serde::{Deserialize, Serialize};

/// The longest name of a property, in bytes.
const NAME_BYTES_MAX: usize = 200;
/// The largest factor for the scores of new items.
const BOOST_MAX: f32 = 100.0;

/// What a list does with items that are new by a property of theirs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// The property of items with the time from which their age counts: a timestamp, or a number
    /// of seconds since 1970. Items without it are not new.
    pub property: String,
    /// The age up to which an item is new, in seconds.
    pub within_s: u32,
    /// The factor for the scores of new items, above 1 and up to 100. Without it the list has new
    /// items alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boost: Option<f32>,
}

impl Freshness {
    /// The expression that is true for new items.
    pub fn filter(&self) -> String {
        format!("'{}' > now() - {}", self.property, self.within_s)
    }

    /// The expression that scores are multiplied by; none where the list has new items alone.
    pub fn booster(&self) -> Option<String> {
        self.boost.map(|boost| format!("if {} then {boost} else 1", self.filter()))
    }

    /// Checks the forms.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub(super) fn validate(&self) -> Result<(), String> {
        if !(1..=NAME_BYTES_MAX).contains(&self.property.len()) {
            return Err(format!("freshness.property must have 1 to {NAME_BYTES_MAX} bytes"));
        }
        if self.property.contains(['\'', '\\']) {
            return Err("freshness.property must be a property without quotes".to_owned());
        }
        if self.within_s == 0 {
            return Err("freshness.within_s is 0, it must be 1 or more".to_owned());
        }
        match self.boost {
            Some(boost) if !(boost > 1.0 && boost <= BOOST_MAX) => Err(format!(
                "freshness.boost is {boost}, it must be above 1, up to {BOOST_MAX}; without it the \
                 list has new items alone"
            )),
            _ => Ok(()),
        }
    }
}
