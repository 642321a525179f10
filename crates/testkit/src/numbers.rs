use serde_json::Value;

/// Finds a number of single precision that is written with the digits of double precision, such as
/// 0.30000001192092896 for 0.3; none where there is none.
pub fn widened_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|number| is_widened(*number)),
        Value::Array(elements) => elements.iter().find_map(widened_number),
        Value::Object(members) => members.values().find_map(widened_number),
        Value::Null | Value::Bool(_) | Value::String(_) => None,
    }
}

/// Whole numbers are left alone: counts and times in seconds are often of single precision by
/// chance.
fn is_widened(number: f64) -> bool {
    let single = number as f32;
    number.fract() != 0.0 && f64::from(single) == number && single.to_string().parse() != Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_have_more_digits_than_single_precision_needs_are_found() {
        let widened = f64::from(0.3_f32);
        assert_eq!(
            widened_number(&serde_json::json!({ "a": [1, { "b": widened }] })),
            Some(widened)
        );
        assert_eq!(
            widened_number(&serde_json::json!([0.3, 0.1 + 0.2, 0.5, 1.0 / 3.0, 1_764_370_048.0])),
            None
        );
    }
}
