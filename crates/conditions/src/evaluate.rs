//! The meaning of conditions: whether one holds for a person at an instant, worked out from the
//! person's events each time. [`Tracked`](crate::Tracked) gives the same answers from little.

use domain::Timestamp;

use crate::condition::{
    Condition, EventCondition, EventMatch, Filter, Funnel, Rfm, RfmGroup, Window,
};
use crate::known::{Known, KnownEvent, Properties};
use crate::person::{Event, Person, find_answer};

/// Whether the condition holds for the person at the instant `now`. An audience without a condition
/// has no members, and what nobody has found is recommended to nobody.
pub fn holds(condition: &Condition, person: &Person<'_>, now: Timestamp) -> bool {
    let events: Vec<KnownEvent<'_>> = person.events.iter().map(KnownEvent::from).collect();
    let is_member = |key: &str| {
        let audience = person.surroundings.audiences.get(key);
        Some(audience.is_some_and(|condition| holds(condition, person, now)))
    };
    let known = Known {
        events: Some(&events),
        traits: Some(person.surroundings.traits),
        accounts: Some(person.surroundings.accounts),
        is_member: &is_member,
        answers: Some(person.surroundings.answers),
        open: &[],
    };
    decide(condition, &known, now) == Some(true)
}

/// Whether the condition holds at the instant `now`, as far as what is known of the person decides
/// it; none where it does not.
pub fn decide(condition: &Condition, known: &Known<'_>, now: Timestamp) -> Option<bool> {
    if let Some(holds) = known.answers.and_then(|answers| find_answer(answers, condition)) {
        return Some(holds);
    }
    if known.open.contains(&condition) {
        return None;
    }
    match condition {
        Condition::Event(event) => event_decides(event, known.events?, now),
        Condition::Trait(filter) => Some(filter.holds(known.traits?, now)),
        Condition::Account(filter) => {
            Some(known.accounts?.iter().any(|traits| filter.holds(traits, now)))
        }
        Condition::Audience(key) => (known.is_member)(key),
        Condition::Funnel(funnel) => funnel_decides(funnel, known.events?, now),
        Condition::Rfm(rfm) => rfm_decides(rfm, known.events?, now),
        Condition::Recommended(_) => known.answers.map(|_| false),
        Condition::All(parts) => decide_all(parts, known, now, false).map(|found| !found),
        Condition::Any(parts) => decide_all(parts, known, now, true),
        Condition::Not(part) => decide(part, known, now).map(|holds| !holds),
    }
}

/// Whether one of the parts is `wanted`: known as soon as one is, or none can be.
fn decide_all(
    parts: &[Condition],
    known: &Known<'_>,
    now: Timestamp,
    wanted: bool,
) -> Option<bool> {
    let mut is_open = false;
    for part in parts {
        match decide(part, known, now) {
            Some(holds) if holds == wanted => return Some(true),
            Some(_) => {}
            None => is_open = true,
        }
    }
    (!is_open).then_some(false)
}

/// The times of events that match, and of those that match for all that is known.
pub(crate) struct Matching {
    /// Those that match.
    pub(crate) sure: Vec<Timestamp>,
    /// These, and those whose properties are not read yet.
    pub(crate) possible: Vec<Timestamp>,
}

impl Matching {
    /// The times of events that match at the instant `now`, in the order of the events.
    pub(crate) fn find(wanted: &EventMatch, events: &[KnownEvent<'_>], now: Timestamp) -> Self {
        let mut found = Self { sure: Vec::new(), possible: Vec::new() };
        for event in events.iter().filter(|event| event.name == wanted.name) {
            let matches = match event.properties {
                _ if wanted.filters.is_empty() => Some(true),
                Properties::Read(properties) => {
                    Some(wanted.filters.iter().all(|filter| filter.holds(properties, now)))
                }
                Properties::Gone => Some(false),
                Properties::Unread => None,
            };
            if matches != Some(false) {
                found.possible.push(event.timestamp);
            }
            if matches == Some(true) {
                found.sure.push(event.timestamp);
            }
        }
        found
    }

    fn within(mut self, window: Window, now: Timestamp) -> Self {
        self.sure.retain(|at| window.contains(*at, now));
        self.possible.retain(|at| window.contains(*at, now));
        self
    }
}

impl EventMatch {
    /// Whether an event matches, where no filter compares with now.
    pub fn matches(&self, event: &Event) -> bool {
        let holds = |filter: &Filter| filter.holds(&event.properties, Timestamp(0));
        event.name == self.name && self.filters.iter().all(holds)
    }
}

impl Window {
    /// Whether an event of the instant `at` counts.
    pub(crate) fn contains(self, at: Timestamp, now: Timestamp) -> bool {
        match self {
            Self::Ever => true,
            Self::Last(period) => now.0 < at.0 + period.ms(),
            Self::Between { nearest, farthest } => {
                at.0 + nearest.ms() <= now.0 && now.0 < at.0 + farthest.ms()
            }
            Self::Since(start) => at >= start,
        }
    }
}

fn event_decides(
    condition: &EventCondition,
    events: &[KnownEvent<'_>],
    now: Timestamp,
) -> Option<bool> {
    let found = Matching::find(&condition.event, events, now).within(condition.window, now);
    condition.count.decide(found.sure.len(), found.possible.len())
}

fn funnel_decides(funnel: &Funnel, events: &[KnownEvent<'_>], now: Timestamp) -> Option<bool> {
    let firsts = Matching::find(&funnel.first, events, now).within(funnel.window, now);
    let seconds = Matching::find(&funnel.second, events, now);
    // A second event more helps where it must follow, and harms where it must not.
    let (helpful, harmful) = match funnel.is_absent {
        false => (&seconds.sure, &seconds.possible),
        true => (&seconds.possible, &seconds.sure),
    };
    let at_least = funnel_holds(funnel, &firsts.sure, helpful, now);
    let at_most = funnel_holds(funnel, &firsts.possible, harmful, now);
    (at_least == at_most).then_some(at_least)
}

fn funnel_holds(
    funnel: &Funnel,
    firsts: &[Timestamp],
    seconds: &[Timestamp],
    now: Timestamp,
) -> bool {
    firsts.iter().any(|first| {
        let followed = funnel.following(*first, seconds).is_some();
        let is_over = first.0 + funnel.within.ms() <= now.0;
        if funnel.is_absent { !followed && is_over } else { followed }
    })
}

impl Funnel {
    /// The first second event that is in order behind a first one.
    pub(crate) fn following(&self, first: Timestamp, seconds: &[Timestamp]) -> Option<Timestamp> {
        let over = first.0 + self.within.ms();
        seconds.iter().copied().filter(|second| first < *second && second.0 < over).min()
    }
}

fn rfm_decides(rfm: &Rfm, events: &[KnownEvent<'_>], now: Timestamp) -> Option<bool> {
    let found = Matching::find(&rfm.event, events, now).within(Window::Last(rfm.over), now);
    if found.possible.len() > found.sure.len() {
        return None;
    }
    Some(rfm.group_of(&found.sure, now) == Some(rfm.group))
}

impl Rfm {
    /// The group of a person with events of these times, all in time; none without one.
    pub(crate) fn group_of(&self, times: &[Timestamp], now: Timestamp) -> Option<RfmGroup> {
        let last = times.iter().max()?;
        let recency = self.recency.iter().position(|bound| now.0 < last.0 + bound.ms());
        let frequency =
            self.frequency.iter().filter(|bound| times.len() >= **bound as usize).count();
        Some(RfmGroup::of_scores(recency.map_or(1, |passed| 5 - passed as u8), 1 + frequency as u8))
    }
}
