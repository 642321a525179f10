//! Conversion to JSON values.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Converts to a JSON value and keeps numbers of single precision short: 0.3.
///
/// [`serde_json::to_value`] and [`serde_json::json!`] widen them to 0.30000001192092896. A type
/// with `f32` fields is converted here, or serialized directly.
///
/// # Panics
/// Where `value` cannot be serialized. Plain structs, enums, lists and texts always can.
pub fn to_value(value: &impl Serialize) -> Value {
    let text = serde_json::to_string(value).expect("plain fields always encode");
    serde_json::from_str(&text).expect("it was written as JSON just now")
}

/// The members of the text of a JSON object in their order, without a copy of the values. Empty for
/// what is no object.
pub fn members(object: &str) -> Vec<(Cow<'_, str>, &RawValue)> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((key, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                members.push((key.0, value));
            }
            Ok(members)
        }
    }
    #[derive(Deserialize)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::Deserializer::from_str(object).deserialize_map(Members).unwrap_or_default()
}

/// The strings in a text of JSON, keys among them, also where it is cut off or no JSON as a whole.
pub fn json_strings(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let quoted = &rest[rest.find('"')?..];
        let mut is_escaped = false;
        let end = quoted.bytes().enumerate().skip(1).find_map(|(n, byte)| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends.then_some(n + 1)
        });
        let (string, after) = quoted.split_at(end.unwrap_or(quoted.len()));
        rest = after;
        let inside = string[1..].strip_suffix('"').unwrap_or(&string[1..]);
        Some(serde_json::from_str(string).map_or(Cow::Borrowed(inside), Cow::Owned))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TraitDefinition;

    #[test]
    fn strings_are_found_in_what_is_no_whole_json_as_well() {
        let strings = |text| json_strings(text).map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(strings(r#"{"userId":"a\"n\u00e9","x":[1,"b"#), ["userId", "a\"né", "x", "b"]);
        assert_eq!(strings("no strings"), Vec::<String>::new());
    }

    #[test]
    fn numbers_of_single_precision_stay_as_short_as_they_are_written() {
        let trait_ =
            TraitDefinition { diversity: 0.3, ..TraitDefinition::recommended_items("key") };
        assert_eq!(to_value(&trait_)["diversity"].to_string(), "0.3");
        let numbers = to_value(&[1e-12_f32, 123_456.7, 1.0 / 3.0, 5.0, f32::NAN]);
        assert_eq!(numbers.to_string(), "[1e-12,123456.7,0.33333334,5.0,null]");
    }
}
