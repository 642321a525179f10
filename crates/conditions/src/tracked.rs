//! What is kept of a person's events to know whether a condition holds, and when that changes.

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::condition::{Condition, EventMatch, Funnel, Rfm, RfmGroup, Window};
use crate::forecast::Forecast;
use crate::intervals::Intervals;
use crate::limits::OCCURRENCES_MAX;
use crate::person::{Event, Person, Surroundings, find_answer};

/// Every instant, as a half-open interval.
const ALWAYS: (i64, i64) = (i64::MIN, i64::MAX);

/// The events of a person that count for one condition, in whatever order they arrived.
///
/// For each event condition the latest occurrences are kept, as many as its count needs: one more
/// than its number; for a group by recency and frequency as many as its highest bound. Where the
/// window is `between`, or a filter compares with now, the latest [`OCCURRENCES_MAX`] are kept, and
/// a person with more of them within the window is judged by these. A funnel keeps as many of
/// either event, and forgets first events that are older than the oldest second one it still has.
///
/// Adding is commutative, and merging is adding what the other has: late events and merged people
/// give what the same events in order give. An event must be added once only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    /// One for each event condition, funnel and group by recency, in the order of the condition.
    parts: Vec<Kept>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    first: Occurrences,
    /// Of a funnel's second event.
    second: Occurrences,
}

/// Occurrences of one event, the latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Occurrences {
    kept: Vec<Occurrence>,
    /// Whether there were more than may be kept.
    is_cut: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Occurrence {
    /// Milliseconds since 1970.
    at: i64,
    /// The instants at which the filters hold; none for always.
    valid: Option<Intervals>,
}

impl Tracked {
    /// Of a person without events.
    pub fn new(condition: &Condition) -> Self {
        let mut parts = Vec::new();
        condition.visit(&mut |part| {
            if part.is_tracked() {
                parts.push(Kept::default());
            }
        });
        Self { parts }
    }

    /// Adds an event. Returns whether it matters for the condition.
    pub fn add(&mut self, condition: &Condition, event: &Event) -> bool {
        self.add_bounded(condition, event, true)
    }

    fn add_bounded(&mut self, condition: &Condition, event: &Event, is_bounded: bool) -> bool {
        let mut matters = false;
        self.each_part(condition, |part, kept| {
            let max = if is_bounded { part.kept_max() } else { usize::MAX };
            matters |= part.add(kept, event, max);
        });
        matters
    }

    /// Adds an event of which only name and time are known, where nothing else is asked of it.
    pub fn add_named(&mut self, condition: &Condition, name: &str, timestamp: Timestamp) {
        self.each_part(condition, |part, kept| {
            if !part.asks_names_only() {
                return;
            }
            for (wanted, occurrences) in part.tracked_events().into_iter().zip(kept.both()) {
                if wanted.name == name {
                    let occurrence = Occurrence { at: timestamp.0, valid: None };
                    occurrences.add(occurrence, part.window(), part.kept_max());
                }
            }
        });
    }

    /// Forgets the events of which only name and time are asked: they are to be added anew.
    pub fn forget_named(&mut self, condition: &Condition) {
        self.each_part(condition, |part, kept| {
            if part.asks_names_only() {
                *kept = Kept::default();
            }
        });
    }

    /// Adds an event to the parts that ask for more than names and times.
    pub fn add_read(&mut self, condition: &Condition, event: &Event) {
        self.each_part(condition, |part, kept| {
            if !part.asks_names_only() {
                part.add(kept, event, part.kept_max());
            }
        });
    }

    /// Forgets the events of which more than name and time is asked: they are to be read anew.
    pub fn forget_read(&mut self, condition: &Condition) {
        self.each_part(condition, |part, kept| {
            if !part.asks_names_only() {
                *kept = Kept::default();
            }
        });
    }

    /// Adds what was kept of another person, who is the same.
    pub fn merge(&mut self, condition: &Condition, other: Self) {
        let mut others = other.parts.into_iter();
        self.each_part(condition, |part, kept| {
            let Some(other) = others.next() else { return };
            let max = part.kept_max();
            kept.first.merge(other.first, max);
            kept.second.merge(other.second, max);
        });
    }

    /// Forgets events that will never count again.
    pub fn prune(&mut self, condition: &Condition, now: Timestamp) {
        self.each_part(condition, |part, kept| {
            let window = part.window();
            // A second event of a funnel is later than its first, so it is needed as long.
            let is_needed = |kept: &Occurrence| window.counting(kept).any(|(_, end)| end > now.0);
            kept.first.kept.retain(is_needed);
            kept.second.kept.retain(is_needed);
        });
    }

    /// Whether the condition holds at `now`, and when that changes. `other` gives what is kept for
    /// the audiences that the condition names.
    pub fn forecast<'t>(
        &'t self,
        condition: &Condition,
        surroundings: &Surroundings<'_>,
        other: &dyn Fn(&str) -> Option<&'t Self>,
        now: Timestamp,
    ) -> Forecast {
        let mut parts = self.parts.iter();
        forecast(condition, &mut parts, surroundings, other, now.0)
    }

    fn each_part<'c>(
        &mut self,
        condition: &'c Condition,
        mut visit: impl FnMut(&'c Condition, &mut Kept),
    ) {
        let mut kept = self.parts.iter_mut();
        condition.visit(&mut |part| {
            if part.is_tracked()
                && let Some(kept) = kept.next()
            {
                visit(part, kept);
            }
        });
    }
}

/// The first instant after `now` at which the condition holds if it does not now, or the contrary,
/// if nothing happens. It is worked out from all of the person's events.
pub fn next_change(
    condition: &Condition,
    person: &Person<'_>,
    now: Timestamp,
) -> Option<Timestamp> {
    let track = |condition: &Condition| {
        let mut tracked = Tracked::new(condition);
        for event in person.events {
            tracked.add_bounded(condition, event, false);
        }
        tracked
    };
    let audiences = person.surroundings.audiences;
    let others: Vec<(&String, Tracked)> =
        audiences.iter().map(|(key, condition)| (key, track(condition))).collect();
    let other = |key: &str| {
        let found = others.iter().find(|(name, _)| *name == key);
        found.map(|(_, tracked)| tracked)
    };
    let tracked = track(condition);
    tracked.forecast(condition, &person.surroundings, &other, now).next_change()
}

fn forecast<'t>(
    condition: &Condition,
    parts: &mut std::slice::Iter<'t, Kept>,
    surroundings: &Surroundings<'_>,
    other: &dyn Fn(&str) -> Option<&'t Tracked>,
    now: i64,
) -> Forecast {
    if let Some(holds) = find_answer(surroundings.answers, condition) {
        return Forecast::constant(holds);
    }
    let mut below = |condition: &Condition| forecast(condition, parts, surroundings, other, now);
    match condition {
        Condition::All(members) => Forecast::all(members.iter().map(below).collect()),
        Condition::Any(members) => Forecast::any(members.iter().map(below).collect()),
        Condition::Not(member) => below(member).not(),
        Condition::Trait(filter) => Forecast::of_set(filter.intervals(surroundings.traits), now),
        Condition::Account(filter) => {
            let each = surroundings.accounts.iter().map(|traits| filter.intervals(traits));
            Forecast::any(each.map(|holds| Forecast::of_set(holds, now)).collect())
        }
        Condition::Audience(key) => match surroundings.audiences.get(key).zip(other(key)) {
            Some((condition, tracked)) => {
                tracked.forecast(condition, surroundings, other, Timestamp(now))
            }
            None => Forecast::constant(false),
        },
        Condition::Recommended(_) => Forecast::constant(false),
        Condition::Event(_) | Condition::Funnel(_) | Condition::Rfm(_) => {
            let none = Kept::default();
            let kept = parts.next().unwrap_or(&none);
            match condition {
                Condition::Event(event) => {
                    let kept = kept.first.kept.iter();
                    let counting = kept.flat_map(|kept| event.window.counting(kept));
                    Forecast::of_count(counting, event.count, now)
                }
                Condition::Funnel(funnel) => Forecast::of_set(kept.converting(funnel), now),
                Condition::Rfm(rfm) => Forecast::of_set(kept.first.in_group(rfm), now),
                _ => Forecast::constant(false),
            }
        }
    }
}

impl Condition {
    /// Whether events are kept for this condition itself.
    fn is_tracked(&self) -> bool {
        matches!(self, Self::Event(_) | Self::Funnel(_) | Self::Rfm(_))
    }

    /// The window of a condition for which events are kept.
    pub(crate) fn window(&self) -> Window {
        match self {
            Self::Event(event) => event.window,
            Self::Funnel(funnel) => funnel.window,
            Self::Rfm(rfm) => Window::Last(rfm.over),
            _ => Window::Ever,
        }
    }

    /// The events that are kept for this condition itself.
    pub(crate) fn tracked_events(&self) -> Vec<&EventMatch> {
        match self {
            Self::Event(condition) => vec![&condition.event],
            Self::Funnel(funnel) => vec![&funnel.first, &funnel.second],
            Self::Rfm(rfm) => vec![&rfm.event],
            _ => Vec::new(),
        }
    }

    /// The names of the events of which this condition, or a part of it, asks more than the times:
    /// of those alone the past must be read from messages. In order, each once.
    pub fn events_to_read(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.visit(&mut |part| {
            if !part.asks_names_only() {
                names.extend(part.tracked_events().iter().map(|event| event.name.as_str()));
            }
        });
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Whether it, or a part of it, tests properties of events of this name.
    pub fn reads(&self, event: &str) -> bool {
        let mut reads = false;
        self.visit(&mut |part| {
            let mut asked = part.tracked_events().into_iter();
            reads |= asked.any(|asked| asked.name == event && !asked.filters.is_empty());
        });
        reads
    }

    /// Adds an event to what is kept for this condition itself. Returns whether it counts.
    fn add(&self, kept: &mut Kept, event: &Event, max: usize) -> bool {
        let mut counts = false;
        for (wanted, occurrences) in self.tracked_events().into_iter().zip(kept.both()) {
            if let Some(occurrence) = wanted.occurrence(event) {
                counts |= occurrences.add(occurrence, self.window(), max);
            }
        }
        counts
    }

    /// Whether nothing but the names and times of events is asked.
    fn asks_names_only(&self) -> bool {
        self.tracked_events().into_iter().all(|event| event.filters.is_empty())
    }

    /// How many occurrences its count needs.
    fn kept_max(&self) -> usize {
        match self {
            Self::Event(condition) => {
                let is_relative = condition.event.filters.iter().any(|filter| filter.is_relative());
                match condition.window {
                    Window::Between { .. } => OCCURRENCES_MAX,
                    _ if is_relative => OCCURRENCES_MAX,
                    _ => condition.count.number() as usize + 1,
                }
            }
            Self::Rfm(rfm) => rfm.frequency[3] as usize,
            _ => OCCURRENCES_MAX,
        }
    }
}

impl EventMatch {
    /// The event as an occurrence; none if it never matches.
    fn occurrence(&self, event: &Event) -> Option<Occurrence> {
        if event.name != self.name {
            return None;
        }
        let mut valid = Intervals::all();
        for filter in &self.filters {
            valid = valid.intersection(&filter.intervals(&event.properties));
            if valid.is_none() {
                return None;
            }
        }
        let valid = (!valid.is_all()).then_some(valid);
        Some(Occurrence { at: event.timestamp.0, valid })
    }
}

impl Window {
    /// When an event of the instant `at` counts: from the first instant on, before the second.
    fn bounds(self, at: i64) -> (i64, i64) {
        match self {
            Self::Ever => ALWAYS,
            Self::Last(period) => (i64::MIN, at + period.ms()),
            Self::Between { nearest, farthest } => (at + nearest.ms(), at + farthest.ms()),
            Self::Since(start) if at >= start.0 => ALWAYS,
            Self::Since(_) => (i64::MAX, i64::MAX),
        }
    }

    /// When the occurrence counts, as [`Intervals::iter`] has it.
    fn counting(self, occurrence: &Occurrence) -> impl Iterator<Item = (i64, i64)> {
        let (start, end) = self.bounds(occurrence.at);
        let valid = occurrence.valid.as_ref().map_or(&[ALWAYS][..], Intervals::as_slice);
        let both = valid.iter().map(move |valid| (start.max(valid.0), end.min(valid.1)));
        both.filter(|(start, end)| start < end)
    }
}

impl Occurrences {
    /// Adds an occurrence, unless it never counts. Returns whether it counts.
    fn add(&mut self, occurrence: Occurrence, window: Window, max: usize) -> bool {
        if window.counting(&occurrence).next().is_none() {
            return false;
        }
        let place = self.kept.partition_point(|kept| *kept > occurrence);
        self.kept.insert(place, occurrence);
        self.cut(max);
        true
    }

    fn merge(&mut self, other: Self, max: usize) {
        self.kept.extend(other.kept);
        self.kept.sort_unstable_by(|one, other| other.cmp(one));
        self.is_cut |= other.is_cut;
        self.cut(max);
    }

    fn cut(&mut self, max: usize) {
        self.is_cut |= self.kept.len() > max;
        self.kept.truncate(max);
    }

    /// The instants at which a person with these occurrences is in the group.
    fn in_group(&self, rfm: &Rfm) -> Intervals {
        let times: Vec<i64> = self.kept.iter().map(|occurrence| occurrence.at).collect();
        let Some(last) = times.first() else { return Intervals::none() };
        let over = rfm.over.ms();
        let mut bounds: Vec<i64> = times.iter().map(|at| at + over).collect();
        bounds.extend(rfm.recency.iter().map(|bound| last + bound.ms()));
        bounds.sort_unstable();
        bounds.dedup();
        let mut start = i64::MIN;
        let mut inside = Vec::new();
        for end in bounds {
            // The truth is the same in all of [start, end), which ends before any later bound.
            let now = end - 1;
            let number = times.partition_point(|at| now < at + over);
            let recency = rfm.recency.iter().position(|bound| now < last + bound.ms());
            let frequency = rfm.frequency.iter().filter(|bound| number >= **bound as usize).count();
            let recency = recency.map_or(1, |passed| 5 - passed as u8);
            if number > 0 && RfmGroup::of_scores(recency, 1 + frequency as u8) == rfm.group {
                inside.push((start, end));
            }
            start = end;
        }
        Intervals::of(inside)
    }
}

impl Kept {
    fn both(&mut self) -> [&mut Occurrences; 2] {
        [&mut self.first, &mut self.second]
    }

    /// The instants at which a pair of the funnel counts, or the lack of one.
    fn converting(&self, funnel: &Funnel) -> Intervals {
        let within = funnel.within.ms();
        // Of earlier seconds nothing is known.
        let known_from = match self.second.is_cut {
            true => self.second.kept.last().map_or(i64::MIN, |second| second.at),
            false => i64::MIN,
        };
        let mut converting = Vec::new();
        for first in self.first.kept.iter().filter(|first| first.at >= known_from) {
            // Latest first: the seconds that are later than the first event stand in front.
            let n_later = self.second.kept.partition_point(|second| second.at > first.at);
            let next = n_later.checked_sub(1).map(|nearest| self.second.kept[nearest].at);
            let over = first.at + within;
            let followed = next.is_some_and(|next| next < over);
            let (start, end) = funnel.window.bounds(first.at);
            match (funnel.is_absent, followed) {
                (false, true) => converting.push((start, end)),
                (true, false) => converting.push((start.max(over), end)),
                _ => {}
            }
        }
        Intervals::of(converting)
    }
}
