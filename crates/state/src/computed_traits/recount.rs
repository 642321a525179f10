//! Values that name people who were deleted, and are worked out anew without them.

use std::collections::BTreeMap;

use conditions::{Computation, KeptEvents};
use domain::{Timestamp, UserIdx};
use profiles::Profiles;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Store, StoreError};

use super::history::reads_past;
use super::person::PersonRow;
use super::{AT_ONCE, ComputedTraits, unreadable};
use crate::id_keys::is_id_path;
use crate::people::People;
use crate::stored::Stored;
use crate::unread_history::{Definition, UnreadHistory};

/// How many rows are looked at in one step.
const ROWS_PER_STEP: usize = 10_000;

/// People with the keys of the traits, and the first person who was not looked at; none where
/// nobody is left.
pub(crate) type Found<'t> = (Vec<(UserIdx, &'t str)>, Option<UserIdx>);

impl ComputedTraits {
    /// Who has a value of which trait that names one of these people, of those from `first` on who
    /// are looked at in one step. Values are looked at whose property a deletion takes out of
    /// messages.
    pub(crate) fn find_naming(
        &self,
        store: &Store,
        people: &dyn People,
        first: UserIdx,
    ) -> Result<Found<'_>, StoreError> {
        let names_people =
            |computation: &Computation| computation.property().is_some_and(is_id_path);
        let naming: BTreeMap<u32, &str> = self
            .by_key
            .iter()
            .filter(|(_, kept)| kept.computation.as_ref().is_some_and(names_people))
            .map(|(key, kept)| (kept.number, key.as_str()))
            .collect();
        let mut found = Vec::new();
        if naming.is_empty() {
            return Ok((found, None));
        }
        let from = KeyBuf::new().u32(first.0).build();
        let until = KeyBuf::new().u32(u32::MAX).build();
        for (n, pair) in store.scan_range(&self.values, &from, &until).enumerate() {
            let (key, row) = pair?;
            let user = KeyParts::new(&key).u32().map(UserIdx).ok_or_else(unreadable)?;
            if n >= ROWS_PER_STEP {
                return Ok((found, Some(user)));
            }
            for value in PersonRow::decode(row)?.all() {
                let kept = value.events.as_ref().filter(|_| naming.contains_key(&value.number));
                if let Some(kept) = kept
                    && kept.get()?.has_id(&|id| people.has_any(id))
                {
                    found.push((user, naming[&value.number]));
                }
            }
        }
        Ok((found, None))
    }

    /// Forgets what is kept of a person for a trait, and the value. Their past before the offset
    /// `until` is to be read.
    pub(crate) fn begin_anew(
        &self,
        batch: &mut Batch<'_>,
        profiles: &Profiles,
        unread: &mut UnreadHistory,
        (user, key): (UserIdx, &str),
        (until, now): (u64, Timestamp),
    ) -> Result<(), StoreError> {
        let Some(kept) = self.by_key.get(key) else { return Ok(()) };
        let Some(computation) = &kept.computation else { return Ok(()) };
        let mut row = self.person(batch, user)?;
        let value = row.value_or_insert_with(kept.number, || kept.first_value());
        let json = Stored::new(kept.value_of_nobody().to_string());
        (value.json, value.changed_at) = (json, now);
        let none = Stored::new(KeptEvents::new(computation));
        (value.events, value.due) = (Some(none), Some(AT_ONCE));
        self.put_person(batch, user, &row);
        let definition = Definition::Trait(kept.number);
        match reads_past(computation, &profiles.named_events(batch, user)?, until, now) {
            true => unread.mark(batch, definition, user, until),
            false => unread.end(batch, definition, user),
        }
        Ok(())
    }
}
