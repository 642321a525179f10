//! Traits of accounts: the rows of people have what each contributes, and an account has what its
//! members contribute together.

use conditions::KeptEvents;
use domain::{Timestamp, UserIdx};
use store::{Read, StoreError};

use super::{AT_ONCE, ComputedTraits, ComputedValue, PersonRow, StoredValue};
use crate::id_keys::is_id_path;
use crate::stored::Stored;

/// What is contributed to traits of accounts, by their numbers.
pub(crate) type Parts = Vec<(u32, KeptEvents)>;

impl ComputedTraits {
    /// The traits of accounts, by key, with their numbers.
    pub(crate) fn of_accounts(&self) -> impl Iterator<Item = (&str, u32)> {
        let of_accounts = self.by_key.iter().filter(|(_, kept)| !kept.of.is_people());
        of_accounts.map(|(key, kept)| (key.as_str(), kept.number))
    }

    /// Whether the trait of a number is one of accounts.
    pub(crate) fn is_of_accounts(&self, number: u32) -> bool {
        self.of_accounts().any(|(_, known)| known == number)
    }

    /// What a person contributes.
    pub(crate) fn contributed(&self, read: &dyn Read, user: UserIdx) -> Result<Parts, StoreError> {
        let (mut parts, row) = (Parts::new(), self.person(read, user)?);
        for (_, number) in self.of_accounts() {
            if let Some(events) = row.value(number).and_then(|value| value.events.as_ref()) {
                parts.push((number, events.get()?.clone()));
            }
        }
        Ok(parts)
    }

    /// The values that an account has of the traits of these keys, or of all of accounts, if their
    /// number is one of those that `is_meant` tells.
    pub(crate) fn values_of_account<'k>(
        &'k self,
        row: &PersonRow,
        is_meant: impl Fn(&str, u32) -> bool,
    ) -> Result<Vec<(&'k str, ComputedValue)>, StoreError> {
        let mut values = Vec::new();
        for (key, kept) in self.by_key.iter().filter(|(_, kept)| !kept.of.is_people()) {
            if is_meant(key, kept.number) {
                values.push((key.as_str(), kept.value_in(row)?));
            }
        }
        Ok(values)
    }

    /// Adds what a member contributes to the row of an account, and forgets traits that are gone.
    pub(crate) fn add_to_row(&self, row: &mut PersonRow, parts: &Parts) -> Result<(), StoreError> {
        row.retain(|number| self.is_of_accounts(number));
        for (number, part) in parts {
            let found = self.by_key.values().find(|kept| kept.number == *number);
            let Some((kept, computation)) =
                found.and_then(|kept| Some((kept, kept.computation.as_ref()?)))
            else {
                continue;
            };
            let value = row.value_or_insert_with(*number, || kept.first_value());
            value.due = Some(AT_ONCE);
            value.add_events(computation, part.clone())?;
        }
        Ok(())
    }

    /// Empties the row of an account whose members are counted anew. Its values stay meanwhile,
    /// except where they may name people: somebody may have been deleted.
    pub(crate) fn restart_row(&self, row: &mut PersonRow, now: Timestamp) {
        row.retain(|number| self.is_of_accounts(number));
        for value in row.all_mut() {
            let found = self.by_key.values().find(|kept| kept.number == value.number);
            let Some((kept, computation)) =
                found.and_then(|kept| Some((kept, kept.computation.as_ref()?)))
            else {
                continue;
            };
            (value.events, value.due) =
                (Some(Stored::new(KeptEvents::new(computation))), Some(AT_ONCE));
            if computation.property().is_some_and(is_id_path) {
                let json = Stored::new(kept.value_of_nobody().to_string());
                (value.json, value.changed_at) = (json, now);
            }
        }
    }

    /// Works out the values of an account that are due at an instant. Returns the keys of those
    /// that are others now.
    pub(crate) fn work_out_row(
        &self,
        row: &mut PersonRow,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let mut changed = Vec::new();
        let is_due = |value: &&mut StoredValue| value.due.is_some_and(|due| due <= now);
        for value in row.all_mut().iter_mut().filter(is_due) {
            if let Some((key, computation)) = self.find_number(value.number)
                && value.work_out(computation, now)?
            {
                changed.push(key.to_owned());
            }
        }
        Ok(changed)
    }
}
