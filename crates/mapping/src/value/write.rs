//! Values as JSON text and for serde.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::Value;

/// The largest whole number that a float holds exactly.
const WHOLE_MAX: f64 = 9_007_199_254_740_991.0;

impl Value<'_> {
    /// JSON text as JavaScript's `JSON.stringify` writes it, for a value that is not `undefined`:
    /// `undefined` members are left out, in arrays they are `null`.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("keys are texts")
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Undefined | Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => write_number(number.value, serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Instant(instant) => serializer.collect_str(instant),
            Self::Array(items) => {
                let mut out = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| out.serialize_element(item))?;
                out.end()
            }
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for super::Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(None)?;
        for (key, value) in self.iter().filter(|(_, value)| !value.is_undefined()) {
            out.serialize_entry(key, value)?;
        }
        out.end()
    }
}

/// Whole numbers without a point; beyond all numbers, `null`.
fn write_number<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if !value.is_finite() {
        serializer.serialize_unit()
    } else if value.fract() == 0.0 && value.abs() <= WHOLE_MAX {
        serializer.serialize_i64(value as i64)
    } else {
        serializer.serialize_f64(value)
    }
}
