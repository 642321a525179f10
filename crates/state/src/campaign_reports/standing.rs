//! What a person adds to the counts of campaigns. It follows from their row alone: whatever changes
//! a row, the counts change by the difference.

use std::collections::BTreeMap;

use super::counts::{Conversions, MESSAGE_EVENTS, MessageCounts, MessageEvent};
use super::person::{Conversion, PersonCampaign, PersonRow, SentMessage, Settled};

/// Where messages are counted: campaign, day, channel, variant.
pub(super) type CellKey = (u32, u32, String, String);

/// What people of a group did, and how many they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct GroupSum {
    pub(super) people: i64,
    pub(super) reached: i64,
    pub(super) goals: i64,
    pub(super) value_micros: i64,
}

/// What a person adds to the counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PersonStanding {
    pub(super) cells: BTreeMap<CellKey, MessageCounts>,
    /// By campaign what happened to the person: bits of [`PersonCampaign::happened`].
    pub(super) happened: BTreeMap<u32, u16>,
    /// By campaign and whether it is the control group.
    pub(super) groups: BTreeMap<(u32, bool), GroupSum>,
    /// By campaign and item after how many messages it was bought.
    pub(super) bought: BTreeMap<(u32, String), i64>,
}

/// The conversions of one message.
#[derive(Debug, Clone, Copy, Default)]
struct OfMessage {
    click_through: (i64, i64),
    view_through: (i64, i64),
    bought_items: u64,
}

impl PersonStanding {
    pub(super) fn of(row: &PersonRow) -> Self {
        let mut standing = Self::default();
        let converted = conversions_of_messages(row);
        for (sent, converted) in sent_messages(row).zip(converted) {
            standing.add_message(sent, &converted);
        }
        for counts in standing.cells.values_mut() {
            // It was counted by message; the person counts once.
            for people in [&mut counts.people, &mut counts.click_through.people] {
                *people = (*people).min(1);
            }
            counts.view_through.people = counts.view_through.people.min(1);
            counts.users = counts.events.map(|n| n.min(1));
        }
        for campaign in &row.campaigns {
            *standing.happened.entry(campaign.campaign).or_default() |= campaign.happened;
            if let Some(sum) = group_sum(campaign, &row.conversions) {
                standing.groups.insert((campaign.campaign, campaign.is_control), sum);
            }
        }
        standing
    }

    fn add_message(&mut self, sent: &SentMessage, converted: &OfMessage) {
        let SentMessage { campaign, day, channel, variant, .. } = sent;
        let key = (*campaign, *day, channel.clone(), variant.clone());
        let mut counts = MessageCounts { sent: 1, people: 1, ..MessageCounts::default() };
        for (event, n) in &sent.events {
            counts.events[*event as usize] += i64::from(*n);
        }
        counts.click_through = conversions(converted.click_through);
        counts.view_through = conversions(converted.view_through);
        *self.cells.entry(key).or_default() += counts;
        for (place, item) in sent.items.iter().enumerate() {
            if converted.bought_items & (1 << place) != 0 {
                *self.bought.entry((*campaign, item.clone())).or_default() += 1;
            }
        }
    }
}

/// Notes in the campaigns of a person what happened with their messages, and keeps as many
/// conversions as may be kept. What the row adds to the counts stays the same but for `happened`.
pub(super) fn note_happened(row: &mut PersonRow) {
    let converted = conversions_of_messages(row);
    let mut happened: BTreeMap<u32, u16> = BTreeMap::new();
    for (sent, converted) in sent_messages(row).zip(converted) {
        let bits = happened.entry(sent.campaign).or_default();
        *bits |= PersonCampaign::SENT_BIT;
        for (event, _) in &sent.events {
            *bits |= PersonCampaign::bit(*event);
        }
        if converted.click_through.0 > 0 {
            *bits |= PersonCampaign::CLICK_THROUGH_BIT;
        }
        if converted.view_through.0 > 0 {
            *bits |= PersonCampaign::VIEW_THROUGH_BIT;
        }
    }
    for campaign in row.campaigns.iter_mut().filter(|campaign| !campaign.is_control) {
        campaign.happened |= happened.get(&campaign.campaign).copied().unwrap_or(0);
    }
}

/// Forgets the earliest conversions beyond a number, and notes in messages and campaigns what they
/// came to, so that the counts stay.
pub(super) fn settle(row: &mut PersonRow, n_max: usize) {
    while row.conversions.len() > n_max {
        let mut first = row.clone();
        first.conversions.truncate(1);
        for message in first.messages.iter_mut().filter_map(|message| message.sent.as_mut()) {
            message.settled = Settled::default();
        }
        let mut converted = conversions_of_messages(&first).into_iter();
        for sent in row.messages.iter_mut().filter_map(|message| message.sent.as_mut()) {
            let Some(one) = converted.next() else { break };
            add(&mut sent.settled.click_through, one.click_through);
            add(&mut sent.settled.view_through, one.view_through);
            sent.settled.bought_items |= one.bought_items;
        }
        let conversion = row.conversions.remove(0);
        for campaign in &mut row.campaigns {
            let goal = campaign.goal;
            if let Some(micros) = goal.and_then(|goal| goal.revenue(campaign.first, &conversion)) {
                campaign.settled.0 = campaign.settled.0.saturating_add(1);
                campaign.settled.1 = campaign.settled.1.saturating_add(micros);
            }
        }
    }
}

fn sent_messages(row: &PersonRow) -> impl Iterator<Item = &SentMessage> {
    row.messages.iter().filter_map(|message| message.sent.as_ref())
}

/// The conversions of each message that was sent. Of a campaign each conversion counts for one
/// message: after a click that of the latest click before it, and otherwise the latest message.
fn conversions_of_messages(row: &PersonRow) -> Vec<OfMessage> {
    let sent: Vec<&SentMessage> = sent_messages(row).collect();
    let settled = |sent: &&SentMessage| OfMessage {
        click_through: sent.settled.click_through,
        view_through: sent.settled.view_through,
        bought_items: sent.settled.bought_items,
    };
    let mut converted: Vec<OfMessage> = sent.iter().map(settled).collect();
    for conversion in &row.conversions {
        // By campaign the message with the time of its latest cause, and the revenue.
        let mut clicked: BTreeMap<u32, (i64, usize, i64)> = BTreeMap::new();
        let mut viewed = clicked.clone();
        for (place, sent) in sent.iter().enumerate() {
            let Some(goal) = sent.goal else { continue };
            if let Some(micros) = goal.revenue(sent.at, conversion) {
                let latest = viewed.entry(sent.campaign).or_insert((i64::MIN, 0, 0));
                *latest = (*latest).max((sent.at.0, place, micros));
                converted[place].bought_items |= bought_items(sent, conversion);
            }
            let before = sent.clicks.iter().rev().find(|at| **at <= conversion.at);
            let in_time = before.and_then(|at| Some((at.0, goal.revenue(*at, conversion)?)));
            if let Some((at, micros)) = in_time {
                let latest = clicked.entry(sent.campaign).or_insert((i64::MIN, 0, 0));
                *latest = (*latest).max((at, place, micros));
            }
        }
        for (_, place, micros) in clicked.into_values() {
            add(&mut converted[place].click_through, (1, micros));
        }
        for (_, place, micros) in viewed.into_values() {
            add(&mut converted[place].view_through, (1, micros));
        }
    }
    converted
}

/// The recommended items of a message that were bought, by their places.
fn bought_items(sent: &SentMessage, conversion: &Conversion) -> u64 {
    let items = sent.items.iter().enumerate();
    let bought = items.filter(|(_, item)| conversion.items.contains(item));
    bought.fold(0, |bits, (place, _)| bits | 1 << place)
}

fn conversions((events, revenue_micros): (i64, i64)) -> Conversions {
    Conversions { people: i64::from(events > 0), events, revenue_micros }
}

/// What a person did within the time after the first message; none where nothing counts as success.
fn group_sum(campaign: &PersonCampaign, done: &[Conversion]) -> Option<GroupSum> {
    let goal = campaign.goal?;
    let (mut goals, mut value_micros) = (i64::from(campaign.settled.0), campaign.settled.1);
    for micros in done.iter().filter_map(|done| goal.revenue(campaign.first, done)) {
        goals += 1;
        value_micros = value_micros.saturating_add(micros);
    }
    Some(GroupSum { people: 1, reached: i64::from(goals > 0), goals, value_micros })
}

fn add(sum: &mut (i64, i64), (n, micros): (i64, i64)) {
    sum.0 += n;
    sum.1 = sum.1.saturating_add(micros);
}

/// The events of which a person's bits say that they happened.
pub(super) fn events_of_bits(bits: u16) -> [i64; MESSAGE_EVENTS] {
    MessageEvent::ALL.map(|event| i64::from(bits & PersonCampaign::bit(event) != 0))
}
