//! The types of JSON values, as tracking plans and schemas name them.

use serde::{Deserialize, Serialize};

/// The type of a JSON value. The order of the variants is their bit in sets on disk.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ValueType {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction: `1`, `1.0`, `1e3`.
    Integer,
    /// Another number.
    Number,
    /// A text that is no time.
    String,
    /// A text in the form of ISO 8601: a date, or a date with a time.
    DateTime,
    /// A list.
    Array,
    /// An object.
    Object,
}

impl ValueType {
    /// Every type.
    pub const ALL: [Self; 8] = [
        Self::Null,
        Self::Boolean,
        Self::Integer,
        Self::Number,
        Self::String,
        Self::DateTime,
        Self::Array,
        Self::Object,
    ];

    /// The word in plans and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
            Self::DateTime => "date-time",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// The type of the text of a JSON value. What is no JSON counts as a number.
    ///
    /// The fold asks this as well: what it answers for a text must not change.
    pub fn of_json(text: &str) -> Self {
        match text.bytes().next() {
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            Some(b'"') if is_date_time(text.trim_matches('"')) => Self::DateTime,
            Some(b'"') => Self::String,
            _ if is_whole(text) => Self::Integer,
            _ => Self::Number,
        }
    }
}

fn is_whole(text: &str) -> bool {
    if !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return true;
    }
    text.parse::<f64>().is_ok_and(|number| number.is_finite() && number.fract() == 0.0)
}

/// Whether a text has the form `2026-01-31`, or that with `T12:30:00`, a fraction and an offset.
fn is_date_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_at_checked(10) else { return false };
    let is_date = has_form(date, "0000-00-00")
        && (1..=12).contains(&two_digits(date, 5))
        && (1..=31).contains(&two_digits(date, 8));
    is_date && (rest.is_empty() || rest.strip_prefix(['T', 't', ' ']).is_some_and(is_time))
}

fn is_time(text: &str) -> bool {
    let Some((time, rest)) = text.split_at_checked(5) else { return false };
    if !has_form(time, "00:00") || two_digits(time, 0) > 23 || two_digits(time, 3) > 59 {
        return false;
    }
    let rest = match rest.split_at_checked(3) {
        Some((seconds, rest)) if has_form(seconds, ":00") => {
            let fraction = rest.strip_prefix(['.', ',']);
            fraction.map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        _ => rest,
    };
    let offset = rest.strip_prefix(['+', '-']);
    matches!(rest, "" | "Z" | "z")
        || offset.is_some_and(|offset| has_form(offset, "00:00") || has_form(offset, "0000"))
}

/// Whether a text has digits where the form has zeros, and else the same characters.
fn has_form(text: &str, form: &str) -> bool {
    let is_alike = |(byte, form): (u8, u8)| match form {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(is_alike)
}

fn two_digits(text: &str, at: usize) -> u32 {
    text.get(at..at + 2).and_then(|digits| digits.parse().ok()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_values_have_their_types() {
        for (text, type_) in [
            ("null", ValueType::Null),
            ("true", ValueType::Boolean),
            ("-12", ValueType::Integer),
            ("12.0", ValueType::Integer),
            ("1e3", ValueType::Integer),
            ("12.5", ValueType::Number),
            ("[1]", ValueType::Array),
            ("{}", ValueType::Object),
            ("\"\"", ValueType::String),
            ("\"2026-01-31\"", ValueType::DateTime),
            ("\"2026-01-31T12:30Z\"", ValueType::DateTime),
            ("\"2026-01-31 12:30:01.123+02:00\"", ValueType::DateTime),
            ("\"2026-01-31T12:30:01-0800\"", ValueType::DateTime),
            ("\"2026-13-31\"", ValueType::String),
            ("\"2026-01-31T25:00\"", ValueType::String),
            ("\"2026-01-31T12\"", ValueType::String),
            ("\"31.01.2026\"", ValueType::String),
            ("\"äöüäöüäöü\"", ValueType::String),
        ] {
            assert_eq!(ValueType::of_json(text), type_, "{text}");
        }
    }
}
