//! Campaigns: which there are, whose messages wait for whom, and what was decided of them.
//!
//! The fold finds who does what begins a campaign, and keeps what waits. What becomes of a message
//! that is due is decided by the engine, which knows models, templates and time zones; the decision
//! enters the journal, and the fold applies it. A second decision on the same message is none.

mod counts;
mod decision;
mod handing;
mod notification;
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
    DecisionOutcome, Occurrence, UnnamedPerson,
};
pub use self::handing::{HandOver, HandOverOutcome, HandedMessage, HandedOver, Handing, UnderWay};
pub use self::notification::{Notification, NotificationEvent};
pub use self::people::{DueMessageOf, PAST_MESSAGES_MAX, WAITING_MAX, Waiting};
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};

const CAMPAIGNS: &str = "state.campaigns";
const PEOPLE: &str = "state.campaign_people";
const DUE: &str = "state.campaign_due";
const DAYS: &str = "state.campaign_days";
const HANDING: &str = "state.campaign_handing";
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

/// A campaign that is kept.
#[derive(Debug, Clone)]
pub struct KeptCampaign {
    /// Names it in rows. A number is used once.
    pub number: u32,
    /// What it sends to whom.
    pub definition: Arc<Campaign>,
    /// The event that begins it; none where it has a time, or its tests cannot be read.
    begins: Option<EventMatch>,
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
    handing: Keyspace,
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
    const KEYSPACES: &'static [&'static str] = &[CAMPAIGNS, PEOPLE, DUE, DAYS, HANDING];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut loaded = Self {
            rows: store.keyspace(CAMPAIGNS),
            people: store.keyspace(PEOPLE),
            due: store.keyspace(DUE),
            days: store.keyspace(DAYS),
            handing: store.keyspace(HANDING),
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
            let begins = beginning(&definition);
            let definition = Arc::new(definition);
            let kept = KeptCampaign { number, definition, begins, n_waiting, run, counts };
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

    /// What a campaign sent and refused on days, in days since 1970 of the workspace's time zone.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn counts_by_day(
        &self,
        read: &dyn Read,
        campaign: u32,
    ) -> Result<BTreeMap<u32, CampaignCounts>, StoreError> {
        let prefix = KeyBuf::new().u32(campaign).build();
        let row = |pair: Result<(Vec<u8>, Vec<u8>), StoreError>| {
            let (key, value) = pair?;
            let mut parts = KeyParts::new(&key);
            let day = (parts.u32(), parts.u32()).1.ok_or_else(unreadable)?;
            Ok((day, decode(&value)?))
        };
        read.scan(&self.days, &prefix).map(row).collect()
    }

    /// What a campaign sent and refused on a day.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn counts_of_day(
        &self,
        read: &dyn Read,
        campaign: u32,
        day: u32,
    ) -> Result<CampaignCounts, StoreError> {
        let value = read.get(&self.days, &KeyBuf::new().u32(campaign).u32(day).build())?;
        value.map_or_else(|| Ok(CampaignCounts::default()), |value| decode(&value))
    }

    /// Messages of a channel, of all campaigns, in the period of five minutes of an instant.
    pub fn sent_lately(&self, channel: &str, now: Timestamp) -> u64 {
        let period = now.0.div_euclid(PERIOD_MS);
        self.lately
            .get(channel)
            .filter(|lately| lately.period == period)
            .map_or(0, |lately| lately.n)
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
            let begins = beginning(definition);
            let definition = Arc::new(definition.clone());
            match self.by_key.get_mut(key) {
                Some(kept) => (kept.definition, kept.begins) = (definition, begins),
                None => {
                    let number = self.next_number;
                    self.next_number += 1;
                    batch.put(&self.rows, NEXT_NUMBER_KEY, encode(&self.next_number));
                    let (n_waiting, run) = (0, None);
                    let counts = CampaignCounts::default();
                    let kept = KeptCampaign { number, definition, begins, n_waiting, run, counts };
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
            DecisionOutcome::Refused { reason, .. } => self.count_refused(key, reason, 1),
            DecisionOutcome::Sent(sent) => {
                let channel = channel_code(&sent.channel);
                row.add_past(PastMessage { at: *at, channel, campaign: *number });
                self.count_sent(batch, decision, sent)?;
            }
        }
        self.put_person(batch, user, &row);
        Ok(true)
    }

    /// Notes how far a run came.
    pub(crate) fn follow_run(&mut self, entry: &CampaignRun) -> bool {
        if !self.is_kept(&entry.campaign, entry.number) {
            return false;
        }
        let Some(kept) = self.by_key.get_mut(&entry.campaign) else { return false };
        let CampaignRun { run, next_user, is_done, .. } = *entry;
        let n_people = kept.run.filter(|last| last.run == run).map_or(0, |last| last.n_people);
        kept.run = Some(RunState { run, next_user, is_done, n_people });
        self.changed.insert(entry.campaign.clone());
        for (reason, n) in &entry.refused {
            self.count_refused(&entry.campaign, reason, *n);
        }
        true
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

    fn count_sent(
        &mut self,
        batch: &mut Batch<'_>,
        decision: &CampaignDecision,
        sent: &CampaignMessage,
    ) -> Result<(), StoreError> {
        let n_people = u64::from(sent.is_first_of_day);
        let day_key = KeyBuf::new().u32(decision.number).u32(sent.day);
        let mut day = self.counts_of_day(batch, decision.number, sent.day)?;
        day.sent += 1;
        day.people += n_people;
        batch.put(&self.days, day_key, encode(&day));
        let period = decision.at.0.div_euclid(PERIOD_MS);
        let lately = self.lately.entry(sent.channel.clone()).or_default();
        let n_before = if lately.period == period { lately.n } else { 0 };
        *lately = SentLately { period, n: n_before + 1 };
        self.changed_lately.insert(sent.channel.clone());
        let Some(kept) = self.by_key.get_mut(&decision.campaign) else { return Ok(()) };
        kept.counts.sent += 1;
        kept.counts.people += n_people;
        if let (Occurrence::Run(run), Some(state)) = (decision.occurrence, &mut kept.run)
            && state.run == run
        {
            state.n_people += 1;
        }
        self.changed.insert(decision.campaign.clone());
        Ok(())
    }

    fn count_refused(&mut self, key: &str, reason: &str, n: u64) {
        let Some(kept) = self.by_key.get_mut(key) else { return };
        *kept.counts.refused.entry(reason.to_owned()).or_default() += n;
        self.changed.insert(key.to_owned());
    }

    fn note_waiting(&mut self, campaign: u32, n: i64) {
        let found = self.by_key.iter_mut().find(|(_, kept)| kept.number == campaign);
        let Some((key, kept)) = found else { return };
        kept.n_waiting = kept.n_waiting.saturating_add_signed(n);
        self.changed.insert(key.clone());
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
