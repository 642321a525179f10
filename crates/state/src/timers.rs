//! Timers: what the fold does at a time, in the order of these times.
//!
//! Before an entry is applied, all fires that is due by the entry's own time, as far as the journal's
//! clock believes it. So what fires, and in which order, follows from the entries alone. Where something
//! is due and no entry comes, [`crate::Entry::Tick`] is journalled by whoever has a clock.

use domain::{Timestamp, UserIdx, WorkspaceId};
use profiles::Merge;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::Views;
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing, writes_at_once};

const TIMERS: &str = "state.timers";
const DUE_TIMES: &str = "state.timer_due_times";
/// Sorts after every key of a timer.
const END: [u8; 1] = [u8::MAX];

/// The most timers of a workspace.
pub const TIMERS_MAX: usize = 10_000_000;

/// What a timer is for. The numbers are stored, and order what is due at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// The last impression of a user is too old to matter.
    ForgetImpressions = 0,
}

impl TimerKind {
    /// Those whose id is the index of a user.
    const OF_USERS: [Self; 1] = [Self::ForgetImpressions];

    fn from_number(number: u8) -> Option<Self> {
        (number == Self::ForgetImpressions as u8).then_some(Self::ForgetImpressions)
    }

    /// When the timer of a merged user is due, given when both were.
    fn due_of_merged(self, one: Timestamp, other: Timestamp) -> Timestamp {
        match self {
            // The target has the impressions of both.
            Self::ForgetImpressions => one.max(other),
        }
    }
}

/// One timer. There is one of each kind and id at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// When it fires. That is the time for all that it does, whenever it gets to it.
    pub due: Timestamp,
    /// What it is for.
    pub kind: TimerKind,
    /// Whose or of what it is, as the kind says.
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
    /// The first that is due.
    next: Option<Timer>,
}

impl StatePart for Timers {
    const KEYSPACES: &'static [&'static str] = &[TIMERS, DUE_TIMES];

    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let timers = store.keyspace(TIMERS);
        let (mut n_timers, mut next) = (0, None);
        for pair in store.scan(&timers, &[]) {
            let (key, _) = pair?;
            if n_timers == 0 {
                next = Some(Timer::from_key(&key)?);
            }
            n_timers += 1;
        }
        Ok(Self { timers, due_times: store.keyspace(DUE_TIMES), n_timers, next })
    }

    fn merge_users(&mut self, batch: &mut Batch<'_>, merge: Merge, _: JournalTime) -> Result<(), StoreError> {
        for kind in TimerKind::OF_USERS {
            let Some(of_source) = self.due(batch, kind, merge.source.0)? else { continue };
            self.cancel(batch, kind, merge.source.0)?;
            let of_target = self.due(batch, kind, merge.target.0)?;
            let due = of_target.map_or(of_source, |of_target| kind.due_of_merged(of_target, of_source));
            self.schedule(batch, Timer { due, kind, id: merge.target.0 })?;
        }
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        TimerKind::OF_USERS.into_iter().try_for_each(|kind| self.cancel(batch, kind, user.0))
    }
}

impl Timers {
    /// When the next timer is due; none where there is no timer.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.next.map(|next| next.due)
    }

    /// Has a timer fire at its time, in place of an earlier one of its kind and id; false where there is no
    /// room for a new one. A time that has passed already is due with the next entry.
    pub(crate) fn schedule(&mut self, batch: &mut Batch<'_>, timer: Timer) -> Result<bool, StoreError> {
        let timer = Timer { due: Timestamp(timer.due.0.max(0)), ..timer };
        match self.due(batch, timer.kind, timer.id)? {
            Some(due) if due == timer.due => return Ok(true),
            Some(due) => self.remove(batch, Timer { due, ..timer })?,
            None if self.n_timers >= TIMERS_MAX => return Ok(false),
            None => {}
        }
        batch.put(&self.timers, timer.key(), Vec::new());
        batch.put(&self.due_times, due_key(timer.kind, timer.id), timer.due.0.to_be_bytes());
        self.n_timers += 1;
        self.next = Some(self.next.map_or(timer, |next| next.min(timer)));
        Ok(true)
    }

    /// Removes the timer of a kind and an id, if there is one.
    pub(crate) fn cancel(
        &mut self,
        batch: &mut Batch<'_>,
        kind: TimerKind,
        id: u32,
    ) -> Result<(), StoreError> {
        match self.due(batch, kind, id)? {
            Some(due) => self.remove(batch, Timer { due, kind, id }),
            None => Ok(()),
        }
    }

    /// Removes the first timer that is due at a time, and gives it.
    pub(crate) fn take_due(
        &mut self,
        batch: &mut Batch<'_>,
        until: Timestamp,
    ) -> Result<Option<Timer>, StoreError> {
        let Some(timer) = self.next.filter(|next| next.due <= until) else { return Ok(None) };
        self.remove(batch, timer)?;
        Ok(Some(timer))
    }

    fn due(&self, read: &dyn Read, kind: TimerKind, id: u32) -> Result<Option<Timestamp>, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "timer" };
        let value = read.get(&self.due_times, &due_key(kind, id).build())?;
        let due = value.map(|value| KeyParts::new(&value).u64().and_then(|ms| i64::try_from(ms).ok()));
        due.map(|due| due.map(Timestamp).ok_or_else(unreadable)).transpose()
    }

    fn remove(&mut self, batch: &mut Batch<'_>, timer: Timer) -> Result<(), StoreError> {
        batch.remove(&self.timers, timer.key());
        batch.remove(&self.due_times, due_key(timer.kind, timer.id));
        self.n_timers -= 1;
        if self.next == Some(timer) {
            // Nothing is before it.
            let first = batch.scan_range(&self.timers, &timer.key().build(), &END).next().transpose()?;
            self.next = first.map(|(key, _)| Timer::from_key(&key)).transpose()?;
        }
        Ok(())
    }
}

fn due_key(kind: TimerKind, id: u32) -> KeyBuf {
    KeyBuf::new().u8(kind as u8).u32(id)
}

impl Views {
    /// Whether an entry [`crate::Entry::Tick`] of a time would make something fire, or bring the journal's
    /// clock nearer to a time at which something is due.
    pub fn is_tick_due(&self, at: Timestamp) -> bool {
        let Some(due) = self.timers.next_due().filter(|due| *due <= at) else { return false };
        let mut clock = self.setup.clock.clone();
        clock.observe(at);
        due <= clock.time().bound(at) || clock != self.setup.clock
    }
}

#[cfg(test)]
mod tests;
