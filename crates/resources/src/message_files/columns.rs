//! The members of a message that the columns of a file are.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};
use web::error::ApiError;

use super::Options;

/// The members of messages. All but the objects are texts.
const TEXTS: [&str; 12] = [
    "type",
    "messageId",
    "userId",
    "anonymousId",
    "previousId",
    "groupId",
    "event",
    "name",
    "category",
    "timestamp",
    "originalTimestamp",
    "sentAt",
];
const OBJECTS: [&str; 4] = ["properties", "traits", "context", "integrations"];

/// The most parts of a dotted name; the last one has the rest.
const PARTS_MAX: usize = 8;
/// The most options of a kind.
const OPTIONS_MAX: usize = 1_000;

/// A type that a value is made to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    Number,
    Boolean,
    Json,
}

/// What the columns of a file mean.
#[derive(Debug)]
pub(super) struct Columns {
    /// Members by the column that they are in, where it has another name.
    members: BTreeMap<String, String>,
    types: BTreeMap<String, Type>,
    /// Members and what they are where the row does not say.
    fixed: Vec<(String, Value)>,
}

impl Columns {
    pub(super) fn parse(options: &Options) -> Result<Self, ApiError> {
        let members = pairs("member", "MEMBER=COLUMN", &options.member)?;
        let members = members.into_iter().map(|(member, column)| (column, member)).collect();
        let types = pairs("type", "MEMBER=TYPE", &options.types)?.into_iter();
        let types = types.map(|(member, type_)| {
            let type_ = match type_.as_str() {
                "text" => Type::Text,
                "number" => Type::Number,
                "boolean" => Type::Boolean,
                "json" => Type::Json,
                other => {
                    let what = format!(
                        "the type {other:?} of {member} is none of text, number, boolean, json"
                    );
                    return Err(ApiError::invalid(what).of_parameter("type"));
                }
            };
            Ok((member, type_))
        });
        let mut columns =
            Self { members, types: types.collect::<Result<_, _>>()?, fixed: Vec::new() };
        for (member, value) in pairs("set", "MEMBER=VALUE", &options.set)? {
            let value = columns.fit(&member, value.into());
            let value = value.map_err(|what| ApiError::invalid(what).of_parameter("set"))?;
            columns.fixed.push((member, value));
        }
        Ok(columns)
    }

    /// The message of a row. Columns that are no member are told.
    pub(super) fn message(
        &self,
        cells: Map<String, Value>,
        tell_unknown: &mut dyn FnMut(&str),
    ) -> Result<Map<String, Value>, String> {
        let mut message = Map::new();
        for (member, value) in &self.fixed {
            insert(&mut message, member, value.clone())?;
        }
        for (column, value) in cells {
            let member = self.members.get(&column).unwrap_or(&column);
            let first = member.split('.').next().unwrap_or_default();
            if !TEXTS.contains(&member.as_str()) && !OBJECTS.contains(&first) {
                tell_unknown(&column);
                continue;
            }
            if !value.is_null() {
                insert(&mut message, member, self.fit(member, value)?)?;
            }
        }
        Ok(message)
    }

    /// A value of the type that its member has.
    fn fit(&self, member: &str, value: Value) -> Result<Value, String> {
        let is_text = TEXTS.contains(&member);
        let type_ = self.types.get(member).copied().or(is_text.then_some(Type::Text));
        let wrong = |what: &str, value: &Value| {
            let shown: String = value.to_string().chars().take(80).collect();
            Err(format!("{member} is {shown}, expected {what}"))
        };
        match (type_, value) {
            (Some(Type::Text), Value::Number(number)) => Ok(number.to_string().into()),
            (Some(Type::Text), Value::Bool(is_true)) => Ok(is_true.to_string().into()),
            (Some(Type::Number), Value::String(text)) => match text.trim().parse::<Number>() {
                Ok(number) => Ok(number.into()),
                Err(_) => wrong("a number", &text.into()),
            },
            (Some(Type::Boolean), Value::String(text)) => match text.trim() {
                "true" | "1" => Ok(true.into()),
                "false" | "0" => Ok(false.into()),
                _ => wrong("true or false", &text.into()),
            },
            (Some(Type::Json), Value::String(text)) => match serde_json::from_str(&text) {
                Ok(value) => Ok(value),
                Err(_) => wrong("JSON", &text.into()),
            },
            (_, value) => Ok(value),
        }
    }
}

/// The two sides of each option.
fn pairs(
    parameter: &str,
    form: &str,
    options: &[String],
) -> Result<Vec<(String, String)>, ApiError> {
    if options.len() > OPTIONS_MAX {
        let message = format!("{parameter} is given more than {OPTIONS_MAX} times");
        return Err(ApiError::invalid(message).of_parameter(parameter));
    }
    let split = |option: &String| match option.split_once('=') {
        Some((member, value)) if !member.is_empty() => Ok((member.to_owned(), value.to_owned())),
        _ => {
            let message = format!("{option:?} must have the form {form}");
            Err(ApiError::invalid(message).of_parameter(parameter))
        }
    };
    options.iter().map(split).collect()
}

/// Puts a value at a dotted name.
fn insert(message: &mut Map<String, Value>, name: &str, value: Value) -> Result<(), String> {
    let mut at = message;
    let mut parts = name.splitn(PARTS_MAX, '.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            at.insert(part.to_owned(), value);
            return Ok(());
        }
        let inner = at.entry(part).or_insert_with(|| Map::new().into());
        at = inner
            .as_object_mut()
            .ok_or_else(|| format!("{name} cannot be set: {part} is no object"))?;
    }
    Ok(())
}
