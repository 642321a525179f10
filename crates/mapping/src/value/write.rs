//! Values as JSON text and for serde.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::Value;

/// The largest whole number that a float holds exactly.
const WHOLE_MAX: f64 = 9_007_199_254_740_991.0;

impl Value<'_> {
    /// JSON text as JavaScript's `JSON.stringify` writes it, for a value that is not `undefined`:
    /// `undefined` members are left out, in arrays they are `null`.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Undefined | Self::Null => out.push_str("null"),
            Self::Number(number) if !number.value.is_finite() => out.push_str("null"),
            Self::Bool(_) | Self::Number(_) => out.push_str(&self.print()),
            Self::String(_) | Self::Instant(_) => write_text(&self.print(), out),
            Self::Array(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(object) => {
                out.push('{');
                let members = object.iter().filter(|(_, value)| !value.is_undefined());
                for (n, (key, value)) in members.enumerate() {
                    if n > 0 {
                        out.push(',');
                    }
                    write_text(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a text is JSON"));
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

#[cfg(test)]
mod tests {
    use crate::value::Value;

    #[test]
    fn json_is_written_as_javascript_writes_it() {
        for (json, expected) in [
            (
                r#"{"b":1e21,"a":[1e-7,0.000001,-0.0,1.50],"2":123456789012345680000}"#,
                r#"{"2":123456789012345680000,"b":1e+21,"a":[1e-7,0.000001,0,1.5]}"#,
            ),
            (r#""\u0001\n\/\u2028""#, "\"\\u0001\\n/\u{2028}\""),
        ] {
            assert_eq!(Value::from_json(json).expect(json).to_json(), expected);
        }
    }
}
