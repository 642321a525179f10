//! What reports and pages read.

use std::cmp::Reverse;

use domain::{Timestamp, UserIdx};
use store::key::{KeyBuf, KeyParts};
use store::{Read, StoreError};

use super::person::{DecidedMessage, SentMessage};
use super::rows::{decode, rows_of, unreadable};
use super::{
    CampaignPeople, CampaignReports, ItemCounts, LinkCounts, MessageCounts, MessageEvent, SEPARATOR,
};

/// The most recommended items of earlier messages that are told of a person.
pub const SENT_ITEMS_MAX: usize = 500;

/// Messages of one day, channel and variant of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageCell {
    /// The day, in days since 1970 of the workspace's time zone.
    pub day: u32,
    /// The name of the destination.
    pub channel: String,
    /// The variant; none of a campaign without.
    pub variant: Option<String>,
    /// What became of the messages.
    pub counts: MessageCounts,
}

/// A decision about a person: where it is in the journal, and the number of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionPlace {
    /// The offset in the journal.
    pub offset: u64,
    /// The number of the message.
    pub message: u128,
}

/// An item that was recommended to a person in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentItem {
    /// When the message was sent.
    pub at: Timestamp,
    /// The id of the item.
    pub item: String,
}

impl CampaignReports {
    /// The people of a campaign over all days.
    pub fn people(&self, campaign: u32) -> Option<&CampaignPeople> {
        self.by_campaign.get(&campaign)
    }

    /// The messages of a campaign on the days from one up to, not including, another, in their
    /// order.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn cells(
        &self,
        read: &dyn Read,
        campaign: u32,
        days: std::ops::Range<u32>,
    ) -> Result<Vec<MessageCell>, StoreError> {
        let mut cells = Vec::new();
        for pair in read.scan(&self.cells, &KeyBuf::new().u32(campaign).build()) {
            let (key, value) = pair?;
            let mut parts = KeyParts::new(&key);
            let day = (parts.u32(), parts.u32()).1.ok_or_else(unreadable)?;
            if !days.contains(&day) {
                continue;
            }
            let name = parts.text().and_then(|name| name.split_once(SEPARATOR));
            let (channel, variant) = name.ok_or_else(unreadable)?;
            let variant = (!variant.is_empty()).then(|| variant.to_owned());
            let (channel, counts) = (channel.to_owned(), decode(&value)?);
            cells.push(MessageCell { day, channel, variant, counts });
        }
        Ok(cells)
    }

    /// The links of a campaign; that without an address stands for all others.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn links(
        &self,
        read: &dyn Read,
        campaign: u32,
    ) -> Result<Vec<(String, LinkCounts)>, StoreError> {
        rows_of(read, &self.links, campaign)
    }

    /// The recommended items of a campaign; that without an id stands for all others.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn items(
        &self,
        read: &dyn Read,
        campaign: u32,
    ) -> Result<Vec<(String, ItemCounts)>, StoreError> {
        rows_of(read, &self.items, campaign)
    }

    /// The latest decisions about a person, up to [`PERSON_MESSAGES_MAX`], in the order of the
    /// journal.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn decisions(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Vec<DecisionPlace>, StoreError> {
        let messages = self.person(read, user)?.messages.into_iter();
        let place = |message: DecidedMessage| DecisionPlace {
            offset: message.offset,
            message: message.number,
        };
        Ok(messages.map(place).collect())
    }

    /// The recommended items of the messages to a person that are remembered, those of the latest
    /// message first, up to [`SENT_ITEMS_MAX`].
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn sent_items(&self, read: &dyn Read, user: UserIdx) -> Result<Vec<SentItem>, StoreError> {
        let mut sent: Vec<_> =
            self.person(read, user)?.messages.into_iter().filter_map(|it| it.sent).collect();
        sent.sort_by_key(|sent| Reverse(sent.at));
        let items = |sent: SentMessage| {
            sent.items.into_iter().map(move |item| SentItem { at: sent.at, item })
        };
        Ok(sent.into_iter().flat_map(items).take(SENT_ITEMS_MAX).collect())
    }

    /// What happened with a message that a person got, each with how often.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn happened(
        &self,
        read: &dyn Read,
        user: UserIdx,
        message: u128,
    ) -> Result<Vec<(MessageEvent, u32)>, StoreError> {
        let mut row = self.person(read, user)?;
        Ok(row.sent_mut(message).map(|sent| sent.events.clone()).unwrap_or_default())
    }
}
