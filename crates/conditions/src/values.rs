//! Values of properties and traits: where they stand, and which tests they pass.

use std::cmp::Ordering;

use domain::Timestamp;
use serde_json::{Map, Value};

use crate::condition::{DateTest, Filter, RelativeTest, Scalar, Test, TextTest};
use crate::intervals::Intervals;

/// The part of a path that stands for each element of a list.
pub(crate) const EACH: &str = "$";

/// The values at a path of properties, such as `products.$.brand`, which reaches into each element
/// of a list; without nulls.
pub fn find<'v>(object: &'v Map<String, Value>, path: &str) -> Vec<&'v Value> {
    // A name that has dots itself goes before the way into nested objects.
    if let Some(value) = object.get(path) {
        return Some(value).into_iter().filter(|value| !value.is_null()).collect();
    }
    let mut parts = path.split('.');
    let first = parts.next().unwrap_or_default();
    let mut found: Vec<&Value> = object.get(first).into_iter().collect();
    for part in parts {
        found = found
            .into_iter()
            .flat_map(|value| match value {
                Value::Array(elements) if part == EACH => elements.iter().collect(),
                Value::Object(object) => object.get(part).into_iter().collect(),
                _ => Vec::new(),
            })
            .collect();
    }
    found.retain(|value| !value.is_null());
    found
}

impl Filter {
    /// Whether the test holds at an instant.
    pub(crate) fn holds(&self, object: &Map<String, Value>, now: Timestamp) -> bool {
        let values = find(object, &self.path);
        match &self.test {
            Test::Exists(wanted) => *wanted != values.is_empty(),
            Test::NotEquals(_) | Test::NotContains(_) if values.is_empty() => true,
            test => values.into_iter().any(|value| test.holds(value, now)),
        }
    }

    /// The instants at which the test holds.
    pub(crate) fn intervals(&self, object: &Map<String, Value>) -> Intervals {
        match self.test {
            Test::Relative(test, period) => find(object, &self.path)
                .into_iter()
                .filter_map(instant)
                .map(|at| relative_intervals(test, at.0, period.ms()))
                .fold(Intervals::none(), Intervals::union),
            _ => Intervals::always(self.holds(object, Timestamp(0))),
        }
    }
}

impl Test {
    fn holds(&self, value: &Value, now: Timestamp) -> bool {
        match self {
            Self::Exists(wanted) => *wanted,
            Self::Equals(scalar) => scalar.equals(value),
            Self::NotEquals(scalar) => !scalar.equals(value),
            Self::AnyOf(scalars) => scalars.iter().any(|scalar| scalar.equals(value)),
            Self::Number(comparison, bound) => {
                value.as_f64().is_some_and(|number| comparison.holds(number, *bound))
            }
            Self::Text(test, part) => value.as_str().is_some_and(|text| test.holds(text, part)),
            Self::NotContains(part) => !value.as_str().is_some_and(|text| text.contains(part)),
            Self::ContainsAny(parts) => {
                value.as_str().is_some_and(|text| parts.iter().any(|part| text.contains(part)))
            }
            Self::Date(test, bound) => instant(value).is_some_and(|at| match test {
                DateTest::Before => at < *bound,
                DateTest::After => at > *bound,
            }),
            Self::Relative(test, period) => {
                instant(value).is_some_and(|at| test.holds(at.0, now.0, period.ms()))
            }
            Self::Has(item) => list(value).iter().any(|element| item.equals(element)),
            Self::HasAny(items) => {
                list(value).iter().any(|element| items.iter().any(|item| item.equals(element)))
            }
            Self::HasAll(items) => {
                let elements = list(value);
                items.iter().all(|item| elements.iter().any(|element| item.equals(element)))
            }
            Self::HasFirst { item, among } => {
                list(value).iter().take(*among as usize).any(|element| item.equals(element))
            }
            Self::Size(comparison, bound) => value
                .as_array()
                .is_some_and(|elements| comparison.holds(elements.len(), *bound as usize)),
        }
    }
}

impl TextTest {
    fn holds(self, text: &str, part: &str) -> bool {
        match self {
            Self::Contains => text.contains(part),
            Self::StartsWith => text.starts_with(part),
            Self::EndsWith => text.ends_with(part),
        }
    }
}

impl RelativeTest {
    /// Whether it holds for the instant `at`; all in milliseconds.
    fn holds(self, at: i64, now: i64, period: i64) -> bool {
        match self {
            Self::WithinLast => now - period < at && at <= now,
            Self::WithinNext => now < at && at <= now + period,
            Self::BeforeLast => at <= now - period,
            Self::AfterNext => at > now + period,
        }
    }
}

/// The instants `now` at which a relative test holds for the instant `at`; all in milliseconds.
fn relative_intervals(test: RelativeTest, at: i64, period: i64) -> Intervals {
    match test {
        RelativeTest::WithinLast => Intervals::between(at, at + period),
        RelativeTest::WithinNext => Intervals::between(at - period, at),
        RelativeTest::BeforeLast => Intervals::between(at + period, i64::MAX),
        RelativeTest::AfterNext => Intervals::between(i64::MIN, at - period),
    }
}

impl Eq for Scalar {}

impl PartialOrd for Scalar {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scalar {
    /// Truths, then numbers, then texts. Numbers are finite, and there is one zero.
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |scalar: &Self| match scalar {
            Self::Boolean(_) => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
        };
        match (self, other) {
            (Self::Boolean(one), Self::Boolean(other)) => one.cmp(other),
            (Self::Number(one), Self::Number(other)) => one.total_cmp(other),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

impl Scalar {
    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(text), Value::String(other)) => text == other,
            (Self::Number(number), Value::Number(other)) => other.as_f64() == Some(*number),
            (Self::Boolean(truth), Value::Bool(other)) => truth == other,
            _ => false,
        }
    }
}

/// The elements of a list; none of other values.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The instant that a value names: ISO 8601 text, or a number of seconds or milliseconds.
fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::parse_any(text),
        Value::Number(number) => Timestamp::from_number(number.as_f64()?),
        _ => None,
    }
}
