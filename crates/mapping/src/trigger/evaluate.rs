//! Whether a message meets a trigger.

use super::{Field, Node, Test, TextTest, TriggerError};
use crate::payload::Payload;
use crate::value::Value;

pub(super) fn evaluate(node: &Node, payload: &Payload<'_>) -> Result<bool, TriggerError> {
    match node {
        Node::Nothing => Err(TriggerError::Invalid),
        Node::Condition { field, test } => Ok(passes(&value(field, payload), test)),
        Node::Group { is_and, parts } => {
            // The parts behind the one that decides are not looked at.
            for part in parts {
                if evaluate(part, payload)? != *is_and {
                    return Ok(!is_and);
                }
            }
            Ok(*is_and)
        }
    }
}

fn value<'a>(field: &Field, payload: &Payload<'a>) -> Value<'a> {
    match field {
        Field::Type => payload.field("type"),
        Field::Event => payload.field("event"),
        Field::Name => payload.field("name"),
        Field::UserId => payload.field("userId"),
        Field::In(path) => payload.get(path),
    }
}

fn passes(value: &Value<'_>, test: &Test) -> bool {
    match test {
        Test::Never => false,
        Test::Exists => !value.is_nullish(),
        Test::IsMissing => value.is_nullish(),
        Test::IsBool(expected) => *value == Value::Bool(*expected),
        Test::IsText(expected) => value.as_text().is_some_and(|text| text == *expected),
        Test::IsNotText(expected) => value.as_text().is_none_or(|text| text != *expected),
        Test::IsNumber(expected) => value.as_number().is_some_and(|number| number == *expected),
        Test::IsNotNumber(expected) => value.as_number().is_some_and(|number| number != *expected),
        Test::Compare { is_less, or_equal, bound } => value.as_number().is_some_and(|number| {
            let is_beyond = if *is_less { number < *bound } else { number > *bound };
            is_beyond || (*or_equal && number == *bound)
        }),
        Test::Text { test, part, is_negated } => value.as_text().is_some_and(|text| {
            let holds = match test {
                TextTest::Contains => text.contains(part.as_str()),
                TextTest::StartsWith => text.starts_with(part.as_str()),
                TextTest::EndsWith => text.ends_with(part.as_str()),
            };
            holds != *is_negated
        }),
    }
}
