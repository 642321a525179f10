//! When campaigns run, and when messages about a date are due: readings of the clock as instants.

use domain::{CampaignEvery, CampaignStart, ClockTime, TimeZone, Timestamp, Weekday};
use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::tz::AmbiguousOffset;

use crate::checks::local_time::{after, at, local};

/// How many days back the last run is looked for: between two of the 31st lie 62 at most.
const DAYS_BACK: i64 = 64;
/// How many days ahead runs are looked for that begin before their time comes where the workspace
/// is: it may be a day later there.
const DAYS_AHEAD: i64 = 2;
/// The most missed runs that are counted.
const MISSED_MAX: u64 = 1_000;
/// The greatest lead of a zone before UTC, in milliseconds: 14 hours.
const LEAD_MS: i64 = 14 * 3_600_000;
/// A date without a time means this one: 09:00.
const DATE_MINUTES: u16 = 540;
const DAY_S: i64 = 86_400;
/// Dates are `YYYY-MM-DD`.
const DATE_BYTES: usize = 10;

/// The times at which a campaign runs.
#[derive(Debug, Clone, Copy)]
pub struct Schedule<'a> {
    /// When it sends.
    pub start: &'a CampaignStart,
    /// The zone of the workspace.
    pub zone: &'a TimeZone,
    /// Whether each person gets it when the clock says so where they are. A run then begins as soon
    /// as it does anywhere.
    pub is_of_person: bool,
}

/// A run that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueRun {
    /// Its time, where the workspace is.
    pub at: Timestamp,
    /// Runs before it that were due and did not begin.
    pub missed: u64,
}

impl Schedule<'_> {
    /// The latest run that has begun by `now`, if it is later than `after`; with those between.
    pub fn due(&self, after: Timestamp, now: Timestamp) -> Option<DueRun> {
        let mut runs = self.runs_back(now).take_while(|run| *run > after);
        let at = runs.next()?;
        Some(DueRun { at, missed: runs.take(MISSED_MAX as usize).count() as u64 })
    }

    /// The runs that have begun by `now`, the latest first.
    fn runs_back(&self, now: Timestamp) -> Box<dyn Iterator<Item = Timestamp> + '_> {
        let has_begun = move |run: &Timestamp| self.begins(*run) <= now;
        match self.start {
            CampaignStart::At { at } => Box::new(Some(*at).into_iter().filter(has_begun)),
            CampaignStart::Dates { dates } => {
                let mut dates = dates.clone();
                dates.sort_unstable();
                dates.dedup();
                Box::new(dates.into_iter().rev().filter(has_begun))
            }
            CampaignStart::Recurring { .. } => Box::new(self.recurring_back(now).filter(has_begun)),
            CampaignStart::Event { .. }
            | CampaignStart::Date { .. }
            | CampaignStart::BusinessEvent { .. }
            | CampaignStart::Triggered {} => Box::new(std::iter::empty()),
        }
    }

    /// The runs of a campaign that recurs, the latest first, until none is found for long.
    fn recurring_back(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        let mut day = after(local(self.zone, now).date(), DAYS_AHEAD);
        let mut n_without = 0;
        std::iter::from_fn(move || {
            while n_without <= DAYS_BACK {
                let run = self.run_on(day);
                day = after(day, -1);
                n_without += 1;
                if let Some(run) = run {
                    n_without = 0;
                    return Some(run);
                }
            }
            None
        })
    }

    /// The run of a day.
    fn run_on(&self, day: Date) -> Option<Timestamp> {
        let CampaignStart::Recurring {
            every,
            at: time,
            days,
            month_days,
            on_last_day,
            from,
            until,
        } = self.start
        else {
            return None;
        };
        let is_day = match every {
            CampaignEvery::Day => true,
            CampaignEvery::Week => days.contains(&Weekday::from(day.weekday())),
            CampaignEvery::Month => {
                let is_last = *on_last_day && day.day() == day.days_in_month();
                is_last || month_days.contains(&(day.day() as u8))
            }
        };
        let run = first_instant(self.zone, at(day, *time)).filter(|_| is_day)?;
        let is_between = from.is_none_or(|from| run >= from) && until.is_none_or(|end| run <= end);
        is_between.then_some(run)
    }

    /// When a run begins: as soon as the clock says its time anywhere.
    fn begins(&self, run: Timestamp) -> Timestamp {
        let wall = local(self.zone, run);
        match self.is_of_person.then(|| jiff::tz::TimeZone::UTC.to_zoned(wall).ok()).flatten() {
            Some(there) => Timestamp(there.timestamp().as_millisecond() - LEAD_MS).min(run),
            None => run,
        }
    }
}

/// When the clock of a person says the time of a run, and says it on the next day.
pub fn run_of_person(run: Timestamp, zone: &TimeZone, of_person: &TimeZone) -> [Timestamp; 2] {
    let wall = local(zone, run);
    let next = after(wall.date(), 1).to_datetime(wall.time());
    let there = |wall| first_instant(of_person, wall);
    let today = there(wall).unwrap_or(run);
    [today, there(next).unwrap_or(Timestamp(today.0 + DAY_S * 1_000))]
}

/// When a message about a date is due.
#[derive(Debug, Clone, Copy)]
pub struct DatePlan {
    /// How long after the date, in seconds; before it if negative. Whole days are days of the
    /// calendar.
    pub offset_s: i64,
    /// The time of day; without it that of an instant, and 09:00 for a date.
    pub at: Option<ClockTime>,
    /// Whether every year from the date on. The 29th of February is the 28th in other years.
    pub each_year: bool,
}

impl DatePlan {
    /// The last instant after `since` and not after `now` at which a message about a date is due,
    /// and the first one after `now`. None where the text is neither a date nor an instant.
    pub fn around(
        &self,
        date: &str,
        zone: &TimeZone,
        since: Timestamp,
        now: Timestamp,
    ) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
        let instants = self.instants(date, zone, now)?;
        let due = instants.iter().rev().find(|at| **at > since && **at <= now);
        Some((due.copied(), instants.iter().find(|at| **at > now).copied()))
    }

    /// The instants in the years around `now`, ascending.
    fn instants(&self, date: &str, zone: &TimeZone, now: Timestamp) -> Option<Vec<Timestamp>> {
        let wall = match date.len() {
            DATE_BYTES => {
                let time = ClockTime::from_minutes(DATE_MINUTES).expect("a time of day");
                at(date.parse::<Date>().ok()?, self.at.unwrap_or(time))
            }
            _ => {
                let instant = Timestamp::parse(date)?;
                if self.at.is_none() && !self.each_year {
                    return Some(vec![Timestamp(instant.0.checked_add(self.offset_s * 1_000)?)]);
                }
                let wall = local(zone, instant);
                self.at.map_or(wall, |time| at(wall.date(), time))
            }
        };
        let years = match self.each_year {
            false => wall.year()..=wall.year(),
            true => {
                let year = local(zone, now).year();
                (year - 2).max(wall.year())..=year.saturating_add(2)
            }
        };
        let instants =
            years.filter_map(|year| self.instant_of(in_year(wall.date(), year)?, wall, zone));
        Some(instants.collect())
    }

    fn instant_of(&self, date: Date, wall: DateTime, zone: &TimeZone) -> Option<Timestamp> {
        let date = date.checked_add((self.offset_s / DAY_S).days()).ok()?;
        let instant = first_instant(zone, date.to_datetime(wall.time()))?;
        Some(Timestamp(instant.0 + self.offset_s % DAY_S * 1_000))
    }
}

/// A date in another year: the last day of February where the year has no 29th.
fn in_year(date: Date, year: i16) -> Option<Date> {
    let day = |day| Date::new(year, date.month(), day).ok();
    day(date.day()).or_else(|| day(date.day() - 1))
}

/// The first instant of a day at which the clock says a time, or later where it leaps over it; none
/// where the day does not come, or ends with the leap.
fn first_instant(zone: &TimeZone, wall: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.rules().to_ambiguous_zoned(wall);
    let is_left_out = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let instant = ambiguous.compatible().ok()?.timestamp();
    if !is_left_out {
        return Some(Timestamp(instant.as_millisecond()));
    }
    let after_leap = jiff::Timestamp::from_millisecond(instant.as_millisecond() + 1).ok()?;
    let leap = zone.rules().preceding(after_leap).next()?.timestamp();
    let leap = Timestamp(leap.as_millisecond());
    (local(zone, leap).date() == wall.date()).then_some(leap)
}

/// How many parts of two hours a day has.
pub const DAY_PARTS: usize = 12;

/// In which part of two hours of the day an instant is, 0 to 11.
pub fn day_part(zone: &TimeZone, at: Timestamp) -> usize {
    usize::from(local(zone, at).hour().unsigned_abs()) / 2
}

/// The first instant from one on that is in a part of the day.
pub fn next_day_part(zone: &TimeZone, part: usize, from: Timestamp) -> Timestamp {
    if day_part(zone, from) == part {
        return from;
    }
    let minutes = u16::try_from(part * 120).unwrap_or_default();
    let time = ClockTime::from_minutes(minutes)
        .unwrap_or_else(|| ClockTime::from_minutes(0).expect("midnight is a time of day"));
    let today = local(zone, from).date();
    let days = (0..=2).map(|n| first_instant(zone, at(after(today, n), time)));
    days.flatten().find(|at| *at >= from).unwrap_or(from)
}
