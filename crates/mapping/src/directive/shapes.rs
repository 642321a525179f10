//! Directives that change the shape of objects: `@flatten`, `@merge`, `@excludeWhenNull`.

use std::borrow::Cow;

use super::resolve::{Budget, ResolveError};
use crate::value::{Object, Value};

/// One level of members, whose keys are the joined keys of all levels. Empty arrays and objects
/// vanish; a scalar gets the empty key.
pub(super) fn flatten<'a>(
    value: Value<'a>,
    separator: &str,
    omits_arrays: bool,
    budget: &mut Budget,
) -> Result<Value<'a>, ResolveError> {
    let mut flat = Vec::new();
    let mut flattener = Flattener { separator, omits_arrays, flat: &mut flat, budget };
    flattener.add(None, value)?;
    Ok(Value::Object(flat.into_iter().collect()))
}

struct Flattener<'a, 's> {
    separator: &'s str,
    omits_arrays: bool,
    flat: &'s mut Vec<(Cow<'a, str>, Value<'a>)>,
    budget: &'s mut Budget,
}

impl<'a> Flattener<'a, '_> {
    fn add(&mut self, key: Option<&str>, value: Value<'a>) -> Result<(), ResolveError> {
        match value {
            Value::Array(items) if !self.omits_arrays => {
                for (n, item) in items.into_iter().enumerate() {
                    self.add_member(key, &n.to_string(), item)?;
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    self.add_member(key, &name, value)?;
                }
            }
            value => {
                let key = key.unwrap_or("");
                self.budget.bytes(key.len() + 8)?;
                self.flat.push((key.to_owned().into(), value));
            }
        }
        Ok(())
    }

    fn add_member(
        &mut self,
        key: Option<&str>,
        name: &str,
        value: Value<'a>,
    ) -> Result<(), ResolveError> {
        let joined = match key {
            Some(key) => format!("{key}{}{name}", self.separator),
            None => name.to_owned(),
        };
        self.add(Some(&joined), value)
    }
}

/// The members of all values in one object; of a repeated key the last value counts. Arrays and
/// texts have their indexes as keys, other scalars have no members.
pub(super) fn merge(values: Vec<Value<'_>>) -> Value<'_> {
    let mut merged = Object::new();
    for value in values {
        match value {
            Value::Object(members) => {
                members.into_iter().for_each(|(key, value)| merged.set(key, value));
            }
            Value::Array(items) => {
                for (n, item) in items.into_iter().enumerate() {
                    merged.set(n.to_string(), item);
                }
            }
            Value::String(text) => {
                for (n, c) in text.chars().enumerate() {
                    merged.set(n.to_string(), Value::text(c.to_string()));
                }
            }
            _ => {}
        }
    }
    Value::Object(merged)
}

/// Without members that are null, in objects within objects too; arrays stay as they are.
pub(super) fn clean_nulls(value: Value<'_>) -> Value<'_> {
    let Value::Object(object) = value else { return value };
    let members = object.into_iter().filter(|(_, value)| *value != Value::Null);
    Value::Object(members.map(|(key, value)| (key, clean_nulls(value))).collect())
}
