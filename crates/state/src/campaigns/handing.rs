//! Messages that are being handed to the provider of their channel: facts of the journal, before
//! and after. After a crash, what has the first and not the second may have been taken or not.

use std::collections::BTreeSet;

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Read, StoreError};

use super::{Campaigns, decode, encode, unreadable};

/// A message that is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedMessage {
    /// The offset of the entry that asks for it: the decision, or the retry of a dead letter.
    pub offset: u64,
    /// The mapping of the channel.
    pub mapping: String,
    /// The number of the campaign.
    pub campaign: u32,
}

/// Messages that a channel is about to hand over, as it is journalled before.
#[derive(Debug, Clone, PartialEq)]
pub struct Handing {
    /// When it was written.
    pub at: Timestamp,
    /// The name of the destination.
    pub destination: String,
    /// The offset of the entry that added the destination.
    pub added_at: u64,
    /// The messages.
    pub messages: Vec<HandedMessage>,
}

/// What became of a message that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandOverOutcome {
    /// The provider took it.
    Taken,
    /// It is handed over again.
    TriedAgain,
    /// It was given up.
    Failed {
        /// The reason of its dead letter.
        reason: String,
    },
    /// Nobody knows whether the provider took it, and it is not handed over again.
    Unknown,
}

/// A message that was handed over, with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// The offset of the entry that asks for it.
    pub offset: u64,
    /// The mapping of the channel.
    pub mapping: String,
    /// The number of the campaign.
    pub campaign: u32,
    /// What became of it.
    pub outcome: HandOverOutcome,
}

/// What became of messages that were handed over, as it is journalled after.
#[derive(Debug, Clone, PartialEq)]
pub struct HandedOver {
    /// When it was written.
    pub at: Timestamp,
    /// The name of the destination.
    pub destination: String,
    /// The offset of the entry that added the destination.
    pub added_at: u64,
    /// The messages.
    pub messages: Vec<HandOver>,
}

/// A message between the two facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// The offset of the entry that asks for it.
    pub offset: u64,
    /// The mapping of the channel.
    pub mapping: String,
    /// The number of the campaign.
    pub campaign: u32,
    /// When the first of the facts was written.
    pub since: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct HandingRow {
    campaign: u32,
    since: Timestamp,
}

impl Campaigns {
    /// The messages of a destination, by the offset of the entry that added it, of which the
    /// journal says that they are being handed over and not what became of them.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn under_way(&self, read: &dyn Read, added_at: u64) -> Result<Vec<UnderWay>, StoreError> {
        let prefix = KeyBuf::new().u64(added_at).build();
        let row = |pair: Result<(Vec<u8>, Vec<u8>), StoreError>| {
            let (key, value) = pair?;
            let mut parts = KeyParts::new(&key);
            let (_, offset) = (parts.u64(), parts.u64().ok_or_else(unreadable)?);
            let mapping = parts.text().ok_or_else(unreadable)?.to_owned();
            let HandingRow { campaign, since } = decode(&value)?;
            Ok(UnderWay { offset, mapping, campaign, since })
        };
        read.scan(&self.handing, &prefix).map(row).collect()
    }

    /// Notes what is about to be handed over.
    pub(crate) fn begin_handing(&self, batch: &mut Batch<'_>, handing: &Handing) {
        for message in &handing.messages {
            let row = HandingRow { campaign: message.campaign, since: handing.at };
            let key = handing_key(handing.added_at, message.offset, &message.mapping);
            batch.put(&self.handing, key, encode(&row));
        }
    }

    /// Counts what became of messages.
    pub(crate) fn end_handing(&mut self, batch: &mut Batch<'_>, handed: &HandedOver) {
        for HandOver { offset, mapping, campaign, outcome } in &handed.messages {
            batch.remove(&self.handing, handing_key(handed.added_at, *offset, mapping));
            self.count_handed(*campaign, outcome);
        }
    }

    /// Forgets what destinations that are gone were about to hand over: nobody will know.
    pub(crate) fn forget_handing(
        &mut self,
        batch: &mut Batch<'_>,
        destinations: &BTreeSet<u64>,
    ) -> Result<(), StoreError> {
        let mut gone = Vec::new();
        for pair in batch.scan(&self.handing, &[]) {
            let (key, value) = pair?;
            let added_at = KeyParts::new(&key).u64().ok_or_else(unreadable)?;
            if !destinations.contains(&added_at) {
                gone.push((key, decode::<HandingRow>(&value)?.campaign));
            }
        }
        for (key, campaign) in gone {
            batch.remove(&self.handing, key);
            self.count_handed(campaign, &HandOverOutcome::Unknown);
        }
        Ok(())
    }

    fn count_handed(&mut self, campaign: u32, outcome: &HandOverOutcome) {
        let found = self.by_key.iter_mut().find(|(_, kept)| kept.number == campaign);
        let Some((key, kept)) = found else { return };
        match outcome {
            HandOverOutcome::TriedAgain => return,
            HandOverOutcome::Taken => kept.counts.handed_over += 1,
            HandOverOutcome::Unknown => kept.counts.unknown += 1,
            HandOverOutcome::Failed { reason } => {
                activation::count_reason(&mut kept.counts.failed, reason, 1);
            }
        }
        self.changed.insert(key.clone());
    }
}

fn handing_key(added_at: u64, offset: u64, mapping: &str) -> KeyBuf {
    KeyBuf::new().u64(added_at).u64(offset).text(mapping)
}
