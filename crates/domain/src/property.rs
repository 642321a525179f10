//! Typed properties of items and users.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;

/// The property types of the recommender API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PropertyType {
    /// A whole number of 64 bits.
    Int,
    /// A number of double precision.
    Double,
    /// A text.
    String,
    /// True or false.
    Boolean,
    /// An instant.
    Timestamp,
    /// A set of texts, written `a|b|c` in CSV.
    Set,
    /// The address of an image.
    Image,
    /// Addresses of images, in their order.
    ImageList,
}

impl PropertyType {
    /// Every type, for messages and parsing.
    pub const ALL: [Self; 8] = [
        Self::Int,
        Self::Double,
        Self::String,
        Self::Boolean,
        Self::Timestamp,
        Self::Set,
        Self::Image,
        Self::ImageList,
    ];

    /// The word in files, on the command line and in APIs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Set => "set",
            Self::Image => "image",
            Self::ImageList => "imageList",
        }
    }
}

impl fmt::Display for PropertyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for PropertyType {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|type_| type_.word() == word).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|type_| type_.word()).collect();
            format!("no property type {word:?}; known types: {}", known.join(", "))
        })
    }
}

/// Name and type of one property, as a catalog file declares it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Column {
    /// The property's name.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub type_: PropertyType,
}

/// A value of a property. Absent values are `None` outside of this type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PropertyValue {
    /// See [`PropertyType::Int`].
    Int(i64),
    /// See [`PropertyType::Double`].
    Double(f64),
    /// See [`PropertyType::String`].
    String(String),
    /// See [`PropertyType::Boolean`].
    Boolean(bool),
    /// See [`PropertyType::Timestamp`].
    Timestamp(Timestamp),
    /// See [`PropertyType::Set`].
    Set(Vec<String>),
    /// See [`PropertyType::Image`].
    Image(String),
    /// See [`PropertyType::ImageList`].
    ImageList(Vec<String>),
}

/// Reads a whole number, also written as `5.0`.
fn whole(number: &serde_json::Number) -> Option<i64> {
    // Doubles represent all whole numbers up to this one.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let exact = |value: &f64| value.fract() == 0.0 && value.abs() <= EXACT_MAX;
    number.as_i64().or_else(|| number.as_f64().filter(exact).map(|value| value as i64))
}

impl PropertyValue {
    /// Reads a value as APIs send it; none for `null`.
    ///
    /// # Errors
    /// Says which form of JSON was expected.
    pub fn from_json(type_: PropertyType, json: &Value) -> Result<Option<Self>, String> {
        let texts = |items: &[Value]| {
            items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<Vec<String>>>()
        };
        let value = match (type_, json) {
            (_, Value::Null) => return Ok(None),
            (PropertyType::Int, Value::Number(number)) => whole(number).map(Self::Int),
            (PropertyType::Double, Value::Number(number)) => number.as_f64().map(Self::Double),
            (PropertyType::String, Value::String(text)) => Some(Self::String(text.clone())),
            (PropertyType::Image, Value::String(text)) => Some(Self::Image(text.clone())),
            (PropertyType::Boolean, Value::Bool(value)) => Some(Self::Boolean(*value)),
            (PropertyType::Timestamp, Value::Number(number)) => {
                number.as_f64().and_then(Timestamp::from_seconds).map(Self::Timestamp)
            }
            (PropertyType::Timestamp, Value::String(text)) => {
                Timestamp::parse_any(text).map(Self::Timestamp)
            }
            (PropertyType::Set, Value::Array(items)) => texts(items).map(Self::Set),
            (PropertyType::ImageList, Value::Array(items)) => texts(items).map(Self::ImageList),
            _ => None,
        };
        value.map(Some).ok_or_else(|| {
            let expected = match type_ {
                PropertyType::Int => "a whole number of 64 bits",
                PropertyType::Double => "a number",
                PropertyType::String => "a string",
                PropertyType::Image => "a string with the address of an image",
                PropertyType::Boolean => "true or false",
                PropertyType::Timestamp => "a time in ISO 8601 or a number of seconds since 1970",
                PropertyType::Set => "an array of strings",
                PropertyType::ImageList => "an array of strings with the addresses of images",
            };
            format!("must be {expected}")
        })
    }

    /// The type whose value this is.
    pub fn type_(&self) -> PropertyType {
        match self {
            Self::Int(_) => PropertyType::Int,
            Self::Double(_) => PropertyType::Double,
            Self::String(_) => PropertyType::String,
            Self::Boolean(_) => PropertyType::Boolean,
            Self::Timestamp(_) => PropertyType::Timestamp,
            Self::Set(_) => PropertyType::Set,
            Self::Image(_) => PropertyType::Image,
            Self::ImageList(_) => PropertyType::ImageList,
        }
    }

    /// The value as JSON, the form of every API.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Int(value) => (*value).into(),
            Self::Double(value) => (*value).into(),
            Self::String(value) | Self::Image(value) => value.as_str().into(),
            Self::Boolean(value) => (*value).into(),
            Self::Timestamp(value) => value.to_string().into(),
            Self::Set(values) | Self::ImageList(values) => values.clone().into(),
        }
    }
}
