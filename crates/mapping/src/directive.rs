//! Directives: the source of a field's value. It is a path into the message, a literal, a choice,
//! or a shape that is applied to each element of an array.

use std::fmt;

use serde_json::value::RawValue;

use crate::payload::{PathValue, Payload, at_raw, elements};

/// The source of one field. A directive may resolve to no value, which JavaScript calls undefined.
#[derive(Debug, Clone, PartialEq)]
pub enum Directive {
    /// `@path`: the value at a place such as `$.properties.products[0].sku`.
    Path(&'static str),
    /// `@literal`: a constant number.
    Literal(f64),
    /// `@if exists`: the first directive if it resolves to a value other than null, else the
    /// second.
    IfExists(Box<Directive>, Box<Directive>),
    /// `@arrayPath`: the shape is resolved for each element. A single object counts as an array of
    /// one.
    ArrayPath(&'static str, Vec<(&'static str, Directive)>),
    /// An object of directives.
    Object(Vec<(&'static str, Directive)>),
}

/// The value of a directive for one message.
#[derive(Debug, Clone)]
pub(crate) enum Resolved<'a> {
    Found(PathValue<'a>),
    Number(f64),
    Object(Fields<'a>),
    Array(Vec<Fields<'a>>),
}

/// Field names with their values, without undefined ones.
pub(crate) type Fields<'a> = Vec<(&'static str, Resolved<'a>)>;

/// The start of paths: the message, or an element of an array in it.
#[derive(Clone, Copy)]
enum Root<'a, 'p> {
    Message(&'p Payload<'a>),
    Element(&'a RawValue),
}

impl Directive {
    fn resolve<'a>(&self, root: Root<'a, '_>) -> Option<Resolved<'a>> {
        let at = |path: &str| match root {
            Root::Message(payload) => payload.at(path),
            Root::Element(raw) => at_raw(raw, path).map(PathValue::Raw),
        };
        match self {
            Self::Path(path) => at(path).map(Resolved::Found),
            Self::Literal(number) => Some(Resolved::Number(*number)),
            Self::IfExists(first, second) => first
                .resolve(root)
                .filter(|value| !value.is_null())
                .or_else(|| second.resolve(root)),
            Self::ArrayPath(path, shape) => {
                let PathValue::Raw(raw) = at(path)? else { return None };
                let elements = match raw.get().as_bytes().first()? {
                    b'[' => elements(raw)?,
                    b'{' => vec![raw],
                    _ => return None,
                };
                Some(Resolved::Array(
                    elements
                        .into_iter()
                        .map(|element| resolve_fields(shape, Root::Element(element)))
                        .collect(),
                ))
            }
            Self::Object(shape) => Some(Resolved::Object(resolve_fields(shape, root))),
        }
    }
}

/// Resolves the fields of an action for a message.
pub(crate) fn resolve<'a>(
    shape: &[(&'static str, Directive)],
    payload: &Payload<'a>,
) -> Fields<'a> {
    resolve_fields(shape, Root::Message(payload))
}

fn resolve_fields<'a>(shape: &[(&'static str, Directive)], root: Root<'a, '_>) -> Fields<'a> {
    shape.iter().filter_map(|(name, directive)| Some((*name, directive.resolve(root)?))).collect()
}

impl Resolved<'_> {
    fn is_null(&self) -> bool {
        matches!(self, Self::Found(PathValue::Raw(raw)) if raw.get() == "null")
    }
}

impl fmt::Display for Directive {
    /// The paths of the value, for error messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) | Self::ArrayPath(path, _) => f.write_str(path),
            Self::Literal(value) => write!(f, "{value}"),
            Self::IfExists(first, second) => write!(f, "{first}, else {second}"),
            Self::Object(shape) => {
                let fields: Vec<String> =
                    shape.iter().map(|(name, from)| format!("{name} from {from}")).collect();
                f.write_str(&fields.join(", "))
            }
        }
    }
}
