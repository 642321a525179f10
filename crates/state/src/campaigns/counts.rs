//! What a campaign did.

use std::collections::BTreeMap;

use activation::VariantCounts;
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Read, StoreError};

use super::{
    CampaignDecision, CampaignMessage, Campaigns, Occurrence, PERIOD_MS, SentLately, decode,
    encode, unreadable,
};

/// How far the last run of a campaign came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunState {
    /// The time of the run.
    pub run: Timestamp,
    /// The index of the first person who was not looked at.
    pub next_user: u32,
    /// Whether everybody was.
    pub is_done: bool,
    /// People who got a message.
    pub n_people: u64,
    /// For how many people it would have been, where it did not begin because these are more than
    /// `safety_people_max`.
    pub too_many: Option<u64>,
}

/// The variant that everybody gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Winner {
    /// Its key.
    pub variant: String,
    /// When it was decided.
    pub at: Timestamp,
    /// Whether it is better for sure, or was ahead when the time was over.
    pub is_sure: bool,
}

/// What came of the variants of a campaign.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VariantResults {
    /// By key of the variant.
    pub counts: BTreeMap<String, VariantCounts>,
    /// When the first one was sent.
    pub since: Option<Timestamp>,
    /// The one that everybody gets; none before it is decided.
    pub winner: Option<Winner>,
}

/// What a campaign sent and refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignCounts {
    /// Messages that were given to the channel.
    pub sent: u64,
    /// People who got the first message of a day.
    pub people: u64,
    /// Messages that were not sent, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Messages that the provider of the channel took.
    pub handed_over: u64,
    /// Messages that it did not take, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Messages of which nobody knows whether it took them, and that are not sent again.
    pub unknown: u64,
}

impl Campaigns {
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

    pub(super) fn count_sent(
        &mut self,
        batch: &mut Batch<'_>,
        decision: &CampaignDecision,
        sent: &CampaignMessage,
    ) -> Result<(), StoreError> {
        let n_people = u64::from(sent.is_first_of_day);
        let day_key = KeyBuf::new().u32(decision.number).u32(decision.day);
        let mut day = self.counts_of_day(batch, decision.number, decision.day)?;
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
        if let Some(variant) = &sent.variant {
            kept.variants.since.get_or_insert(decision.at);
            kept.variants.counts.entry(variant.clone()).or_default().people += 1;
        }
        if let Occurrence::Run(run) = decision.occurrence {
            let begun = RunState { run, next_user: 0, is_done: false, n_people: 0, too_many: None };
            let state = kept.run.get_or_insert(begun);
            // The first messages of a run come before it is said how far it is.
            if state.run < run {
                *state = begun;
            }
            state.n_people += u64::from(state.run == run);
        }
        self.changed.insert(decision.campaign.clone());
        Ok(())
    }

    pub(crate) fn count_refused(&mut self, key: &str, reason: &str, n: u64) {
        let Some(kept) = self.by_key.get_mut(key) else { return };
        *kept.counts.refused.entry(reason.to_owned()).or_default() += n;
        self.changed.insert(key.to_owned());
    }

    /// Counts messages that are not sent, on a day too.
    pub(super) fn count_refused_on(
        &mut self,
        batch: &mut Batch<'_>,
        (key, campaign): (&str, u32),
        day: u32,
        (reason, n): (&str, u64),
    ) -> Result<(), StoreError> {
        self.count_refused(key, reason, n);
        let mut counts = self.counts_of_day(batch, campaign, day)?;
        *counts.refused.entry(reason.to_owned()).or_default() += n;
        batch.put(&self.days, KeyBuf::new().u32(campaign).u32(day), encode(&counts));
        Ok(())
    }

    pub(super) fn note_waiting(&mut self, campaign: u32, n: i64) {
        let found = self.by_key.iter_mut().find(|(_, kept)| kept.number == campaign);
        let Some((key, kept)) = found else { return };
        kept.n_waiting = kept.n_waiting.saturating_add_signed(n);
        self.changed.insert(key.clone());
    }
}
