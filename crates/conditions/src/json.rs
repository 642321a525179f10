//! The JSON form of conditions.

mod object;
mod read;
mod write;

pub(crate) use self::write::number;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::condition::{Condition, Scalar};
use crate::error::ConditionError;

impl Condition {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// The mistake with its place as a JSON pointer, such as `/and/1/event/count`.
    pub fn from_json(json: &Value) -> Result<Self, ConditionError> {
        read::read(json)
    }

    /// The JSON form, which reads as the same condition.
    pub fn to_json(&self) -> Value {
        write::condition(self)
    }
}

impl Scalar {
    /// The value as JSON.
    pub(crate) fn to_json(&self) -> Value {
        write::scalar(self)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Condition {
    /// Reads the JSON form, or the text form where a text stands.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => text.parse().map_err(de::Error::custom),
            json => Self::from_json(&json).map_err(de::Error::custom),
        }
    }
}
