//! What the fold does with values that go to destinations, and whom it names as due for that.

use domain::{Timestamp, UserIdx};
use profiles::ExternalId;
use store::{Batch, StoreError};

use crate::Outcome;
use crate::people::People;
use crate::sent_value::SentValue;
use crate::timers::{Timer, TimerKind};
use crate::views::Views;

/// How many people one timer looks at to remove what was sent by links that are gone.
const PEOPLE_PER_STEP: u32 = 2_000;

/// Notes what is sent. What is for somebody who is suppressed, or whom nobody knows any more, is
/// skipped by the destinations too.
pub(super) fn apply_sync(
    views: &mut Views,
    batch: &mut Batch<'_>,
    offset: u64,
    value: &SentValue,
) -> Result<Outcome, StoreError> {
    let suppressed = &views.regulations.suppressed;
    let is_suppressed =
        [&value.person, value.recipient()].iter().any(|(type_, id)| suppressed.has(*type_, id));
    let (type_, id) = &value.person;
    let person = ExternalId { type_: *type_, value: id };
    let user = views.profiles.ids().user_by_external_id(person).filter(|_| !is_suppressed);
    let Some(user) = user else {
        views.destinations.record_skipped(batch, offset);
        return Ok(Outcome::Suppressed);
    };
    views.last_sent.apply(batch, user, value)?;
    Ok(Outcome::Applied)
}

impl Views {
    /// Notes what a message may have changed of its person. `n_gained` counted the ids that people
    /// had got before it.
    pub(super) fn touch_after_message(&mut self, user: UserIdx, n_gained: u64) {
        match self.profiles.ids().n_gained() == n_gained {
            true => self.last_sent.touch_traits(user),
            false => {
                self.last_sent.touch_whole(user);
                self.holdouts.touch(user);
            }
        }
    }

    /// Starts to remove what was sent by links that are gone.
    pub(crate) fn begin_forgetting_sent(
        &mut self,
        batch: &mut Batch<'_>,
    ) -> Result<(), StoreError> {
        let due = self.setup.clock.time().bound(Timestamp(i64::MAX));
        let timer = Timer { due, kind: TimerKind::ForgetSent, id: 0 };
        self.timers.schedule(batch, timer).map(drop)
    }

    /// Removes it of people from an index on, and schedules the next step.
    pub(super) fn forget_sent_from(
        &mut self,
        batch: &mut Batch<'_>,
        first: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let n_users = self.profiles.ids().n_users() as u32;
        let end = first.saturating_add(PEOPLE_PER_STEP).min(n_users);
        self.last_sent.forget_gone(batch, UserIdx(first), UserIdx(end))?;
        if end < n_users {
            let timer = Timer { due: Timestamp(now.0 + 1), kind: TimerKind::ForgetSent, id: end };
            self.timers.schedule(batch, timer)?;
        }
        Ok(())
    }
}
