//! What is kept of a person for campaigns: messages that wait, and those that they got.

use activation::PastMessage;
use domain::{CAMPAIGN_COUNT_MAX, Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Read, StoreError};

use super::{Campaigns, Occurrence, decode, encode, unreadable};

/// The most messages that wait for one person.
pub const WAITING_MAX: usize = 100;
/// The most messages that are remembered of those that a person got.
pub const PAST_MESSAGES_MAX: usize = 250;
/// How long they are remembered, in milliseconds: 32 days, longer than a month.
const PAST_MS: i64 = 32 * 86_400_000;

/// A message that waits until it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The number of the campaign.
    pub campaign: u32,
    /// What it is about.
    pub occurrence: Occurrence,
    /// When it is due.
    pub due: Timestamp,
    /// When it was due for the first time.
    pub first_due: Timestamp,
}

/// A message that is due, of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueMessageOf {
    /// The person.
    pub user: UserIdx,
    /// The message.
    pub waiting: Waiting,
}

/// The row of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PersonRow {
    /// In the order in which they were added.
    pub(super) waiting: Vec<Waiting>,
    /// Oldest first.
    pub(super) past: Vec<PastMessage>,
    /// For each campaign the last run in which something was decided for the person.
    pub(super) runs: Vec<(u32, Timestamp)>,
    /// For each campaign that counts events the times of the latest ones, ascending.
    pub(super) counted: Vec<(u32, Vec<Timestamp>)>,
}

impl PersonRow {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn find(&self, campaign: u32, occurrence: Occurrence) -> Option<usize> {
        let is_same = |one: &Waiting| one.campaign == campaign && one.occurrence == occurrence;
        self.waiting.iter().position(is_same)
    }

    pub(super) fn last_run(&self, campaign: u32) -> Option<Timestamp> {
        self.runs.iter().find(|(number, _)| *number == campaign).map(|(_, run)| *run)
    }

    pub(super) fn note_run(&mut self, campaign: u32, run: Timestamp) {
        match self.runs.iter_mut().find(|(number, _)| *number == campaign) {
            Some((_, last)) => *last = (*last).max(run),
            None => self.runs.push((campaign, run)),
        }
    }

    /// Counts an event. Returns whether it is the last of so many within some seconds; then they
    /// are counted anew.
    pub(super) fn counts_up_to(
        &mut self,
        campaign: u32,
        at: Timestamp,
        count: u32,
        within_s: u32,
    ) -> bool {
        self.add_counted(campaign, &[at]);
        let place = self.counted.iter().position(|(number, _)| *number == campaign);
        let Some((_, times)) = place.map(|place| &mut self.counted[place]) else { return false };
        let span_ms = i64::from(within_s) * 1_000;
        let is_in_time = times.iter().filter(|time| at.0 - span_ms < time.0 && **time <= at);
        if is_in_time.count() < count as usize {
            return false;
        }
        times.clear();
        true
    }

    fn add_counted(&mut self, campaign: u32, times: &[Timestamp]) {
        let place = self.counted.iter().position(|(number, _)| *number == campaign);
        let place = place.unwrap_or_else(|| {
            self.counted.push((campaign, Vec::new()));
            self.counted.len() - 1
        });
        let all = &mut self.counted[place].1;
        all.extend_from_slice(times);
        all.sort_unstable();
        let too_many = all.len().saturating_sub(CAMPAIGN_COUNT_MAX as usize);
        all.drain(..too_many);
    }

    pub(super) fn add_past(&mut self, message: PastMessage) {
        let place = self.past.partition_point(|past| past.at <= message.at);
        self.past.insert(place, message);
        self.forget_past(message.at);
    }

    fn forget_past(&mut self, now: Timestamp) {
        let old = self.past.partition_point(|past| past.at.0 < now.0 - PAST_MS);
        let too_many = self.past.len().saturating_sub(PAST_MESSAGES_MAX);
        self.past.drain(..old.max(too_many));
    }
}

impl Campaigns {
    /// The messages of campaigns that a person got in the last 32 days, the latest 250, oldest
    /// first.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn past_messages(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Vec<PastMessage>, StoreError> {
        Ok(self.person(read, user)?.past)
    }

    /// The messages that wait for a person.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn waiting(&self, read: &dyn Read, user: UserIdx) -> Result<Vec<Waiting>, StoreError> {
        Ok(self.person(read, user)?.waiting)
    }

    /// Whether something was decided for a person in the run of a time, or waits.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn has_run(
        &self,
        read: &dyn Read,
        user: UserIdx,
        campaign: u32,
        run: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(self.person(read, user)?.last_run(campaign).is_some_and(|last| last >= run))
    }

    /// The first messages of a campaign that are due at an instant, up to `n_max`, in the order in
    /// which they are.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn due(
        &self,
        read: &dyn Read,
        campaign: u32,
        now: Timestamp,
        n_max: usize,
    ) -> Result<Vec<DueMessageOf>, StoreError> {
        let prefix = KeyBuf::new().u32(campaign).build();
        let mut due = Vec::new();
        for pair in read.scan(&self.due, &prefix) {
            let (key, value) = pair?;
            let found = read_due(&key, &value)?;
            if found.waiting.due > now || due.len() >= n_max {
                break;
            }
            due.push(found);
        }
        Ok(due)
    }

    /// When the next message of a campaign is due.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn next_due(
        &self,
        read: &dyn Read,
        campaign: u32,
    ) -> Result<Option<Timestamp>, StoreError> {
        let prefix = KeyBuf::new().u32(campaign).build();
        let first = read.scan(&self.due, &prefix).next().transpose()?;
        first.map(|(key, value)| Ok(read_due(&key, &value)?.waiting.due)).transpose()
    }

    pub(super) fn person(&self, read: &dyn Read, user: UserIdx) -> Result<PersonRow, StoreError> {
        let value = read.get(&self.people, &KeyBuf::new().u32(user.0).build())?;
        value.map_or_else(|| Ok(PersonRow::default()), |value| decode(&value))
    }

    pub(super) fn put_person(&self, batch: &mut Batch<'_>, user: UserIdx, row: &PersonRow) {
        let key = KeyBuf::new().u32(user.0);
        match row.is_empty() {
            true => batch.remove(&self.people, key),
            false => batch.put(&self.people, key, encode(row)),
        }
    }

    /// Lets a message wait, unless it does or too many do. Of a campaign of which one waits for a
    /// person the one of the latest event does. Returns false where too many wait.
    pub(super) fn add_waiting(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        row: &mut PersonRow,
        waiting: Waiting,
    ) -> bool {
        if row.find(waiting.campaign, waiting.occurrence).is_some() {
            return true;
        }
        if self.waits_once(waiting.campaign)
            && let Some(place) = row.waiting.iter().position(|one| one.campaign == waiting.campaign)
        {
            let other = row.waiting[place];
            if (other.first_due, other.occurrence) > (waiting.first_due, waiting.occurrence) {
                return true;
            }
            self.remove_waiting(batch, user, row, place);
        }
        if row.waiting.len() >= WAITING_MAX {
            return false;
        }
        let rest = (waiting.occurrence, waiting.first_due);
        batch.put(&self.due, due_key(user, &waiting), encode(&rest));
        row.waiting.push(waiting);
        self.note_waiting(waiting.campaign, 1);
        true
    }

    /// Takes a message that waits from the row of a person.
    pub(super) fn remove_waiting(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        row: &mut PersonRow,
        place: usize,
    ) -> Waiting {
        let waiting = row.waiting.remove(place);
        batch.remove(&self.due, due_key(user, &waiting));
        self.note_waiting(waiting.campaign, -1);
        waiting
    }

    /// Takes a message that waits from the row of a person, with all that is known of it.
    pub(super) fn drop_waiting(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        row: &mut PersonRow,
        place: usize,
    ) {
        let Waiting { campaign, occurrence, .. } = self.remove_waiting(batch, user, row, place);
        self.forget_details(batch, user, campaign, occurrence);
    }

    /// The target gets what waits for the source, except what waits for both, and what the source
    /// got.
    pub(super) fn merge_people(
        &mut self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
    ) -> Result<(), StoreError> {
        let mut gone = self.person(batch, source)?;
        if gone.is_empty() {
            return Ok(());
        }
        let mut row = self.person(batch, target)?;
        while !gone.waiting.is_empty() {
            let mut waiting = self.remove_waiting(batch, source, &mut gone, 0);
            if self.is_dated(waiting.campaign) {
                // The date may be another one now: it is looked at again.
                let is_its = |one: &Waiting| one.campaign == waiting.campaign;
                if let Some(place) = row.waiting.iter().position(is_its) {
                    let other = self.remove_waiting(batch, target, &mut row, place);
                    waiting.first_due = waiting.first_due.max(other.first_due);
                }
                waiting.due = waiting.first_due;
            }
            match was_decided(&row, &waiting) {
                true => self.forget_details(batch, source, waiting.campaign, waiting.occurrence),
                false => {
                    self.move_details(batch, target, source, &waiting)?;
                    self.add_waiting(batch, target, &mut row, waiting);
                }
            }
        }
        for (campaign, times) in gone.counted.drain(..) {
            row.add_counted(campaign, &times);
        }
        for (campaign, run) in gone.runs.drain(..) {
            row.note_run(campaign, run);
        }
        gone.past.drain(..).for_each(|message| row.add_past(message));
        self.put_person(batch, target, &row);
        self.put_person(batch, source, &PersonRow::default());
        Ok(())
    }

    pub(super) fn delete_person(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        let mut row = self.person(batch, user)?;
        while !row.waiting.is_empty() {
            self.drop_waiting(batch, user, &mut row, 0);
        }
        self.put_person(batch, user, &PersonRow::default());
        Ok(())
    }

    /// Removes some of what waits for the campaign of a number, and returns whether that was all,
    /// and what it was.
    pub(super) fn forget_waiting(
        &mut self,
        batch: &mut Batch<'_>,
        campaign: u32,
        n_max: usize,
    ) -> Result<(bool, Vec<DueMessageOf>), StoreError> {
        let found = self.due(batch, campaign, Timestamp(i64::MAX), n_max)?;
        for DueMessageOf { user, waiting } in &found {
            let mut row = self.person(batch, *user)?;
            match row.find(waiting.campaign, waiting.occurrence) {
                Some(place) => self.drop_waiting(batch, *user, &mut row, place),
                None => batch.remove(&self.due, due_key(*user, waiting)),
            }
            row.runs.retain(|(number, _)| *number != campaign);
            self.put_person(batch, *user, &row);
        }
        Ok((found.len() < n_max, found))
    }
}

/// Whether the run of a message was decided for the person whose row it is, who is not waiting.
fn was_decided(row: &PersonRow, waiting: &Waiting) -> bool {
    match waiting.occurrence {
        Occurrence::Run(run) => row.last_run(waiting.campaign).is_some_and(|last| last >= run),
        _ => false,
    }
}

/// Sorts by campaign, time, person. Two messages about one occurrence have one key.
fn due_key(user: UserIdx, waiting: &Waiting) -> KeyBuf {
    let (kind, number, nth) = match waiting.occurrence {
        Occurrence::Event(offset) => (0, offset, 0),
        Occurrence::Dated(offset) => (4, offset, 0),
        Occurrence::Run(at) => (1, at.0 as u64, 0),
        Occurrence::Triggered { offset, nth } => (2, offset, nth),
        Occurrence::Journey { instance, step } => (3, instance, step),
    };
    let key = KeyBuf::new().u32(waiting.campaign).u64(waiting.due.0 as u64);
    key.u32(user.0).u8(kind).u64(number).u32(nth)
}

pub(super) fn read_due(key: &[u8], value: &[u8]) -> Result<DueMessageOf, StoreError> {
    let mut parts = KeyParts::new(key);
    let mut named = || Some((parts.u32()?, parts.u64()?, parts.u32()?));
    let (campaign, due, user) = named().ok_or_else(unreadable)?;
    let (occurrence, first_due) = decode(value)?;
    let waiting = Waiting { campaign, occurrence, due: Timestamp(due as i64), first_due };
    Ok(DueMessageOf { user: UserIdx(user), waiting })
}
