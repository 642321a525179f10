//! What is kept of a person's events to know the value of a computed trait, and when it changes.

use std::cmp::Reverse;

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bounded::{Bounded, Size};
use super::sessions::Sessions;
use super::total::{Occurrence, Total};
use super::{Computation, Contribution, Span};
use crate::condition::Scalar;

/// The events of a person that count for one computed trait, in whatever order they arrived.
///
/// Of events that count for ever only what they add up to is kept: numbers of fixed size, and for
/// lists and the most frequent value the distinct values. Of events that cease to count each value
/// is kept with its instant. At most [`KEPT_MAX`](crate::limits::KEPT_MAX) values of
/// [`KEPT_BYTES_MAX`](crate::limits::KEPT_BYTES_MAX) bytes are kept: of distinct values the first
/// ones in order, of others the latest.
///
/// Adding is commutative, and merging is adding what the other has: late events and merged people
/// give what the same events in order give. An event must be added once only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptEvents(Kept);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Kept {
    Ever(Total),
    Last(Bounded<LatestFirst>),
    Session(Sessions, Bounded<LatestFirst>),
}

type LatestFirst = Reverse<Occurrence>;

impl KeptEvents {
    /// Of a person without events.
    pub fn new(computation: &Computation) -> Self {
        Self(match computation.span {
            Span::Ever => Kept::Ever(Total::new(computation.type_)),
            Span::Last(_) => Kept::Last(Bounded::default()),
            Span::Session(_) => Kept::Session(Sessions::default(), Bounded::default()),
        })
    }

    /// Adds what an event contributes.
    pub fn add(&mut self, computation: &Computation, contribution: &Contribution) {
        let at = contribution.at.0;
        if let (Kept::Session(sessions, _), Span::Session(pause)) = (&mut self.0, computation.span)
        {
            sessions.add(at, pause.ms());
        }
        for value in &contribution.values {
            let occurrence = Occurrence { at, value: value.clone() };
            match &mut self.0 {
                Kept::Ever(total) => total.add(computation.type_, occurrence, 1),
                Kept::Last(kept) | Kept::Session(_, kept) => kept.add(Reverse(occurrence), 1),
            }
        }
    }

    /// Adds what was kept of another person, who is the same.
    pub fn merge(&mut self, computation: &Computation, other: Self) {
        match (&mut self.0, other.0, computation.span) {
            (Kept::Ever(total), Kept::Ever(other), _) => total.merge(computation.type_, other),
            (Kept::Last(kept), Kept::Last(other), _) => kept.merge(other),
            (
                Kept::Session(sessions, kept),
                Kept::Session(other_sessions, other),
                Span::Session(pause),
            ) => {
                sessions.merge(other_sessions, pause.ms());
                kept.merge(other);
            }
            // Both are of one computation.
            _ => {}
        }
    }

    /// Whether a text among the values is one of those that `is_wanted` tells.
    pub fn has_text(&self, is_wanted: &dyn Fn(&str) -> bool) -> bool {
        self.has_value(&|value| matches!(value, Scalar::Text(text) if is_wanted(text)))
    }

    /// Whether a text or a number among the values is one of the ids that `is_wanted` tells.
    pub fn has_id(&self, is_wanted: &dyn Fn(&str) -> bool) -> bool {
        self.has_value(&|value| match value {
            Scalar::Text(text) => is_wanted(text),
            Scalar::Number(_) => is_wanted(&value.to_json().to_string()),
            Scalar::Boolean(_) => false,
        })
    }

    fn has_value(&self, is_wanted: &dyn Fn(&Scalar) -> bool) -> bool {
        match &self.0 {
            Kept::Ever(total) => total.has_value(is_wanted),
            Kept::Last(kept) | Kept::Session(_, kept) => {
                kept.any(|Reverse(one)| one.value.as_ref().is_some_and(is_wanted))
            }
        }
    }

    /// Forgets events that will never count again.
    pub fn prune(&mut self, computation: &Computation, now: Timestamp) {
        match (&mut self.0, computation.span) {
            (Kept::Last(kept), Span::Last(period)) => {
                kept.forget_last(|Reverse(occurrence)| now.0 < occurrence.at + period.ms());
            }
            (Kept::Session(sessions, kept), _) => {
                if let Some(known_from) = sessions.known_from() {
                    kept.forget_last(|Reverse(occurrence)| occurrence.at >= known_from);
                }
            }
            _ => {}
        }
    }

    /// The value at the instant `now`, as [`Computation::value`] has it.
    pub fn value(&self, computation: &Computation, now: Timestamp) -> Value {
        let type_ = computation.type_;
        let (kept, counts_from) = match (&self.0, computation.span) {
            (Kept::Ever(total), _) => return total.value(type_),
            (Kept::Last(kept), Span::Last(period)) => (kept, now.0 - period.ms() + 1),
            (Kept::Session(sessions, kept), Span::Session(pause)) => match sessions.last() {
                Some((start, end)) if now.0 < end + pause.ms() => (kept, start),
                _ => return Total::new(type_).value(type_),
            },
            _ => return Value::Null,
        };
        let mut total = Total::new(type_);
        for (Reverse(occurrence), times) in kept.iter() {
            if occurrence.at < counts_from {
                break;
            }
            total.add(type_, occurrence.clone(), times);
        }
        total.value(type_)
    }

    /// The first instant after `now` at which other events count than now, if nothing happens; none
    /// if time alone changes nothing.
    pub fn next_change(&self, computation: &Computation, now: Timestamp) -> Option<Timestamp> {
        let at = match (&self.0, computation.span) {
            (Kept::Last(kept), Span::Last(period)) => {
                let ends = kept.iter().rev().map(|(Reverse(one), _)| one.at + period.ms());
                ends.into_iter().find(|end| *end > now.0)
            }
            (Kept::Session(sessions, _), Span::Session(pause)) => {
                sessions.last().map(|(_, end)| end + pause.ms()).filter(|end| *end > now.0)
            }
            _ => None,
        };
        at.map(Timestamp)
    }
}

impl Size for LatestFirst {
    fn bytes(&self) -> usize {
        const INSTANT_BYTES: usize = 16;
        INSTANT_BYTES + self.0.value.as_ref().map_or(0, Scalar::bytes)
    }
}
