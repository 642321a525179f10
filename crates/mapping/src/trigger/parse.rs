//! Parses the tokens of a trigger into a tree.

use std::collections::VecDeque;

use super::token::{Kind, LexicalError, Token, tokens};
use super::{Field, Node, Test, TextTest, TriggerError};
use crate::path::Path;
use crate::value::{print_number, read_number};

type Tokens = VecDeque<Token>;

pub(super) fn parse(text: &str) -> Result<Node, TriggerError> {
    // A lexical error leaves no tokens, and then nothing remains to be a condition.
    let mut tokens = tokens(text).map_err(|LexicalError| TriggerError::Invalid)?;
    match parse_group(&mut tokens)? {
        Node::Nothing => Err(TriggerError::Invalid),
        node => Ok(node),
    }
}

/// The conditions up to the end. The last connective counts for all of them, and tokens that begin
/// no condition are passed over.
fn parse_group(tokens: &mut Tokens) -> Result<Node, TriggerError> {
    let mut parts: Vec<Node> = Vec::new();
    let mut is_and = true;
    while let Some(token) = tokens.pop_front() {
        match token.kind {
            Kind::End => break,
            Kind::Identifier if is_function(&token) => {
                parts.extend(parse_function(&token.text, false, tokens)?);
            }
            Kind::Identifier => {
                if let Some(field) = field(&token.text) {
                    parts.push(parse_comparison(field, tokens)?);
                }
            }
            Kind::Operator if token.text == "!" => {
                if let Some(function) = tokens.front().filter(|token| is_function(token)).cloned() {
                    tokens.pop_front();
                    parts.extend(parse_function(&function.text, true, tokens)?);
                }
            }
            Kind::ParenLeft => parts.push(parse_parentheses(tokens)?),
            Kind::Connective => is_and = token.text == "and",
            _ => {}
        }
    }
    Ok(match parts.len() {
        0 => Node::Nothing,
        1 => parts.remove(0),
        _ => Node::Group { is_and, parts },
    })
}

/// The tokens up to the next `)`: groups do not nest.
fn parse_parentheses(tokens: &mut Tokens) -> Result<Node, TriggerError> {
    let end = tokens.iter().position(|token| token.kind == Kind::ParenRight);
    let end = end.ok_or(TriggerError::Invalid)?;
    let mut inner: Tokens = tokens.drain(..end).collect();
    tokens.pop_front();
    parse_group(&mut inner)
}

/// The field of a comparison; none if the name is unknown.
fn field(name: &str) -> Option<Field> {
    let first = name.split('.').next().unwrap_or(name);
    Some(match first {
        "type" => Field::Type,
        "event" => Field::Event,
        "name" => Field::Name,
        "userId" => Field::UserId,
        part @ ("properties" | "traits" | "context") => Field::In(path(name, part)),
        _ => return None,
    })
}

/// The field of `contains` and `match`; none if it cannot have one.
fn function_field(name: &str) -> Option<Field> {
    match name {
        "event" => Some(Field::Event),
        "name" => Some(Field::Name),
        "userId" => Some(Field::UserId),
        _ => {
            let mut parts = ["properties", "traits", "context"].into_iter();
            parts.find(|part| name.starts_with(part)).map(|part| Field::In(path(name, part)))
        }
    }
}

/// The path from the message on: `properties.price`. What does not begin with `properties.` is
/// the name of a property.
fn path(name: &str, part: &str) -> Path {
    let own = name.strip_prefix(part).and_then(|rest| rest.strip_prefix('.'));
    Path::relative(&format!("{part}.{}", own.unwrap_or(name)))
}

fn parse_comparison(field: Field, tokens: &mut Tokens) -> Result<Node, TriggerError> {
    let mut next = || tokens.pop_front().ok_or(TriggerError::Invalid);
    let operator = next()?;
    let value = next()?;
    // Type and event are compared as texts, all others also with null, and all but the name with
    // true and false.
    let knows_null = !matches!(field, Field::Type | Field::Event);
    let knows_bool = knows_null && field != Field::Name;
    let has_types = !matches!(field, Field::Type | Field::Event | Field::Name | Field::UserId);
    let test = match (operator.text.as_str(), value.text.as_str()) {
        ("=", "null") if knows_null => Test::IsMissing,
        ("!=", "null") if knows_null => Test::Exists,
        ("=", "true") if knows_bool => Test::IsBool(true),
        ("=", "false") if knows_bool => Test::IsBool(false),
        ("=", _) => match number(&value).filter(|_| has_types) {
            Some(number) => Test::IsNumber(number),
            None => Test::IsText(text(&value)),
        },
        ("!=", _) => match number(&value).filter(|_| has_types) {
            Some(number) => Test::IsNotNumber(number),
            None => Test::IsNotText(text(&value)),
        },
        (operator @ ("<" | "<=" | ">" | ">="), _) => Test::Compare {
            is_less: operator.starts_with('<'),
            or_equal: operator.ends_with('='),
            bound: bound(&value, has_types),
        },
        _ => Test::Never,
    };
    Ok(Node::Condition { field, test })
}

fn number(value: &Token) -> Option<f64> {
    (value.kind == Kind::Number).then(|| read_number(&value.text))
}

/// The right side of a comparison as a number.
fn bound(value: &Token, has_types: bool) -> f64 {
    match (value.kind, value.text.as_str()) {
        (Kind::Identifier, "true") if has_types => 1.0,
        (Kind::Identifier, "false") if has_types => 0.0,
        _ => read_number(&text(value)),
    }
}

/// The text of a value: a string without its outer double quotes, a number as JavaScript prints it.
fn text(value: &Token) -> String {
    match value.kind {
        Kind::String => {
            let text = value.text.strip_prefix('"').unwrap_or(&value.text);
            text.strip_suffix('"').unwrap_or(text).to_owned()
        }
        Kind::Number => print_number(read_number(&value.text)),
        _ => value.text.clone(),
    }
}

fn is_function(token: &Token) -> bool {
    token.kind == Kind::Identifier && matches!(token.text.as_str(), "contains" | "match")
}

/// `(field, value)` behind the name of a function, by position: what stands between is not looked
/// at. None if the field cannot have the function.
fn parse_function(
    name: &str,
    is_negated: bool,
    tokens: &mut Tokens,
) -> Result<Option<Node>, TriggerError> {
    tokens.pop_front();
    let field = tokens.pop_front().ok_or(TriggerError::Invalid)?;
    tokens.pop_front();
    let value = tokens.pop_front().ok_or(TriggerError::Invalid)?;
    tokens.pop_front();
    let Some(field) = function_field(&field.text) else { return Ok(None) };
    let text = text(&value);
    let (test, part) = if name == "contains" {
        (TextTest::Contains, text)
    } else if value.text.ends_with("*\"") {
        let part = text.strip_suffix('*').unwrap_or(&text).to_owned();
        (TextTest::StartsWith, part)
    } else {
        // The first character counts as the star, whatever it is.
        let mut chars = text.chars();
        chars.next();
        (TextTest::EndsWith, chars.as_str().to_owned())
    };
    Ok(Some(Node::Condition { field, test: Test::Text { test, part, is_negated } }))
}
