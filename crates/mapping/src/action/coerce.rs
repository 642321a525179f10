//! Makes values of other types fit, where that loses nothing: `"5"` is a number, 5 an id.

use super::schema::{FieldSchema, FieldType};
use crate::date;
use crate::value::{Value, read_number};

/// The value in the type of a field that is no object.
///
/// # Errors
/// What the value should be, in words.
pub(super) fn coerce<'a>(value: Value<'a>, field: &FieldSchema) -> Result<Value<'a>, String> {
    let found = value.type_name();
    let wrong = || {
        let article = if matches!(found.as_bytes()[0], b'a' | b'o') { "an" } else { "a" };
        let wants = match field.type_ {
            FieldType::Datetime => "string or number",
            other => other.word(),
        };
        format!("should be {} but it was {article} {found}", with_article(wants))
    };
    let value = convert(value, field.type_).ok_or_else(wrong)?;
    if let (Some(maximum), Some(number)) = (field.maximum, value.as_number())
        && number > maximum
    {
        return Err(format!("should be at most {maximum} but it was {number}"));
    }
    match (&value, field.type_) {
        (Value::String(text), FieldType::Datetime) if !date::is_date_like(text) => {
            Err("should be a date: ISO 8601, or a Unix time".to_owned())
        }
        _ => Ok(value),
    }
}

fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {word}")
}

fn convert(value: Value<'_>, type_: FieldType) -> Option<Value<'_>> {
    // A list of one stands for its element.
    let value = match value {
        Value::Array(mut items) if items.len() == 1 => items.remove(0),
        value => value,
    };
    match type_ {
        FieldType::String => convert_to_text(value),
        FieldType::Datetime => match value {
            Value::Number(number) => Some(Value::Number(number)),
            value => convert_to_text(value),
        },
        FieldType::Number => convert_to_number(&value),
        FieldType::Integer => {
            convert_to_number(&value).filter(|value| value.as_number().is_some_and(is_whole))
        }
        FieldType::Object => Some(value).filter(|value| value.as_object().is_some()),
    }
}

fn is_whole(number: f64) -> bool {
    number % 1.0 == 0.0
}

fn convert_to_text(value: Value<'_>) -> Option<Value<'_>> {
    match value {
        Value::String(text) => Some(Value::String(text)),
        Value::Instant(instant) => Some(Value::text(instant.to_string())),
        Value::Bool(_) | Value::Number(_) => Some(Value::text(value.print().into_owned())),
        Value::Null => Some(Value::text("")),
        Value::Undefined | Value::Array(_) | Value::Object(_) => None,
    }
}

fn convert_to_number<'a>(value: &Value<'a>) -> Option<Value<'a>> {
    let number = match value {
        Value::Number(number) => number.value,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Null => 0.0,
        Value::String(text) if !text.is_empty() => read_number(text),
        _ => return None,
    };
    (!number.is_nan()).then(|| Value::number(number))
}
