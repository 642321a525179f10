//! Values as JavaScript has them: with `undefined`, objects in the order of their keys, numbers as
//! 64-bit floats, and its rules for truth, equality and texts. The mapping language was defined by
//! a JavaScript program, so its edge cases are those of JavaScript.
//!
//! Texts are borrowed from the message where possible.

mod number;
mod object;
mod read;
mod write;

use std::borrow::Cow;

use domain::Timestamp;

pub use number::Number;
pub(crate) use number::{is_space, print as print_number, read as read_number};
pub use object::Object;
pub use read::ReadError;
pub(crate) use read::{Members, members};

/// A value of a message, a mapping, or a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// No value at all: a missing member.
    Undefined,
    /// JSON `null`.
    Null,
    /// JSON `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number<'a>),
    /// A text.
    String(Cow<'a, str>),
    /// A time of an accepted message; a text in ISO 8601 for all rules.
    Instant(Timestamp),
    /// A list.
    Array(Vec<Value<'a>>),
    /// Members in their order.
    Object(Object<'a>),
}

impl<'a> Value<'a> {
    /// A text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::String(text.into())
    }

    /// A computed number.
    pub fn number(value: f64) -> Self {
        Self::Number(Number::new(value))
    }

    /// Reads JSON text.
    ///
    /// # Errors
    /// If the text is no JSON, or nested more than 128 levels deep.
    pub fn from_json(text: &'a str) -> Result<Self, ReadError> {
        read::value(text)
    }

    /// The same value with texts of its own.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Undefined => Value::Undefined,
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(number) => Value::Number(Number::new(number.value)),
            Self::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Self::Instant(instant) => Value::Instant(instant),
            Self::Array(items) => Value::Array(items.into_iter().map(Value::into_owned).collect()),
            Self::Object(object) => Value::Object(object.into_owned()),
        }
    }

    /// Whether it is `undefined` or `null`.
    pub fn is_nullish(&self) -> bool {
        matches!(self, Self::Undefined | Self::Null)
    }

    /// Whether it is `undefined`.
    pub fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined)
    }

    /// JavaScript's truth: all but `undefined`, `null`, `false`, 0, NaN and the empty text.
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Undefined | Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(number) => number.value != 0.0 && !number.value.is_nan(),
            Self::String(text) => !text.is_empty(),
            Self::Instant(_) | Self::Array(_) | Self::Object(_) => true,
        }
    }

    /// JavaScript's `value == ""`.
    pub fn loosely_equals_empty_text(&self) -> bool {
        match self {
            Self::Undefined | Self::Null | Self::Instant(_) => false,
            Self::Bool(value) => !value,
            Self::Number(number) => number.value == 0.0,
            Self::String(text) => text.is_empty(),
            Self::Array(_) | Self::Object(_) => self.print().is_empty(),
        }
    }

    /// Its text if it is one.
    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::String(text) => Some(Cow::Borrowed(text)),
            Self::Instant(instant) => Some(Cow::Owned(instant.to_string())),
            _ => None,
        }
    }

    /// Its number if it is one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number.value),
            _ => None,
        }
    }

    /// Its members if it is an object.
    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// JavaScript's `String(value)`: arrays joined by commas, objects as `[object Object]`.
    pub fn print(&self) -> Cow<'_, str> {
        match self {
            Self::Undefined => "undefined".into(),
            Self::Null => "null".into(),
            Self::Bool(true) => "true".into(),
            Self::Bool(false) => "false".into(),
            Self::Number(number) => print_number(number.value).into(),
            Self::String(text) => Cow::Borrowed(text),
            Self::Instant(instant) => instant.to_string().into(),
            Self::Array(items) => {
                let items: Vec<Cow<'_, str>> = items
                    .iter()
                    .map(|item| if item.is_nullish() { "".into() } else { item.print() })
                    .collect();
                items.join(",").into()
            }
            Self::Object(_) => "[object Object]".into(),
        }
    }

    /// The word for its type in messages: `string`, `null`, `array` ...
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) | Self::Instant(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// About how many bytes it takes, for budgets.
    pub(crate) fn weight(&self) -> usize {
        let own = match self {
            Self::String(text) => text.len(),
            Self::Array(items) => items.iter().map(Value::weight).sum(),
            Self::Object(object) => {
                object.iter().map(|(key, value)| key.len() + value.weight()).sum()
            }
            _ => 0,
        };
        own + 8
    }

    /// Without members that are `undefined`, at any depth. In arrays they become `null`.
    #[must_use]
    pub(crate) fn without_undefined(self) -> Self {
        match self {
            Self::Array(items) => Self::Array(
                items
                    .into_iter()
                    .map(|item| match item.without_undefined() {
                        Self::Undefined => Self::Null,
                        item => item,
                    })
                    .collect(),
            ),
            Self::Object(object) => Self::Object(
                object
                    .into_iter()
                    .filter(|(_, value)| !value.is_undefined())
                    .map(|(key, value)| (key, value.without_undefined()))
                    .collect(),
            ),
            scalar => scalar,
        }
    }
}

/// The number of UTF-16 units of a text: JavaScript's `length`.
pub(crate) fn utf16_len(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value<'_> {
        Value::from_json(json).unwrap()
    }

    #[test]
    fn truth_and_equality_to_the_empty_text_are_those_of_javascript() {
        let cases = [
            ("null", false, false),
            ("false", false, true),
            ("true", true, false),
            ("0", false, true),
            ("-0.0", false, true),
            ("1", true, false),
            (r#""""#, false, true),
            (r#""0""#, true, false),
            ("[]", true, true),
            ("[null]", true, true),
            ("[0]", true, false),
            ("{}", true, false),
        ];
        for (json, truth, empty) in cases {
            assert_eq!(value(json).is_truthy(), truth, "{json}");
            assert_eq!(value(json).loosely_equals_empty_text(), empty, "{json}");
        }
    }

    #[test]
    fn arrays_and_objects_print_as_javascript_prints_them() {
        let cases = [
            (r#"[1,"a",null,true,[2,3],{"a":1}]"#, "1,a,,true,2,3,[object Object]"),
            ("[]", ""),
            (r#"{"a":1}"#, "[object Object]"),
            ("1.50", "1.5"),
        ];
        for (json, text) in cases {
            assert_eq!(value(json).print(), text);
        }
    }
}
