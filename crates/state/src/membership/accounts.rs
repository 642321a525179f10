//! Audiences that ask for traits of accounts: all members are worked out when one changes, the
//! first ones at once and further ones by timers.

use domain::{Timestamp, UserIdx};
use profiles::AccountChange;
use serde_json::{Map, Value};
use store::{Batch, StoreError};

use super::PEOPLE_PER_STEP;
use crate::timers::{Timer, TimerKind};
use crate::views::Views;

/// How many members of an account are worked out with the message that changes it.
const MEMBERS_AT_ONCE: usize = 100;

impl Views {
    /// Works out whom a group message of a person concerns: the sender, who may be a new member,
    /// and all members where a trait of the account has changed.
    pub(crate) fn follow_account(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        group_id: &str,
        change: &AccountChange,
    ) -> Result<(), StoreError> {
        let asked = self.audiences.asked_for();
        let is_asked = change.traits.iter().any(|key| asked.asks_account_trait(key));
        if is_asked || change.is_joined && asked.asks_accounts() {
            self.timers.add_pending(user);
        }
        if change.is_joined {
            self.add_member_to_account(batch, group_id, user)?;
        }
        match is_asked {
            true => self.work_out_members(batch, group_id, self.journal_now()),
            false => Ok(()),
        }
    }

    /// Has the members of an account worked out before the entry is done, and those for whom there
    /// is no room then from the instant `next` on.
    pub(super) fn work_out_members(
        &mut self,
        batch: &mut Batch<'_>,
        group_id: &str,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let members = self.accounts.members_from(batch, group_id, UserIdx(0), MEMBERS_AT_ONCE)?;
        for member in &members {
            self.timers.add_pending(*member);
        }
        match members.last().filter(|_| members.len() == MEMBERS_AT_ONCE) {
            Some(last) => {
                let id = self.accounts.begin_walk(batch, group_id, *last)?;
                let timer = Timer { due: next, kind: TimerKind::WorkOutAccount, id };
                self.timers.schedule_no_later(batch, timer)
            }
            None => Ok(()),
        }
    }

    /// Works out the next members of an account, and schedules the next step.
    pub(crate) fn work_out_account(
        &mut self,
        batch: &mut Batch<'_>,
        id: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (members, goes_on) = self.accounts.walk(batch, id, PEOPLE_PER_STEP as usize)?;
        for member in &members {
            self.work_out(batch, *member, now)?;
        }
        if goes_on {
            let due = Timestamp(now.0 + 1);
            let timer = Timer { due, kind: TimerKind::WorkOutAccount, id };
            self.timers.schedule(batch, timer)?;
        }
        Ok(())
    }

    /// The traits of each account of a person for which these audiences ask, as JSON.
    pub(super) fn read_accounts(
        &self,
        batch: &Batch<'_>,
        user: UserIdx,
        is_meant: &dyn Fn(u32) -> bool,
    ) -> Result<Vec<Map<String, Value>>, StoreError> {
        let keys: Vec<&str> = self.audiences.asked_for().account_traits_of(is_meant).collect();
        match keys.is_empty() {
            true => Ok(Vec::new()),
            false => self.traits_of_accounts(batch, user, &keys),
        }
    }
}
