//! Values of forms of scenarios, as people type them.

use serde_json::Value;

use super::mistakes::Mistakes;

/// A value as it stands in a field.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // Single precision, written as people typed it.
        Value::Number(number) => {
            number.as_f64().map_or_else(String::new, |n| (n as f32).to_string())
        }
        _ => String::new(),
    }
}

/// A share from 0 to 1 in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{}", (share * 10_000.0).round() / 100.0)
}

/// A number from 0 to `whole`, as a share.
pub(super) fn number(field: &str, text: &str, whole: f64) -> Result<Value, Mistakes> {
    let number = text.replace(',', ".").parse::<f64>().ok();
    match number.filter(|number| (0.0..=whole).contains(number)) {
        Some(number) => Ok((number / whole).into()),
        None => Err(Mistakes::one(field, &format!("{text:?} is no number from 0 to {whole}"))),
    }
}
