//! Whom a trait is for, who is held out of it, who enters a holdout, and what they did since.

use domain::{InteractionKind, Timestamp, TraitDefinition, TraitPeople, UserIdx};
use store::{Batch, Read, StoreError};

use crate::holdouts::{Tally, hash_person, is_held_out, micros};
use crate::views::Views;

impl Views {
    /// Whether a trait is for a person, who may be held out of it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn is_trait_for(
        &self,
        read: &dyn Read,
        definition: &TraitDefinition,
        user: UserIdx,
    ) -> Result<bool, StoreError> {
        Ok(self.trait_since(read, definition, user)?.is_some())
    }

    /// Whether a person is held out of a trait, if it is for them. The definition need not be in
    /// force.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn is_held_out(
        &self,
        read: &dyn Read,
        definition: &TraitDefinition,
        user: UserIdx,
    ) -> Result<bool, StoreError> {
        let Some(holdout) = definition.holdout else { return Ok(false) };
        let hash = match self.holdouts.tally(read, &definition.key, user)? {
            Some(tally) => tally.hash,
            None => self.hash_for_holdout(read, &definition.key, user)?,
        };
        Ok(is_held_out(holdout.percent, hash))
    }

    /// Since when a trait is for a person: since ever, or since they entered its audience. None if
    /// it is not.
    fn trait_since(
        &self,
        read: &dyn Read,
        definition: &TraitDefinition,
        user: UserIdx,
    ) -> Result<Option<Timestamp>, StoreError> {
        let since_ever = Some(Timestamp(0));
        if definition.paused {
            return Ok(None);
        }
        let Some(TraitPeople { audience, include_anonymous }) = &definition.who else {
            return Ok(since_ever);
        };
        if !include_anonymous && !self.profiles.ids().is_known(user) {
            return Ok(None);
        }
        match audience {
            None => Ok(since_ever),
            Some(audience) => self.audiences.member_since(read, audience, user),
        }
    }

    /// The hash of the first external id: by type, user ids before others, and then by text. It
    /// does not depend on the order in which a person got the ids.
    fn hash_for_holdout(
        &self,
        read: &dyn Read,
        trait_key: &str,
        user: UserIdx,
    ) -> Result<u64, StoreError> {
        let ids = self.profiles.identifiers(read, user)?;
        let id = ids.first().map_or("", |id| &id.value);
        Ok(hash_person(trait_key, id))
    }

    /// Notes that interactions of a person may be gone.
    pub(crate) fn touch_history(&mut self, user: UserIdx) {
        self.last_sent.touch_traits(user);
        self.holdouts.touch(user);
    }

    /// Counts a new interaction for the holdouts whose goal it is.
    pub(crate) fn count_for_holdouts(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        kind: InteractionKind,
        at: Timestamp,
        price: Option<f64>,
    ) -> Result<(), StoreError> {
        let counting = self.holdouts.by_key.iter();
        let counting = counting.filter(|(_, holdout)| holdout.goal == kind.code());
        for key in counting.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            let tally = self.holdouts.tally(batch, &key, user)?;
            let Some(tally) = tally.filter(|tally| at > tally.entered) else { continue };
            let tally = tally.plus(price);
            self.holdouts.put_tally(batch, &key, user, Some(tally))?;
        }
        Ok(())
    }

    /// Counts all people anew whom the entry, or a timer, has touched, and lets them enter, and
    /// those who came with it: before there were `n_users`.
    pub(crate) fn follow_people(
        &mut self,
        batch: &mut Batch<'_>,
        n_users: usize,
    ) -> Result<(), StoreError> {
        for user in n_users..self.profiles.ids().n_users() {
            self.holdouts.touch(UserIdx(user as u32));
        }
        for user in std::mem::take(&mut self.holdouts.touched) {
            if !self.profiles.ids().is_alive(user) {
                continue;
            }
            for key in self.holdouts.by_key.keys().cloned().collect::<Vec<_>>() {
                if let Some(Tally { entered, .. }) = self.holdouts.tally(batch, &key, user)? {
                    self.count_person(batch, &key, user, entered)?;
                }
            }
            self.enter_holdouts(batch, user)?;
        }
        Ok(())
    }

    /// Lets a person enter the holdouts of all traits that are for them.
    pub(crate) fn enter_holdouts(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        for key in self.holdouts.by_key.keys().cloned().collect::<Vec<_>>() {
            if self.holdouts.tally(batch, &key, user)?.is_some() {
                continue;
            }
            let Some(definition) = self.setup.config.trait_definition(&key) else { continue };
            let Some(since) = self.trait_since(batch, definition, user)? else { continue };
            let now = self.setup.clock.time().bound(Timestamp(i64::MAX));
            let begun =
                self.holdouts.by_key.get_mut(&key).map(|holdout| *holdout.since.get_or_insert(now));
            let entered = begun.map_or(since, |begun| since.max(begun));
            self.count_person(batch, &key, user, entered)?;
        }
        Ok(())
    }

    /// Counts a person who entered the holdout of a trait, from their interactions.
    fn count_person(
        &mut self,
        batch: &mut Batch<'_>,
        key: &str,
        user: UserIdx,
        entered: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(goal) = self.holdouts.by_key.get(key).map(|holdout| holdout.goal) else {
            return Ok(());
        };
        let hash = self.hash_for_holdout(batch, key, user)?;
        let mut tally = Tally { entered, hash, goals: 0, value_micros: 0 };
        if let Some(goal) = InteractionKind::from_code(goal) {
            let done = self.interactions.by_user(batch, user, goal)?;
            for later in done.iter().filter(|one| one.at > entered) {
                tally = tally.plus(later.price());
            }
        }
        self.holdouts.put_tally(batch, key, user, Some(tally))
    }
}

impl Tally {
    /// With one more goal.
    fn plus(self, price: Option<f64>) -> Self {
        Self {
            goals: self.goals.saturating_add(1),
            value_micros: self.value_micros.saturating_add(micros(price)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
