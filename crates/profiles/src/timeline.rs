//! What happened to a user, in the order of time: an index of journal offsets.

use domain::{Timestamp, UserIdx};
use store::key::KeyParts;
use store::{Batch, Read, Store, StoreError};

use crate::{Profiles, keys};

/// Stands for the name of an event where a message is none; no event has an empty name.
const NO_EVENT: &str = "";

/// One event of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When it happened.
    pub timestamp: Timestamp,
    /// Where its message is in the journal.
    pub offset: u64,
}

/// Which part of a timeline to read.
#[derive(Debug, Clone, Default)]
pub struct TimelineQuery {
    /// Oldest first instead of newest first.
    pub ascending: bool,
    /// Only events at this instant or later.
    pub start: Option<Timestamp>,
    /// Only events before this instant.
    pub end: Option<Timestamp>,
    /// Only events of these names; empty means all.
    pub include: Vec<String>,
    /// No events of these names.
    pub exclude: Vec<String>,
    /// Only events after this one in the order of the reading.
    pub after: Option<TimelineEntry>,
    /// At most this many.
    pub limit: usize,
}

/// A part of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelinePage {
    /// The events in the order asked for.
    pub entries: Vec<TimelineEntry>,
    /// Whether there are more.
    pub has_more: bool,
}

impl Profiles {
    /// Enters a message into a user's timeline. `event` names what happened; messages that only say who somebody is have none.
    pub fn add_message(
        &self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        timestamp: Timestamp,
        offset: u64,
        event: Option<&str>,
    ) {
        batch.put(&self.keys.timeline, keys::timeline(user, timestamp, offset), event.unwrap_or(NO_EVENT));
    }

    /// The latest message of a user; none where there is none.
    pub fn last_message(&self, store: &Store, user: UserIdx) -> Result<Option<TimelineEntry>, StoreError> {
        let from = keys::timeline(user, Timestamp(0), 0);
        let until = keys::timeline(user, Timestamp(i64::MAX), u64::MAX);
        let last = store.scan_back(&self.keys.timeline, &from, &until).next();
        last.map(|pair| parse_key(&pair?.0)).transpose()
    }

    /// A page of a user's timeline.
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
            let at = keys::timeline(user, after.timestamp, after.offset);
            if query.ascending {
                // The next key after `at`.
                from = from.max([at, vec![0]].concat());
            } else {
                until = until.min(at);
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
            if name == NO_EVENT.as_bytes() {
                continue;
            }
            let is = |wanted: &String| wanted.as_bytes() == name;
            if (!query.include.is_empty() && !query.include.iter().any(is)) || query.exclude.iter().any(is) {
                continue;
            }
            if page.entries.len() == query.limit {
                page.has_more = true;
                break;
            }
            page.entries.push(parse_key(&key)?);
        }
        Ok(page)
    }

    pub(crate) fn merge_timelines(
        &self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
    ) -> Result<(), StoreError> {
        let events: Vec<_> =
            batch.scan(&self.keys.timeline, &keys::user(source).build()).collect::<Result<_, _>>()?;
        for (key, name) in events {
            let entry = parse_key(&key)?;
            batch.put(&self.keys.timeline, keys::timeline(target, entry.timestamp, entry.offset), name);
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
