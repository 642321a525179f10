//! What is kept of values that count for ever: what the type of the trait needs of them.

use domain::ComputedTraitType;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bounded::{Bounded, Size};
use super::exact_sum::ExactSum;
use crate::condition::Scalar;
use crate::json::number;

/// A value with its instant, in milliseconds since 1970. One that is later, or at the same instant
/// larger, comes later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Occurrence {
    pub(super) at: i64,
    /// None where events are counted.
    pub(super) value: Option<Scalar>,
}

/// What values add up to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Total {
    Numbers(Numbers),
    /// The first or the last occurrence.
    Edge(Option<Occurrence>),
    Distinct(Bounded<Scalar>),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Numbers {
    n: u64,
    sum: ExactSum,
    minimum: Option<f64>,
    maximum: Option<f64>,
}

impl Total {
    /// The total of no values.
    pub(super) fn new(type_: ComputedTraitType) -> Self {
        match type_ {
            ComputedTraitType::Count
            | ComputedTraitType::Sum
            | ComputedTraitType::Average
            | ComputedTraitType::Minimum
            | ComputedTraitType::Maximum => Self::Numbers(Numbers::default()),
            ComputedTraitType::First | ComputedTraitType::Last => Self::Edge(None),
            ComputedTraitType::MostFrequent
            | ComputedTraitType::UniqueList
            | ComputedTraitType::UniqueListCount => Self::Distinct(Bounded::default()),
        }
    }

    /// Adds an occurrence that happened so many times.
    pub(super) fn add(&mut self, type_: ComputedTraitType, added: Occurrence, times: u64) {
        match (self, added.value) {
            (Self::Numbers(numbers), Some(Scalar::Number(value))) => numbers.add(value, times),
            (Self::Numbers(numbers), _) => numbers.n += times,
            (Self::Edge(edge), value) => {
                keep_edge(type_, edge, Occurrence { at: added.at, value });
            }
            (Self::Distinct(distinct), Some(value)) => distinct.add(value, times),
            (Self::Distinct(_), None) => {}
        }
    }

    /// Adds the total of other values.
    pub(super) fn merge(&mut self, type_: ComputedTraitType, other: Self) {
        match (self, other) {
            (Self::Numbers(numbers), Self::Numbers(other)) => numbers.merge(&other),
            (Self::Edge(edge), Self::Edge(Some(other))) => keep_edge(type_, edge, other),
            (Self::Distinct(distinct), Self::Distinct(other)) => distinct.merge(other),
            // Both are of one type.
            _ => {}
        }
    }

    /// Whether a value is kept of which `is_wanted` is true.
    pub(super) fn has_value(&self, is_wanted: &dyn Fn(&Scalar) -> bool) -> bool {
        match self {
            Self::Numbers(_) => false,
            Self::Edge(edge) => {
                edge.as_ref().and_then(|edge| edge.value.as_ref()).is_some_and(is_wanted)
            }
            Self::Distinct(distinct) => distinct.any(is_wanted),
        }
    }

    pub(super) fn value(&self, type_: ComputedTraitType) -> Value {
        match self {
            Self::Numbers(numbers) => numbers.value(type_),
            Self::Edge(edge) => {
                let value = edge.as_ref().and_then(|edge| edge.value.as_ref());
                value.map_or(Value::Null, Scalar::to_json)
            }
            Self::Distinct(distinct) => match type_ {
                ComputedTraitType::UniqueList => {
                    distinct.iter().map(|(value, _)| value.to_json()).collect()
                }
                ComputedTraitType::UniqueListCount => distinct.len().into(),
                _ => most_frequent(distinct).map_or(Value::Null, Scalar::to_json),
            },
        }
    }
}

/// The first of the values that were there most often, at least twice.
fn most_frequent(values: &Bounded<Scalar>) -> Option<&Scalar> {
    // Of equal ones the last is found: the first in order.
    let most = values.iter().rev().max_by_key(|(_, times)| *times);
    most.filter(|(_, times)| *times >= 2).map(|(value, _)| value)
}

fn keep_edge(type_: ComputedTraitType, edge: &mut Option<Occurrence>, other: Occurrence) {
    let is_first = type_ == ComputedTraitType::First;
    let is_kept =
        edge.as_ref().is_some_and(|kept| if is_first { *kept <= other } else { *kept >= other });
    if !is_kept {
        *edge = Some(other);
    }
}

impl Numbers {
    fn add(&mut self, value: f64, times: u64) {
        self.n += times;
        // The product in two parts, without rounding.
        let product = value * times as f64;
        self.sum.add(product);
        self.sum.add(value.mul_add(times as f64, -product));
        self.keep_bounds(Some(value), Some(value));
    }

    fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sum.merge(&other.sum);
        self.keep_bounds(other.minimum, other.maximum);
    }

    fn keep_bounds(&mut self, minimum: Option<f64>, maximum: Option<f64>) {
        self.minimum = [self.minimum, minimum].into_iter().flatten().reduce(f64::min);
        self.maximum = [self.maximum, maximum].into_iter().flatten().reduce(f64::max);
    }

    fn value(&self, type_: ComputedTraitType) -> Value {
        let of = |value: Option<f64>| value.map_or(Value::Null, number);
        match type_ {
            ComputedTraitType::Sum => number(self.sum.value()),
            ComputedTraitType::Average => of((self.n > 0).then(|| self.sum.mean(self.n))),
            ComputedTraitType::Minimum => of(self.minimum),
            ComputedTraitType::Maximum => of(self.maximum),
            _ => self.n.into(),
        }
    }
}

impl Size for Scalar {
    fn bytes(&self) -> usize {
        /// Its kind and its number of occurrences, or a number's own bytes.
        const OTHERS_BYTES: usize = 16;
        match self {
            Self::Text(text) => OTHERS_BYTES + text.len(),
            Self::Number(_) | Self::Boolean(_) => OTHERS_BYTES,
        }
    }
}
