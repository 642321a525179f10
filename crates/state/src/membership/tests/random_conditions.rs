//! Random conditions of every kind, of which later ones ask for earlier ones, at random instants
//! and around each instant at which a timer fires.

use proptest::sample::select;

use super::*;
use crate::journal_clock::BELIEVED_AHEAD_MS;

const N_AUDIENCES: usize = 5;
/// How many timers are watched behind the last message.
const TIMERS_WATCHED: usize = 12;

fn window() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(String::new()),
        3 => (1..80_i64).prop_map(|hours| format!(" in the last {hours} hours")),
        1 => (1..40_i64, 1..40_i64)
            .prop_map(|(from, length)| format!(" between {from} hours and {} hours ago", from + length)),
        1 => (-2..4_i64).prop_map(|days| {
            format!(" since {}", Timestamp(START + days * 24 * HOUR_MS))
        }),
    ]
}

/// A name with the property tests that count for it.
fn event() -> impl Strategy<Value = String> {
    let test = select(vec![
        "",
        " where total > 3",
        " where total in (1, 2, 5)",
        " where total exists, total < 6",
    ]);
    (select(vec!["Order", "View"]), test).prop_map(|(name, test)| format!("\"{name}\"{test}"))
}

fn occurrence() -> impl Strategy<Value = String> {
    let count = prop_oneof![
        2 => Just(String::new()),
        1 => (1..4_u32).prop_map(|n| format!(" at least {n} times")),
        1 => (0..3_u32).prop_map(|n| format!(" at most {n} times")),
        1 => (1..3_u32).prop_map(|n| format!(" exactly {n} times")),
    ];
    (event(), count, window()).prop_map(|(event, count, window)| {
        let (name, test) = event
            .split_once(" where")
            .map_or((event.as_str(), ""), |(name, _)| (name, &event[name.len()..]));
        format!("did {name}{count}{test}{window}")
    })
}

fn funnel() -> impl Strategy<Value = String> {
    (event(), any::<bool>(), event(), 1..50_i64, window()).prop_map(
        |(first, is_absent, second, within, window)| {
            let not = if is_absent { "not " } else { "" };
            format!("did {first} then {not}{second} within {within} hours{window}")
        },
    )
}

fn rfm() -> impl Strategy<Value = String> {
    let groups = conditions::RfmGroup::WORDS.map(|(_, word)| word).to_vec();
    (select(groups), event()).prop_map(|(group, event)| {
        format!("rfm {group} of {event} over 6 days recency (12 hours, 1 day, 2 days, 4 days) frequency (2, 3, 4, 5)")
    })
}

/// One test of each operator.
fn trait_test() -> impl Strategy<Value = String> {
    let tests = vec![
        "vip exists",
        "vip does not exist",
        "vip = true",
        "vip != true",
        "level in (1, 3, 5)",
        "level < 3",
        "level <= 3",
        "level > 3",
        "level >= 3",
        "city contains \"er\"",
        "city does not contain \"er\"",
        "city contains any of (\"x\", \"ri\")",
        "city starts with \"B\"",
        "city ends with \"s\"",
        "ends before 2026-01-03",
        "ends after 2026-01-03",
        "ends within last 2 days",
        "ends within next 30 hours",
        "ends before last 1 day",
        "ends after next 1 day",
        "tags has \"a\"",
        "tags has any of (\"b\", \"c\")",
        "tags has all of (\"a\", \"b\")",
        "tags has \"b\" in first 1",
        "tags size >= 2",
        "tags.$ = \"c\"",
    ];
    select(tests).prop_map(|test| format!("trait {test}"))
}

/// A condition, which may ask for the audiences before it.
fn condition(n_before: usize) -> BoxedStrategy<String> {
    let audience = (0..n_before.max(1)).prop_map(|n| format!("in audience r{n}"));
    let single = prop_oneof![
        4 => occurrence(),
        2 => funnel(),
        2 => rfm(),
        3 => trait_test(),
        if n_before > 0 { 3 } else { 0 } => audience,
    ];
    single
        .prop_recursive(2, 6, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" and "))),
                vec(inner.clone(), 2..4).prop_map(|any| format!("({})", any.join(" or "))),
                inner.prop_map(|inner| format!("not ({inner})")),
            ]
        })
        .boxed()
}

fn audiences() -> impl Strategy<Value = Vec<String>> {
    (0..N_AUDIENCES).map(condition).collect::<Vec<_>>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn membership_is_what_any_conditions_mean_at_and_around_every_instant(
        texts in audiences(),
        steps in vec(step(), 1..30),
    ) {
        let mut fold = Fold::new();
        let keys: Vec<String> = (0..N_AUDIENCES).map(|n| format!("r{n}")).collect();
        let named: Vec<(&str, &str)> =
            keys.iter().zip(&texts).map(|(key, text)| (key.as_str(), text.as_str())).collect();
        fold.configure(&named);
        for timed in steps {
            fold.take(timed);
            fold.read_history();
            fold.check()?;
        }
        for _ in 0..TIMERS_WATCHED {
            let Some(due) = fold.views.timers.next_due() else { break };
            // The journal's clock believes no entry that is too far ahead.
            while due.0 - fold.now > BELIEVED_AHEAD_MS {
                fold.now += BELIEVED_AHEAD_MS;
                fold.apply(Entry::Tick { at: Timestamp(fold.now) });
            }
            for at in [due.0 - 1, due.0].map(|at| at.max(fold.now)) {
                fold.now = at;
                fold.apply(Entry::Tick { at: Timestamp(at) });
                fold.check()?;
            }
        }
    }
}
