//! What became of the messages of campaigns, in numbers.

use std::ops::{AddAssign, SubAssign};

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::campaigns::{CAMPAIGN_SOURCE, parse_message_id};
use crate::holdouts::HoldoutGroups;

/// The number of [`MessageEvent`]s.
pub const MESSAGE_EVENTS: usize = 10;
/// The property of an event that a program caused, not a person.
const MACHINE: &str = "machine";

/// What a channel, or a person, did with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MessageEvent {
    /// The channel has taken it.
    Sent,
    /// It has arrived.
    Delivered,
    /// It could not be delivered.
    Failed,
    /// It was seen.
    Viewed,
    /// A program of the mailbox has loaded its images, whether somebody saw it or not.
    ViewedByMachine,
    /// A link of it was followed.
    Clicked,
    /// It was closed.
    Dismissed,
    /// The person wants no more.
    Unsubscribed,
    /// The mailbox has sent it back.
    Bounced,
    /// The person called it unwanted.
    Complained,
}

impl MessageEvent {
    /// All, in the order of their numbers.
    pub const ALL: [Self; MESSAGE_EVENTS] = [
        Self::Sent,
        Self::Delivered,
        Self::Failed,
        Self::Viewed,
        Self::ViewedByMachine,
        Self::Clicked,
        Self::Dismissed,
        Self::Unsubscribed,
        Self::Bounced,
        Self::Complained,
    ];

    fn named(event: &str, is_by_machine: bool) -> Option<Self> {
        Some(match event.strip_prefix("Notification ")? {
            "Sent" => Self::Sent,
            "Delivered" => Self::Delivered,
            "Failed" => Self::Failed,
            "Viewed" if is_by_machine => Self::ViewedByMachine,
            "Viewed" => Self::Viewed,
            "Clicked" => Self::Clicked,
            "Dismissed" => Self::Dismissed,
            "Unsubscribed" => Self::Unsubscribed,
            "Bounced" => Self::Bounced,
            "Complained" => Self::Complained,
            _ => return None,
        })
    }
}

/// A message of the source `campaign` that tells of a message of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ToldEvent {
    pub(super) event: MessageEvent,
    pub(super) message: u128,
    pub(super) at: Timestamp,
    /// The address of the link, and its number in the message.
    pub(super) link: Option<(String, u32)>,
    pub(super) item: Option<String>,
}

impl ToldEvent {
    /// Reads a message; none where it tells of no message of a campaign.
    pub(crate) fn read(message: &domain::Message) -> Option<Self> {
        if message.source != CAMPAIGN_SOURCE {
            return None;
        }
        let properties: Value = serde_json::from_str(message.body.as_deref()?).ok()?;
        let text = |name: &str| properties[name].as_str().filter(|text| !text.is_empty());
        let is_by_machine = properties[MACHINE] == true;
        let link = text("url").map(|url| {
            let number = properties["link"].as_u64().and_then(|number| u32::try_from(number).ok());
            (url.to_owned(), number.unwrap_or(0))
        });
        Some(Self {
            event: MessageEvent::named(message.event.as_deref()?, is_by_machine)?,
            message: parse_message_id(text("message_id")?)?,
            at: message.timestamp,
            link,
            item: text("item_id").map(str::to_owned),
        })
    }
}

/// Conversions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversions {
    /// People who had one.
    pub people: i64,
    /// How many they had.
    pub events: i64,
    /// The sum of the revenue, in millionths.
    pub revenue_micros: i64,
}

/// Messages of one campaign, day, channel and variant, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCounts {
    /// Messages that were handed to the channel.
    pub sent: i64,
    /// People who got one.
    pub people: i64,
    /// By [`MessageEvent`] how often it happened.
    pub events: [i64; MESSAGE_EVENTS],
    /// By [`MessageEvent`] to how many people it happened.
    pub users: [i64; MESSAGE_EVENTS],
    /// After a click, within the time after it.
    pub click_through: Conversions,
    /// After the message, within the time after it.
    pub view_through: Conversions,
}

impl AddAssign for Conversions {
    fn add_assign(&mut self, other: Self) {
        self.people += other.people;
        self.events += other.events;
        self.revenue_micros = self.revenue_micros.saturating_add(other.revenue_micros);
    }
}

impl SubAssign for Conversions {
    fn sub_assign(&mut self, other: Self) {
        self.people -= other.people;
        self.events -= other.events;
        self.revenue_micros = self.revenue_micros.saturating_sub(other.revenue_micros);
    }
}

impl AddAssign for MessageCounts {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.people += other.people;
        for n in 0..MESSAGE_EVENTS {
            self.events[n] += other.events[n];
            self.users[n] += other.users[n];
        }
        self.click_through += other.click_through;
        self.view_through += other.view_through;
    }
}

impl SubAssign for MessageCounts {
    fn sub_assign(&mut self, other: Self) {
        self.sent -= other.sent;
        self.people -= other.people;
        for n in 0..MESSAGE_EVENTS {
            self.events[n] -= other.events[n];
            self.users[n] -= other.users[n];
        }
        self.click_through -= other.click_through;
        self.view_through -= other.view_through;
    }
}

/// The people of a campaign over all days, each counted once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignPeople {
    /// People who got a message.
    pub sent: i64,
    /// By [`MessageEvent`] to how many it happened.
    pub users: [i64; MESSAGE_EVENTS],
    /// People with a conversion after a click.
    pub click_through: i64,
    /// People with a conversion after a message.
    pub view_through: i64,
    /// Whoever a message was due for, and the control group: what they did within the time after
    /// it.
    pub groups: HoldoutGroups,
    pub(super) n_links: u32,
    pub(super) n_items: u32,
}

/// A link of the messages of a campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCounts {
    /// How often it was followed.
    pub clicks: u64,
    /// In how many messages it was.
    pub messages: u64,
}

/// A recommended item in the messages of a campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemCounts {
    /// Messages that showed it.
    pub shown: i64,
    /// Messages in which it was clicked.
    pub clicked: i64,
    /// Messages after which it was bought, within the time of conversions.
    pub bought: i64,
}
