//! Messages that a call of the API or a node of a journey begins, with what templates see of it.

use domain::{CampaignStart, CampaignStatus, Timestamp, UserIdx};
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Read, StoreError};
use xxhash_rust::xxh3::xxh3_64;

use super::{Campaigns, Occurrence, TOO_MANY_WAIT, Waiting, decode, encode, unreadable};

/// How long the id of a call is remembered, in milliseconds: 7 days.
const CALL_ID_MS: i64 = 7 * 86_400_000;
/// How many ids of calls that are too old are forgotten when one is added.
const FORGOTTEN_PER_CALL: usize = 4;
/// The first byte of the keys of details, of ids of calls, and of these by time.
const DETAILS_ROW: u8 = 0;
const CALL_ROW: u8 = 1;
const CALL_TIME_ROW: u8 = 2;
/// Why a message does not begin: the campaign does not run.
const CAMPAIGN_STOPPED: &str = "campaign_stopped";

/// What is known of a message that a call or a journey begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerDetails {
    /// JSON text of an object: what templates see as `event.properties`.
    pub properties: String,
    /// Whether the gap of the campaign and the limits of the channel are passed over.
    pub ignores_limits: bool,
}

/// What becomes of a message that a call or a journey begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It waits, and is due.
    Waits,
    /// It is refused at once, for this reason, and counted.
    Refused(&'static str),
}

impl Campaigns {
    /// Begins a message of a campaign whose start is `triggered`, or of a business event, due at
    /// once. Each occurrence is of its own: one that a person got before is none again only while
    /// it waits.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(crate) fn begin(
        &mut self,
        batch: &mut Batch<'_>,
        key: &str,
        user: UserIdx,
        occurrence: Occurrence,
        details: &TriggerDetails,
        now: Timestamp,
    ) -> Result<Begun, StoreError> {
        let runs = self.by_key.get(key).filter(|kept| {
            let is_triggered = matches!(
                kept.definition.start,
                CampaignStart::Triggered {} | CampaignStart::BusinessEvent { .. }
            );
            is_triggered && kept.definition.status == CampaignStatus::Running
        });
        let Some(campaign) = runs.map(|kept| kept.number) else {
            self.count_refused(key, CAMPAIGN_STOPPED, 1);
            return Ok(Begun::Refused(CAMPAIGN_STOPPED));
        };
        let mut row = self.person(batch, user)?;
        let waiting = Waiting { campaign, occurrence, due: now, first_due: now };
        if !self.add_waiting(batch, user, &mut row, waiting) {
            self.count_refused(key, TOO_MANY_WAIT, 1);
            return Ok(Begun::Refused(TOO_MANY_WAIT));
        }
        if let Some(key) = details_key(user, campaign, occurrence) {
            batch.put(&self.triggered, key, encode(details));
        }
        self.put_person(batch, user, &row);
        Ok(Begun::Waits)
    }

    /// What is known of a message that waits, which a call or a journey began; none of others.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn trigger_details(
        &self,
        read: &dyn Read,
        user: UserIdx,
        waiting: &Waiting,
    ) -> Result<Option<TriggerDetails>, StoreError> {
        let Some(key) = details_key(user, waiting.campaign, waiting.occurrence) else {
            return Ok(None);
        };
        let value = read.get(&self.triggered, &key.build())?;
        value.map(|value| decode(&value)).transpose()
    }

    pub(super) fn forget_details(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        campaign: u32,
        occurrence: Occurrence,
    ) {
        if let Some(key) = details_key(user, campaign, occurrence) {
            batch.remove(&self.triggered, key);
        }
    }

    /// The target gets what is known of a message that waits for the source.
    pub(super) fn move_details(
        &self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
        waiting: &Waiting,
    ) -> Result<(), StoreError> {
        if let Some(details) = self.trigger_details(batch, source, waiting)? {
            self.forget_details(batch, source, waiting.campaign, waiting.occurrence);
            if let Some(key) = details_key(target, waiting.campaign, waiting.occurrence) {
                batch.put(&self.triggered, key, encode(&details));
            }
        }
        Ok(())
    }

    /// Notes the id of a call. Returns false where it was made before, in the last 7 days.
    pub(crate) fn note_call(
        &self,
        batch: &mut Batch<'_>,
        campaign: u32,
        id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let hash = xxh3_64(id.as_bytes());
        let key = KeyBuf::new().u8(CALL_ROW).u32(campaign).u64(hash);
        let before = batch.get(&self.triggered, &key.build())?;
        let before: Option<Timestamp> = before.map(|value| decode(&value)).transpose()?;
        if before.is_some_and(|before| before.0 > now.0 - CALL_ID_MS) {
            return Ok(false);
        }
        self.forget_calls(batch, now)?;
        let key = KeyBuf::new().u8(CALL_ROW).u32(campaign).u64(hash);
        batch.put(&self.triggered, key, encode(&now));
        let by_time = KeyBuf::new().u8(CALL_TIME_ROW).u64(now.0 as u64).u32(campaign).u64(hash);
        batch.put(&self.triggered, by_time, Vec::new());
        Ok(true)
    }

    fn forget_calls(&self, batch: &mut Batch<'_>, now: Timestamp) -> Result<(), StoreError> {
        let prefix = KeyBuf::new().u8(CALL_TIME_ROW).build();
        let first = batch.scan(&self.triggered, &prefix).take(FORGOTTEN_PER_CALL);
        let first = first.collect::<Result<Vec<_>, _>>()?;
        for (key, _) in first {
            let mut parts = KeyParts::new(&key);
            let mut named = || Some((parts.u8()?, parts.u64()?, parts.u32()?, parts.u64()?));
            let (_, at, campaign, hash) = named().ok_or_else(unreadable)?;
            if at as i64 > now.0 - CALL_ID_MS {
                break;
            }
            batch.remove(&self.triggered, KeyBuf::new().u8(CALL_ROW).u32(campaign).u64(hash));
            let by_time = KeyBuf::new().u8(CALL_TIME_ROW).u64(at).u32(campaign).u64(hash);
            batch.remove(&self.triggered, by_time);
        }
        Ok(())
    }
}

/// The key of what is known of a message; none where the message at an offset, or a run, says it.
fn details_key(user: UserIdx, campaign: u32, occurrence: Occurrence) -> Option<KeyBuf> {
    let (kind, number, nth) = match occurrence {
        Occurrence::Event(_) | Occurrence::Run(_) | Occurrence::Dated(_) => return None,
        Occurrence::Triggered { offset, nth } => (0, offset, nth),
        Occurrence::Journey { instance, step } => (1, instance, step),
    };
    let key = KeyBuf::new().u8(DETAILS_ROW).u32(user.0).u32(campaign);
    Some(key.u8(kind).u64(number).u32(nth))
}
