//! Campaigns: which there are, whose messages wait for whom, and what was decided of them.
//!
//! The fold finds who does what begins a campaign, and keeps what waits. What becomes of a message
//! that is due is decided by the engine, which knows models, templates and time zones; the decision
//! enters the journal, and the fold applies it. A second decision on the same message is none.

mod counts;
mod decision;
mod goals;
mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use activation::PastMessage;
use conditions::{Event, EventMatch};
use domain::{
    Campaign, CampaignStart, CampaignStatus, Timestamp, UserIdx, WorkspaceConfig, WorkspaceId,
};
use profiles::Merge;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};
use xxhash_rust::xxh3::xxh3_64;

pub use self::counts::{CampaignCounts, RunState};
pub use self::decision::{
    CAMPAIGN_EVENT, CAMPAIGN_SOURCE, CampaignDecision, CampaignEntry, CampaignMessage, CampaignRun,
    DecisionOutcome, MESSAGE_ITEMS_MAX, Occurrence, message_id, number_message, parse_message_id,
};
pub(crate) use self::goals::Goal;
use self::goals::GoalMatch;
pub use self::people::{DueMessageOf, PAST_MESSAGES_MAX, WAITING_MAX, Waiting};
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};

const CAMPAIGNS: &str = "state.campaigns";
const PEOPLE: &str = "state.campaign_people";
const DUE: &str = "state.campaign_due";
const DAYS: &str = "state.campaign_days";
/// The row of the next number.
const NEXT_NUMBER_KEY: [u8; 1] = [0];
/// The first byte of keys of campaigns, and of channels.
const CAMPAIGN_ROW: u8 = 1;
const CHANNEL_ROW: u8 = 2;
/// The length of the periods in which messages of a channel are counted, in milliseconds.
const PERIOD_MS: i64 = 300_000;
/// How many waiting messages of campaigns that are gone are removed at once.
const FORGOTTEN_PER_STEP: usize = 2_000;
/// Why a message does not wait: the person has too many that do.
const TOO_MANY_WAIT: &str = "too_many_wait";
/// Why a message that waited is not sent: new data of the person is refused.
const SUPPRESSED: &str = "suppressed";

/// A campaign that is kept.
#[derive(Debug, Clone)]
pub struct KeptCampaign {
    /// Names it in rows. A number is used once.
    pub number: u32,
    /// What it sends to whom.
    pub definition: Arc<Campaign>,
    /// The event that begins it; none where it has a time, or its tests cannot be read.
    begins: Option<EventMatch>,
    /// What counts as its success; none where nothing does, or its tests cannot be read.
    goal: Option<GoalMatch>,
    /// Messages that wait.
    pub n_waiting: u64,
    /// The last run; none before the first.
    pub run: Option<RunState>,
    /// What it did, in all.
    pub counts: CampaignCounts,
}

/// A row of a campaign.
#[derive(Serialize, Deserialize)]
struct CampaignRow {
    number: u32,
    /// JSON text.
    definition: String,
    n_waiting: u64,
    run: Option<RunState>,
    counts: CampaignCounts,
}

/// The campaigns of a workspace.
pub struct Campaigns {
    rows: Keyspace,
    people: Keyspace,
    due: Keyspace,
    days: Keyspace,
    by_key: BTreeMap<String, KeptCampaign>,
    next_number: u32,
    /// Those whose rows are not written yet.
    changed: BTreeSet<String>,
    /// By channel what was sent in the last period in which anything was.
    lately: BTreeMap<String, SentLately>,
    /// Channels whose rows are not written yet.
    changed_lately: BTreeSet<String>,
}

/// Messages of a channel in one period of five minutes.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct SentLately {
    /// The number of the period since 1970.
    period: i64,
    n: u64,
}

impl StatePart for Campaigns {
    const KEYSPACES: &'static [&'static str] = &[CAMPAIGNS, PEOPLE, DUE, DAYS];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut loaded = Self {
            rows: store.keyspace(CAMPAIGNS),
            people: store.keyspace(PEOPLE),
            due: store.keyspace(DUE),
            days: store.keyspace(DAYS),
            by_key: BTreeMap::new(),
            next_number: 0,
            changed: BTreeSet::new(),
            lately: BTreeMap::new(),
            changed_lately: BTreeSet::new(),
        };
        for pair in store.scan(&loaded.rows, &[]) {
            let (key, value) = pair?;
            if key == NEXT_NUMBER_KEY {
                loaded.next_number = decode(&value)?;
                continue;
            }
            let mut parts = KeyParts::new(&key);
            let is_channel = parts.u8() == Some(CHANNEL_ROW);
            let key = parts.text().ok_or_else(unreadable)?.to_owned();
            if is_channel {
                loaded.lately.insert(key, decode(&value)?);
                continue;
            }
            let CampaignRow { number, definition, n_waiting, run, counts } = decode(&value)?;
            let definition: Campaign =
                serde_json::from_str(&definition).map_err(|_| unreadable())?;
            let (begins, goal) = (beginning(&definition), GoalMatch::of(&definition));
            let definition = Arc::new(definition);
            let kept = KeptCampaign { number, definition, begins, goal, n_waiting, run, counts };
            loaded.by_key.insert(key, kept);
        }
        Ok(loaded)
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        self.merge_people(batch, target, source)
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.delete_person(batch, user)
    }

    fn flush(&mut self, batch: &mut Batch<'_>) {
        for key in std::mem::take(&mut self.changed) {
            let Some(kept) = self.by_key.get(&key) else { continue };
            let definition = serde_json::to_string(&*kept.definition);
            let row = CampaignRow {
                number: kept.number,
                definition: definition.expect("a campaign is plain JSON"),
                n_waiting: kept.n_waiting,
                run: kept.run,
                counts: kept.counts.clone(),
            };
            batch.put(&self.rows, row_key(&key), encode(&row));
        }
        for channel in std::mem::take(&mut self.changed_lately) {
            let key = KeyBuf::new().u8(CHANNEL_ROW).text(&channel);
            batch.put(&self.rows, key, encode(&self.lately[&channel]));
        }
    }
}

impl Campaigns {
    /// The campaigns by key.
    pub fn by_key(&self) -> &BTreeMap<String, KeptCampaign> {
        &self.by_key
    }

    /// Whether an event of a name may begin a campaign.
    pub(crate) fn asks_for(&self, event: &str) -> bool {
        self.beginning_with(event).next().is_some()
    }

    fn beginning_with<'c>(
        &'c self,
        event: &'c str,
    ) -> impl Iterator<Item = (&'c String, &'c KeptCampaign, &'c EventMatch)> {
        self.by_key.iter().filter_map(move |(key, kept)| {
            let begins = kept.begins.as_ref().filter(|begins| begins.name == event)?;
            (kept.definition.status == CampaignStatus::Running).then_some((key, kept, begins))
        })
    }

    /// Lets messages wait that an event of a person begins. Where somebody may yet do something, so
    /// that they get none, the latest event counts.
    pub(crate) fn follow_event(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        event: &Event,
        offset: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let begun = self.beginning_with(&event.name).filter(|(_, _, begins)| begins.matches(event));
        let begun: Vec<(String, u32, Arc<Campaign>)> = begun
            .map(|(key, kept, _)| (key.clone(), kept.number, Arc::clone(&kept.definition)))
            .collect();
        if begun.is_empty() {
            return Ok(());
        }
        let mut row = self.person(batch, user)?;
        for (key, campaign, definition) in begun {
            let CampaignStart::Event { after_s, .. } = &definition.start else { continue };
            let first_due = Timestamp(event.timestamp.0 + i64::from(*after_s) * 1_000);
            let (occurrence, due) = (Occurrence::Event(offset), first_due.max(now));
            let waiting = Waiting { campaign, occurrence, due, first_due };
            if !self.add_waiting(batch, user, &mut row, waiting) {
                self.count_refused(&key, TOO_MANY_WAIT, 1);
            }
        }
        self.put_person(batch, user, &row);
        Ok(())
    }

    /// Follows the campaigns of a configuration. Returns the numbers of those that are gone, of
    /// which messages wait.
    pub(crate) fn follow_config(
        &mut self,
        batch: &mut Batch<'_>,
        config: &WorkspaceConfig,
    ) -> Vec<u32> {
        let is_gone = |key: &&String| config.campaign(key).is_none();
        let gone: Vec<String> = self.by_key.keys().filter(is_gone).cloned().collect();
        let mut waited_for = Vec::new();
        for key in gone {
            batch.remove(&self.rows, row_key(&key));
            let kept = self.by_key.remove(&key);
            waited_for.extend(kept.filter(|kept| kept.n_waiting > 0).map(|kept| kept.number));
        }
        for definition in &config.campaigns {
            let key = &definition.key;
            if self.by_key.get(key).is_some_and(|kept| *kept.definition == *definition) {
                continue;
            }
            let (begins, goal) = (beginning(definition), GoalMatch::of(definition));
            let definition = Arc::new(definition.clone());
            match self.by_key.get_mut(key) {
                Some(kept) => {
                    (kept.definition, kept.begins, kept.goal) = (definition, begins, goal);
                }
                None => {
                    let number = self.next_number;
                    self.next_number += 1;
                    batch.put(&self.rows, NEXT_NUMBER_KEY, encode(&self.next_number));
                    let (n_waiting, run) = (0, None);
                    let counts = CampaignCounts::default();
                    let kept =
                        KeptCampaign { number, definition, begins, goal, n_waiting, run, counts };
                    self.by_key.insert(key.clone(), kept);
                }
            }
            self.changed.insert(key.clone());
        }
        waited_for
    }

    /// Removes some of what waits for a campaign that is gone, and returns whether that was all.
    pub(crate) fn forget(
        &mut self,
        batch: &mut Batch<'_>,
        campaign: u32,
    ) -> Result<bool, StoreError> {
        self.forget_waiting(batch, campaign, FORGOTTEN_PER_STEP)
    }

    /// Applies a decision on a message to a person. Returns whether it is the first one on it, of a
    /// campaign that is there.
    pub(crate) fn decide(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        decision: &CampaignDecision,
    ) -> Result<bool, StoreError> {
        let CampaignDecision { at, campaign: key, number, occurrence, outcome, .. } = decision;
        if !self.is_kept(key, *number) {
            return Ok(false);
        }
        let mut row = self.person(batch, user)?;
        let place = row.find(*number, *occurrence);
        let is_due = match (place, occurrence) {
            (Some(_), _) => true,
            (None, Occurrence::Event(_)) => false,
            (None, Occurrence::Run(run)) => row.last_run(*number).is_none_or(|last| last < *run),
        };
        if !is_due {
            return Ok(false);
        }
        let waited = place.map(|place| self.remove_waiting(batch, user, &mut row, place));
        if let Occurrence::Run(run) = occurrence {
            row.note_run(*number, *run);
        }
        match outcome {
            DecisionOutcome::Waits { until } => {
                let first_due = waited.map_or(*at, |waited| waited.first_due);
                let (campaign, occurrence, due) = (*number, *occurrence, *until);
                let waiting = Waiting { campaign, occurrence, due, first_due };
                if !self.add_waiting(batch, user, &mut row, waiting) {
                    self.count_refused(key, TOO_MANY_WAIT, 1);
                }
            }
            DecisionOutcome::Refused { reason, .. } => {
                self.count_refused_on(batch, (key, *number), decision.day, (reason, 1))?;
            }
            DecisionOutcome::Sent(sent) => {
                let channel = channel_code(&sent.channel);
                row.add_past(PastMessage { at: *at, channel, campaign: *number });
                self.count_sent(batch, decision, sent)?;
            }
        }
        self.put_person(batch, user, &row);
        Ok(true)
    }

    /// Removes what waits for somebody who is suppressed, and counts it as refused.
    pub(crate) fn drop_suppressed(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        decision: &CampaignDecision,
    ) -> Result<(), StoreError> {
        let mut row = self.person(batch, user)?;
        if let Some(place) = row.find(decision.number, decision.occurrence) {
            self.remove_waiting(batch, user, &mut row, place);
            self.put_person(batch, user, &row);
            let campaign = (decision.campaign.as_str(), decision.number);
            self.count_refused_on(batch, campaign, decision.day, (SUPPRESSED, 1))?;
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
                let campaign = (decision.campaign.as_str(), decision.number);
                self.count_refused_on(batch, campaign, decision.day, (reason, 1))
            }
            DecisionOutcome::Waits { .. } => Ok(()),
        }
    }

    /// Notes how far a run came.
    pub(crate) fn follow_run(
        &mut self,
        batch: &mut Batch<'_>,
        entry: &CampaignRun,
    ) -> Result<(), StoreError> {
        if !self.is_kept(&entry.campaign, entry.number) {
            return Ok(());
        }
        let Some(kept) = self.by_key.get_mut(&entry.campaign) else { return Ok(()) };
        let CampaignRun { run, next_user, is_done, .. } = *entry;
        let n_people = kept.run.filter(|last| last.run == run).map_or(0, |last| last.n_people);
        kept.run = Some(RunState { run, next_user, is_done, n_people });
        self.changed.insert(entry.campaign.clone());
        let campaign = (entry.campaign.as_str(), entry.number);
        for (reason, n) in &entry.refused {
            self.count_refused_on(batch, campaign, entry.day, (reason, *n))?;
        }
        Ok(())
    }

    /// Whether one message of a campaign waits for a person at most: the latest event counts where
    /// they may yet do something, so that they get none.
    fn waits_once(&self, campaign: u32) -> bool {
        let kept = self.by_key.values().find(|kept| kept.number == campaign);
        kept.is_some_and(|kept| {
            matches!(kept.definition.start, CampaignStart::Event { unless: Some(_), .. })
        })
    }

    fn is_kept(&self, key: &str, number: u32) -> bool {
        self.by_key.get(key).is_some_and(|kept| kept.number == number)
    }
}

/// The number by which messages of a channel are remembered.
pub fn channel_code(channel: &str) -> u32 {
    xxh3_64(channel.as_bytes()) as u32
}

/// The event that begins a campaign.
fn beginning(definition: &Campaign) -> Option<EventMatch> {
    match &definition.start {
        CampaignStart::At { .. } => None,
        CampaignStart::Event { event, filters, .. } => {
            EventMatch::parse(event, filters.as_deref()).ok()
        }
    }
}

fn row_key(key: &str) -> KeyBuf {
    KeyBuf::new().u8(CAMPAIGN_ROW).text(key)
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain fields always encode")
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(bytes).map_err(|_| unreadable())
}

fn unreadable() -> StoreError {
    StoreError::Unreadable { what: "campaign" }
}
