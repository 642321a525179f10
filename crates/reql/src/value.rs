//! Values of the language, during an evaluation and as its result.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::geo::Region;
use crate::limits::{BYTES_PER_WEIGHT, VALUE_WEIGHT_MAX};
use crate::number::Number;
use crate::syntax::SHARED_BYTES;

/// A value; cheap to clone.
#[derive(Debug, Clone)]
pub enum Value {
    /// The absence of a value.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Int(i64),
    /// A number of double precision.
    Double(f64),
    /// Seconds since 1970.
    Timestamp(f64),
    /// Text.
    String(Arc<str>),
    /// Distinct elements.
    Set(Set),
    /// Elements in order.
    Array(Arc<[Value]>),
    /// Values by name.
    Dictionary(Arc<BTreeMap<Arc<str>, Value>>),
    /// A part of the globe.
    Region(Arc<Region>),
}

/// Distinct values that are not null, kept sorted.
#[derive(Debug, Clone, Default)]
pub struct Set {
    elements: Arc<[Value]>,
}

impl Set {
    /// Makes a set of elements; nulls and duplicates are left out.
    pub fn new(mut elements: Vec<Value>) -> Self {
        elements.retain(|element| !matches!(element, Value::Null));
        elements.sort();
        elements.dedup();
        Self { elements: elements.into() }
    }

    /// The elements in their order.
    pub fn elements(&self) -> &[Value] {
        &self.elements
    }

    /// Whether the element is in it.
    pub fn contains(&self, element: &Value) -> bool {
        self.elements.binary_search(element).is_ok()
    }
}

impl Value {
    /// Makes a text.
    pub fn text(text: &str) -> Self {
        Self::String(text.into())
    }

    /// The value as JSON: timestamps are seconds; NaN, infinity and regions are null.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null | Self::Region(_) => serde_json::Value::Null,
            Self::Boolean(boolean) => (*boolean).into(),
            Self::Int(int) => (*int).into(),
            Self::Double(double) | Self::Timestamp(double) => (*double).into(),
            Self::String(text) => (**text).into(),
            Self::Set(set) => set.elements.iter().map(Self::to_json).collect(),
            Self::Array(elements) => elements.iter().map(Self::to_json).collect(),
            Self::Dictionary(entries) => {
                entries.iter().map(|(name, value)| (name.to_string(), value.to_json())).collect()
            }
        }
    }

    pub(crate) fn number(&self) -> Option<Number> {
        match self {
            Self::Int(int) => Some(Number::Int(*int)),
            Self::Double(double) | Self::Timestamp(double) => Some(Number::Double(*double)),
            _ => None,
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a set or an array.
    pub(crate) fn elements(&self) -> Option<&[Value]> {
        match self {
            Self::Set(set) => Some(&set.elements),
            Self::Array(elements) => Some(elements),
            _ => None,
        }
    }

    /// Whether a condition with this value holds; null and values that are not boolean do not.
    pub(crate) fn holds(&self) -> bool {
        matches!(self, Self::Boolean(true))
    }

    /// `==` of the language: NaN equals nothing.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        match (self.number(), other.number()) {
            (Some(left), Some(right)) => left.compare(right) == Some(Ordering::Equal),
            _ => self == other,
        }
    }

    /// The weight as the limits count it; counting stops soon after the largest that is allowed.
    pub(crate) fn weight(&self) -> usize {
        let mut weight = 1;
        if let Self::String(text) = self {
            weight += text.len() / BYTES_PER_WEIGHT;
        }
        for element in self.elements().unwrap_or_default() {
            if weight > VALUE_WEIGHT_MAX {
                break;
            }
            weight += element.weight();
        }
        weight
    }

    /// The memory of the value beside itself, in bytes; shared parts count for each owner.
    pub(crate) fn n_bytes_beside(&self) -> usize {
        let elements_bytes = |elements: &[Self]| {
            let beside = elements.iter().map(Self::n_bytes_beside).sum::<usize>();
            SHARED_BYTES + size_of_val(elements) + beside
        };
        match self {
            Self::Null | Self::Boolean(_) | Self::Int(_) | Self::Double(_) | Self::Timestamp(_) => {
                0
            }
            Self::String(text) => SHARED_BYTES + text.len(),
            Self::Set(set) => elements_bytes(&set.elements),
            Self::Array(elements) => elements_bytes(elements),
            Self::Dictionary(entries) => {
                let entry_bytes = |(name, value): (&Arc<str>, &Self)| {
                    size_of::<(Arc<str>, Self)>()
                        + SHARED_BYTES
                        + name.len()
                        + value.n_bytes_beside()
                };
                entries.iter().map(entry_bytes).sum()
            }
            Self::Region(_) => SHARED_BYTES + size_of::<Region>(),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Boolean(_) => 1,
            Self::Int(_) | Self::Double(_) | Self::Timestamp(_) => 2,
            Self::String(_) => 3,
            Self::Set(_) => 4,
            Self::Array(_) => 5,
            Self::Dictionary(_) => 6,
            Self::Region(_) => 7,
        }
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(int) => Self::Int(int),
            Number::Double(double) => Self::Double(double),
        }
    }
}

/// The order in which sets keep elements: by type, then by content; numbers of all types together
/// by value, NaN last and equal to itself.
impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(left), Self::Boolean(right)) => left.cmp(right),
            (Self::String(left), Self::String(right)) => left.cmp(right),
            (Self::Set(left), Self::Set(right)) => left.elements.cmp(&right.elements),
            (Self::Array(left), Self::Array(right)) => left.cmp(right),
            (Self::Dictionary(left), Self::Dictionary(right)) => left.cmp(right),
            (Self::Region(left), Self::Region(right)) => left.cmp(right),
            _ => match (self.number(), other.number()) {
                (Some(left), Some(right)) => {
                    left.compare(right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
                }
                _ => self.rank().cmp(&other.rank()),
            },
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Value {}
