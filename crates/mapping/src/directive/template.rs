//! `@template`: text with placeholders, `{{path}}` or `{{{path}}}`.

use super::resolve::{Budget, ResolveError};
use crate::path::Path;
use crate::payload::Scope;
use crate::value::{Value, is_space};

/// The text with its placeholders replaced. A missing value is the empty text.
pub(super) fn render<'a>(
    text: &str,
    scope: Scope<'a, '_>,
    budget: &mut Budget,
) -> Result<Value<'a>, ResolveError> {
    // Placeholders with three braces come first, so that what they insert may contain others, as
    // in the original.
    let text = replace(text, 3, scope, budget)?;
    Ok(Value::text(replace(&text, 2, scope, budget)?))
}

/// Replaces the placeholders with `n` braces. What is between them has no `}` and is not empty.
fn replace(
    text: &str,
    n: usize,
    scope: Scope<'_, '_>,
    budget: &mut Budget,
) -> Result<String, ResolveError> {
    let (open, close) = (&"{{{"[..n], &"}}}"[..n]);
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let mut at = 0;
    let mut end = 0;
    while let Some(start) = text[at..].find(open).map(|found| at + found) {
        let inner = start + n;
        if end < inner {
            match text[inner..].find('}') {
                Some(found) => end = inner + found,
                None => break,
            }
        }
        if end == inner || !text[end..].starts_with(close) {
            at = start + 1;
            continue;
        }
        let path = Path::relative(text[inner..end].trim_matches(is_space));
        let value = scope.get(&path);
        let printed = if value.is_nullish() { "".into() } else { value.print() };
        budget.bytes(start - copied + printed.len())?;
        out.push_str(&text[copied..start]);
        out.push_str(&printed);
        (copied, at) = (end + n, end + n);
    }
    budget.bytes(text.len() - copied)?;
    out.push_str(&text[copied..]);
    Ok(out)
}
