//! Values of JSON.

use serde::Serialize;
use serde_json::Value;

/// Serialises to a JSON value; numbers of single precision get their shortest form: 0.3.
///
/// [`serde_json::to_value`] and [`serde_json::json!`] widen them to 0.30000001192092896. So what may hold such numbers comes into a value
/// through here, or is written without becoming one.
///
/// # Panics
/// Where it cannot be written as JSON, which plain structs, enums, lists and texts can.
pub fn to_value(of: &impl Serialize) -> Value {
    let text = serde_json::to_string(of).expect("plain fields always encode");
    serde_json::from_str(&text).expect("it was written as JSON just now")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TraitDefinition;

    #[test]
    fn numbers_of_single_precision_stay_as_short_as_they_are_written() {
        let trait_ = TraitDefinition { diversity: 0.3, ..TraitDefinition::recommended_items("key") };
        assert_eq!(to_value(&trait_)["diversity"].to_string(), "0.3");
        let numbers = to_value(&[1e-12_f32, 123_456.7, 1.0 / 3.0, 5.0, f32::NAN]);
        assert_eq!(numbers.to_string(), "[1e-12,123456.7,0.33333334,5.0,null]");
    }
}
