//! The values of a person.

use conditions::{Computation, KeptEvents};
use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// The row of a person: the values of the traits to which an event of theirs has contributed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct PersonRow {
    pub(super) values: Vec<StoredValue>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredValue {
    /// The number of the trait.
    pub(super) number: u32,
    /// JSON text.
    pub(super) json: String,
    pub(super) changed_at: Timestamp,
    /// When it must be worked out; none if time alone does not change it.
    pub(super) due: Option<Timestamp>,
}

impl StoredValue {
    /// Works the value out at an instant. Returns whether it is another one now.
    pub(super) fn work_out(
        &mut self,
        events: &mut KeptEvents,
        computation: &Computation,
        now: Timestamp,
    ) -> bool {
        events.prune(computation, now);
        self.due = events.next_change(computation, now);
        let json = events.value(computation, now).to_string();
        let is_changed = json != self.json;
        if is_changed {
            (self.json, self.changed_at) = (json, now);
        }
        is_changed
    }
}

impl PersonRow {
    /// When the next value must be worked out. What is due of a trait that is gone stays so until
    /// it is forgotten.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.values.iter().filter_map(|value| value.due).filter(|due| *due > now).min()
    }

    pub(super) fn value(&self, number: u32) -> Option<&StoredValue> {
        self.values.iter().find(|value| value.number == number)
    }

    pub(super) fn value_or_insert_with(
        &mut self,
        number: u32,
        make: impl FnOnce() -> StoredValue,
    ) -> &mut StoredValue {
        let at = self.values.iter().position(|value| value.number == number);
        let at = at.unwrap_or_else(|| {
            self.values.push(make());
            self.values.len() - 1
        });
        &mut self.values[at]
    }
}
