//! Writes conditions as JSON.

use serde_json::{Map, Value, json};

use crate::condition::{
    Comparison, Condition, Count, DateTest, EventMatch, Filter, Funnel, RelativeTest, Rfm,
    RfmGroup, Scalar, Test, TextTest, Window, word_of,
};

pub(super) fn condition(condition: &Condition) -> Value {
    match condition {
        Condition::All(parts) => member("and", parts.iter().map(self::condition).collect()),
        Condition::Any(parts) => member("or", parts.iter().map(self::condition).collect()),
        Condition::Not(part) => member("not", self::condition(part)),
        Condition::Event(event) => {
            let mut object = event_match(&event.event);
            let (word, number) = match event.count {
                Count::AtLeast(number) => ("at_least", number),
                Count::AtMost(number) => ("at_most", number),
                Count::Exactly(number) => ("exactly", number),
            };
            if event.count != Count::AtLeast(1) {
                object.insert("count".to_owned(), member(word, number.into()));
            }
            insert_window(&mut object, event.window);
            member("event", object.into())
        }
        Condition::Trait(filter) => member("trait", self::filter(filter, "key")),
        Condition::Account(filter) => member("account_trait", self::filter(filter, "key")),
        Condition::Audience(key) => member("audience", key.as_str().into()),
        Condition::Funnel(funnel) => member("funnel", self::funnel(funnel)),
        Condition::Rfm(rfm) => member("rfm", self::rfm(rfm)),
        Condition::Recommended(what) => {
            member("recommended", member(what.kind.word(), what.value.as_str().into()))
        }
    }
}

fn funnel(funnel: &Funnel) -> Value {
    let second = if funnel.is_absent { "then_not" } else { "then" };
    let mut object = Map::new();
    object.insert("first".to_owned(), event_match(&funnel.first).into());
    object.insert(second.to_owned(), event_match(&funnel.second).into());
    object.insert("within".to_owned(), funnel.within.to_string().into());
    insert_window(&mut object, funnel.window);
    object.into()
}

fn rfm(rfm: &Rfm) -> Value {
    let mut object = event_match(&rfm.event);
    let group = word_of(RfmGroup::WORDS.into_iter(), rfm.group);
    object.insert("group".to_owned(), group.into());
    if rfm.over != Rfm::over_by_default() {
        object.insert("over".to_owned(), rfm.over.to_string().into());
    }
    if rfm.recency != Rfm::recency_by_default() {
        let bounds = rfm.recency.iter().map(|bound| Value::from(bound.to_string()));
        object.insert("recency".to_owned(), bounds.collect());
    }
    if rfm.frequency != Rfm::FREQUENCY_DEFAULT {
        object.insert("frequency".to_owned(), json!(rfm.frequency));
    }
    object.into()
}

fn event_match(event: &EventMatch) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("name".to_owned(), event.name.as_str().into());
    if !event.filters.is_empty() {
        let filters = event.filters.iter().map(|filter| self::filter(filter, "property"));
        object.insert("where".to_owned(), filters.collect());
    }
    object
}

fn insert_window(object: &mut Map<String, Value>, window: Window) {
    let window = match window {
        Window::Ever => return,
        Window::Last(period) => member("last", period.to_string().into()),
        Window::Between { nearest, farthest } => {
            member("between", json!([nearest.to_string(), farthest.to_string()]))
        }
        Window::Since(start) => member("since", start.to_string().into()),
    };
    object.insert("window".to_owned(), window);
}

fn filter(filter: &Filter, name_key: &str) -> Value {
    let mut object = Map::new();
    object.insert(name_key.to_owned(), filter.path.as_str().into());
    if let Test::HasFirst { among, .. } = &filter.test {
        object.insert("among_first".to_owned(), (*among).into());
    }
    let (word, value) = test(&filter.test);
    object.insert(word.to_owned(), value);
    object.into()
}

/// The key and the value of a test.
fn test(test: &Test) -> (&'static str, Value) {
    let scalars = |scalars: &[Scalar]| scalars.iter().map(scalar).collect();
    match test {
        Test::Exists(wanted) => ("exists", (*wanted).into()),
        Test::Equals(value) => ("equals", scalar(value)),
        Test::NotEquals(value) => ("not_equals", scalar(value)),
        Test::AnyOf(values) => ("any_of", scalars(values)),
        Test::Number(comparison, bound) => (comparison_word(*comparison), number(*bound)),
        Test::Text(test, text) => {
            let words = TextTest::WORDS.iter().map(|(test, _, key)| (*test, *key));
            (word_of(words, *test), text.as_str().into())
        }
        Test::NotContains(text) => ("not_contains", text.as_str().into()),
        Test::ContainsAny(texts) => ("contains_any", json!(texts)),
        Test::Date(test, date) => {
            (word_of(DateTest::WORDS.into_iter(), *test), date.to_string().into())
        }
        Test::Relative(test, period) => {
            let words = RelativeTest::WORDS.iter().map(|(test, _, key)| (*test, *key));
            (word_of(words, *test), period.to_string().into())
        }
        Test::Has(item) | Test::HasFirst { item, .. } => ("has", scalar(item)),
        Test::HasAny(items) => ("has_any", scalars(items)),
        Test::HasAll(items) => ("has_all", scalars(items)),
        Test::Size(comparison, bound) => {
            ("size", member(comparison_word(*comparison), (*bound).into()))
        }
    }
}

fn comparison_word(wanted: Comparison) -> &'static str {
    word_of(Comparison::WORDS.iter().map(|(comparison, _, key)| (*comparison, *key)), wanted)
}

pub(super) fn scalar(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(text) => text.as_str().into(),
        Scalar::Number(value) => number(*value),
        Scalar::Boolean(truth) => (*truth).into(),
    }
}

/// Whole numbers are written without a fraction.
pub(crate) fn number(number: f64) -> Value {
    /// Below it every whole number has its own value of double precision: 2^53.
    const WHOLE_BELOW: f64 = 9_007_199_254_740_992.0;
    let is_whole = number.fract() == 0.0 && number.abs() < WHOLE_BELOW;
    if is_whole { Value::from(number as i64) } else { Value::from(number) }
}

fn member(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}
