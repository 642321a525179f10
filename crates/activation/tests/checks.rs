//! The checks before a message is sent, against a plain model that looks at every minute.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use activation::{Checks, Decision, DueMessage, PastMessage, RefusalReason, SentCounts};
use domain::{
    ChannelLimits, ClockTime, DeliveryOptions, LocalTime, QuietHours, QuietThen, QuietWindow,
    TimeZone, Timestamp, Weekday,
};
use jiff::Zoned;
use proptest::prelude::*;

const MINUTE_MS: i64 = 60_000;
const WEEKDAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];
/// Zones whose clocks leap at various times of day, by half an hour too, and one that left out a
/// whole day (the last of 2011).
const ZONES: [&str; 9] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/Havana",
    "Pacific/Apia",
];

fn zoned(zone: &TimeZone, at: Timestamp) -> Zoned {
    jiff::Timestamp::from_millisecond(at.0).unwrap().to_zoned(zone.rules().clone())
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn clock(text: &str) -> ClockTime {
    ClockTime::parse(text).unwrap()
}

/// Whether an instant is quiet, by how long ago each window has begun.
fn is_quiet(windows: &[QuietWindow], zone: &TimeZone, now: Timestamp) -> bool {
    let local = zoned(zone, now);
    let minute = i64::from(local.hour()) * 60 + i64::from(local.minute());
    windows.iter().any(|window| {
        let (from, to) = (i64::from(window.from.minutes()), i64::from(window.to.minutes()));
        let length = if from < to { to - from } else { to + 1_440 - from };
        let begin = match minute >= from {
            true => local.date(),
            false => local.date().yesterday().unwrap(),
        };
        let day = WEEKDAYS[begin.weekday().to_monday_zero_offset() as usize];
        let is_day = window.days.is_empty() || window.days.contains(&day);
        is_day && (minute - from).rem_euclid(1_440) < length
    })
}

/// The plain model.
fn expected(checks: &Checks<'_>, message: &DueMessage<'_>, now: Timestamp) -> Decision {
    let (options, limits) = (checks.options, checks.limits);
    let zone = match options.local_time {
        LocalTime::Person => message.zone.unwrap_or(checks.zone),
        LocalTime::Workspace => checks.zone,
    };
    if message.is_of_control_group {
        return Decision::Refuse(RefusalReason::ControlGroup);
    }
    if !message.is_wanted && !options.ignores_subscriptions {
        return Decision::Refuse(RefusalReason::OptedOut);
    }
    if !message.is_reachable {
        return Decision::Refuse(RefusalReason::NotReachable);
    }
    if let Some(after_s) = options.expires_after_s
        && now.0 > message.first_due.0 + i64::from(after_s) * 1_000
    {
        return Decision::Refuse(RefusalReason::Expired);
    }
    if let Some(quiet) = &options.quiet_hours
        && is_quiet(&quiet.windows, zone, now)
    {
        let minutes = (1..=8 * 1_440).map(|n| (now.0.div_euclid(MINUTE_MS) + n) * MINUTE_MS);
        let end = minutes.map(Timestamp).find(|at| !is_quiet(&quiet.windows, zone, *at));
        return match (quiet.then, end) {
            (QuietThen::Later, Some(end)) => Decision::Wait(end),
            _ => Decision::Refuse(RefusalReason::QuietHours),
        };
    }
    let local = zoned(zone, now);
    let minute = local.hour() as u16 * 60 + local.minute() as u16;
    if options.cut_off.is_some_and(|from| minute >= from.minutes()) {
        return Decision::Refuse(RefusalReason::CutOff);
    }
    let gap = |gap_s: Option<u32>, past: &PastMessage| {
        gap_s.is_some_and(|gap_s| past.at.0 > now.0 - i64::from(gap_s) * 1_000)
    };
    if message.past.iter().any(|past| past.campaign == message.campaign && gap(options.gap_s, past))
    {
        return Decision::Refuse(RefusalReason::CampaignGap);
    }
    let of_channel: Vec<&PastMessage> =
        message.past.iter().filter(|past| past.channel == message.channel).collect();
    if !options.ignores_channel_limits {
        let today = zoned(checks.zone, now);
        let same = |is_same: &dyn Fn(&Zoned) -> bool| {
            of_channel.iter().filter(|past| is_same(&zoned(checks.zone, past.at))).count() as u32
        };
        let day = same(&|past| past.date() == today.date());
        let week = same(&|past| {
            past.date().iso_week_date().year() == today.date().iso_week_date().year()
                && past.date().iso_week_date().week() == today.date().iso_week_date().week()
        });
        let month = same(&|past| (past.year(), past.month()) == (today.year(), today.month()));
        let is_capped = limits.per_day.is_some_and(|max| day >= max)
            || limits.per_week.is_some_and(|max| week >= max)
            || limits.per_month.is_some_and(|max| month >= max)
            || of_channel.iter().any(|past| gap(limits.gap_s, past));
        if is_capped {
            return Decision::Refuse(RefusalReason::ChannelCap);
        }
    }
    let sent = message.sent;
    if options.people_per_day.is_some_and(|max| sent.people_today >= max) {
        return Decision::Refuse(RefusalReason::DayLimit);
    }
    if options.people_per_run.is_some_and(|max| sent.people_of_run >= max) {
        return Decision::Refuse(RefusalReason::RunLimit);
    }
    if options.messages_max.is_some_and(|max| sent.messages >= max) {
        return Decision::Refuse(RefusalReason::MessagesLimit);
    }
    let is_throttled = limits.per_five_minutes.is_some_and(|max| sent.channel_messages >= max);
    match is_throttled && !options.ignores_channel_limits {
        true => {
            let mut next = now.0 + 1;
            while next % (5 * MINUTE_MS) != 0 {
                next += 1;
            }
            Decision::Wait(Timestamp(next))
        }
        false => Decision::Send,
    }
}

fn instants() -> impl Strategy<Value = Timestamp> {
    // Around the leaps of the clocks above, to the millisecond, and anywhere.
    let leaps = [
        "2026-03-29T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2026-03-08T07:00:00Z",
        "2026-11-01T06:00:00Z",
        "2018-11-04T03:00:00Z",
        "2026-10-03T15:30:00Z",
        "2026-04-04T15:00:00Z",
        "2026-04-23T22:00:00Z",
        "2026-03-08T05:00:00Z",
        "2011-12-30T10:00:00Z",
    ];
    let near = (prop::sample::select(leaps.map(at).to_vec()), -4_320..4_320i64, 0..MINUTE_MS)
        .prop_map(|(leap, minutes, ms)| Timestamp(leap.0 + minutes * MINUTE_MS + ms));
    let exact = (prop::sample::select(leaps.map(at).to_vec()), -200..200i64)
        .prop_map(|(leap, halves)| Timestamp(leap.0 + halves * 30 * MINUTE_MS));
    let anywhere = (0..2_000_000_000_000i64).prop_map(Timestamp);
    prop_oneof![4 => near, 4 => exact, 1 => anywhere]
}

fn zones() -> impl Strategy<Value = TimeZone> {
    prop::sample::select(ZONES.to_vec()).prop_map(|name| TimeZone::named(name).unwrap())
}

fn clock_times() -> impl Strategy<Value = ClockTime> {
    prop_oneof![0..1_440u16, (0..24u16).prop_map(|hour| hour * 60)]
        .prop_map(|minutes| ClockTime::from_minutes(minutes).unwrap())
}

fn quiet_hours() -> impl Strategy<Value = QuietHours> {
    let days = prop::sample::subsequence(WEEKDAYS.to_vec(), 0..=7);
    let window = (days, clock_times(), clock_times()).prop_map(|(days, from, to)| QuietWindow {
        days,
        from,
        to,
    });
    (prop::collection::vec(window, 1..4), any::<bool>()).prop_map(|(windows, is_later)| {
        QuietHours { windows, then: if is_later { QuietThen::Later } else { QuietThen::Discard } }
    })
}

fn options() -> impl Strategy<Value = DeliveryOptions> {
    let limit = || prop::option::weighted(0.3, 1..4u64);
    (
        any::<bool>(),
        prop::option::weighted(0.7, quiet_hours()),
        prop::option::weighted(0.2, clock_times()),
        prop::option::weighted(0.3, 300..200_000u32),
        any::<(bool, bool)>(),
        (limit(), limit(), limit()),
        prop::option::weighted(0.2, 1..100_000u32),
    )
        .prop_map(|(is_person, quiet_hours, cut_off, gap_s, ignores, limits, expires)| {
            DeliveryOptions {
                local_time: if is_person { LocalTime::Person } else { LocalTime::Workspace },
                quiet_hours,
                cut_off,
                gap_s,
                ignores_channel_limits: ignores.0,
                ignores_subscriptions: ignores.1,
                people_per_day: limits.0,
                people_per_run: limits.1,
                messages_max: limits.2,
                expires_after_s: expires,
                ..DeliveryOptions::default()
            }
        })
}

fn limits() -> impl Strategy<Value = ChannelLimits> {
    let cap = || prop::option::weighted(0.3, 1..5u32);
    (
        cap(),
        cap(),
        cap(),
        prop::option::weighted(0.2, 300..200_000u32),
        prop::option::weighted(0.2, 1..4u64),
    )
        .prop_map(|(per_day, per_week, per_month, gap_s, per_five_minutes)| ChannelLimits {
            per_day,
            per_week,
            per_month,
            gap_s,
            per_five_minutes,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn decisions_are_those_of_a_model_that_looks_at_every_minute(
        (options, limits, zone, of_person, now) in
            (options(), limits(), zones(), prop::option::of(zones()), instants()),
        past in prop::collection::vec((0..45_000i64, 0..2u32, 0..3u32), 0..8),
        (held, unwanted, unreachable) in (0..20u8, 0..20u8, 0..20u8),
        sent in (0..4u64, 0..4u64, 0..4u64, 0..4u64),
        waited_ms in 0..100_000_000i64,
    ) {
        prop_assume!(options.validate().is_ok() && limits.validate().is_ok());
        let mut past: Vec<PastMessage> = past
            .into_iter()
            .map(|(minutes, channel, campaign)| PastMessage {
                at: Timestamp(now.0 - minutes * MINUTE_MS),
                channel,
                campaign,
            })
            .collect();
        past.sort_by_key(|past| past.at);
        let message = DueMessage {
            channel: 0,
            campaign: 1,
            first_due: Timestamp(now.0 - waited_ms),
            is_of_control_group: held == 0,
            is_wanted: unwanted != 0,
            is_reachable: unreachable != 0,
            zone: of_person.as_ref(),
            past: &past,
            sent: SentCounts {
                people_today: sent.0,
                people_of_run: sent.1,
                messages: sent.2,
                channel_messages: sent.3,
            },
        };
        let checks = Checks { options: &options, limits: &limits, zone: &zone };
        prop_assert_eq!(checks.decide(&message, now), expected(&checks, &message, now));
    }
}

#[test]
fn quiet_hours_end_when_the_clock_on_the_wall_says_so() {
    let berlin = TimeZone::named("Europe/Berlin").unwrap();
    let window = |days: &[Weekday], from, to| QuietWindow {
        days: days.to_vec(),
        from: clock(from),
        to: clock(to),
    };
    let decide = |windows: &[QuietWindow], now: &str| {
        let quiet = QuietHours { windows: windows.to_vec(), then: QuietThen::Later };
        let options = DeliveryOptions { quiet_hours: Some(quiet), ..Default::default() };
        let (limits, past) = (ChannelLimits::default(), []);
        let checks = Checks { options: &options, limits: &limits, zone: &berlin };
        let message = DueMessage {
            channel: 0,
            campaign: 0,
            first_due: at(now),
            is_of_control_group: false,
            is_wanted: true,
            is_reachable: true,
            zone: None,
            past: &past,
            sent: SentCounts::default(),
        };
        checks.decide(&message, at(now))
    };
    let night = [window(&[], "22:00", "08:00")];
    let until = |text: &str| Decision::Wait(at(text));
    assert_eq!(decide(&night, "2026-01-10T20:59:59.999Z"), Decision::Send);
    assert_eq!(decide(&night, "2026-01-10T21:00:00Z"), until("2026-01-11T07:00:00Z"));
    assert_eq!(decide(&night, "2026-01-11T07:00:00Z"), Decision::Send);
    // The night in which the clock leaps from two to three.
    assert_eq!(decide(&night, "2026-03-28T23:00:00Z"), until("2026-03-29T06:00:00Z"));
    // A window that ends at half past two, which does not come.
    let early = [window(&[], "01:00", "02:30")];
    assert_eq!(decide(&early, "2026-03-29T00:30:00Z"), until("2026-03-29T01:00:00Z"));
    // Saturday's night is Sunday's morning, and what adjoins it counts too.
    let weekend = [
        window(&[Weekday::Saturday], "22:00", "06:00"),
        window(&[Weekday::Sunday], "06:00", "12:00"),
    ];
    assert_eq!(decide(&weekend, "2026-01-11T02:00:00Z"), until("2026-01-11T11:00:00Z"));
    assert_eq!(decide(&weekend, "2026-01-12T02:00:00Z"), Decision::Send);
    let always = [window(&[], "00:00", "00:00")];
    let quiet = Decision::Refuse(RefusalReason::QuietHours);
    assert_eq!(decide(&always, "2026-01-12T02:00:00Z"), quiet);
}
