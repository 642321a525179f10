//! What is kept of a person for campaigns: messages that wait, and those that they got.

use activation::PastMessage;
use domain::{Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Read, StoreError};

use super::{
    CampaignDecision, Campaigns, DecisionOutcome, Occurrence, UnnamedPerson, decode, encode,
    unreadable,
};

/// The most messages that wait for one person.
pub const WAITING_MAX: usize = 100;
/// The most messages that are remembered of those that a person got.
pub const PAST_MESSAGES_MAX: usize = 250;
/// How long they are remembered, in milliseconds: 32 days, longer than a month.
const PAST_MS: i64 = 32 * 86_400_000;

/// Why a message that waited is not sent: new data of the person is refused.
const SUPPRESSED: &str = "suppressed";
/// Why it is not: the person has no id.
const NOT_REACHABLE: &str = "not_reachable";

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
            let waiting = self.remove_waiting(batch, source, &mut gone, 0);
            if !was_decided(&row, &waiting) {
                self.add_waiting(batch, target, &mut row, waiting);
            }
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
            self.remove_waiting(batch, user, &mut row, 0);
        }
        self.put_person(batch, user, &PersonRow::default());
        Ok(())
    }

    /// Removes what waits for somebody who is suppressed, and counts it as refused.
    pub(crate) fn drop_suppressed(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        decision: &CampaignDecision,
    ) -> Result<(), StoreError> {
        let CampaignDecision { campaign, number, occurrence, .. } = decision;
        self.drop_waiting(batch, user, (campaign.as_str(), *number, *occurrence), SUPPRESSED)
    }

    /// Removes what waits for somebody who has no id, and counts it as refused.
    pub(crate) fn drop_unnamed(
        &mut self,
        batch: &mut Batch<'_>,
        UnnamedPerson { campaign, number, user, occurrence, .. }: &UnnamedPerson,
    ) -> Result<(), StoreError> {
        let message = (campaign.as_str(), *number, *occurrence);
        self.drop_waiting(batch, UserIdx(*user), message, NOT_REACHABLE)
    }

    fn drop_waiting(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        (campaign, number, occurrence): (&str, u32, Occurrence),
        reason: &str,
    ) -> Result<(), StoreError> {
        let mut row = self.person(batch, user)?;
        if let Some(place) = row.find(number, occurrence) {
            self.remove_waiting(batch, user, &mut row, place);
            self.put_person(batch, user, &row);
            self.count_refused(campaign, reason, 1);
        }
        Ok(())
    }

    /// Counts a decision about somebody who was deleted since.
    pub(crate) fn count_erased(
        &mut self,
        batch: &mut Batch<'_>,
        decision: &CampaignDecision,
    ) -> Result<(), StoreError> {
        if !self.is_kept(&decision.campaign, decision.number) {
            return Ok(());
        }
        match &decision.outcome {
            DecisionOutcome::Sent(sent) => self.count_sent(batch, decision, sent),
            DecisionOutcome::Refused { reason, .. } => {
                self.count_refused(&decision.campaign, reason, 1);
                Ok(())
            }
            DecisionOutcome::Waits { .. } => Ok(()),
        }
    }

    /// Removes some of what waits for the campaign of a number, and returns whether that was all.
    pub(super) fn forget_waiting(
        &mut self,
        batch: &mut Batch<'_>,
        campaign: u32,
        n_max: usize,
    ) -> Result<bool, StoreError> {
        let found = self.due(batch, campaign, Timestamp(i64::MAX), n_max)?;
        for DueMessageOf { user, waiting } in &found {
            let mut row = self.person(batch, *user)?;
            match row.find(waiting.campaign, waiting.occurrence) {
                Some(place) => drop(self.remove_waiting(batch, *user, &mut row, place)),
                None => batch.remove(&self.due, due_key(*user, waiting)),
            }
            row.runs.retain(|(number, _)| *number != campaign);
            self.put_person(batch, *user, &row);
        }
        Ok(found.len() < n_max)
    }
}

/// Whether the run of a message was decided for the person whose row it is, who is not waiting.
fn was_decided(row: &PersonRow, waiting: &Waiting) -> bool {
    match waiting.occurrence {
        Occurrence::Run(run) => row.last_run(waiting.campaign).is_some_and(|last| last >= run),
        Occurrence::Event(_) => false,
    }
}

/// Sorts by campaign, time, person. Two messages about one occurrence have one key.
fn due_key(user: UserIdx, waiting: &Waiting) -> KeyBuf {
    let (kind, number) = match waiting.occurrence {
        Occurrence::Event(offset) => (0, offset),
        Occurrence::Run(at) => (1, at.0 as u64),
    };
    let key = KeyBuf::new().u32(waiting.campaign).u64(waiting.due.0 as u64);
    key.u32(user.0).u8(kind).u64(number)
}

pub(super) fn read_due(key: &[u8], value: &[u8]) -> Result<DueMessageOf, StoreError> {
    let mut parts = KeyParts::new(key);
    let mut named = || Some((parts.u32()?, parts.u64()?, parts.u32()?));
    let (campaign, due, user) = named().ok_or_else(unreadable)?;
    let (occurrence, first_due) = decode(value)?;
    let waiting = Waiting { campaign, occurrence, due: Timestamp(due as i64), first_due };
    Ok(DueMessageOf { user: UserIdx(user), waiting })
}
