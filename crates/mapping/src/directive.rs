//! Where the value of a field comes from: a path into the message, a literal, a choice, or a shape for each element of an array.

use std::fmt;

use serde_json::{Map, Value};

/// One field's value. Resolving gives none where JSON would be undefined.
#[derive(Debug, Clone, PartialEq)]
pub enum Directive {
    /// `@path`: the value at a place such as `$.properties.products[0].sku`.
    Path(&'static str),
    /// `@literal`: the value itself.
    Literal(Value),
    /// `@if exists`: the first if it resolves to anything but null, else the second.
    IfExists(Box<Directive>, Box<Directive>),
    /// `@arrayPath`: the shape resolved against each element; a lone object counts as an array of one.
    ArrayPath(&'static str, Vec<(&'static str, Directive)>),
    /// An object of directives.
    Object(Vec<(&'static str, Directive)>),
}

impl Directive {
    /// The value for a message as JSON.
    pub fn resolve(&self, payload: &Value) -> Option<Value> {
        match self {
            Self::Path(path) => at(payload, path).cloned(),
            Self::Literal(value) => Some(value.clone()),
            Self::IfExists(first, second) => {
                first.resolve(payload).filter(|value| !value.is_null()).or_else(|| second.resolve(payload))
            }
            Self::ArrayPath(path, shape) => match at(payload, path)? {
                Value::Array(elements) => {
                    Some(elements.iter().map(|element| shaped(shape, element)).collect::<Vec<_>>().into())
                }
                element @ Value::Object(_) => Some(vec![shaped(shape, element)].into()),
                scalar => Some(scalar.clone()),
            },
            Self::Object(shape) => Some(shaped(shape, payload)),
        }
    }
}

fn shaped(shape: &[(&'static str, Directive)], payload: &Value) -> Value {
    let fields = shape.iter().filter_map(|(name, directive)| Some(((*name).to_owned(), directive.resolve(payload)?)));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// Walks `$.a.b[0]`; a step that is missing ends the walk.
fn at<'a>(payload: &'a Value, path: &str) -> Option<&'a Value> {
    let steps = path.trim_start_matches("$.").split(['.', '[']).map(|step| step.trim_end_matches(']'));
    steps.filter(|step| !step.is_empty()).try_fold(payload, |value, step| match value {
        Value::Array(elements) => elements.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

impl fmt::Display for Directive {
    /// Where the value is looked for, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) | Self::ArrayPath(path, _) => f.write_str(path),
            Self::Literal(value) => write!(f, "{value}"),
            Self::IfExists(first, second) => write!(f, "{first}, else {second}"),
            Self::Object(shape) => {
                let fields: Vec<String> = shape.iter().map(|(name, from)| format!("{name} from {from}")).collect();
                f.write_str(&fields.join(", "))
            }
        }
    }
}
