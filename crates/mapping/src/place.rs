//! The place of a mistake in a message, from the field of the action that it spoils.

use crate::directive::Expr;
use crate::path::{Path, walk};
use crate::payload::Payload;
use crate::value::Value;

/// The JSON pointer of the value from which a field is taken; the first of several where none is
/// in the message, and empty for fields that come from no place. `line` is the element of a list.
pub(crate) fn find(
    directives: &[(String, Expr)],
    payload: &Payload<'_>,
    name: &str,
    line: Option<usize>,
) -> String {
    let in_message = |expr| choose(expr, |path| !payload.get(path).is_undefined());
    if line.is_none()
        && let Some(expr) = member(directives, name)
    {
        return in_message(expr);
    }
    let inner = directives.iter().find_map(|(_, expr)| {
        let (array, members) = expr.members()?;
        Some((array, member(members, name)?))
    });
    let Some((array, expr)) = inner else { return String::new() };
    let Some(array) = array else { return in_message(expr) };
    let found = payload.get(array);
    // A single object counts as an array of one.
    let (own, element) = match (&found, line) {
        (Value::Undefined, _) => return array.pointer(),
        (Value::Array(items), Some(n)) => match items.get(n) {
            Some(item) => (format!("/{n}"), item),
            None => (String::new(), &found),
        },
        _ => (String::new(), &found),
    };
    let is_there = |path: &Path| !walk(element, path.steps(), payload.rules).is_undefined();
    array.pointer() + &own + &choose(expr, is_there)
}

/// The pointer of the first path that is there, or else of the first.
fn choose(expr: &Expr, is_there: impl Fn(&Path) -> bool) -> String {
    let paths = expr.paths();
    let there = paths.iter().find(|path| is_there(path));
    there.or(paths.first()).map_or(String::new(), |path| path.pointer())
}

fn member<'e>(members: &'e [(String, Expr)], name: &str) -> Option<&'e Expr> {
    members.iter().find(|(other, _)| other == name).map(|(_, expr)| expr)
}
