//! Timelines: the messages of each user in the order of time, as journal offsets.

use std::collections::BTreeMap;

use domain::{Timestamp, UserIdx};
use store::key::KeyParts;
use store::{Batch, Read, Store, StoreError};

use crate::{Profiles, keys};

/// The stored name of a message that is no event. No event has an empty name.
const NO_EVENT: &str = "";

/// One message of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineEntry {
    /// The timestamp of the message.
    pub timestamp: Timestamp,
    /// The offset of the message in the journal.
    pub offset: u64,
}

/// Selects events of a timeline.
#[derive(Debug, Clone, Default)]
pub struct TimelineQuery {
    /// Whether to read oldest first; newest first otherwise.
    pub ascending: bool,
    /// Only events at or after this time.
    pub start: Option<Timestamp>,
    /// Only events before this time.
    pub end: Option<Timestamp>,
    /// Only events with these names; empty means all.
    pub include: Vec<String>,
    /// No events with these names.
    pub exclude: Vec<String>,
    /// Only events after this one in reading order: the last event of the page before.
    pub after: Option<TimelineEntry>,
    /// Whether messages that are no events are read too: identify, group and alias. They have no
    /// name, so `include` leaves them out.
    pub with_others: bool,
    /// Only messages from this offset of the journal on: what was before is cut.
    pub from_offset: u64,
    /// The most events of the page.
    pub limit: usize,
}

/// How often each event stands among the latest messages of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedEvents {
    /// Names of events with their counts.
    pub counts: BTreeMap<String, u64>,
    /// Whether the user has older messages, which were not counted.
    pub has_older: bool,
}

/// An event of a timeline with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedEvent {
    /// The name of the event.
    pub name: String,
    /// The timestamp of the message.
    pub timestamp: Timestamp,
    /// The offset of the message in the journal.
    pub offset: u64,
}

/// A page of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelinePage {
    /// The events in reading order.
    pub entries: Vec<TimelineEntry>,
    /// Whether more events follow.
    pub has_more: bool,
}

impl Profiles {
    /// Adds a message to a user's timeline. `event` is the name of the event; identify, group and
    /// alias messages have none.
    pub fn add_message(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        timestamp: Timestamp,
        offset: u64,
        event: Option<&str>,
    ) {
        batch.put(
            &self.keys.timeline,
            keys::timeline(user, timestamp, offset),
            event.unwrap_or(NO_EVENT),
        );
    }

    /// The offsets of all messages of a user.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn message_offsets(&self, read: &dyn Read, user: UserIdx) -> Result<Vec<u64>, StoreError> {
        let pairs = read.scan(&self.keys.timeline, &keys::user(user).build());
        pairs.map(|pair| Ok(parse_key(&pair?.0)?.offset)).collect()
    }

    /// All events of a user, oldest first, also those whose messages were cut from the journal.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn named_events(
        &self,
        read: &dyn Read,
        user: UserIdx,
    ) -> Result<Vec<NamedEvent>, StoreError> {
        let mut events = Vec::new();
        for pair in read.scan(&self.keys.timeline, &keys::user(user).build()) {
            let (key, name) = pair?;
            let TimelineEntry { timestamp, offset } = parse_key(&key)?;
            let name =
                String::from_utf8(name).map_err(|_| StoreError::Unreadable { what: "timeline" })?;
            if name != NO_EVENT {
                events.push(NamedEvent { name, timestamp, offset });
            }
        }
        Ok(events)
    }

    /// The events of a user that have one of these names, from the instant `start` on, latest
    /// first, also those whose messages were cut from the journal.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn events_with_names(
        &self,
        store: &Store,
        user: UserIdx,
        names: &[&str],
        start: Timestamp,
    ) -> Result<Vec<NamedEvent>, StoreError> {
        let from = keys::timeline(user, start.max(Timestamp(0)), 0);
        let until = keys::timeline(user, Timestamp(i64::MAX), u64::MAX);
        let mut events = Vec::new();
        for pair in store.scan_back(&self.keys.timeline, &from, &until) {
            let (key, name) = pair?;
            if let Some(name) = names.iter().find(|wanted| wanted.as_bytes() == name) {
                let TimelineEntry { timestamp, offset } = parse_key(&key)?;
                events.push(NamedEvent { name: (*name).to_owned(), timestamp, offset });
            }
        }
        Ok(events)
    }

    /// Whether a user has sent a message.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn has_messages(&self, read: &dyn Read, user: UserIdx) -> Result<bool, StoreError> {
        let first = read.scan(&self.keys.timeline, &keys::user(user).build()).next();
        Ok(first.transpose()?.is_some())
    }

    /// Whether a message of this time and offset is one of a user.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn has_message(
        &self,
        read: &dyn Read,
        user: UserIdx,
        timestamp: Timestamp,
        offset: u64,
    ) -> Result<bool, StoreError> {
        let key = keys::timeline(user, timestamp, offset);
        Ok(read.get(&self.keys.timeline, &key)?.is_some())
    }

    /// The latest message of a user, including messages that are no events; none without messages.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn last_entry(
        &self,
        store: &Store,
        user: UserIdx,
    ) -> Result<Option<TimelineEntry>, StoreError> {
        let from = keys::timeline(user, Timestamp(0), 0);
        let until = keys::timeline(user, Timestamp(i64::MAX), u64::MAX);
        let last = store.scan_back(&self.keys.timeline, &from, &until).next();
        last.map(|pair| parse_key(&pair?.0)).transpose()
    }

    /// Reads a page of a user's events.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn timeline(
        &self,
        store: &Store,
        user: UserIdx,
        query: &TimelineQuery,
    ) -> Result<TimelinePage, StoreError> {
        let mut from = keys::timeline(user, query.start.unwrap_or_default(), 0);
        let mut until = match query.end {
            Some(end) => keys::timeline(user, end, 0),
            None => keys::timeline(user, Timestamp(i64::MAX), u64::MAX),
        };
        if let Some(after) = query.after {
            let after_key = keys::timeline(user, after.timestamp, after.offset);
            if query.ascending {
                // The first key after `after_key`.
                from = from.max([after_key, vec![0]].concat());
            } else {
                until = until.min(after_key);
            }
        }
        let mut page = TimelinePage { entries: Vec::new(), has_more: false };
        if from >= until {
            return Ok(page);
        }
        let pairs = if query.ascending {
            store.scan_range(&self.keys.timeline, &from, &until)
        } else {
            store.scan_back(&self.keys.timeline, &from, &until)
        };
        for pair in pairs {
            let (key, name) = pair?;
            if name == NO_EVENT.as_bytes() && !query.with_others {
                continue;
            }
            let entry = parse_key(&key)?;
            if entry.offset < query.from_offset {
                continue;
            }
            let has_name = |wanted: &String| wanted.as_bytes() == name;
            if (!query.include.is_empty() && !query.include.iter().any(has_name))
                || query.exclude.iter().any(has_name)
            {
                continue;
            }
            if page.entries.len() == query.limit {
                page.has_more = true;
                break;
            }
            page.entries.push(entry);
        }
        Ok(page)
    }

    /// Counts the events among the latest `n_max` messages of a user, by name.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn count_events(
        &self,
        store: &Store,
        user: UserIdx,
        n_max: usize,
    ) -> Result<NamedEvents, StoreError> {
        let from = keys::timeline(user, Timestamp(0), 0);
        let until = keys::timeline(user, Timestamp(i64::MAX), u64::MAX);
        let mut pairs = store.scan_back(&self.keys.timeline, &from, &until);
        let mut events = NamedEvents::default();
        for pair in pairs.by_ref().take(n_max) {
            let (_, name) = pair?;
            if name != NO_EVENT.as_bytes() {
                let name = String::from_utf8(name)
                    .map_err(|_| StoreError::Unreadable { what: "timeline" })?;
                *events.counts.entry(name).or_default() += 1;
            }
        }
        events.has_older = pairs.next().is_some();
        Ok(events)
    }

    pub(crate) fn merge_timelines(
        &self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
    ) -> Result<(), StoreError> {
        let events: Vec<_> = batch
            .scan(&self.keys.timeline, &keys::user(source).build())
            .collect::<Result<_, _>>()?;
        for (key, name) in events {
            let entry = parse_key(&key)?;
            batch.put(
                &self.keys.timeline,
                keys::timeline(target, entry.timestamp, entry.offset),
                name,
            );
            batch.remove(&self.keys.timeline, key);
        }
        Ok(())
    }
}

fn parse_key(key: &[u8]) -> Result<TimelineEntry, StoreError> {
    let mut parts = KeyParts::new(key);
    match (parts.u32(), parts.u64(), parts.u64()) {
        (Some(_), Some(timestamp), Some(offset)) => {
            Ok(TimelineEntry { timestamp: Timestamp(timestamp as i64), offset })
        }
        _ => Err(StoreError::Unreadable { what: "timeline" }),
    }
}
