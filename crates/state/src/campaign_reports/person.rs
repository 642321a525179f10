//! What is kept of a person for reports: the latest messages, and what the person did after them.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::counts::{MessageEvent, ToldEvent};
use crate::campaigns::Goal;

/// The most decisions on messages that are remembered of a person.
pub const PERSON_MESSAGES_MAX: usize = 250;
/// The most events of a person that are remembered as conversions.
pub const PERSON_CONVERSIONS_MAX: usize = 50;
/// The most clicks of a message that conversions are counted after.
const CLICKS_MAX: usize = 20;
/// Links of a message beyond this one are counted as it.
const LINKS_MAX: u32 = 63;

/// The row of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PersonRow {
    /// Decides the cluster in which the person is counted.
    pub(super) hash: u64,
    /// Decisions, in the order of the journal.
    pub(super) messages: Vec<DecidedMessage>,
    /// In the order of their times.
    pub(super) conversions: Vec<Conversion>,
    pub(super) campaigns: Vec<PersonCampaign>,
}

/// A decision on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DecidedMessage {
    /// Where the decision is in the journal.
    pub(super) offset: u64,
    pub(super) number: u128,
    /// What became of a message that was sent; none of one that was not.
    pub(super) sent: Option<SentMessage>,
}

/// A message that was sent, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SentMessage {
    pub(super) campaign: u32,
    pub(super) at: Timestamp,
    pub(super) day: u32,
    pub(super) channel: String,
    pub(super) variant: String,
    pub(super) items: Vec<String>,
    pub(super) goal: Option<Goal>,
    /// What happened, and how often.
    pub(super) events: Vec<(MessageEvent, u32)>,
    /// The first ones in the order of their times.
    pub(super) clicks: Vec<Timestamp>,
    pub(super) clicked_links: u64,
    pub(super) clicked_items: u64,
    /// Of conversions that are not remembered any more.
    pub(super) settled: Settled,
}

/// Conversions of a message that are not remembered any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settled {
    pub(super) click_through: (i64, i64),
    pub(super) view_through: (i64, i64),
    pub(super) bought_items: u64,
}

/// Something that a person did and that counts as success of campaigns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Conversion {
    pub(super) at: Timestamp,
    /// The goals that it reaches, with the revenue in millionths.
    pub(super) goals: Vec<(u64, i64)>,
    pub(super) items: Vec<String>,
}

/// A campaign of which a message was due for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PersonCampaign {
    pub(super) campaign: u32,
    /// Whether a control group kept the messages from the person.
    pub(super) is_control: bool,
    /// When the first one was due.
    pub(super) first: Timestamp,
    /// What counts as success after it.
    pub(super) goal: Option<Goal>,
    /// Conversions that are not remembered any more, and their revenue.
    pub(super) settled: (u32, i64),
    /// What happened with any message: [`PersonCampaign::bit`], and the `*_BIT`s.
    pub(super) happened: u16,
}

impl PersonCampaign {
    pub(super) const SENT_BIT: u16 = 1 << 13;
    pub(super) const CLICK_THROUGH_BIT: u16 = 1 << 14;
    pub(super) const VIEW_THROUGH_BIT: u16 = 1 << 15;

    pub(super) fn bit(event: MessageEvent) -> u16 {
        1 << event as u16
    }
}

impl Goal {
    /// The revenue of a conversion in the time from an instant on; none if it does not count then.
    pub(super) fn revenue(&self, from: Timestamp, conversion: &Conversion) -> Option<i64> {
        let elapsed_ms = conversion.at.0 - from.0;
        let is_in_time = (0..=self.within_ms).contains(&elapsed_ms);
        let (_, micros) = conversion.goals.iter().find(|(hash, _)| *hash == self.hash)?;
        is_in_time.then_some(*micros)
    }
}

impl SentMessage {
    /// Notes an event. Returns whether its link and its item were not clicked before.
    pub(super) fn note(&mut self, told: &ToldEvent) -> (bool, bool) {
        match self.events.iter_mut().find(|(event, _)| *event == told.event) {
            Some((_, n)) => *n = n.saturating_add(1),
            None => self.events.push((told.event, 1)),
        }
        if told.event != MessageEvent::Clicked {
            return (false, false);
        }
        let place = self.clicks.partition_point(|at| *at <= told.at);
        self.clicks.insert(place, told.at);
        self.clicks.truncate(CLICKS_MAX);
        let link = told.link.as_ref().map(|(_, number)| 1_u64 << (*number).min(LINKS_MAX));
        let is_new_link = link.is_some_and(|bit| self.clicked_links & bit == 0);
        self.clicked_links |= link.unwrap_or(0);
        let place = told.item.as_ref().and_then(|item| self.items.iter().position(|i| i == item));
        let item = place.map(|place| 1_u64 << place);
        let is_new_item = item.is_some_and(|bit| self.clicked_items & bit == 0);
        self.clicked_items |= item.unwrap_or(0);
        (is_new_link, is_new_item)
    }
}

impl PersonRow {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.conversions.is_empty() && self.campaigns.is_empty()
    }

    pub(super) fn sent_mut(&mut self, number: u128) -> Option<&mut SentMessage> {
        // Ids of waits and of what became of them are the same: the last one was sent.
        let mut found = self.messages.iter_mut().rev().filter(|message| message.number == number);
        found.find_map(|message| message.sent.as_mut())
    }

    /// Notes that a message of a campaign was due, unless one was before.
    pub(super) fn enter(&mut self, entered: PersonCampaign) {
        let is_same = |one: &&mut PersonCampaign| {
            one.campaign == entered.campaign && one.is_control == entered.is_control
        };
        match self.campaigns.iter_mut().find(is_same) {
            None => self.campaigns.push(entered),
            Some(known) => {
                if entered.first < known.first {
                    (known.first, known.goal) = (entered.first, entered.goal);
                }
                known.settled.0 = known.settled.0.saturating_add(entered.settled.0);
                known.settled.1 = known.settled.1.saturating_add(entered.settled.1);
                known.happened |= entered.happened;
            }
        }
    }

    pub(super) fn add_conversion(&mut self, conversion: Conversion) {
        let place = self.conversions.partition_point(|other| *other <= conversion);
        self.conversions.insert(place, conversion);
    }

    /// Takes over what is kept of another person.
    pub(super) fn merge(&mut self, other: Self) {
        if self.is_empty() {
            self.hash = other.hash;
        }
        self.messages.extend(other.messages);
        self.messages.sort_by_key(|message| message.offset);
        other.conversions.into_iter().for_each(|conversion| self.add_conversion(conversion));
        other.campaigns.into_iter().for_each(|campaign| self.enter(campaign));
    }
}
