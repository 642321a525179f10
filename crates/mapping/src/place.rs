//! The place of a mistake in a message, from the field of the action that it spoils.

use crate::action::FieldError;
use crate::directive::Directive;
use crate::payload::{PathValue, Payload, at_raw, elements};

/// The JSON pointer of the value from which a field is taken; the first of several where none is
/// in the message, and empty for fields that come from no place.
pub(crate) fn find(
    directives: &[(&'static str, Directive)],
    payload: &Payload<'_>,
    error: &FieldError,
) -> String {
    let in_message = |directive| choose(directive, |path| payload.at(path).is_some());
    if error.line.is_none()
        && let Some(directive) = field(directives, error)
    {
        return in_message(directive);
    }
    let inner = directives.iter().find_map(|(_, directive)| match directive {
        Directive::Object(shape) => Some((None, field(shape, error)?)),
        Directive::ArrayPath(array, shape) => Some((Some(*array), field(shape, error)?)),
        _ => None,
    });
    let Some((array, directive)) = inner else { return String::new() };
    let Some(array) = array else { return in_message(directive) };
    let Some(PathValue::Raw(raw)) = payload.at(array) else { return pointer(array) };
    // A single object counts as an array of one.
    let line = error.line.and_then(|n| Some((n, *elements(raw)?.get(n)?)));
    let (own, line) = match line {
        Some((n, line)) => (format!("/{n}"), line),
        None => (String::new(), raw),
    };
    pointer(array) + &own + &choose(directive, |path| at_raw(line, path).is_some())
}

/// The pointer of the first path that is there, or else of the first.
fn choose(directive: &Directive, is_there: impl Fn(&str) -> bool) -> String {
    let paths = paths(directive);
    let there = paths.iter().find(|path| is_there(path));
    there.or(paths.first()).map_or(String::new(), |path| pointer(path))
}

fn field<'d>(shape: &'d [(&'static str, Directive)], error: &FieldError) -> Option<&'d Directive> {
    shape.iter().find(|(name, _)| *name == error.field).map(|(_, directive)| directive)
}

/// The paths that a directive tries, in their order.
fn paths(directive: &Directive) -> Vec<&'static str> {
    match directive {
        Directive::Path(path) | Directive::ArrayPath(path, _) => vec![path],
        Directive::IfExists(first, second) => [paths(first), paths(second)].concat(),
        Directive::Object(shape) => shape.iter().flat_map(|(_, from)| paths(from)).collect(),
        Directive::Literal(_) => Vec::new(),
    }
}

/// `/properties/products/0/sku` for `$.properties.products[0].sku`. No preset has a path with a
/// character that pointers escape.
fn pointer(path: &str) -> String {
    path.trim_start_matches('$').replace(['.', '['], "/").replace(']', "")
}
