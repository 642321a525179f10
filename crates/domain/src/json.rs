//! Conversion to JSON values.

use serde::Serialize;
use serde_json::Value;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TraitDefinition;

    #[test]
    fn numbers_of_single_precision_stay_as_short_as_they_are_written() {
        let trait_ =
            TraitDefinition { diversity: 0.3, ..TraitDefinition::recommended_items("key") };
        assert_eq!(to_value(&trait_)["diversity"].to_string(), "0.3");
        let numbers = to_value(&[1e-12_f32, 123_456.7, 1.0 / 3.0, 5.0, f32::NAN]);
        assert_eq!(numbers.to_string(), "[1e-12,123456.7,0.33333334,5.0,null]");
    }
}
