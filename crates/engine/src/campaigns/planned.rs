//! When a message is due for a person, by the clock where they are and by what they do.

use std::collections::BTreeMap;

use activation::{DAY_PARTS, DatePlan, day_part, next_day_part, run_of_person};
use domain::{CampaignStart, LocalTime, PastZones, TimeZone, Timestamp, UserIdx};
use parking_lot::Mutex;
use serving::{QueryError, Snapshot};
use state::{NO_DATE, Occurrence, Waiting};

use super::Sender;
use super::deciding::Step;
use super::person::Person;
use crate::EngineError;

/// Why somebody gets nothing of a run: the clock where they are was past its time.
const ZONE_PAST: &str = "zone_past";
/// How long after its time a person may be looked at who is not past it, in milliseconds: looking
/// at everybody takes a while.
const PAST_MS: i64 = 3_600_000;
/// How long events are looked at for the best time, in milliseconds: 180 days.
const BEST_TIME_MS: i64 = 180 * 86_400_000;
/// How many people are asked for the most usual time of day.
const USUAL_PEOPLE: usize = 1_000;
/// How long the most usual time of day is taken for known, in milliseconds.
const USUAL_MS: i64 = 3_600_000;

/// When a message is due.
pub(super) enum Planned {
    /// It is, since an instant.
    Since(Timestamp),
    /// It will be.
    At(Timestamp),
    /// It is not, for a reason.
    Never(&'static str),
}

/// By number of the campaign the part of the day in which most people are active, and when that was
/// found out; none where nobody is.
pub(super) type UsualParts = Mutex<BTreeMap<u32, (Timestamp, Option<usize>)>>;

impl Sender {
    /// When a message is due for a person.
    pub(super) fn plan(
        &self,
        step: &Step<'_>,
        user: UserIdx,
        waiting: &Waiting,
        person: &Person,
    ) -> Result<Planned, EngineError> {
        let zone = person.zone.as_ref().unwrap_or(&step.zone);
        let planned = match planned_by_clock(step, waiting, person, zone) {
            Planned::Since(since) => since,
            other => return Ok(other),
        };
        let Some(best) = &step.campaign.definition.options.best_time else {
            return Ok(Planned::Since(planned));
        };
        let own = most_usual(&self.shared.live.snapshot(), user, &best.event, zone, step.now)?;
        let part = match own {
            Some(part) => Some(part),
            None => self.usual_part(step, &best.event)?,
        };
        let Some(part) = part else { return Ok(Planned::Since(planned)) };
        let best = next_day_part(zone, part, planned);
        Ok(if best <= step.now { Planned::Since(best) } else { Planned::At(best) })
    }

    /// The part of the day in which most of some people are active.
    fn usual_part(&self, step: &Step<'_>, event: &str) -> Result<Option<usize>, EngineError> {
        let number = step.campaign.number;
        if let Some((found_at, part)) = self.usual_parts.lock().get(&number)
            && step.now.0 - found_at.0 < USUAL_MS
        {
            return Ok(*part);
        }
        let snapshot = self.shared.live.snapshot();
        let n_users = snapshot.profiles.ids().n_users();
        let mut counts = [0_usize; DAY_PARTS];
        for index in (0..n_users).step_by(n_users.div_ceil(USUAL_PEOPLE).max(1)) {
            let user = UserIdx(index as u32);
            if snapshot.profiles.ids().is_alive(user) {
                count_parts(&snapshot, user, event, &step.zone, step.now, &mut counts)?;
            }
        }
        drop(snapshot);
        let part = largest(&counts);
        self.usual_parts.lock().insert(number, (step.now, part));
        Ok(part)
    }
}

/// When a message is due by its time and the clock where the person is.
fn planned_by_clock(
    step: &Step<'_>,
    waiting: &Waiting,
    person: &Person,
    zone: &TimeZone,
) -> Planned {
    let definition = &step.campaign.definition;
    let is_of_person = definition.options.local_time == LocalTime::Person;
    match (&definition.start, waiting.occurrence) {
        (CampaignStart::Date { of_trait, offset_s, at, each_year }, _) => {
            let plan = DatePlan { offset_s: *offset_s, at: *at, each_year: *each_year };
            let zone = if is_of_person { zone } else { &step.zone };
            let date = person.profile["traits"][of_trait.as_str()].as_str();
            let around = date.and_then(|date| plan.around(date, zone, waiting.first_due, step.now));
            match around {
                Some((Some(due), _)) => Planned::Since(due),
                Some((None, Some(next))) => Planned::At(next),
                _ => Planned::Never(NO_DATE),
            }
        }
        (start, Occurrence::Run(run)) if is_of_person && start.has_runs() => {
            let [today, tomorrow] = run_of_person(run, &step.zone, zone);
            let is_past = waiting.first_due.0 > today.0 + PAST_MS;
            let due = match (is_past, definition.options.past_zones) {
                (true, PastZones::Drop) => return Planned::Never(ZONE_PAST),
                (true, PastZones::NextDay) => tomorrow,
                (false, _) => today,
            };
            if due <= step.now { Planned::Since(due) } else { Planned::At(due) }
        }
        _ => Planned::Since(waiting.first_due),
    }
}

/// The part of the day in which a person is active most; none who was not.
fn most_usual(
    snapshot: &Snapshot<'_>,
    user: UserIdx,
    event: &str,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<Option<usize>, QueryError> {
    let mut counts = [0; DAY_PARTS];
    count_parts(snapshot, user, event, zone, now, &mut counts)?;
    Ok(largest(&counts))
}

fn count_parts(
    snapshot: &Snapshot<'_>,
    user: UserIdx,
    event: &str,
    zone: &TimeZone,
    now: Timestamp,
    counts: &mut [usize; DAY_PARTS],
) -> Result<(), QueryError> {
    let events = snapshot.events_with_names(user, &[event], Timestamp(now.0 - BEST_TIME_MS))?;
    for event in events {
        counts[day_part(zone, event.timestamp)] += 1;
    }
    Ok(())
}

/// The first part of the most; none where there is nothing.
fn largest(counts: &[usize; DAY_PARTS]) -> Option<usize> {
    let most = counts.iter().max().filter(|most| **most > 0)?;
    counts.iter().position(|n| n == most)
}
