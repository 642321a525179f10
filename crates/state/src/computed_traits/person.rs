//! The row of a person: values, and what is kept of events for them.

use conditions::{Computation, KeptEvents};
use domain::Timestamp;
use store::StoreError;

use crate::stored::{RowReader, Stored, append, row_with_room};

/// The row of a person: the values of the traits to which an event of theirs has contributed.
#[derive(Debug, Clone, Default)]
pub(crate) struct PersonRow {
    /// By the numbers of their traits.
    values: Vec<StoredValue>,
    /// How long the row was as it was read.
    n_bytes: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct StoredValue {
    /// The number of the trait.
    pub(crate) number: u32,
    /// JSON text.
    pub(crate) json: Stored<String>,
    pub(crate) changed_at: Timestamp,
    /// When it must be worked out; none if time alone does not change it.
    pub(crate) due: Option<Timestamp>,
    /// None before an event has contributed.
    pub(crate) events: Option<Stored<KeptEvents>>,
}

impl StoredValue {
    /// Works the value out at an instant. Returns whether it is another one now.
    pub(crate) fn work_out(
        &mut self,
        computation: &Computation,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(events) = &mut self.events else { return Ok(false) };
        let events = events.get_mut()?;
        events.prune(computation, now);
        self.due = events.next_change(computation, now);
        let json = events.value(computation, now).to_string();
        let is_changed = json != *self.json.get()?;
        if is_changed {
            (self.json, self.changed_at) = (Stored::new(json), now);
        }
        Ok(is_changed)
    }

    /// Forgets events that will never count again, of what is not worked out.
    pub(crate) fn prune(
        &mut self,
        computation: &Computation,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.due = None;
        if let Some(events) = &mut self.events {
            events.get_mut()?.prune(computation, now);
        }
        Ok(())
    }

    /// Adds what other events come to.
    pub(crate) fn add_events(
        &mut self,
        computation: &Computation,
        others: KeptEvents,
    ) -> Result<(), StoreError> {
        match &mut self.events {
            Some(events) => events.get_mut()?.merge(computation, others),
            events => *events = Some(Stored::new(others)),
        }
        Ok(())
    }
}

impl PersonRow {
    /// When the next value must be worked out. What is due of a trait that is gone stays so until
    /// it is forgotten.
    pub(crate) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.values.iter().filter_map(|value| value.due).filter(|due| *due > now).min()
    }

    pub(crate) fn all_mut(&mut self) -> &mut [StoredValue] {
        &mut self.values
    }

    pub(crate) fn all(&self) -> &[StoredValue] {
        &self.values
    }

    pub(crate) fn value(&self, number: u32) -> Option<&StoredValue> {
        self.place(number).ok().map(|place| &self.values[place])
    }

    pub(crate) fn value_mut(&mut self, number: u32) -> Option<&mut StoredValue> {
        self.place(number).ok().map(|place| &mut self.values[place])
    }

    pub(crate) fn value_or_insert_with(
        &mut self,
        number: u32,
        make: impl FnOnce() -> StoredValue,
    ) -> &mut StoredValue {
        let place = self.place(number).unwrap_or_else(|place| {
            self.values.insert(place, make());
            place
        });
        &mut self.values[place]
    }

    /// Returns whether a value was there that is not wanted.
    pub(crate) fn retain(&mut self, is_wanted: impl Fn(u32) -> bool) -> bool {
        let n_values = self.values.len();
        self.values.retain(|value| is_wanted(value.number));
        self.values.len() < n_values
    }

    fn place(&self, number: u32) -> Result<usize, usize> {
        self.values.binary_search_by_key(&number, |value| value.number)
    }

    pub(crate) fn decode(bytes: Vec<u8>) -> Result<Self, StoreError> {
        Self::read(&mut RowReader::new(bytes, "row of a person's computed traits"))
    }

    /// Reads what [`PersonRow::append_to`] has written.
    pub(crate) fn read(row: &mut RowReader) -> Result<Self, StoreError> {
        let n: u32 = row.read()?;
        let mut values = row.list(n);
        for _ in 0..n {
            let (number, changed_at, due, has_events) = row.read()?;
            let json = row.part()?;
            let events = if has_events { Some(row.part()?) } else { None };
            values.push(StoredValue { number, json, changed_at, due, events });
        }
        Ok(Self { values, n_bytes: row.n_bytes() })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut row = row_with_room(self.n_bytes);
        self.append_to(&mut row);
        row
    }

    pub(crate) fn append_to(&self, row: &mut Vec<u8>) {
        append(row, &(self.values.len() as u32));
        for StoredValue { number, json, changed_at, due, events } in &self.values {
            append(row, &(number, changed_at, due, events.is_some()));
            json.append_to(row);
            if let Some(events) = events {
                events.append_to(row);
            }
        }
    }
}
