//! The meaning of conditions: whether one holds for a person at an instant, worked out from the
//! person's events each time. [`Tracked`](crate::Tracked) gives the same answers from little.

use domain::Timestamp;

use crate::condition::{Condition, EventMatch, Funnel, Rfm, RfmGroup, Window};
use crate::person::{Event, Person};

/// Whether the condition holds for the person at the instant `now`. An audience without a condition
/// has no members.
pub fn holds(condition: &Condition, person: &Person<'_>, now: Timestamp) -> bool {
    match condition {
        Condition::Event(event) => {
            let matching = matching(&event.event, person, now);
            let number = matching.filter(|at| event.window.contains(*at, now)).count();
            event.count.holds(number)
        }
        Condition::Trait(filter) => filter.holds(person.surroundings.traits, now),
        Condition::Audience(key) => {
            let audience = person.surroundings.audiences.get(key);
            audience.is_some_and(|condition| holds(condition, person, now))
        }
        Condition::Funnel(funnel) => funnel_holds(funnel, person, now),
        Condition::Rfm(rfm) => rfm_group(rfm, person, now) == Some(rfm.group),
        Condition::Recommended(what) => person.surroundings.recommended.contains(what),
        Condition::All(parts) => parts.iter().all(|part| holds(part, person, now)),
        Condition::Any(parts) => parts.iter().any(|part| holds(part, person, now)),
        Condition::Not(part) => !holds(part, person, now),
    }
}

/// The timestamps of the events that match at the instant `now`.
fn matching<'p>(
    wanted: &'p EventMatch,
    person: &Person<'p>,
    now: Timestamp,
) -> impl Iterator<Item = Timestamp> + 'p {
    let matches = move |event: &&Event| wanted.matches_at(event, now);
    person.events.iter().filter(matches).map(|event| event.timestamp)
}

impl EventMatch {
    /// Whether an event matches, where no filter compares with now.
    pub(crate) fn matches(&self, event: &Event) -> bool {
        self.matches_at(event, Timestamp(0))
    }

    fn matches_at(&self, event: &Event, now: Timestamp) -> bool {
        event.name == self.name
            && self.filters.iter().all(|filter| filter.holds(&event.properties, now))
    }
}

impl Window {
    /// Whether an event of the instant `at` counts.
    fn contains(self, at: Timestamp, now: Timestamp) -> bool {
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

fn funnel_holds(funnel: &Funnel, person: &Person<'_>, now: Timestamp) -> bool {
    let seconds: Vec<Timestamp> = matching(&funnel.second, person, now).collect();
    matching(&funnel.first, person, now).filter(|first| funnel.window.contains(*first, now)).any(
        |first| {
            let over = first.0 + funnel.within.ms();
            let followed = seconds.iter().any(|second| first < *second && second.0 < over);
            if funnel.is_absent { !followed && over <= now.0 } else { followed }
        },
    )
}

/// The person's group; none without an event in time.
fn rfm_group(rfm: &Rfm, person: &Person<'_>, now: Timestamp) -> Option<RfmGroup> {
    let counts = |at: &Timestamp| Window::Last(rfm.over).contains(*at, now);
    let times: Vec<Timestamp> = matching(&rfm.event, person, now).filter(counts).collect();
    let last = times.iter().max()?;
    let recency = rfm.recency.iter().position(|bound| now.0 < last.0 + bound.ms());
    let frequency = rfm.frequency.iter().filter(|bound| times.len() >= **bound as usize).count();
    Some(RfmGroup::of_scores(recency.map_or(1, |passed| 5 - passed as u8), 1 + frequency as u8))
}
