//! Where the value of a field comes from: a path into the message, a literal, a choice, or a shape for each element of an array.

use std::fmt;

use serde_json::value::RawValue;

use crate::payload::{Found, Payload, at_raw, elements};

/// One field's value. Resolving gives none where JSON would be undefined.
#[derive(Debug, Clone, PartialEq)]
pub enum Directive {
    /// `@path`: the value at a place such as `$.properties.products[0].sku`.
    Path(&'static str),
    /// `@literal`: the number itself.
    Literal(f64),
    /// `@if exists`: the first if it resolves to anything but null, else the second.
    IfExists(Box<Directive>, Box<Directive>),
    /// `@arrayPath`: the shape resolved against each element; a lone object counts as an array of one.
    ArrayPath(&'static str, Vec<(&'static str, Directive)>),
    /// An object of directives.
    Object(Vec<(&'static str, Directive)>),
}

/// The value that a directive resolves to.
#[derive(Debug, Clone)]
pub(crate) enum Resolved<'a> {
    Found(Found<'a>),
    Number(f64),
    Object(Fields<'a>),
    Array(Vec<Fields<'a>>),
}

/// Fields with their values; those that are undefined are left out.
pub(crate) type Fields<'a> = Vec<(&'static str, Resolved<'a>)>;

/// The root of paths: the message, or an element of an array in it.
#[derive(Clone, Copy)]
enum Root<'a, 'p> {
    Message(&'p Payload<'a>),
    Element(&'a RawValue),
}

impl Directive {
    fn resolve<'a>(&self, root: Root<'a, '_>) -> Option<Resolved<'a>> {
        let at = |path: &str| match root {
            Root::Message(payload) => payload.at(path),
            Root::Element(raw) => at_raw(raw, path).map(Found::Raw),
        };
        match self {
            Self::Path(path) => at(path).map(Resolved::Found),
            Self::Literal(number) => Some(Resolved::Number(*number)),
            Self::IfExists(first, second) => {
                first.resolve(root).filter(|value| !value.is_null()).or_else(|| second.resolve(root))
            }
            Self::ArrayPath(path, shape) => {
                let Found::Raw(raw) = at(path)? else { return None };
                let elements = match raw.get().as_bytes().first()? {
                    b'[' => elements(raw)?,
                    b'{' => vec![raw],
                    _ => return None,
                };
                Some(Resolved::Array(
                    elements.into_iter().map(|element| shaped(shape, Root::Element(element))).collect(),
                ))
            }
            Self::Object(shape) => Some(Resolved::Object(shaped(shape, root))),
        }
    }
}

/// The fields of an action for a message.
pub(crate) fn resolve<'a>(shape: &[(&'static str, Directive)], payload: &Payload<'a>) -> Fields<'a> {
    shaped(shape, Root::Message(payload))
}

fn shaped<'a>(shape: &[(&'static str, Directive)], root: Root<'a, '_>) -> Fields<'a> {
    shape.iter().filter_map(|(name, directive)| Some((*name, directive.resolve(root)?))).collect()
}

impl Resolved<'_> {
    fn is_null(&self) -> bool {
        matches!(self, Self::Found(Found::Raw(raw)) if raw.get() == "null")
    }
}

impl fmt::Display for Directive {
    /// Where the value is looked for, for messages.
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
