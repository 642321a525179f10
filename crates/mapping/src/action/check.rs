//! Checks the resolved fields of a mapping against its action, and puts them into the form in
//! which a destination takes them: the pipeline of the recommender destination.

use std::fmt;

use super::coerce::coerce;
use super::empty::remove_empty;
use super::schema::{ActionSchema, FieldSchema, FieldType, find};
use crate::value::{Object, Value};

/// How a message is mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Alone.
    Single,
    /// With others in one request.
    Batch,
}

/// A field that a message does not fill as its action demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldIssue {
    /// The place in the fields, from the name of the field on: `items`, `0`, `itemId`.
    pub place: Vec<String>,
    /// What is wrong: `is missing`, `should be a number but it was a string`.
    pub what: String,
}

impl FieldIssue {
    /// The name of the field.
    pub fn field(&self) -> &str {
        self.place.first().map_or("", String::as_str)
    }
}

impl fmt::Display for FieldIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = if self.place.is_empty() { "" } else { " " };
        write!(f, "{}{gap}{}", self.place.join("."), self.what)
    }
}

/// The payload of an action.
///
/// # Errors
/// All fields that are missing or of a wrong type.
pub(crate) fn check<'a>(
    schema: &ActionSchema,
    resolved: Value<'a>,
    mode: Mode,
) -> Result<Object<'a>, Vec<FieldIssue>> {
    let Value::Object(payload) = resolved.without_undefined() else {
        let what = "the fields are no object".to_owned();
        return Err(vec![FieldIssue { place: Vec::new(), what }]);
    };
    let payload = remove_empty(payload, &schema.fields, mode);
    let mut checker = Checker { place: Vec::new(), issues: Vec::new() };
    let payload = checker.object(payload, &schema.fields);
    if checker.issues.is_empty() { Ok(payload) } else { Err(checker.issues) }
}

struct Checker {
    place: Vec<String>,
    issues: Vec<FieldIssue>,
}

impl Checker {
    fn add(&mut self, what: impl Into<String>) {
        self.issues.push(FieldIssue { place: self.place.clone(), what: what.into() });
    }

    /// Drops unknown members and checks the others.
    fn object<'a>(&mut self, object: Object<'a>, fields: &[(String, FieldSchema)]) -> Object<'a> {
        for (name, field) in fields {
            if field.is_required && object.get(name).is_none() {
                self.place.push(name.clone());
                self.add("is missing");
                self.place.pop();
            }
        }
        let known = object.into_iter().filter_map(|(key, value)| {
            let field = find(fields, &key)?;
            self.place.push(key.clone().into_owned());
            let value = self.field(value, field);
            self.place.pop();
            Some((key, value))
        });
        known.collect()
    }

    fn field<'a>(&mut self, value: Value<'a>, field: &FieldSchema) -> Value<'a> {
        if !field.is_multiple {
            return self.value(value, field);
        }
        let items = match value {
            Value::Array(items) => items,
            alone => vec![alone],
        };
        let items = items.into_iter().enumerate().map(|(n, item)| {
            self.place.push(n.to_string());
            let item = self.value(item, field);
            self.place.pop();
            item
        });
        Value::Array(items.collect())
    }

    fn value<'a>(&mut self, value: Value<'a>, field: &FieldSchema) -> Value<'a> {
        match (value, &field.properties) {
            (Value::Object(object), Some(fields)) => Value::Object(self.object(object, fields)),
            (Value::Object(object), None) if field.type_ == FieldType::Object => {
                Value::Object(object)
            }
            // An object is not taken out of a list.
            (value @ Value::Array(_), _) if field.type_ == FieldType::Object => {
                self.add("should be an object but it was an array");
                value
            }
            (value, _) => match coerce(value, field) {
                Ok(value) => value,
                Err(what) => {
                    self.add(what);
                    Value::Null
                }
            },
        }
    }
}
