//! What the clock on the wall says, and when it says something else.

use domain::{ClockTime, QuietWindow, TimeZone, Timestamp, Weekday};
use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, ToSpan};

/// How many days ahead the end of quiet hours is looked for: windows repeat every week.
const DAYS_AHEAD: i64 = 8;

/// When the day, the week and the month began in which an instant lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// The first instant of the day.
    pub day: Timestamp,
    /// The first instant of Monday.
    pub week: Timestamp,
    /// The first instant of the first of the month.
    pub month: Timestamp,
}

impl Calendar {
    /// The day, the week and the month of an instant in a zone.
    pub fn at(zone: &TimeZone, now: Timestamp) -> Self {
        let today = local(zone, now).date();
        let since_monday = i64::from(today.weekday().to_monday_zero_offset());
        Self {
            day: start_of_day(zone, today),
            week: start_of_day(zone, after(today, -since_monday)),
            month: start_of_day(zone, today.first_of_month()),
        }
    }
}

/// The day of an instant in a zone, in days since 1970-01-01; 0 for earlier ones.
pub fn day_of(zone: &TimeZone, at: Timestamp) -> u32 {
    let days = local(zone, at).date().since(Date::constant(1970, 1, 1));
    days.map_or(0, |days| days.get_days().max(0) as u32)
}

/// Whether an instant is in a window.
pub(super) fn is_quiet(windows: &[QuietWindow], zone: &TimeZone, now: Timestamp) -> bool {
    let local = local(zone, now);
    let minute = minute(local);
    let begins_on = |window: &QuietWindow, date: Date| {
        window.days.is_empty() || window.days.contains(&Weekday::from(date.weekday()))
    };
    windows.iter().any(|window| {
        let today = begins_on(window, local.date());
        let yesterday = begins_on(window, after(local.date(), -1));
        match window.from < window.to {
            true => today && (window.from..window.to).contains(&minute),
            false => (today && minute >= window.from) || (yesterday && minute < window.to),
        }
    })
}

/// The first instant after `now` that is in no window; none where windows leave no time.
pub(super) fn end_of_quiet_hours(
    windows: &[QuietWindow],
    zone: &TimeZone,
    now: Timestamp,
) -> Option<Timestamp> {
    let today = local(zone, now).date();
    // What is quiet changes where a window ends or where the clock leaps.
    let days = (-1..=DAYS_AHEAD).map(|n| after(today, n));
    let ends = days.flat_map(|day| windows.iter().map(move |window| at(day, window.to)));
    let mut candidates: Vec<Timestamp> = ends.flat_map(|end| instants_of(zone, end)).collect();
    if let Ok(from) = jiff::Timestamp::from_millisecond(now.0) {
        let leaps = zone.rules().following(from).take(2);
        candidates.extend(leaps.map(|leap| Timestamp(leap.timestamp().as_millisecond())));
    }
    candidates.sort_unstable();
    candidates.into_iter().find(|at| *at > now && !is_quiet(windows, zone, *at))
}

/// The first instant after `from` at which the clock in a zone says `time`, on one of these days,
/// or on any day if there are none. Where the clock leaps over it, it is the instant of the leap.
pub fn next_clock_time(
    zone: &TimeZone,
    time: ClockTime,
    days: &[Weekday],
    from: Timestamp,
) -> Timestamp {
    let today = local(zone, from).date();
    let dates = (0..=DAYS_AHEAD).map(|n| after(today, n));
    let dates = dates.filter(|date| days.is_empty() || days.contains(&date.weekday().into()));
    let instants = dates.filter_map(|date| {
        let zoned = zone.rules().to_ambiguous_zoned(at(date, time)).compatible().ok()?;
        Some(Timestamp(zoned.timestamp().as_millisecond()))
    });
    // At the end of time no such instant follows.
    instants.into_iter().find(|instant| *instant > from).unwrap_or(Timestamp(from.0 + 1))
}

/// Whether the clock says `from` or later.
pub(super) fn is_cut_off(from: ClockTime, zone: &TimeZone, now: Timestamp) -> bool {
    minute(local(zone, now)) >= from
}

/// What the clock says at an instant; at the end of time, its last reading.
pub(crate) fn local(zone: &TimeZone, at: Timestamp) -> DateTime {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    zone.rules().to_datetime(at)
}

/// The instants at which the clock says something: two where it is set back, none where it leaps.
fn instants_of(zone: &TimeZone, at: DateTime) -> impl Iterator<Item = Timestamp> {
    let ambiguous = zone.rules().to_ambiguous_zoned(at);
    let both = match ambiguous.offset() {
        jiff::tz::AmbiguousOffset::Gap { .. } => [None, None],
        jiff::tz::AmbiguousOffset::Unambiguous { .. } => [ambiguous.compatible().ok(), None],
        jiff::tz::AmbiguousOffset::Fold { .. } => {
            [ambiguous.clone().earlier().ok(), ambiguous.later().ok()]
        }
    };
    both.into_iter().flatten().map(|zoned| Timestamp(zoned.timestamp().as_millisecond()))
}

fn start_of_day(zone: &TimeZone, date: Date) -> Timestamp {
    // Where midnight is left out, the day begins after it.
    let zoned = zone.rules().to_ambiguous_zoned(date.at(0, 0, 0, 0)).compatible();
    Timestamp(zoned.map_or(i64::MIN, |zoned| zoned.timestamp().as_millisecond()))
}

pub(crate) fn at(date: Date, time: ClockTime) -> DateTime {
    let minutes = time.minutes();
    let time = Time::constant((minutes / 60) as i8, (minutes % 60) as i8, 0, 0);
    date.to_datetime(time)
}

pub(crate) fn after(date: Date, days: i64) -> Date {
    let span: Span = days.days();
    date.saturating_add(span)
}

fn minute(local: DateTime) -> ClockTime {
    let minutes = local.hour() as u16 * 60 + local.minute() as u16;
    ClockTime::from_minutes(minutes).expect("a day has so many minutes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_waited_for_on_the_wanted_days_and_over_leaps() {
        let zone = TimeZone::named("Europe/Berlin").unwrap();
        let next = |from: &str, time: &str, days: &[Weekday]| {
            let time = ClockTime::parse(time).unwrap();
            next_clock_time(&zone, time, days, Timestamp::parse(from).unwrap()).to_string()
        };
        let friday = [Weekday::Friday];
        // 2026-01-02 is a Friday.
        assert_eq!(next("2026-01-01T12:00:00Z", "09:00", &[]), "2026-01-02T08:00:00.000Z");
        assert_eq!(next("2026-01-02T08:00:00Z", "09:00", &friday), "2026-01-09T08:00:00.000Z");
        assert_eq!(next("2026-01-02T07:59:59Z", "09:00", &friday), "2026-01-02T08:00:00.000Z");
        // The clock leaps from two to three on March 29, and back on October 25.
        assert_eq!(next("2026-03-29T00:00:00Z", "02:30", &[]), "2026-03-29T01:30:00.000Z");
        assert_eq!(next("2026-10-24T22:00:00Z", "02:30", &[]), "2026-10-25T00:30:00.000Z");
    }
}
