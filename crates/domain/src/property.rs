//! Typed properties of items.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The types of item properties (the recommender API's, without those that only a client makes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PropertyType {
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// A text.
    String,
    /// True or false.
    Boolean,
    /// An instant.
    Timestamp,
    /// A set of texts, written `a|b|c` in CSV.
    Set,
}

impl PropertyType {
    /// Every type, for messages and parsing.
    pub const ALL: [Self; 6] =
        [Self::Int, Self::Double, Self::String, Self::Boolean, Self::Timestamp, Self::Set];

    /// The word in files, on the command line and in APIs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Double => "double",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Set => "set",
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

/// One property of a catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The property's name.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub type_: PropertyType,
}

/// A value of an item's property; an absent value is no value.
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
    Timestamp(crate::Timestamp),
    /// See [`PropertyType::Set`].
    Set(Vec<String>),
}

impl PropertyValue {
    /// The value as JSON, the form of every API.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Int(value) => (*value).into(),
            Self::Double(value) => (*value).into(),
            Self::String(value) => value.as_str().into(),
            Self::Boolean(value) => (*value).into(),
            Self::Timestamp(value) => value.to_string().into(),
            Self::Set(values) => values.clone().into(),
        }
    }
}
