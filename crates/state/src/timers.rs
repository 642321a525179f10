//! Timers: effects that the fold applies at a given time, in the order of their times.
//!
//! Before an entry is applied, all timers fire that are due by the entry's time, bounded by the
//! journal's clock. The timers that fire, and their order, therefore depend on the entries only. If
//! a timer is due and no entry arrives, the engine journals a [`crate::Entry::Tick`].

use std::collections::BTreeSet;

use domain::{Timestamp, UserIdx, WorkspaceId};
use profiles::Merge;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing, writes_at_once};

const TIMERS: &str = "state.timers";
const DUE_TIMES: &str = "state.timer_due_times";
/// Sorts after every key of a timer.
const END: [u8; 1] = [u8::MAX];

/// How many of the timers that are due first are in memory: read together, and at most twice as
/// many.
const UPCOMING: usize = 1_000;

/// The most timers of a workspace.
pub const TIMERS_MAX: usize = 10_000_000;

/// The effect of a timer. The numbers are stored; they order timers that are due at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// Removes the impressions of a user that are too old for rotation. The id is the user index.
    ForgetImpressions = 0,
    /// Works out a person's computed traits and audiences. The id is the user index.
    WorkOutPerson = 1,
    /// Works out people after a computed trait or an audience was made or changed. The id is the
    /// index of the first.
    WorkOutEverybody = 2,
    /// Removes what was sent by links that are gone. The id is the index of the first person.
    ForgetSent = 3,
    /// Works out the next members of an account whose traits have changed. The id is the number of
    /// the walk through them.
    WorkOutAccount = 4,
    /// Works out the computed traits of an account, or counts its next members. The id is the
    /// number of the account.
    WorkOutAccountTraits = 5,
    /// Removes what waits for a campaign that is gone. The id is the number of the campaign.
    ForgetCampaign = 6,
    /// Moves a person in journeys. The id is the user index.
    MoveJourneys = 7,
    /// Moves everybody by a change of the journeys, in steps. The id is 0.
    WalkJourneys = 8,
    /// Lets people enter a journey that has a time, in steps. The id is its number.
    EnterJourney = 9,
}

impl TimerKind {
    /// The kinds whose id is a user index.
    const USER_KINDS: [Self; 3] =
        [Self::ForgetImpressions, Self::WorkOutPerson, Self::MoveJourneys];

    fn from_number(number: u8) -> Option<Self> {
        let all = [
            Self::ForgetImpressions,
            Self::WorkOutPerson,
            Self::WorkOutEverybody,
            Self::ForgetSent,
            Self::WorkOutAccount,
            Self::WorkOutAccountTraits,
            Self::ForgetCampaign,
            Self::MoveJourneys,
            Self::WalkJourneys,
            Self::EnterJourney,
        ];
        all.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The due time of a merged user, from those of the two users.
    fn merge_due_times(self, one: Timestamp, other: Timestamp) -> Timestamp {
        match self {
            // The target has the impressions of both.
            Self::ForgetImpressions => one.max(other),
            // It is set anew when the entry is done.
            Self::WorkOutPerson
            | Self::WorkOutEverybody
            | Self::ForgetSent
            | Self::WorkOutAccount
            | Self::WorkOutAccountTraits
            | Self::ForgetCampaign
            | Self::MoveJourneys
            | Self::WalkJourneys
            | Self::EnterJourney => one.min(other),
        }
    }
}

/// A timer. There is at most one of each kind and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// When it fires. Its effect uses this time, even if it is applied later.
    pub due: Timestamp,
    /// The effect.
    pub kind: TimerKind,
    /// The subject of the effect; the kind defines its meaning.
    pub id: u32,
}

impl Timer {
    fn key(self) -> KeyBuf {
        KeyBuf::new().u64(self.due.0 as u64).u8(self.kind as u8).u32(self.id)
    }

    fn from_key(key: &[u8]) -> Result<Self, StoreError> {
        let mut parts = KeyParts::new(key);
        let mut timer = || {
            let due = Timestamp(i64::try_from(parts.u64()?).ok()?);
            Some(Self { due, kind: TimerKind::from_number(parts.u8()?)?, id: parts.u32()? })
        };
        timer().ok_or(StoreError::Unreadable { what: "timer" })
    }
}

/// The timers of a workspace, at most [`TIMERS_MAX`].
pub struct Timers {
    timers: Keyspace,
    due_times: Keyspace,
    n_timers: usize,
    /// How many of them work out everybody.
    n_walks: usize,
    /// The timers that are due first: all that sort before `unread`.
    upcoming: BTreeSet<Timer>,
    /// The first timer that is in the store alone; none where all are in memory.
    unread: Option<Timer>,
    /// People who must be worked out before the entry is done, in order.
    pending: Vec<UserIdx>,
}

impl StatePart for Timers {
    const KEYSPACES: &'static [&'static str] = &[TIMERS, DUE_TIMES];

    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let timers = store.keyspace(TIMERS);
        let (mut n_timers, mut n_walks) = (0, 0);
        let (mut upcoming, mut unread) = (BTreeSet::new(), None);
        for pair in store.scan(&timers, &[]) {
            let timer = Timer::from_key(&pair?.0)?;
            match upcoming.len() < UPCOMING {
                true => drop(upcoming.insert(timer)),
                false => drop(unread.get_or_insert(timer)),
            }
            n_walks += usize::from(timer.kind == TimerKind::WorkOutEverybody);
            n_timers += 1;
        }
        Ok(Self {
            timers,
            due_times: store.keyspace(DUE_TIMES),
            n_timers,
            n_walks,
            upcoming,
            unread,
            pending: Vec::new(),
        })
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        merge: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        self.pending.retain(|user| *user != merge.source);
        self.add_pending(merge.target);
        for kind in TimerKind::USER_KINDS {
            let Some(source_due) = self.due_time(batch, kind, merge.source.0)? else { continue };
            self.cancel(batch, kind, merge.source.0)?;
            let target_due = self.due_time(batch, kind, merge.target.0)?;
            let due = target_due
                .map_or(source_due, |target_due| kind.merge_due_times(target_due, source_due));
            self.schedule(batch, Timer { due, kind, id: merge.target.0 })?;
        }
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.pending.retain(|pending| *pending != user);
        TimerKind::USER_KINDS.into_iter().try_for_each(|kind| self.cancel(batch, kind, user.0))
    }
}

impl Timers {
    /// When the next timer is due; none without timers.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.upcoming.first().map(|next| next.due)
    }

    /// Whether everybody is being worked out after a change.
    pub(crate) fn is_walking(&self) -> bool {
        self.n_walks > 0
    }

    /// Notes that a person must be worked out before the entry is done.
    pub(crate) fn add_pending(&mut self, user: UserIdx) {
        if !self.pending.contains(&user) {
            self.pending.push(user);
        }
    }

    /// Takes the people who must be worked out.
    pub(crate) fn take_pending(&mut self) -> Vec<UserIdx> {
        std::mem::take(&mut self.pending)
    }

    /// Adds a timer, or moves the one of the same kind and id. Returns false if there is no room
    /// for a new one. A timer whose time has passed fires with the next entry.
    pub(crate) fn schedule(
        &mut self,
        batch: &mut Batch<'_>,
        timer: Timer,
    ) -> Result<bool, StoreError> {
        let timer = Timer { due: Timestamp(timer.due.0.max(0)), ..timer };
        match self.due_time(batch, timer.kind, timer.id)? {
            Some(due) if due == timer.due => return Ok(true),
            Some(due) => self.remove(batch, Timer { due, ..timer })?,
            None if self.n_timers >= TIMERS_MAX => return Ok(false),
            None => {}
        }
        batch.put(&self.timers, timer.key(), Vec::new());
        batch.put(&self.due_times, due_key(timer.kind, timer.id), timer.due.0.to_be_bytes());
        self.n_timers += 1;
        self.n_walks += usize::from(timer.kind == TimerKind::WorkOutEverybody);
        if self.unread.is_none_or(|unread| timer < unread) {
            self.upcoming.insert(timer);
            if self.upcoming.len() > 2 * UPCOMING {
                let last = self.upcoming.iter().nth(UPCOMING).copied();
                self.unread = last;
                drop(last.map(|last| self.upcoming.split_off(&last)));
            }
        }
        Ok(true)
    }

    /// Adds a timer, unless one of the same kind and id is due no later.
    pub(crate) fn schedule_no_later(
        &mut self,
        batch: &mut Batch<'_>,
        timer: Timer,
    ) -> Result<(), StoreError> {
        match self.due_time(batch, timer.kind, timer.id)? {
            Some(due) if due <= timer.due => Ok(()),
            _ => self.schedule(batch, timer).map(drop),
        }
    }

    /// Removes the timer of a kind and an id, if it exists.
    pub(crate) fn cancel(
        &mut self,
        batch: &mut Batch<'_>,
        kind: TimerKind,
        id: u32,
    ) -> Result<(), StoreError> {
        match self.due_time(batch, kind, id)? {
            Some(due) => self.remove(batch, Timer { due, kind, id }),
            None => Ok(()),
        }
    }

    /// Removes and returns the first timer that is due at or before `until`.
    pub(crate) fn pop_due(
        &mut self,
        batch: &mut Batch<'_>,
        until: Timestamp,
    ) -> Result<Option<Timer>, StoreError> {
        let next = self.upcoming.first().copied().filter(|next| next.due <= until);
        let Some(timer) = next else { return Ok(None) };
        self.remove(batch, timer)?;
        Ok(Some(timer))
    }

    fn due_time(
        &self,
        read: &dyn Read,
        kind: TimerKind,
        id: u32,
    ) -> Result<Option<Timestamp>, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "timer" };
        let value = read.get(&self.due_times, &due_key(kind, id).build())?;
        let due =
            value.map(|value| KeyParts::new(&value).u64().and_then(|ms| i64::try_from(ms).ok()));
        due.map(|due| due.map(Timestamp).ok_or_else(unreadable)).transpose()
    }

    fn remove(&mut self, batch: &mut Batch<'_>, timer: Timer) -> Result<(), StoreError> {
        batch.remove(&self.timers, timer.key());
        batch.remove(&self.due_times, due_key(timer.kind, timer.id));
        self.n_timers -= 1;
        self.n_walks -= usize::from(timer.kind == TimerKind::WorkOutEverybody);
        self.upcoming.remove(&timer);
        match self.unread {
            Some(unread) if self.upcoming.is_empty() => self.read_upcoming(batch, unread),
            // It may be what `unread` names, which stays the bound of what is in memory.
            _ => Ok(()),
        }
    }

    /// Reads the timers that are due next, from one on.
    fn read_upcoming(&mut self, batch: &Batch<'_>, first: Timer) -> Result<(), StoreError> {
        self.unread = None;
        for pair in batch.scan_range(&self.timers, &first.key().build(), &END).take(UPCOMING + 1) {
            let timer = Timer::from_key(&pair?.0)?;
            match self.upcoming.len() < UPCOMING {
                true => drop(self.upcoming.insert(timer)),
                false => self.unread = Some(timer),
            }
        }
        Ok(())
    }
}

fn due_key(kind: TimerKind, id: u32) -> KeyBuf {
    KeyBuf::new().u8(kind as u8).u32(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_timer_needs_room_and_one_that_exists_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Timers::KEYSPACES).unwrap();
        let mut timers = Timers::load(&store, &WorkspaceId::new("shop").unwrap()).unwrap();
        let timer = |ms, id| Timer { due: Timestamp(ms), kind: TimerKind::ForgetImpressions, id };
        let mut batch = store.batch();
        assert!(timers.schedule(&mut batch, timer(3_000, 3)).unwrap());
        timers.n_timers = TIMERS_MAX;
        assert!(!timers.schedule(&mut batch, timer(1, 4)).unwrap(), "a new timer");
        assert!(timers.schedule(&mut batch, timer(2_600, 3)).unwrap(), "an existing timer");
        assert_eq!(timers.next_due(), Some(Timestamp(2_600)));
    }

    #[test]
    fn more_timers_than_are_in_memory_fire_in_order_whenever_they_are_set_and_moved() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Timers::KEYSPACES).unwrap();
        let shop = WorkspaceId::new("shop").unwrap();
        let mut timers = Timers::load(&store, &shop).unwrap();
        let timer = |due, id| Timer { due: Timestamp(due), kind: TimerKind::WorkOutPerson, id };
        let (mut set, mut random) = (BTreeSet::new(), 7_u64);
        let mut batch = store.batch();
        for round in 0..12_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (due, id) = ((random >> 40) as i64, (random >> 33) as u32 % 5_000);
            set.retain(|known: &Timer| known.id != id);
            match round % 4 {
                0 => timers.cancel(&mut batch, TimerKind::WorkOutPerson, id).unwrap(),
                _ => {
                    assert!(timers.schedule(&mut batch, timer(due, id)).unwrap());
                    set.insert(timer(due, id));
                }
            }
            if round == 8_000 {
                batch.commit(round).unwrap();
                timers = Timers::load(&store, &shop).unwrap();
                batch = store.batch();
            }
            if round % 3 == 0 {
                let next = set.pop_first();
                let fired = timers.pop_due(&mut batch, Timestamp(i64::MAX)).unwrap();
                assert_eq!(fired, next, "round {round}");
            }
            assert_eq!(timers.next_due(), set.first().map(|next| next.due), "round {round}");
        }
        while let Some(next) = set.pop_first() {
            let fired = timers.pop_due(&mut batch, Timestamp(i64::MAX)).unwrap();
            assert_eq!(fired, Some(next));
        }
        assert_eq!(timers.pop_due(&mut batch, Timestamp(i64::MAX)).unwrap(), None);
    }
}
