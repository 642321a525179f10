//! A span of the journal: its messages, read from one place to another, with a filter.

use std::collections::BTreeSet;

use domain::{Message, MessageType, Timestamp};
use journal::Offset;
use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_128;

use crate::shared::Shared;
use crate::{Engine, EngineError, Entry, GENERATION_MS};

/// How many message ids are remembered to pass over repeats, in two generations: 32 bytes each.
pub const SPAN_IDS_KEPT_MAX: usize = 1_000_000;
/// How far the clock of a server may have stepped back, in milliseconds: so much more is read
/// around a time.
const CLOCK_STEP_MS_MAX: i64 = 3_600_000;

/// A place in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanPlace {
    /// An offset.
    Offset(u64),
    /// A time of arrival.
    Time(Timestamp),
}

/// Which messages are meant. An empty set leaves all in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Their types.
    pub types: BTreeSet<MessageType>,
    /// The names of their events, pages or screens.
    pub events: BTreeSet<String>,
    /// The names of their sources.
    pub sources: BTreeSet<String>,
    /// User ids or anonymous ids, as the messages have them.
    pub users: BTreeSet<String>,
}

impl MessageFilter {
    /// Whether a message is among those that are meant.
    pub fn takes(&self, message: &Message) -> bool {
        let is_in = |set: &BTreeSet<String>, text: &str| set.is_empty() || set.contains(text);
        let ids = [&message.user_id, &message.anonymous_id];
        (self.types.is_empty() || self.types.contains(&message.type_))
            && (self.events.is_empty() || self.events.contains(message.event_name()))
            && is_in(&self.sources, &message.source)
            && (self.users.is_empty()
                || ids.into_iter().flatten().any(|id| self.users.contains(id)))
    }
}

/// A span whose places are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The offset of its first entry.
    pub from: u64,
    /// The offset behind its last entry.
    pub until: u64,
    /// Messages that arrived earlier are not meant.
    pub since: Option<Timestamp>,
    /// Messages that arrived then or later are not meant.
    pub before: Option<Timestamp>,
    /// Which messages are meant.
    pub filter: MessageFilter,
}

impl Span {
    fn takes(&self, message: &Message) -> bool {
        self.since.is_none_or(|since| message.received_at >= since)
            && self.before.is_none_or(|before| message.received_at < before)
            && self.filter.takes(message)
    }
}

/// The ids of the messages that were read last: of one to two days, as the state keeps them.
#[derive(Default)]
struct SeenIds {
    started_at: Timestamp,
    current: FxHashSet<u128>,
    previous: FxHashSet<u128>,
}

impl SeenIds {
    /// Whether the id is new.
    fn insert(&mut self, id: &str, received_at: Timestamp) -> bool {
        let is_over = received_at.0 >= self.started_at.0.saturating_add(GENERATION_MS);
        if is_over || self.current.len() >= SPAN_IDS_KEPT_MAX / 2 {
            self.started_at = received_at;
            self.previous = std::mem::take(&mut self.current);
        }
        let hash = xxh3_128(id.as_bytes());
        !self.previous.contains(&hash) && self.current.insert(hash)
    }
}

/// Reads the messages of a span, step by step.
pub struct SpanReader {
    span: Span,
    reached: u64,
    /// Messages before this offset were taken earlier.
    taken_to: u64,
    seen: SeenIds,
}

impl SpanReader {
    /// Begins at the start of a span.
    pub fn new(span: Span) -> Self {
        Self { reached: span.from, taken_to: span.from, span, seen: SeenIds::default() }
    }

    /// The offset of the first entry that was not looked at.
    pub fn reached(&self) -> u64 {
        self.reached
    }

    /// Whether all of the span was read.
    pub fn is_done(&self) -> bool {
        self.reached >= self.span.until
    }

    /// The share of the span that was read, from 0 to 1.
    pub fn share(&self) -> f64 {
        let n = self.span.until.saturating_sub(self.span.from).max(1);
        (self.reached.saturating_sub(self.span.from)) as f64 / n as f64
    }

    /// Leaves out the messages before a place, which were taken earlier. They are read
    /// nevertheless: later ones may repeat them.
    pub fn skip_to(&mut self, offset: u64) {
        self.taken_to = self.taken_to.max(offset);
    }
}

/// The most entries that one step of a reader looks at.
pub const ENTRIES_PER_SPAN_STEP: usize = 5_000;

impl Engine {
    /// Finds the places of a span: from the last reset, or the beginning of the journal, to its
    /// present end where nothing else is said.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn find_span(
        &self,
        from: Option<SpanPlace>,
        until: Option<SpanPlace>,
        filter: MessageFilter,
    ) -> Result<Span, EngineError> {
        let end = self.applied();
        let reset_at = self.snapshot().setup.reset_at;
        let first = reset_at.map_or(0, |offset| offset + 1);
        let mut span = Span { from: first, until: end, since: None, before: None, filter };
        match from {
            Some(SpanPlace::Offset(offset)) => span.from = offset.clamp(first, end),
            Some(SpanPlace::Time(at)) => {
                span.since = Some(at);
                let at = Timestamp(at.0.saturating_sub(CLOCK_STEP_MS_MAX));
                span.from = find_time(&self.shared, first, end, at)?;
            }
            None => {}
        }
        match until {
            Some(SpanPlace::Offset(offset)) => span.until = offset.clamp(span.from, end),
            Some(SpanPlace::Time(at)) => {
                span.before = Some(at);
                let at = Timestamp(at.0.saturating_add(CLOCK_STEP_MS_MAX));
                span.until = find_time(&self.shared, span.from, end, at)?;
            }
            None => {}
        }
        Ok(span)
    }

    /// The offset of a place, between the last reset and the present end.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub(crate) fn find_place(&self, place: SpanPlace) -> Result<u64, EngineError> {
        let (end, reset_at) = (self.applied(), self.snapshot().setup.reset_at);
        let first = reset_at.map_or(0, |offset| offset + 1);
        match place {
            SpanPlace::Offset(offset) => Ok(offset.clamp(first, end)),
            SpanPlace::Time(at) => find_time(&self.shared, first, end, at),
        }
    }

    /// The next messages of a span, at most `n_max`, each with its offset. Repeats of messages of
    /// the span are passed over. Where a step finds none, the span may go on nevertheless.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn next_of_span(
        &self,
        reader: &mut SpanReader,
        n_max: usize,
    ) -> Result<Vec<(u64, Box<Message>)>, EngineError> {
        let mut found = Vec::new();
        let until = reader.span.until;
        let records = self.shared.journal.read_from(Offset(reader.reached));
        for (n_entries, record) in records.enumerate() {
            let (Offset(offset), bytes) = record?;
            if offset >= until || found.len() >= n_max || n_entries >= ENTRIES_PER_SPAN_STEP {
                reader.reached = offset.min(until);
                return Ok(found);
            }
            reader.reached = offset + 1;
            let entry =
                Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })?;
            if let Entry::Message(message) = entry
                && reader.seen.insert(&message.message_id, message.received_at)
                && offset >= reader.taken_to
                && reader.span.takes(&message)
            {
                found.push((offset, message));
            }
        }
        reader.reached = until;
        Ok(found)
    }
}

/// The offset of the first entry from `first` to before `end` that arrived at a time or later, as
/// far as times rise with offsets.
fn find_time(shared: &Shared, first: u64, end: u64, at: Timestamp) -> Result<u64, EngineError> {
    let (mut low, mut high) = (first, end);
    while low < high {
        let middle = low + (high - low) / 2;
        match time_from(shared, middle, high)? {
            Some((_, time)) if time < at => low = middle + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

/// The first entry from an offset to before another that has a time.
fn time_from(
    shared: &Shared,
    offset: u64,
    end: u64,
) -> Result<Option<(u64, Timestamp)>, EngineError> {
    for record in shared.journal.read_from(Offset(offset)) {
        let (Offset(offset), bytes) = record?;
        if offset >= end {
            break;
        }
        let entry =
            Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })?;
        if let Some(time) = entry.time() {
            return Ok(Some((offset, time)));
        }
    }
    Ok(None)
}
