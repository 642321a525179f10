//! The past of computed traits that read properties.

use conditions::{Computation, KeptEvents};
use domain::{Timestamp, UserIdx};
use profiles::{NamedEvent, Profiles};
use store::{Batch, StoreError};

use super::{AT_ONCE, ComputedTraits};
use crate::stored::Stored;
use crate::unread_history::{ANEW, Definition, UnreadHistory, has_past};

impl ComputedTraits {
    /// The number of a trait, and what it computes.
    pub(crate) fn find(&self, key: &str) -> Option<(u32, &Computation)> {
        let kept = self.by_key.get(key)?;
        Some((kept.number, kept.computation.as_ref()?))
    }

    /// The trait of a number.
    pub(crate) fn find_number(&self, number: u32) -> Option<(&str, &Computation)> {
        let (key, kept) = self.by_key.iter().find(|(_, kept)| kept.number == number)?;
        Some((key, kept.computation.as_ref()?))
    }

    /// The traits that read properties of events, by their numbers.
    pub(crate) fn reading(&self) -> impl Iterator<Item = (u32, &Computation)> {
        let all = self.by_key.values();
        all.filter_map(|kept| Some((kept.number, kept.computation.as_ref()?)))
            .filter(|(_, computation)| !computation.asks_names_only())
    }

    /// Marks a person for the traits of which nothing is kept of them yet, if they have events from
    /// before the trait was made.
    pub(crate) fn mark_past(
        &self,
        batch: &mut Batch<'_>,
        profiles: &Profiles,
        unread: &mut UnreadHistory,
        user: UserIdx,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if self.reading().next().is_none() {
            return Ok(());
        }
        let mut row = self.person(batch, user)?;
        let (n_values, mut history) = (row.all().len(), None);
        for kept in self.by_key.values() {
            let Some(computation) = &kept.computation else { continue };
            let definition = Definition::Trait(kept.number);
            let Some(since) = unread.since(definition) else { continue };
            if row.value(kept.number).is_some() {
                continue;
            }
            let history = match &history {
                Some(history) => history,
                None => history.insert(profiles.named_events(batch, user)?),
            };
            if reads_past(computation, history, since, now) {
                unread.mark(batch, definition, user, since);
                row.value_or_insert_with(kept.number, || kept.first_value());
            }
        }
        if row.all().len() > n_values {
            self.put_person(batch, user, &row);
        }
        Ok(())
    }

    /// Begins anew for a person who was merged, where the past of one of both is not in what is
    /// kept: where it is marked so, and of all that something is kept for if `is_of_all`.
    /// `(history, until, now)`: their events, the offset of the merge, its time.
    pub(crate) fn restart_merged(
        &self,
        batch: &mut Batch<'_>,
        unread: &mut UnreadHistory,
        user: UserIdx,
        (history, until, now): (&[NamedEvent], u64, Timestamp),
        is_of_all: bool,
    ) -> Result<(), StoreError> {
        let mut row = self.person(batch, user)?;
        for kept in self.by_key.values() {
            let Some(computation) = &kept.computation else { continue };
            let definition = Definition::Trait(kept.number);
            let is_anew = unread.until(batch, definition, user)? == Some(ANEW)
                || is_of_all && row.value(kept.number).is_some();
            if computation.asks_names_only() || !is_anew {
                continue;
            }
            let value = row.value_or_insert_with(kept.number, || kept.first_value());
            let none = Stored::new(KeptEvents::new(computation));
            (value.events, value.due) = (Some(none), Some(AT_ONCE));
            match reads_past(computation, history, until, now) {
                true => unread.mark(batch, definition, user, until),
                false => unread.end(batch, definition, user),
            }
        }
        if !row.all().is_empty() {
            self.put_person(batch, user, &row);
        }
        Ok(())
    }

    /// Adds what the past of a person comes to.
    pub(crate) fn add_past(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        key: &str,
        past: KeptEvents,
    ) -> Result<(), StoreError> {
        let Some(kept) = self.by_key.get(key) else { return Ok(()) };
        let Some(computation) = &kept.computation else { return Ok(()) };
        let mut row = self.person(batch, user)?;
        let value = row.value_or_insert_with(kept.number, || kept.first_value());
        value.due = Some(AT_ONCE);
        value.add_events(computation, past)?;
        self.put_person(batch, user, &row);
        Ok(())
    }
}

/// Whether events before the offset `until` can count.
pub(super) fn reads_past(
    computation: &Computation,
    history: &[NamedEvent],
    until: u64,
    now: Timestamp,
) -> bool {
    let names: Vec<&str> = computation.event_name().into_iter().collect();
    has_past(history, &names, computation.reaches_back_to(now), until)
}
