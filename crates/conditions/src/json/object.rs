//! Objects of the JSON form: their members are taken one by one, and others are refused.

use domain::Timestamp;
use serde_json::{Map, Value};

use crate::condition::Scalar;
use crate::error::{ConditionError, unknown_word};
use crate::period::Period;

pub(super) type Read<T> = Result<T, ConditionError>;

/// A value with its place, a JSON pointer.
#[derive(Clone)]
pub(super) struct Place<'j> {
    pub(super) value: &'j Value,
    pub(super) pointer: String,
}

/// An object whose keys are known ones.
pub(super) struct Object<'j> {
    members: &'j Map<String, Value>,
    pointer: String,
}

impl<'j> Place<'j> {
    pub(super) fn error(&self, message: impl Into<String>) -> ConditionError {
        let whole = "the condition".to_owned();
        let place = if self.pointer.is_empty() { whole } else { self.pointer.clone() };
        ConditionError::new(place, message)
    }

    fn wanted(&self, what: &str) -> ConditionError {
        self.error(format!("{what} is wanted here, not {}", kind(self.value)))
    }

    fn below(&self, name: &str, value: &'j Value) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { value, pointer: format!("{}/{name}", self.pointer) }
    }

    /// An object of which every key is one of `known`.
    pub(super) fn object(&self, known: &[&str]) -> Read<Object<'j>> {
        let members = self.value.as_object().ok_or_else(|| self.wanted("an object"))?;
        match members.keys().find(|key| !known.contains(&key.as_str())) {
            Some(unknown) => Err(self.error(unknown_word("key", unknown, known))),
            None => Ok(Object { members, pointer: self.pointer.clone() }),
        }
    }

    /// The single member of an object, whose key is one of `known`.
    pub(super) fn single(&self, known: &[&str]) -> Read<(&'j str, Self)> {
        self.object(known)?;
        let mut members = self.value.as_object().into_iter().flatten();
        match (members.next(), members.next()) {
            (Some((key, value)), None) => Ok((key, self.below(key, value))),
            _ => Err(self.error(format!("one key is wanted here, of {}", known.join(", ")))),
        }
    }

    pub(super) fn list(&self) -> Read<Vec<Self>> {
        let elements = self.value.as_array().ok_or_else(|| self.wanted("a list"))?;
        let places = elements.iter().enumerate();
        Ok(places.map(|(n, element)| self.below(&n.to_string(), element)).collect())
    }

    pub(super) fn text(&self) -> Read<String> {
        self.value.as_str().map(str::to_owned).ok_or_else(|| self.wanted("a text"))
    }

    pub(super) fn boolean(&self) -> Read<bool> {
        self.value.as_bool().ok_or_else(|| self.wanted("true or false"))
    }

    pub(super) fn number(&self) -> Read<f64> {
        self.value.as_f64().ok_or_else(|| self.wanted("a number"))
    }

    pub(super) fn whole_number(&self) -> Read<u32> {
        let number = self.value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| self.wanted("a whole number from 0"))
    }

    pub(super) fn scalar(&self) -> Read<Scalar> {
        match self.value {
            Value::String(text) => Ok(Scalar::Text(text.clone())),
            Value::Bool(truth) => Ok(Scalar::Boolean(*truth)),
            Value::Number(_) => self.number().map(Scalar::Number),
            _ => Err(self.wanted("a text, a number, true or false")),
        }
    }

    pub(super) fn period(&self) -> Read<Period> {
        Period::parse(&self.text()?).map_err(|message| self.error(message))
    }

    pub(super) fn date(&self) -> Read<Timestamp> {
        let text = self.text()?;
        // Numbers are no dates here: what is given must be as clear as in the text form.
        let date = text.contains('-').then(|| Timestamp::parse(&text)).flatten();
        date.ok_or_else(|| {
            let form = "2026-03-01 or 2026-03-01T12:00:00Z";
            self.error(format!("{text:?} is no date: write it like {form}"))
        })
    }

    /// Each element of a list, as `read` reads it.
    pub(super) fn each<T>(&self, read: fn(&Self) -> Read<T>) -> Read<Vec<T>> {
        self.list()?.iter().map(read).collect()
    }
}

impl<'j> Object<'j> {
    /// A member that may be missing.
    pub(super) fn get(&self, key: &str) -> Option<Place<'j>> {
        let value = self.members.get(key).filter(|value| !value.is_null())?;
        Some(Place { value, pointer: format!("{}/{key}", self.pointer) })
    }

    /// A member that must be there.
    pub(super) fn need(&self, key: &str) -> Read<Place<'j>> {
        let missing = || ConditionError::new(format!("{}/{key}", self.pointer), "it is missing");
        self.get(key).ok_or_else(missing)
    }

    /// The one of these members that is there.
    pub(super) fn one_of<'k>(&self, keys: &[&'k str]) -> Read<(&'k str, Place<'j>)> {
        let mut there =
            keys.iter().filter_map(|key| self.members.get(*key).map(|value| (*key, value)));
        match (there.next(), there.next()) {
            (Some((key, value)), None) => {
                Ok((key, Place { value, pointer: format!("{}/{key}", self.pointer) }))
            }
            (None, _) => Err(ConditionError::new(
                self.pointer.as_str(),
                format!("one of these keys is missing: {}", keys.join(", ")),
            )),
            (Some((one, _)), Some((other, _))) => Err(ConditionError::new(
                self.pointer.as_str(),
                format!("{one} and {other} cannot stand together: write two parts"),
            )),
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
