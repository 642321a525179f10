//! The definition of a product-based audience.

use serde::{Deserialize, Serialize};

use crate::list::EXPRESSION_BYTES_MAX;

/// The most people of a product-based audience.
pub const LIKELY_SIZE_MAX: u32 = 1_000_000;
/// The most items that a product-based audience names.
pub const LIKELY_ITEMS_MAX: usize = 1_000;
/// The longest time between two refreshes, in hours.
pub const LIKELY_HOURS_MAX: u32 = 672;
/// The time between two refreshes unless another is given, in hours.
const EVERY_HOURS_DEFAULT: u32 = 24;
/// The longest value of a property, in bytes.
const VALUE_BYTES_MAX: usize = 1_000;

/// The people who are most likely to act on some items, by the model in use. The items are named by
/// exactly one of `items`, `property` with `value`, and `filter`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LikelyAudience {
    /// The ids of the items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
    /// A property of items, such as a brand: all items that have `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// The value of the property, or a member of it where it is a set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// A ReQL filter of items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// How many people, up to [`LIKELY_SIZE_MAX`]. There are fewer where fewer have any interest.
    pub size: u32,
    /// The key of an audience: only its members are chosen. Everybody, where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub among: Option<String>,
    /// Whether people are left out who have acted on one of the items before.
    #[serde(default = "exclude_by_default")]
    pub exclude_acted: bool,
    /// The time between two refreshes, in hours, 1 to 672. A new model brings one as well.
    #[serde(default = "every_hours_by_default")]
    pub every_hours: u32,
}

/// The items that a product-based audience is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LikelyTarget<'a> {
    /// These.
    Items(&'a [String]),
    /// Those whose property has the value.
    Property(&'a str, &'a str),
    /// Those that pass the ReQL filter.
    Filter(&'a str),
}

fn exclude_by_default() -> bool {
    true
}

fn every_hours_by_default() -> u32 {
    EVERY_HOURS_DEFAULT
}

impl LikelyAudience {
    /// The items that it is about.
    ///
    /// # Errors
    /// A sentence that says what is wanted, where not exactly one way is given.
    pub fn target(&self) -> Result<LikelyTarget<'_>, String> {
        match (&*self.items, &self.property, &self.value, &self.filter) {
            ([_, ..], None, None, None) => Ok(LikelyTarget::Items(&self.items)),
            ([], Some(property), Some(value), None) => Ok(LikelyTarget::Property(property, value)),
            ([], None, None, Some(filter)) => Ok(LikelyTarget::Filter(filter)),
            _ => Err(
                "likely names its items by exactly one of items, property with value, and filter"
                    .to_owned(),
            ),
        }
    }

    /// Checks the bounds. The filter is checked where its language is known.
    ///
    /// # Errors
    /// A sentence that names the mistake.
    pub fn validate(&self) -> Result<(), String> {
        self.target()?;
        let is_long =
            |text: &Option<String>, max: usize| text.as_ref().is_some_and(|text| text.len() > max);
        if self.items.len() > LIKELY_ITEMS_MAX {
            return Err(format!(
                "likely.items has {} items, more than {LIKELY_ITEMS_MAX}: name a property or a filter",
                self.items.len()
            ));
        }
        if is_long(&self.value, VALUE_BYTES_MAX) {
            return Err(format!("likely.value is longer than {VALUE_BYTES_MAX} bytes"));
        }
        if is_long(&self.filter, EXPRESSION_BYTES_MAX) {
            return Err(format!("likely.filter is longer than {EXPRESSION_BYTES_MAX} bytes"));
        }
        if !(1..=LIKELY_SIZE_MAX).contains(&self.size) {
            return Err(format!("likely.size must be 1 to {LIKELY_SIZE_MAX}"));
        }
        if !(1..=LIKELY_HOURS_MAX).contains(&self.every_hours) {
            return Err(format!("likely.every_hours must be 1 to {LIKELY_HOURS_MAX}"));
        }
        Ok(())
    }
}
