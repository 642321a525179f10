//! Reports of campaigns: what became of their messages, what people did after them, and which
//! decisions were made about a person.
//!
//! Of each person the latest messages are kept with what happened to them, and the events that
//! count as success. What a person adds to the counts follows from that alone (`standing`), so that
//! late events and merges of people change the counts to what they would have been without.

mod counts;
mod person;
mod reading;
mod rows;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use domain::{Timestamp, UserIdx, WorkspaceId};
use profiles::Merge;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};
use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::counts::ToldEvent;
pub use self::counts::{
    CampaignPeople, Conversions, ItemCounts, LinkCounts, MESSAGE_EVENTS, MessageCounts,
    MessageEvent,
};
use self::person::{Conversion, DecidedMessage, PersonCampaign, PersonRow, SentMessage, Settled};
pub use self::person::{PERSON_CONVERSIONS_MAX, PERSON_MESSAGES_MAX};
pub use self::reading::{DecisionPlace, MessageCell, SENT_ITEMS_MAX, SentItem};
use self::rows::{change_row, decode, encode, read_row, unreadable};
use self::standing::{CellKey, PersonStanding, events_of_bits, note_happened, settle};
use crate::campaigns::{CampaignDecision, DecisionOutcome, Goal, MESSAGE_ITEMS_MAX};
use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing};

const PEOPLE: &str = "state.campaign_report_people";
const CAMPAIGNS: &str = "state.campaign_reports";
const CELLS: &str = "state.campaign_report_cells";
const LINKS: &str = "state.campaign_report_links";
const ITEMS: &str = "state.campaign_report_items";

/// The most links of a campaign that are counted one by one; the others are counted together.
pub const REPORT_LINKS_MAX: u32 = 200;
/// The most items of a campaign that are counted one by one, the first that were shown; the others
/// are counted together.
pub const REPORT_ITEMS_MAX: u32 = 1_000;
/// Reasons that come before the control group is kept out: a message was not due at all.
const NOT_DUE: [&str; 4] = ["campaign_stopped", "not_qualified", "did_meanwhile", "suppressed"];
/// The reason of those in the control group.
const CONTROL_GROUP: &str = "control_group";
/// Separates the parts of the name of a cell, and is in neither.
const SEPARATOR: char = '\0';

/// What became of the messages of campaigns.
pub struct CampaignReports {
    people: Keyspace,
    campaigns: Keyspace,
    cells: Keyspace,
    links: Keyspace,
    items: Keyspace,
    by_campaign: BTreeMap<u32, CampaignPeople>,
    /// Those whose rows are not written yet.
    changed: BTreeSet<u32>,
}

/// What is needed beside a decision to count it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decided<'d> {
    pub(crate) decision: &'d CampaignDecision,
    pub(crate) offset: u64,
    pub(crate) message: u128,
    /// What counts as success of the campaign.
    pub(crate) goal: Option<Goal>,
}

impl StatePart for CampaignReports {
    const KEYSPACES: &'static [&'static str] = &[PEOPLE, CAMPAIGNS, CELLS, LINKS, ITEMS];

    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let mut loaded = Self {
            people: store.keyspace(PEOPLE),
            campaigns: store.keyspace(CAMPAIGNS),
            cells: store.keyspace(CELLS),
            links: store.keyspace(LINKS),
            items: store.keyspace(ITEMS),
            by_campaign: BTreeMap::new(),
            changed: BTreeSet::new(),
        };
        for pair in store.scan(&loaded.campaigns, &[]) {
            let (key, value) = pair?;
            let number = KeyParts::new(&key).u32().ok_or_else(unreadable)?;
            loaded.by_campaign.insert(number, decode(&value)?);
        }
        Ok(loaded)
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        Merge { target, source }: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        let gone = self.person(batch, source)?;
        if gone.is_empty() {
            return Ok(());
        }
        let mut row = self.person(batch, target)?;
        let before = [&gone, &row].map(|row| (row.hash, PersonStanding::of(row)));
        batch.remove(&self.people, KeyBuf::new().u32(source.0));
        row.merge(gone);
        self.put(batch, target, row, &before)
    }

    /// What the person did is not counted any more; that messages were sent is.
    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        let row = self.person(batch, user)?;
        if row.is_empty() {
            return Ok(());
        }
        let mut standing = PersonStanding::of(&row);
        for counts in standing.cells.values_mut() {
            (counts.sent, counts.people) = (0, 0);
        }
        for bits in standing.happened.values_mut() {
            *bits &= !PersonCampaign::SENT_BIT;
        }
        batch.remove(&self.people, KeyBuf::new().u32(user.0));
        self.change(batch, &[(row.hash, standing)], None)
    }

    fn flush(&mut self, batch: &mut Batch<'_>) {
        for campaign in std::mem::take(&mut self.changed) {
            if let Some(people) = self.by_campaign.get(&campaign) {
                batch.put(&self.campaigns, KeyBuf::new().u32(campaign), encode(people));
            }
        }
    }
}

impl CampaignReports {
    /// Follows which campaigns there are, by their numbers.
    pub(crate) fn follow_campaigns(
        &mut self,
        batch: &mut Batch<'_>,
        numbers: &BTreeSet<u32>,
    ) -> Result<(), StoreError> {
        let is_gone = |number: &&u32| !numbers.contains(number);
        let gone: Vec<u32> = self.by_campaign.keys().filter(is_gone).copied().collect();
        for number in gone {
            self.by_campaign.remove(&number);
            batch.remove(&self.campaigns, KeyBuf::new().u32(number));
            for keyspace in [&self.cells, &self.links, &self.items] {
                let prefix = KeyBuf::new().u32(number).build();
                let keys: Result<Vec<Vec<u8>>, StoreError> =
                    batch.scan(keyspace, &prefix).map(|pair| Ok(pair?.0)).collect();
                keys?.into_iter().for_each(|key| batch.remove(keyspace, key));
            }
        }
        for number in numbers {
            if !self.by_campaign.contains_key(number) {
                self.by_campaign.insert(*number, CampaignPeople::default());
                self.changed.insert(*number);
            }
        }
        Ok(())
    }

    /// Counts the first decision on a message to a person.
    pub(crate) fn follow_decision(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        Decided { decision, offset, message, goal }: Decided<'_>,
    ) -> Result<(), StoreError> {
        let campaign = decision.number;
        let mut row = self.person(batch, user)?;
        let before = [(row.hash, PersonStanding::of(&row))];
        if row.is_empty() {
            let (type_, id) =
                decision.person.as_ref().map_or(("", ""), |(t, id)| (t.word(), id.as_str()));
            row.hash = xxh3_64(format!("{type_}\0{id}").as_bytes());
        }
        let mut is_control = false;
        let sent = match &decision.outcome {
            DecisionOutcome::Refused { reason, .. } if NOT_DUE.contains(&reason.as_str()) => {
                row.messages.push(DecidedMessage { offset, number: message, sent: None });
                return self.put(batch, user, row, &before);
            }
            DecisionOutcome::Refused { reason, .. } => {
                is_control = reason == CONTROL_GROUP;
                None
            }
            DecisionOutcome::Waits { .. } => None,
            DecisionOutcome::Sent(sent) => {
                let items: Vec<String> =
                    sent.items.iter().take(MESSAGE_ITEMS_MAX).cloned().collect();
                for item in &items {
                    self.change_item(batch, campaign, item, |counts| counts.shown += 1)?;
                }
                Some(SentMessage {
                    campaign,
                    at: decision.at,
                    day: decision.day,
                    channel: sent.channel.clone(),
                    variant: sent.variant.clone().unwrap_or_default(),
                    items,
                    goal,
                    events: Vec::new(),
                    clicks: Vec::new(),
                    clicked_links: 0,
                    clicked_items: 0,
                    settled: Settled::default(),
                })
            }
        };
        let first = decision.at;
        row.enter(PersonCampaign {
            campaign,
            is_control,
            first,
            goal,
            settled: (0, 0),
            happened: 0,
        });
        if !matches!(decision.outcome, DecisionOutcome::Waits { .. }) {
            row.messages.push(DecidedMessage { offset, number: message, sent });
        }
        self.put(batch, user, row, &before)
    }

    /// Counts a message that was sent to somebody who was deleted since.
    pub(crate) fn count_erased(
        &mut self,
        batch: &mut Batch<'_>,
        decision: &CampaignDecision,
    ) -> Result<(), StoreError> {
        let DecisionOutcome::Sent(sent) = &decision.outcome else { return Ok(()) };
        let campaign = decision.number;
        let Some(people) = self.by_campaign.get_mut(&campaign) else { return Ok(()) };
        let n_people = i64::from(sent.is_first_of_day);
        people.sent += n_people;
        self.changed.insert(campaign);
        let counts = MessageCounts { sent: 1, people: n_people, ..MessageCounts::default() };
        let variant = sent.variant.clone().unwrap_or_default();
        let key = (campaign, decision.day, sent.channel.clone(), variant);
        self.change_cell(batch, key, counts)?;
        for item in &sent.items {
            self.change_item(batch, campaign, item, |counts| counts.shown += 1)?;
        }
        Ok(())
    }

    /// Counts what is told of a message that a person got. What is told of others, and of messages
    /// that are not remembered any more, counts for nothing.
    pub(crate) fn follow_event(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        told: &ToldEvent,
    ) -> Result<(), StoreError> {
        let mut row = self.person(batch, user)?;
        let before = [(row.hash, PersonStanding::of(&row))];
        let Some(sent) = row.sent_mut(told.message) else { return Ok(()) };
        let (is_new_link, is_new_item) = sent.note(told);
        let campaign = sent.campaign;
        if told.event == MessageEvent::Clicked
            && let Some((url, _)) = &told.link
        {
            self.count_link(batch, campaign, url, is_new_link)?;
        }
        if is_new_item && let Some(item) = &told.item {
            self.change_item(batch, campaign, item, |counts| counts.clicked += 1)?;
        }
        self.put(batch, user, row, &before)
    }

    /// Counts an event that is a success of campaigns: its goals with the revenue in millionths,
    /// and the items that the person dealt with.
    pub(crate) fn follow_conversion(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        at: Timestamp,
        goals: Vec<(u64, i64)>,
        items: Vec<String>,
    ) -> Result<(), StoreError> {
        let mut row = self.person(batch, user)?;
        let before = [(row.hash, PersonStanding::of(&row))];
        row.add_conversion(Conversion { at, goals, items });
        self.put(batch, user, row, &before)
    }

    fn person(&self, read: &dyn Read, user: UserIdx) -> Result<PersonRow, StoreError> {
        let value = read.get(&self.people, &KeyBuf::new().u32(user.0).build())?;
        value.map_or_else(|| Ok(PersonRow::default()), |value| decode(&value))
    }

    /// Changes the counts to what a row adds, in place of what was added before, and writes it.
    fn put(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        mut row: PersonRow,
        before: &[(u64, PersonStanding)],
    ) -> Result<(), StoreError> {
        row.campaigns.retain(|campaign| self.by_campaign.contains_key(&campaign.campaign));
        note_happened(&mut row);
        self.change(batch, before, Some((row.hash, PersonStanding::of(&row))))?;
        // What is forgotten stays counted.
        settle(&mut row, PERSON_CONVERSIONS_MAX);
        let n_more = row.messages.len().saturating_sub(PERSON_MESSAGES_MAX);
        row.messages.drain(..n_more);
        batch.put(&self.people, KeyBuf::new().u32(user.0), encode(&row));
        Ok(())
    }

    fn change(
        &mut self,
        batch: &mut Batch<'_>,
        before: &[(u64, PersonStanding)],
        after: Option<(u64, PersonStanding)>,
    ) -> Result<(), StoreError> {
        let mut cells: BTreeMap<CellKey, MessageCounts> = BTreeMap::new();
        let mut bought: BTreeMap<(u32, String), i64> = BTreeMap::new();
        let signed = before.iter().map(|(hash, standing)| (*hash, standing, -1));
        let signed = signed.chain(after.iter().map(|(hash, standing)| (*hash, standing, 1)));
        for (hash, standing, sign) in signed {
            for (key, counts) in &standing.cells {
                let sum = cells.entry(key.clone()).or_default();
                if sign > 0 { *sum += *counts } else { *sum -= *counts }
            }
            for (key, n) in &standing.bought {
                *bought.entry(key.clone()).or_default() += sign * n;
            }
            for (campaign, bits) in &standing.happened {
                self.change_people(*campaign, *bits, sign);
            }
            for ((campaign, is_control), sum) in &standing.groups {
                if let Some(people) = self.by_campaign.get_mut(campaign) {
                    let by = [sum.people, sum.reached, sum.goals, sum.value_micros];
                    people.groups.change(*is_control, hash, by.map(|n| sign * n));
                    self.changed.insert(*campaign);
                }
            }
        }
        for (key, counts) in cells {
            if counts != MessageCounts::default() {
                self.change_cell(batch, key, counts)?;
            }
        }
        for ((campaign, item), n) in bought {
            if n != 0 {
                self.change_item(batch, campaign, &item, |counts| counts.bought += n)?;
            }
        }
        Ok(())
    }

    fn change_people(&mut self, campaign: u32, bits: u16, sign: i64) {
        let Some(people) = self.by_campaign.get_mut(&campaign) else { return };
        let has = |bit: u16| i64::from(bits & bit != 0);
        people.sent += sign * has(PersonCampaign::SENT_BIT);
        people.click_through += sign * has(PersonCampaign::CLICK_THROUGH_BIT);
        people.view_through += sign * has(PersonCampaign::VIEW_THROUGH_BIT);
        for (sum, n) in people.users.iter_mut().zip(events_of_bits(bits)) {
            *sum += sign * n;
        }
        self.changed.insert(campaign);
    }

    /// Adds to the messages of a campaign, unless it is gone.
    fn change_cell(
        &self,
        batch: &mut Batch<'_>,
        (campaign, day, channel, variant): CellKey,
        by: MessageCounts,
    ) -> Result<(), StoreError> {
        if !self.by_campaign.contains_key(&campaign) {
            return Ok(());
        }
        let name = format!("{channel}{SEPARATOR}{variant}");
        let key = KeyBuf::new().u32(campaign).u32(day).text(&name).build();
        let mut counts: MessageCounts = read_row(batch, &self.cells, &key)?.unwrap_or_default();
        counts += by;
        batch.put(&self.cells, key, encode(&counts));
        Ok(())
    }

    fn count_link(
        &mut self,
        batch: &mut Batch<'_>,
        campaign: u32,
        url: &str,
        is_new: bool,
    ) -> Result<(), StoreError> {
        let Some(people) = self.by_campaign.get_mut(&campaign) else { return Ok(()) };
        let (n, changed) = (&mut people.n_links, &mut self.changed);
        let place = (batch, &self.links, campaign);
        let is_first = change_row(place, url, (n, REPORT_LINKS_MAX), |counts: &mut LinkCounts| {
            counts.clicks += 1;
            counts.messages += u64::from(is_new);
        })?;
        if is_first {
            changed.insert(campaign);
        }
        Ok(())
    }

    fn change_item(
        &mut self,
        batch: &mut Batch<'_>,
        campaign: u32,
        item: &str,
        change: impl FnOnce(&mut ItemCounts),
    ) -> Result<(), StoreError> {
        let Some(people) = self.by_campaign.get_mut(&campaign) else { return Ok(()) };
        let (n, changed) = (&mut people.n_items, &mut self.changed);
        let place = (batch, &self.items, campaign);
        if change_row(place, item, (n, REPORT_ITEMS_MAX), change)? {
            changed.insert(campaign);
        }
        Ok(())
    }
}
