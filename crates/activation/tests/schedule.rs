//! When campaigns run and messages about dates are due, against a plain model that looks at every
//! minute.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use activation::{DatePlan, DueRun, Schedule, day_part, next_day_part, run_of_person};
use domain::{CampaignEvery, CampaignStart, ClockTime, TimeZone, Timestamp, Weekday};
use jiff::Zoned;
use proptest::prelude::*;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
const WEEKDAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];
/// Zones whose clocks leap at various times of day, and one that left out a whole day.
const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
    "Pacific/Apia",
];
/// How many days the model looks back.
const DAYS: i64 = 10;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn clock(text: &str) -> ClockTime {
    ClockTime::parse(text).unwrap()
}

fn zone(name: &str) -> TimeZone {
    TimeZone::named(name).unwrap()
}

fn zoned(zone: &TimeZone, at: Timestamp) -> Zoned {
    jiff::Timestamp::from_millisecond(at.0).unwrap().to_zoned(zone.rules().clone())
}

/// The runs in the last days, by the first minute of each day at which the clock says the time or
/// more.
fn runs(start: &CampaignStart, zone: &TimeZone, now: Timestamp) -> Vec<Timestamp> {
    let CampaignStart::Recurring { every, at: time, days, month_days, on_last_day, .. } = start
    else {
        return Vec::new();
    };
    let first = (now.0 - DAYS * DAY_MS).div_euclid(MINUTE_MS);
    let mut runs = Vec::new();
    // The first day is not seen whole.
    let (mut day, mut is_over) = (zoned(zone, Timestamp(first * MINUTE_MS)).date(), true);
    for minute in first..=now.0.div_euclid(MINUTE_MS) {
        let instant = Timestamp(minute * MINUTE_MS);
        let local = zoned(zone, instant);
        if local.date() != day {
            (day, is_over) = (local.date(), false);
        }
        let minutes = local.hour() as u16 * 60 + local.minute() as u16;
        if is_over || minutes < time.minutes() {
            continue;
        }
        is_over = true;
        let weekday = WEEKDAYS[day.weekday().to_monday_zero_offset() as usize];
        let is_last = day.tomorrow().unwrap().month() != day.month();
        let is_day = match every {
            CampaignEvery::Day => true,
            CampaignEvery::Week => days.contains(&weekday),
            CampaignEvery::Month => {
                month_days.contains(&(day.day() as u8)) || (*on_last_day && is_last)
            }
        };
        if is_day {
            runs.push(instant);
        }
    }
    runs
}

fn starts() -> impl Strategy<Value = CampaignStart> {
    let every =
        prop::sample::select(vec![CampaignEvery::Day, CampaignEvery::Week, CampaignEvery::Month]);
    let days = prop::sample::subsequence(WEEKDAYS.to_vec(), 1..=7);
    let month_days = prop::collection::vec(1..32u8, 1..8);
    let time = prop_oneof![0..1_440u16, (0..8u16).prop_map(|half| half * 30)];
    (every, days, month_days, any::<bool>(), time).prop_map(
        |(every, days, month_days, on_last_day, minutes)| CampaignStart::Recurring {
            every,
            at: ClockTime::from_minutes(minutes).unwrap(),
            days,
            month_days,
            on_last_day,
            from: None,
            until: None,
        },
    )
}

fn instants() -> impl Strategy<Value = Timestamp> {
    let leaps = [
        "2026-03-29T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2026-03-08T07:00:00Z",
        "2026-11-01T06:00:00Z",
        "2026-10-03T15:30:00Z",
        "2026-04-04T15:00:00Z",
        "2026-04-23T22:00:00Z",
        "2026-03-08T05:00:00Z",
        "2011-12-30T10:00:00Z",
    ];
    (prop::sample::select(leaps.map(at).to_vec()), -3_000..9_000i64)
        .prop_map(|(leap, minutes)| Timestamp(leap.0 + minutes * MINUTE_MS))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn runs_are_those_of_a_model_that_looks_at_every_minute(
        start in starts(),
        zone in prop::sample::select(ZONES.to_vec()).prop_map(zone),
        now in instants(),
        back_minutes in 0..8 * 1_440i64,
    ) {
        let schedule = Schedule { start: &start, zone: &zone, is_of_person: false };
        let after = Timestamp(now.0 - back_minutes * MINUTE_MS);
        let mut expected = runs(&start, &zone, now);
        expected.retain(|run| *run > after);
        let due = expected.pop().map(|at| DueRun { at, missed: expected.len() as u64 });
        prop_assert_eq!(schedule.due(after, now), due);
    }
}

#[test]
fn a_run_of_people_begins_where_it_is_earliest_and_comes_to_each_by_their_clock() {
    let (berlin, apia) = (zone("Europe/Berlin"), zone("Pacific/Kiritimati"));
    let start = CampaignStart::At { at: at("2026-06-01T07:00:00Z") };
    let schedule = Schedule { start: &start, zone: &berlin, is_of_person: true };
    // Nine o'clock is earliest on Kiritimati, 14 hours before UTC.
    let begins = at("2026-05-31T19:00:00Z");
    let always = Timestamp(i64::MIN);
    assert_eq!(schedule.due(always, Timestamp(begins.0 - 1)), None);
    let run = DueRun { at: at("2026-06-01T07:00:00Z"), missed: 0 };
    assert_eq!(schedule.due(always, begins), Some(run));
    assert_eq!(run_of_person(run.at, &berlin, &apia), [begins, at("2026-06-01T19:00:00Z")]);
    let there = run_of_person(run.at, &berlin, &zone("America/New_York"));
    assert_eq!(there, [at("2026-06-01T13:00:00Z"), at("2026-06-02T13:00:00Z")]);
}

#[test]
fn a_date_is_due_with_its_offset_by_the_calendar_and_every_year() {
    let berlin = zone("Europe/Berlin");
    let around = |plan: DatePlan, date: &str, since: &str, now: &str| {
        plan.around(date, &berlin, at(since), at(now))
    };
    let yearly = DatePlan { offset_s: 0, at: Some(clock("08:00")), each_year: true };
    let (due, next) =
        around(yearly, "1990-05-17", "2026-01-01T00:00:00Z", "2026-05-17T06:00:00Z").unwrap();
    assert_eq!(due, Some(at("2026-05-17T06:00:00Z")));
    assert_eq!(next, Some(at("2027-05-17T06:00:00Z")));
    // It is due once.
    let again = around(yearly, "1990-05-17", "2026-05-17T06:00:00Z", "2026-05-17T07:00:00Z");
    assert_eq!(again, Some((None, Some(at("2027-05-17T06:00:00Z")))));
    // Who was born on a 29th of February has the 28th in other years.
    let next = |now: &str| around(yearly, "2004-02-29", now, now).unwrap().1;
    assert_eq!(next("2027-01-01T00:00:00Z"), Some(at("2027-02-28T07:00:00Z")));
    assert_eq!(next("2028-01-01T00:00:00Z"), Some(at("2028-02-29T07:00:00Z")));
    // Three days before, over the leap of the clock, at nine.
    let before = DatePlan { offset_s: -3 * 86_400, at: None, each_year: false };
    let now = "2026-03-01T00:00:00Z";
    assert_eq!(
        around(before, "2026-03-30", now, now),
        Some((None, Some(at("2026-03-27T08:00:00Z"))))
    );
    // An instant is exact.
    let exact = DatePlan { offset_s: 90, at: None, each_year: false };
    let flight = around(exact, "2026-03-30T10:00:00Z", now, now);
    assert_eq!(flight, Some((None, Some(at("2026-03-30T10:01:30Z")))));
    assert_eq!(around(exact, "next week", now, now), None);
    assert_eq!(around(exact, "2026-02-30", now, now), None);
}

#[test]
fn a_part_of_the_day_comes_within_a_day() {
    let berlin = zone("Europe/Berlin");
    let noon = at("2026-06-01T10:00:00Z");
    assert_eq!(day_part(&berlin, noon), 6);
    assert_eq!(next_day_part(&berlin, 6, noon), noon);
    assert_eq!(next_day_part(&berlin, 9, noon), at("2026-06-01T16:00:00Z"));
    assert_eq!(next_day_part(&berlin, 4, noon), at("2026-06-02T06:00:00Z"));
}
