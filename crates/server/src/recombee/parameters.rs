//! The parameters of a call: of the query and of the body, in one map, whichever a client puts them
//! into.

use domain::Timestamp;
use domain::id::{
    ID_BYTES_MAX as EXTERNAL_ID_BYTES_MAX, check_addressable, check_strict_id, is_strict_id,
};
use engine::EntityKind;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::signature::Caller;

/// The largest whole number that a parameter may be: all up to it are numbers of JSON.
const COUNT_MAX: f64 = 9_007_199_254_740_991.0;

/// Parameters by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters(pub(super) Map<String, Value>);

type Read<T> = Result<T, Failure>;

impl Parameters {
    /// The parameters in a JSON value; none where it is no object.
    pub(super) fn from_json(value: Value) -> Option<Self> {
        object(value).map(Self)
    }

    /// Adds those of a query string, as texts; what the body said wins. An empty one is not given,
    /// and neither is `None`, which is how clients in Python write what is not set; only users and
    /// items may be called so.
    pub(super) fn add_query(&mut self, query: &str) -> Read<()> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = decode_percent(name, true).zip(decode_percent(value, true));
            let Some((name, value)) = decoded else {
                return Err(Failure::invalid(format!(
                    "query parameter {name:?} is not URL-encoded UTF-8"
                )));
            };
            let is_given = match value.as_str() {
                "" => false,
                "None" => matches!(name.as_str(), "userId" | "itemId"),
                _ => true,
            };
            if is_given {
                self.0.entry(name).or_insert(Value::String(value));
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn required<'a, T>(
        &'a self,
        name: &str,
        read: impl Fn(&'a Self, &str) -> Read<Option<T>>,
    ) -> Read<T> {
        read(self, name)?.ok_or_else(|| Failure::invalid(format!("parameter {name} is missing")))
    }

    pub(super) fn text(&self, name: &str) -> Read<Option<&str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Failure::invalid(format!("{name} must be a string"))),
        }
    }

    /// An object; in queries as text in JSON.
    pub(super) fn object(&self, name: &str) -> Read<Option<Map<String, Value>>> {
        let value = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            Some(value) => Some(value.clone()),
        };
        let wrong = || Failure::invalid(format!("{name} must be an object"));
        value.and_then(object).map(Some).ok_or_else(wrong)
    }

    pub(super) fn required_text(&self, name: &str) -> Read<&str> {
        self.required(name, Self::text)
    }

    /// An id; a number counts as its text.
    pub(super) fn id(&self, name: &str) -> Read<Option<String>> {
        let id = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(Failure::invalid(format!("{name} must be a string"))),
        };
        check_id(name, id).map(Some)
    }

    pub(super) fn required_id(&self, name: &str) -> Read<String> {
        self.required(name, Self::id)
    }

    /// The id of an item or user, by the rule of [`Ids`].
    pub(super) fn entity_id(
        &self,
        ids: Ids<'_>,
        kind: EntityKind,
        name: &str,
    ) -> Read<Option<String>> {
        match self.get(name) {
            Some(Value::String(id)) => ids.read(kind, name, id.clone()).map(Some),
            _ => self.id(name),
        }
    }

    pub(super) fn required_entity_id(
        &self,
        ids: Ids<'_>,
        kind: EntityKind,
        name: &str,
    ) -> Read<String> {
        self.required(name, |parameters, name| parameters.entity_id(ids, kind, name))
    }

    /// True or false; in queries as text, written small or large.
    pub(super) fn boolean(&self, name: &str, default: bool) -> Read<bool> {
        let is = |text: &str, word: &str| text.eq_ignore_ascii_case(word);
        match self.get(name) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::String(text)) if is(text, "true") || text == "1" => Ok(true),
            Some(Value::String(text)) if is(text, "false") || text == "0" => Ok(false),
            Some(_) => Err(Failure::invalid(format!("{name} must be true or false"))),
        }
    }

    pub(super) fn number(&self, name: &str) -> Read<Option<f64>> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match number.filter(|number: &f64| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(Failure::invalid(format!("{name} must be a number"))),
        }
    }

    pub(super) fn required_number(&self, name: &str) -> Read<f64> {
        self.required(name, Self::number)
    }

    /// A number within bounds.
    pub(super) fn number_from(&self, name: &str, min: f64, max: f64) -> Read<Option<f64>> {
        match self.number(name)? {
            Some(number) if !(min..=max).contains(&number) => {
                let range = if max == f64::MAX {
                    format!("{min} or more")
                } else {
                    format!("from {min} to {max}")
                };
                Err(Failure::invalid(format!("{name} is {number}, it must be {range}")))
            }
            number => Ok(number),
        }
    }

    /// A whole number of things.
    pub(super) fn count(&self, name: &str, min: u64) -> Read<Option<usize>> {
        match self.number(name)? {
            None => Ok(None),
            Some(number) if number > COUNT_MAX => {
                Err(Failure::invalid(format!("{name} is {number}, it must be at most {COUNT_MAX}")))
            }
            Some(number) if number.fract() == 0.0 && number >= min as f64 => {
                Ok(Some(number as usize))
            }
            Some(number) => Err(Failure::invalid(format!(
                "{name} is {number}, it must be a whole number from {min} on"
            ))),
        }
    }

    /// ISO 8601 or seconds since 1970.
    pub(super) fn timestamp(&self, name: &str) -> Read<Option<Timestamp>> {
        let timestamp = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => Timestamp::parse(text),
            Some(Value::Number(number)) => {
                number.as_f64().and_then(Timestamp::from_seconds).filter(|at| at.0 >= 0)
            }
            Some(_) => None,
        };
        let wrong =
            || format!("{name} must be a time from 1970 on, in ISO 8601 or in seconds since 1970");
        timestamp.map(Some).ok_or_else(|| Failure::invalid(wrong()))
    }

    /// Names: an array, or a text with commas.
    pub(super) fn names(&self, name: &str) -> Read<Option<Vec<String>>> {
        let wrong = || Failure::invalid(format!("{name} must be a list of strings"));
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(
                text.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            )),
            Some(Value::Array(items)) => {
                let names = items.iter().map(|item| item.as_str().map(str::to_owned));
                names.collect::<Option<Vec<_>>>().map(Some).ok_or_else(wrong)
            }
            Some(_) => Err(wrong()),
        }
    }
}

/// The object that a value is. An empty array and null are an empty object: so PHP writes one.
pub(super) fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        Value::Null => Some(Map::new()),
        Value::Array(elements) if elements.is_empty() => Some(Map::new()),
        _ => None,
    }
}

/// An id within the rule, by the name of what it is of.
pub(super) fn check_id(name: &str, id: String) -> Result<String, Failure> {
    check_strict_id(name, &id).map_err(Failure::invalid)?;
    Ok(id)
}

/// How ids of items and users are read. One that this API would not give, such as `a+b@x.com`, is
/// right where an item or user has it: messages and imports may name them as they like. Browsers do
/// not learn who is there, so they may name users as they like.
#[derive(Clone, Copy)]
pub(super) struct Ids<'a> {
    pub(super) caller: Caller,
    /// Whether there is such an item or user at the request's turn.
    pub(super) exists: &'a dyn Fn(EntityKind, &str) -> bool,
}

impl Ids<'_> {
    /// The id of an item or user.
    pub(super) fn read(self, kind: EntityKind, name: &str, id: String) -> Result<String, Failure> {
        let is_right = |id: &str| match (self.caller, kind) {
            (Caller::Public, EntityKind::User) => !id.is_empty() && check_addressable(id).is_ok(),
            _ => (self.exists)(kind, id),
        };
        if !is_strict_id(&id) && id.len() <= EXTERNAL_ID_BYTES_MAX && is_right(&id) {
            return Ok(id);
        }
        check_id(name, id)
    }
}

/// The text that was URL-encoded; none where it is no UTF-8. In queries `+` is a space.
pub(super) fn decode_percent(text: &str, plus_is_space: bool) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                (digit(bytes.next())? * 16 + digit(bytes.next())?) as u8
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}
