//! What is known of a person so far, and what else a condition would have to know. Facts cost
//! differently: traits and the names and times of events are at hand, properties of events are far.

use domain::Timestamp;
use serde_json::{Map, Value};

use crate::condition::{Condition, EventMatch, Filter, Window};
use crate::person::{Answer, Event};

/// What is known of a person. What is none is not known yet.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The person's events of the names that the condition asks for, in any order.
    pub events: Option<&'a [KnownEvent<'a>]>,
    /// Their traits, or those that the condition asks for.
    pub traits: Option<&'a Map<String, Value>>,
    /// The traits of each of their accounts, or those that the condition asks for.
    pub accounts: Option<&'a [Map<String, Value>]>,
    /// Whether they belong to the audience with this key.
    pub is_member: &'a dyn Fn(&str) -> Option<bool>,
    /// What was found elsewhere.
    pub answers: Option<&'a [Answer]>,
    /// The parts of which the answer will be found elsewhere and is not known yet. No other facts
    /// decide them.
    pub open: &'a [&'a Condition],
}

/// An event of which the properties may not be known.
#[derive(Debug, Clone, Copy)]
pub struct KnownEvent<'a> {
    /// The name, as of [`Event`].
    pub name: &'a str,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What was sent with it.
    pub properties: Properties<'a>,
}

impl<'a> From<&'a Event> for KnownEvent<'a> {
    fn from(event: &'a Event) -> Self {
        let properties = Properties::Read(&event.properties);
        Self { name: &event.name, timestamp: event.timestamp, properties }
    }
}

/// The properties of an event.
#[derive(Debug, Clone, Copy)]
pub enum Properties<'a> {
    /// They can be read.
    Unread,
    /// They are not kept any more, so that no test of them holds.
    Gone,
    /// What they are.
    Read(&'a Map<String, Value>),
}

impl Condition {
    /// The first instant whose events may count at `now`; none where those of all times may.
    pub fn reaches_back_to(&self, now: Timestamp) -> Option<Timestamp> {
        let mut earliest = Some(Timestamp(i64::MAX));
        self.visit(&mut |part| {
            if !part.tracked_events().is_empty() {
                let start = match part.window() {
                    Window::Ever => None,
                    // Just as long ago is too long ago, and counts as little if it is read.
                    Window::Last(period) | Window::Between { farthest: period, .. } => {
                        Some(Timestamp(now.0 - period.ms()))
                    }
                    Window::Since(start) => Some(start),
                };
                earliest = earliest.zip(start).map(|(one, other)| one.min(other));
            }
        });
        earliest
    }

    /// The keys of traits that the condition asks for, in order, each once. Of a path into an
    /// object also its beginning.
    pub fn trait_keys(&self) -> Vec<&str> {
        self.filtered_keys(|part| if let Self::Trait(filter) = part { Some(filter) } else { None })
    }

    /// The keys of traits of accounts that the condition asks for, likewise.
    pub fn account_keys(&self) -> Vec<&str> {
        self.filtered_keys(
            |part| if let Self::Account(filter) = part { Some(filter) } else { None },
        )
    }

    fn filtered_keys(&self, filter_of: fn(&Self) -> Option<&Filter>) -> Vec<&str> {
        let mut keys = Vec::new();
        self.visit(&mut |part| {
            if let Some(filter) = filter_of(part) {
                keys.push(filter.path.as_str());
                keys.extend(filter.path.split_once('.').map(|(first, _)| first));
            }
        });
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// Whether the properties of an event with this name and time may change what the condition is
    /// at `now`.
    pub fn asks_for_properties(&self, name: &str, at: Timestamp, now: Timestamp) -> bool {
        let mut asks = false;
        self.visit(&mut |part| {
            let tests = |event: &&EventMatch| event.name == name && !event.filters.is_empty();
            let is_in_window = part.window().contains(at, now);
            for (n, event) in part.tracked_events().iter().enumerate() {
                // The second event of a funnel counts by the time of the first one.
                asks |= tests(event) && (is_in_window || n > 0);
            }
        });
        asks
    }

    /// The parts that ask for lists of recommended items, in their order: those of the traits that
    /// `is_list` names, and what is recommended.
    pub fn asked_of_lists(&self, is_list: &dyn Fn(&str) -> bool) -> Vec<&Self> {
        let mut asked = Vec::new();
        self.visit(&mut |part| match part {
            Self::Recommended(_) => asked.push(part),
            Self::Trait(filter) if is_list(filter.key()) => asked.push(part),
            _ => {}
        });
        asked
    }
}
