//! Random conditions and events for tests.

use conditions::{
    Answer, Comparison, Condition, Count, DateTest, Event, EventCondition, EventMatch, Filter,
    Funnel, Period, Recommended, RecommendedKind, RelativeTest, Rfm, RfmGroup, Scalar, Test,
    TextTest, Window,
};
use domain::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// The instants of tests lie in the days after this one.
pub(crate) const START: i64 = 1_767_225_600_000;
/// Instants and periods are whole numbers of it, so that they often coincide.
pub(crate) const STEP_MS: i64 = 6 * 3_600_000;

/// An instant in the first twenty days.
pub(crate) fn instant() -> impl Strategy<Value = Timestamp> {
    (0..80_i64).prop_map(|steps| Timestamp(START + steps * STEP_MS))
}

fn period() -> impl Strategy<Value = Period> {
    let few = (1..40_i64).prop_map(|steps| steps * STEP_MS / 1_000);
    few.prop_map(|seconds| Period::from_seconds(seconds).unwrap())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec!["a", "b", "ab", "and", "x y"]).prop_map(str::to_owned),
        1 => "[a-z\"\\\\(), é]{1,8}",
    ]
}

pub(crate) fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        text().prop_map(Scalar::Text),
        (-8..40_i32).prop_map(|quarters| Scalar::Number(f64::from(quarters) / 4.0)),
        any::<bool>().prop_map(Scalar::Boolean),
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    select(vec![Comparison::Less, Comparison::AtMost, Comparison::More, Comparison::AtLeast])
}

fn lasting_test() -> impl Strategy<Value = Test> {
    let text_test = select(vec![TextTest::Contains, TextTest::StartsWith, TextTest::EndsWith]);
    let date_test = select(vec![DateTest::Before, DateTest::After]);
    prop_oneof![
        any::<bool>().prop_map(Test::Exists),
        scalar().prop_map(Test::Equals),
        scalar().prop_map(Test::NotEquals),
        vec(scalar(), 1..4).prop_map(Test::AnyOf),
        (comparison(), -8..40_i32)
            .prop_map(|(comparison, half)| Test::Number(comparison, f64::from(half) / 2.0)),
        (text_test, text()).prop_map(|(test, text)| Test::Text(test, text)),
        text().prop_map(Test::NotContains),
        vec(text(), 1..3).prop_map(Test::ContainsAny),
        (date_test, instant()).prop_map(|(test, at)| Test::Date(test, at)),
        scalar().prop_map(Test::Has),
        vec(scalar(), 1..3).prop_map(Test::HasAny),
        vec(scalar(), 1..3).prop_map(Test::HasAll),
        (scalar(), 1..3_u32).prop_map(|(item, among)| Test::HasFirst { item, among }),
        (comparison(), 0..4_u32).prop_map(|(comparison, size)| Test::Size(comparison, size)),
    ]
}

fn relative_test() -> impl Strategy<Value = Test> {
    let tests = vec![
        RelativeTest::WithinLast,
        RelativeTest::WithinNext,
        RelativeTest::BeforeLast,
        RelativeTest::AfterNext,
    ];
    (select(tests), period()).prop_map(|(test, period)| Test::Relative(test, period))
}

fn lasting_filter() -> impl Strategy<Value = Filter> {
    let paths = select(vec!["size", "list", "list.$", "deep.name", "date", "odd name", "in"]);
    (paths, lasting_test()).prop_map(|(path, test)| Filter { path: path.to_owned(), test })
}

fn filter() -> impl Strategy<Value = Filter> {
    let paths = select(vec!["date", "dates.$"]);
    let relative =
        (paths, relative_test()).prop_map(|(path, test)| Filter { path: path.to_owned(), test });
    prop_oneof![2 => lasting_filter(), 1 => relative]
}

fn event_match<F: Strategy<Value = Filter>>(filter: F) -> impl Strategy<Value = EventMatch> {
    let names = select(vec!["Order Completed", "Product Viewed"]);
    (names, vec(filter, 0..2))
        .prop_map(|(name, filters)| EventMatch { name: name.to_owned(), filters })
}

fn count() -> impl Strategy<Value = Count> {
    prop_oneof![
        3 => Just(Count::AtLeast(1)),
        1 => Just(Count::Exactly(0)),
        1 => (0..4_u32).prop_map(Count::AtLeast),
        1 => (0..4_u32).prop_map(Count::AtMost),
        1 => (1..4_u32).prop_map(Count::Exactly),
    ]
}

fn window() -> impl Strategy<Value = Window> {
    let between = (period(), period()).prop_filter_map("periods differ", |(one, other)| {
        let (nearest, farthest) = (one.min(other), one.max(other));
        (nearest < farthest).then_some(Window::Between { nearest, farthest })
    });
    prop_oneof![
        Just(Window::Ever),
        period().prop_map(Window::Last),
        between,
        instant().prop_map(Window::Since),
    ]
}

fn funnel() -> impl Strategy<Value = Funnel> {
    (
        event_match(lasting_filter()),
        event_match(lasting_filter()),
        any::<bool>(),
        period(),
        window(),
    )
        .prop_map(|(first, second, is_absent, within, window)| Funnel {
            first,
            second,
            is_absent,
            within,
            window,
        })
}

fn rfm() -> impl Strategy<Value = Rfm> {
    let short = [1, 2, 4, 7].map(|days| Period::from_days(days).unwrap());
    let recency = select(vec![short, Rfm::recency_by_default()]);
    let frequency = select(vec![[2, 3, 4, 5], Rfm::FREQUENCY_DEFAULT]);
    let over = prop_oneof![Just(Rfm::over_by_default()), period()];
    let groups = RfmGroup::WORDS.map(|(group, _)| group).to_vec();
    (select(groups), event_match(lasting_filter()), over, recency, frequency).prop_map(
        |(group, event, over, recency, frequency)| Rfm { group, event, over, recency, frequency },
    )
}

pub(crate) fn recommended() -> impl Strategy<Value = Recommended> {
    let kinds = RecommendedKind::WORDS.map(|(kind, _)| kind).to_vec();
    (select(kinds), select(vec!["a", "b"]))
        .prop_map(|(kind, value)| Recommended { kind, value: value.to_owned() })
}

/// Answers that were found elsewhere.
pub(crate) fn answer() -> impl Strategy<Value = Answer> {
    let recommended = recommended().prop_map(Condition::Recommended);
    let audience = Just(Condition::Audience("x".to_owned()));
    (prop_oneof![3 => recommended, 1 => audience], any::<bool>())
}

/// Conditions that name the audiences `x` and `y`, if `with_audiences`.
pub(crate) fn condition(with_audiences: bool) -> BoxedStrategy<Condition> {
    let events = (event_match(filter()), count(), window()).prop_map(|(event, count, window)| {
        Condition::Event(EventCondition { event, count, window })
    });
    let audiences = select(vec!["x", "y"]).prop_map(|key| Condition::Audience(key.to_owned()));
    let single = prop_oneof![
        4 => events,
        2 => filter().prop_map(Condition::Trait),
        2 => filter().prop_map(Condition::Account),
        2 => funnel().prop_map(Condition::Funnel),
        2 => rfm().prop_map(Condition::Rfm),
        1 => recommended().prop_map(Condition::Recommended),
        u32::from(with_audiences) => audiences,
    ];
    single
        .prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                vec(inner.clone(), 2..4).prop_map(Condition::All),
                vec(inner.clone(), 2..4).prop_map(Condition::Any),
                inner.prop_map(|inner| Condition::Not(Box::new(inner))),
            ]
        })
        .boxed()
}

/// Properties or traits that the filters of tests ask for.
pub(crate) fn properties() -> impl Strategy<Value = Map<String, Value>> {
    let texts = select(vec!["a", "b", "ab", "x y"]);
    let value = prop_oneof![
        texts.prop_map(Value::from),
        (-2..8_i64).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let dates = instant().prop_map(|at| Value::from(at.to_string())).boxed();
    (
        proptest::option::of(value.clone()),
        vec(value.clone(), 0..4),
        proptest::option::of(value),
        proptest::option::of(dates.clone()),
        vec(dates, 0..3),
    )
        .prop_map(|(size, list, name, date, dates)| {
            let all = json!({
                "size": size,
                "list": list,
                "deep": { "name": name },
                "date": date,
                "dates": dates,
            });
            let Value::Object(object) = all else { unreachable!("it is an object") };
            object
        })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let names = select(vec!["Order Completed", "Product Viewed", "Song Played"]);
    (names, instant(), properties()).prop_map(|(name, timestamp, properties)| Event {
        name: name.to_owned(),
        timestamp,
        properties,
    })
}
