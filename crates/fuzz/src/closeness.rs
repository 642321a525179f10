//! JSON that was written and read again.
//!
//! The JSON library reads a number of many digits as a neighbour of the nearest double, so numbers
//! are compared as close, not as equal.

use serde_json::Value;

/// The largest relative difference of equal numbers: some units in the last place of a double.
const SHARE_MAX: f64 = 8.0 * f64::EPSILON;

/// Whether two numbers are equal up to the rounding of a parser.
pub(crate) fn is_close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= SHARE_MAX * a.abs().max(b.abs())
}

/// Whether two values are equal up to the rounding of numbers by a parser.
pub(crate) fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => is_close(a, b),
            _ => a == b,
        },
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_same(a, b)))
        }
        _ => a == b,
    }
}
