//! Filters by what the person of a list did, and by where the person is.

use serde::{Deserialize, Serialize};

/// The most event filters of a list.
pub const EVENT_FILTERS_MAX: usize = 5;
/// The most events of a person that one filter looks at.
pub const FILTER_EVENTS_MAX: u32 = 10;
/// The longest name of an event or property, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// A condition that compares items with what their person did last: items whose property has a
/// value that a property of those events had, or all others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventFilter {
    /// The name of the events; `Page Viewed` and `Screen Viewed` for pages and screens.
    pub event: String,
    /// The property of the events. `products.$.brand` reaches into each element of a list.
    pub property: String,
    /// The property of items that is compared; `itemId` for their id.
    pub matches: String,
    /// What becomes of the items that match.
    #[serde(default, skip_serializing_if = "is_default")]
    pub keep: Keep,
    /// How many of the person's last such events count, from 1 to [`FILTER_EVENTS_MAX`].
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub last: u32,
    /// How long ago they may be, in seconds; any time where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_s: Option<u32>,
}

/// What becomes of items that match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// The list has them alone. Without an event there is no list.
    #[default]
    Include,
    /// The list has all others. Without an event it has all.
    Exclude,
}

/// The largest distance of a location filter, in kilometres: half around the earth.
const DISTANCE_KM_MAX: f32 = 20_040.0;

/// Only items at a location near the person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocationFilter {
    /// The catalog of locations, which a property of items refers to.
    pub catalog: String,
    /// How far from the last known place of the person, in kilometres.
    pub within_km: f32,
}

impl LocationFilter {
    /// Checks the forms.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub(super) fn validate(&self) -> Result<(), String> {
        if !(1..=NAME_BYTES_MAX).contains(&self.catalog.len()) {
            return Err(format!("location.catalog must have 1 to {NAME_BYTES_MAX} bytes"));
        }
        match self.within_km > 0.0 && self.within_km <= DISTANCE_KM_MAX {
            true => Ok(()),
            false => Err(format!(
                "location.within_km is {}, it must be above 0, up to {DISTANCE_KM_MAX}",
                self.within_km
            )),
        }
    }
}

fn one() -> u32 {
    1
}

fn is_one(n: &u32) -> bool {
    *n == 1
}

fn is_default(keep: &Keep) -> bool {
    *keep == Keep::default()
}

/// Checks the event filters of a list.
///
/// # Errors
/// A sentence that names the key.
pub(super) fn check_event_filters(filters: &[EventFilter]) -> Result<(), String> {
    if filters.len() > EVENT_FILTERS_MAX {
        let n = filters.len();
        return Err(format!("event_filter has {n} filters, the limit is {EVENT_FILTERS_MAX}"));
    }
    for (n, filter) in filters.iter().enumerate() {
        let names = [
            ("event", &filter.event),
            ("property", &filter.property),
            ("matches", &filter.matches),
        ];
        for (key, name) in names {
            if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
                return Err(format!(
                    "event_filter.{n}.{key} must have 1 to {NAME_BYTES_MAX} bytes"
                ));
            }
        }
        if filter.matches.contains(['\'', '\\']) {
            return Err(format!("event_filter.{n}.matches must be a property without quotes"));
        }
        if !(1..=FILTER_EVENTS_MAX).contains(&filter.last) {
            let last = filter.last;
            return Err(format!(
                "event_filter.{n}.last is {last}, it must be from 1 to {FILTER_EVENTS_MAX}"
            ));
        }
    }
    Ok(())
}
