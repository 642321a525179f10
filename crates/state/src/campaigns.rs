//! Campaigns: which there are, whose messages wait for whom, and what was decided of them.
//!
//! The fold finds who does what begins a campaign, and keeps what waits. What becomes of a message
//! that is due is decided by the engine, which knows models, templates and time zones; the decision
//! enters the journal, and the fold applies it. A second decision on the same message is none.

mod beginnings;
mod business;
mod counts;
mod deciding;
mod decision;
mod goals;
mod handing;
mod notification;
mod people;
mod taking_back;
mod triggers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use conditions::EventMatch;
use domain::{Campaign, CampaignStatus, Timestamp, UserIdx, WorkspaceConfig, WorkspaceId};
use profiles::Merge;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};
use xxhash_rust::xxh3::xxh3_64;

use self::beginnings::beginning;
pub use self::business::WaitingEvent;
pub use self::counts::{CampaignCounts, RunState, VariantResults, Winner};
pub use self::decision::{
    BusinessEvent, BusinessEventDone, CAMPAIGN_EVENT, CAMPAIGN_SOURCE, CampaignDecision,
    CampaignEntry, CampaignMessage, CampaignRun, CampaignTrigger, CampaignWinner, DecisionOutcome,
    MESSAGE_ITEMS_MAX, Occurrence, TriggeredPerson, UnnamedPerson, message_id, number_message,
    parse_message_id,
};
pub(crate) use self::goals::Goal;
use self::goals::GoalMatch;
pub use self::handing::{HandOver, HandOverOutcome, HandedMessage, HandedOver, Handing, UnderWay};
pub use self::notification::{Notification, NotificationEvent};
pub use self::people::{DueMessageOf, PAST_MESSAGES_MAX, WAITING_MAX, Waiting};
pub use self::triggers::{Begun, TriggerDetails};
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};

const CAMPAIGNS: &str = "state.campaigns";
const PEOPLE: &str = "state.campaign_people";
const DUE: &str = "state.campaign_due";
const DAYS: &str = "state.campaign_days";
const TRIGGERED: &str = "state.campaign_triggered";
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
/// Why a message that waited is not sent: new data of the person is refused.
pub(crate) const SUPPRESSED: &str = "suppressed";
/// Why it is not: the person has no id.
const NOT_REACHABLE: &str = "not_reachable";
/// Why there is no message about a date: the person has none that lies ahead. It is not counted.
pub const NO_DATE: &str = "no_date";

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
    /// Since when it runs, with the start that it has; none where it does not.
    pub running_since: Option<Timestamp>,
    /// Runs that were due and did not begin.
    pub missed_runs: u64,
    /// What came of its variants.
    pub variants: VariantResults,
    /// Business events whose people are to be found, the first one first.
    pub events: Vec<WaitingEvent>,
}

impl KeptCampaign {
    fn new(number: u32, definition: Arc<Campaign>) -> Self {
        Self {
            number,
            begins: beginning(&definition),
            goal: GoalMatch::of(&definition),
            definition,
            n_waiting: 0,
            run: None,
            counts: CampaignCounts::default(),
            running_since: None,
            missed_runs: 0,
            variants: VariantResults::default(),
            events: Vec::new(),
        }
    }

    /// Takes another definition. With another start or status it begins anew, and with other
    /// variants these do.
    fn follow_definition(&mut self, definition: &Arc<Campaign>, now: Timestamp) {
        let before = std::mem::replace(&mut self.definition, Arc::clone(definition));
        (self.begins, self.goal) = (beginning(definition), GoalMatch::of(definition));
        let runs = definition.status == CampaignStatus::Running;
        self.running_since = match self.running_since {
            Some(since) if runs && before.start == definition.start => Some(since),
            _ => runs.then_some(now),
        };
        if (&before.variants, &before.test) != (&definition.variants, &definition.test) {
            self.variants = VariantResults::default();
        }
    }
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
    running_since: Option<Timestamp>,
    missed_runs: u64,
    variants: VariantResults,
    events: Vec<WaitingEvent>,
}

/// The campaigns of a workspace.
pub struct Campaigns {
    rows: Keyspace,
    people: Keyspace,
    due: Keyspace,
    days: Keyspace,
    triggered: Keyspace,
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
    const KEYSPACES: &'static [&'static str] = &[CAMPAIGNS, PEOPLE, DUE, DAYS, TRIGGERED, HANDING];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut loaded = Self {
            rows: store.keyspace(CAMPAIGNS),
            people: store.keyspace(PEOPLE),
            due: store.keyspace(DUE),
            days: store.keyspace(DAYS),
            triggered: store.keyspace(TRIGGERED),
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
            let row: CampaignRow = decode(&value)?;
            let definition: Campaign =
                serde_json::from_str(&row.definition).map_err(|_| unreadable())?;
            let kept = KeptCampaign {
                n_waiting: row.n_waiting,
                run: row.run,
                counts: row.counts,
                running_since: row.running_since,
                missed_runs: row.missed_runs,
                variants: row.variants,
                events: row.events,
                ..KeptCampaign::new(row.number, Arc::new(definition))
            };
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
                running_since: kept.running_since,
                missed_runs: kept.missed_runs,
                variants: kept.variants.clone(),
                events: kept.events.clone(),
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

    /// Follows the campaigns of a configuration. Returns the numbers of those that are gone, of
    /// which messages wait.
    pub(crate) fn follow_config(
        &mut self,
        batch: &mut Batch<'_>,
        config: &WorkspaceConfig,
        now: Timestamp,
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
            let definition = Arc::new(definition.clone());
            let kept = self.by_key.entry(key.clone()).or_insert_with(|| {
                let number = self.next_number;
                self.next_number += 1;
                batch.put(&self.rows, NEXT_NUMBER_KEY, encode(&self.next_number));
                KeptCampaign::new(number, Arc::clone(&definition))
            });
            kept.follow_definition(&definition, now);
            self.changed.insert(key.clone());
        }
        waited_for
    }

    /// Removes some of what waits for a campaign that is gone, and returns whether that was all,
    /// and what it was.
    pub(crate) fn forget(
        &mut self,
        batch: &mut Batch<'_>,
        campaign: u32,
    ) -> Result<(bool, Vec<DueMessageOf>), StoreError> {
        self.forget_waiting(batch, campaign, FORGOTTEN_PER_STEP)
    }

    pub(crate) fn is_kept(&self, key: &str, number: u32) -> bool {
        self.by_key.get(key).is_some_and(|kept| kept.number == number)
    }
}

/// The number by which messages of a channel are remembered.
pub fn channel_code(channel: &str) -> u32 {
    xxh3_64(channel.as_bytes()) as u32
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
