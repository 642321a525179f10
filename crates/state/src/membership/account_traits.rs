//! Computed traits of accounts: the value of an account is what the events of all members come to.
//!
//! The rows of people have what each contributes, kept as for traits of people, so that late and
//! repeated messages, merges and unread pasts are theirs. What comes to a person's events is added
//! to their accounts. Where it is less than what was there, the members are counted anew, the first
//! ones at once and further ones by timers. A trait is shown when the past of everybody is in it.

use domain::{Timestamp, UserIdx};
use profiles::Merge;
use serde_json::{Map, Value};
use store::{Batch, Read, StoreError};

use super::PEOPLE_PER_STEP;
use crate::account_traits::AccountRow;
use crate::computed_traits::Parts;
use crate::timers::{Timer, TimerKind};
use crate::unread_history::Definition;
use crate::views::Views;

/// How many members of an account are counted anew with the message that makes it necessary.
const COUNTED_AT_ONCE: usize = 100;

/// When values are worked out.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    /// With an entry, at the time of the journal.
    Entry,
    /// With a timer that is due then.
    Timer(Timestamp),
}

/// The accounts of two people before they become one, with what each contributes.
pub(crate) struct BeforeMerge {
    target: (Vec<String>, Parts),
    source: (Vec<String>, Parts),
    /// Whether all that both did is in what they contribute.
    is_whole: bool,
}

impl Views {
    /// Some traits of each account of a person, computed or set by a source, as JSON. The accounts
    /// are ordered by group id.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn traits_of_accounts(
        &self,
        read: &dyn Read,
        user: UserIdx,
        keys: &[&str],
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        let mut accounts = self.accounts.traits_of_user(read, user, keys)?;
        let is_computed = |key: &str| keys.contains(&key);
        if self.computed_traits.of_accounts().any(|(key, _)| is_computed(key)) {
            let groups = self.groups_of(read, user)?;
            for (group_id, traits) in groups.iter().zip(&mut accounts) {
                let (rows, computed) = (&self.account_traits, &self.computed_traits);
                for (key, one) in rows.values_with_keys(read, computed, group_id, keys)? {
                    traits.insert(key.to_owned(), one.value);
                }
            }
        }
        Ok(accounts)
    }

    /// Adds what has come to the events of a person to those of their accounts.
    pub(super) fn add_to_accounts(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        parts: &Parts,
        when: When,
    ) -> Result<(), StoreError> {
        if parts.is_empty() {
            return Ok(());
        }
        for group_id in self.counted_accounts(batch, user)? {
            self.add_to_account(batch, &group_id, user, parts, when)?;
        }
        Ok(())
    }

    /// Adds what a new member contributes.
    pub(super) fn add_member_to_account(
        &mut self,
        batch: &mut Batch<'_>,
        group_id: &str,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        if !self.has_account_traits() {
            return Ok(());
        }
        let parts = self.computed_traits.contributed(batch, user)?;
        self.add_to_account(batch, group_id, user, &parts, When::Entry)
    }

    /// Adds the past of a person that was read, of one trait.
    pub(super) fn add_past_to_accounts(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        parts: &Parts,
        when: When,
    ) -> Result<(), StoreError> {
        let is_unread = self.is_contribution_unread(user);
        for group_id in self.counted_accounts(batch, user)? {
            let row = self.account_traits.row(batch, &group_id)?;
            match row.is_some_and(|row| row.is_stale) {
                false => self.add_to_account(batch, &group_id, user, parts, when)?,
                true if is_unread => {}
                true => self.count_anew(batch, &group_id, when)?,
            }
        }
        Ok(())
    }

    fn add_to_account(
        &mut self,
        batch: &mut Batch<'_>,
        group_id: &str,
        user: UserIdx,
        parts: &Parts,
        when: When,
    ) -> Result<(), StoreError> {
        if parts.is_empty() {
            return Ok(());
        }
        let mut row = self.account_traits.row_or_new(batch, group_id)?;
        if row.has(user) {
            self.computed_traits.add_to_row(&mut row.values, parts)?;
            self.work_out_account_row(batch, group_id, row, when)?;
        }
        Ok(())
    }

    /// The accounts of two people who are about to become one; none where that changes none.
    pub(crate) fn before_merge(
        &self,
        batch: &Batch<'_>,
        Merge { target, source }: Merge,
    ) -> Result<Option<BeforeMerge>, StoreError> {
        let groups = (self.counted_accounts(batch, target)?, self.counted_accounts(batch, source)?);
        if groups.0.is_empty() && groups.1.is_empty() {
            return Ok(None);
        }
        let is_unread = [target, source].iter().any(|user| self.is_contribution_unread(*user));
        Ok(Some(BeforeMerge {
            target: (groups.0, self.computed_traits.contributed(batch, target)?),
            source: (groups.1, self.computed_traits.contributed(batch, source)?),
            is_whole: !is_unread && !self.timers.is_walking(),
        }))
    }

    /// Gives the accounts of a person who was merged what both contribute.
    pub(crate) fn merge_in_accounts(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        BeforeMerge { target, source, is_whole }: BeforeMerge,
    ) -> Result<(), StoreError> {
        let mut all = [target.0.as_slice(), source.0.as_slice()].concat();
        all.sort_unstable();
        all.dedup();
        let when = When::Entry;
        for group_id in all {
            let row = self.account_traits.row(batch, &group_id)?;
            if is_whole && row.is_none_or(|row| row.counted_to.is_none()) {
                // An account of both has what both contribute.
                for (groups, parts) in [&source, &target] {
                    if !groups.contains(&group_id) {
                        self.add_to_account(batch, &group_id, user, parts, when)?;
                    }
                }
            } else if self.is_contribution_unread(user) {
                // What was there stays until the past of both is read.
                let mut row = self.account_traits.row_or_new(batch, &group_id)?;
                row.is_stale = true;
                self.account_traits.put_row(batch, &group_id, &row);
            } else {
                self.count_anew(batch, &group_id, when)?;
            }
        }
        Ok(())
    }

    /// The accounts of a person; none where no trait of accounts is computed.
    pub(crate) fn counted_accounts(
        &self,
        batch: &Batch<'_>,
        user: UserIdx,
    ) -> Result<Vec<String>, StoreError> {
        match self.has_account_traits() {
            true => self.groups_of(batch, user),
            false => Ok(Vec::new()),
        }
    }

    /// Counts the members of an account anew, with an entry.
    pub(crate) fn count_account(
        &mut self,
        batch: &mut Batch<'_>,
        group_id: &str,
    ) -> Result<(), StoreError> {
        self.count_anew(batch, group_id, When::Entry)
    }

    fn count_anew(
        &mut self,
        batch: &mut Batch<'_>,
        group_id: &str,
        when: When,
    ) -> Result<(), StoreError> {
        let mut row = self.account_traits.row_or_new(batch, group_id)?;
        (row.is_stale, row.counted_to) = (false, Some(0));
        self.computed_traits.restart_row(&mut row.values, self.time_of(when));
        self.count_members(batch, group_id, row, when)
    }

    /// Counts the next members of an account, and works out its values where there are no more.
    fn count_members(
        &mut self,
        batch: &mut Batch<'_>,
        group_id: &str,
        mut row: AccountRow,
        when: When,
    ) -> Result<(), StoreError> {
        let limit = match when {
            When::Entry => COUNTED_AT_ONCE,
            When::Timer(_) => PEOPLE_PER_STEP as usize,
        };
        let first = UserIdx(row.counted_to.unwrap_or(0));
        let members = self.accounts.members_from(batch, group_id, first, limit)?;
        for member in &members {
            let parts = self.computed_traits.contributed(batch, *member)?;
            self.computed_traits.add_to_row(&mut row.values, &parts)?;
        }
        let last = members.last().filter(|_| members.len() == limit);
        row.counted_to = last.map(|last| last.0.saturating_add(1));
        self.work_out_account_row(batch, group_id, row, when)
    }

    /// Does what is due for the computed traits of an account.
    pub(crate) fn work_out_account_traits(
        &mut self,
        batch: &mut Batch<'_>,
        number: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(group_id) = self.account_traits.name(batch, number)? else { return Ok(()) };
        let Some(row) = self.account_traits.row(batch, &group_id)? else { return Ok(()) };
        match row.counted_to {
            Some(_) => self.count_members(batch, &group_id, row, When::Timer(now)),
            None => self.work_out_account_row(batch, &group_id, row, When::Timer(now)),
        }
    }

    /// Works out the values of an account that are due, unless its members are being counted, and
    /// has its members worked out if an audience asks for one that is another now.
    fn work_out_account_row(
        &mut self,
        batch: &mut Batch<'_>,
        group_id: &str,
        mut row: AccountRow,
        when: When,
    ) -> Result<(), StoreError> {
        let now = self.time_of(when);
        let next = Timestamp(now.0 + 1);
        let (mut changed, mut due) = (Vec::new(), Some(next));
        if row.counted_to.is_none() {
            changed = self.computed_traits.work_out_row(&mut row.values, now)?;
            due = row.values.next_due(now);
        }
        self.account_traits.put_row(batch, group_id, &row);
        let (kind, id) = (TimerKind::WorkOutAccountTraits, row.number);
        match due {
            Some(due) => drop(self.timers.schedule(batch, Timer { due, kind, id })?),
            None => self.timers.cancel(batch, kind, id)?,
        }
        let asked = self.audiences.asked_for();
        let is_asked = changed.iter().any(|key| {
            let found = self.computed_traits.find(key);
            let is_shown = found.is_some_and(|(number, _)| self.account_traits.is_shown(number));
            is_shown && asked.asks_account_trait(key)
        });
        match (is_asked, when) {
            (false, _) => Ok(()),
            (true, When::Entry) => self.work_out_members(batch, group_id, now),
            (true, When::Timer(_)) => {
                self.work_out_members(batch, group_id, next)?;
                for member in self.timers.take_pending() {
                    self.work_out(batch, member, now)?;
                }
                Ok(())
            }
        }
    }

    /// Shows the traits of accounts for which everybody's past has been read, and has the audiences
    /// worked out that ask for them.
    pub(crate) fn show_account_traits(&mut self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let Self { computed_traits, account_traits, unread_history, timers, .. } = self;
        if timers.is_walking() {
            return Ok(());
        }
        let is_read = |number: u32| {
            let progress = unread_history.progress(Definition::Trait(number));
            progress.is_none_or(|progress| progress.n_read == progress.n_people)
        };
        let hidden =
            computed_traits.of_accounts().filter(|(_, number)| !account_traits.is_shown(*number));
        let read: Vec<(String, u32)> = hidden
            .filter(|(_, number)| is_read(*number))
            .map(|(key, number)| (key.to_owned(), number))
            .collect();
        if read.is_empty() {
            return Ok(());
        }
        let numbers: Vec<u32> = read.iter().map(|(_, number)| *number).collect();
        account_traits.show(batch, &numbers);
        let asked = self.audiences.asked_for();
        if read.iter().any(|(key, _)| asked.asks_account_trait(key)) {
            self.audiences.mark_changed(batch, self.applied - 1);
            self.begin_working_out(batch)?;
        }
        Ok(())
    }

    /// Forgets what is kept of the accounts of a person for traits that are gone.
    pub(super) fn forget_gone_of_accounts(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        if self.account_traits.is_empty() {
            return Ok(());
        }
        for group_id in self.groups_of(batch, user)? {
            let Some(mut row) = self.account_traits.row(batch, &group_id)? else { continue };
            let computed = &self.computed_traits;
            if row.values.retain(|number| computed.is_of_accounts(number)) {
                self.account_traits.put_row(batch, &group_id, &row);
            }
        }
        Ok(())
    }

    /// Whether a past of somebody must be read for a trait of accounts.
    fn is_contribution_unread(&self, user: UserIdx) -> bool {
        let unread = self.unread_history.of_person(user);
        unread.into_iter().any(|definition| match definition {
            Definition::Trait(number) => self.computed_traits.is_of_accounts(number),
            Definition::Audience(_) => false,
        })
    }

    fn time_of(&self, when: When) -> Timestamp {
        match when {
            When::Entry => self.journal_now(),
            When::Timer(due) => due,
        }
    }

    fn has_account_traits(&self) -> bool {
        self.computed_traits.of_accounts().next().is_some()
    }

    fn groups_of(&self, read: &dyn Read, user: UserIdx) -> Result<Vec<String>, StoreError> {
        let links = self.accounts.links(read, user)?.into_iter();
        Ok(links.map(|link| link.group_id).collect())
    }
}
