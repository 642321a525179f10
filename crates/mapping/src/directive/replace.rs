//! `@replace`: one or two literal patterns in a text.

use super::resolve::{Budget, ResolveError};
use super::{Expr, PATTERN_CHARS_MAX, REPLACEMENT_CHARS_MAX};
use crate::payload::Scope;
use crate::value::{Object, Value, utf16_len};

#[derive(Debug, Clone)]
pub(crate) struct Replace {
    /// Pattern and replacement, applied in turn; none where an option has the wrong type, and then
    /// the result is the empty text.
    rules: Option<Vec<(String, String)>>,
    ignores_case: bool,
    is_global: bool,
    value: Expr,
}

impl Replace {
    /// Reads the options; `value` is absent where its JSON is falsy.
    pub(super) fn expr(options: &Object<'static>, value: Option<Expr>) -> Expr {
        if !options.get("pattern").is_some_and(Value::is_truthy) {
            return Expr::Fails("@replace requires a \"pattern\" key".to_owned());
        }
        let Some(value) = value else { return Expr::Raw(Value::Undefined) };
        match Self::read_rules(options) {
            Ok(rules) => Expr::Replace(Box::new(Self {
                rules: rules
                    .filter(|_| flag(options, "ignorecase", false).is_some())
                    .filter(|_| flag(options, "global", true).is_some()),
                ignores_case: flag(options, "ignorecase", false) == Some(true),
                is_global: flag(options, "global", true) == Some(true),
                value,
            })),
            Err(what) => Expr::Fails(what),
        }
    }

    /// The text in which patterns are replaced.
    pub(super) fn value(&self) -> &Expr {
        &self.value
    }

    fn read_rules(options: &Object<'static>) -> Result<Option<Vec<(String, String)>>, String> {
        let first = rule(options, "pattern", "replacement")?;
        let Some(first) = first else { return Ok(None) };
        let mut rules = vec![first];
        if options.get("pattern2").is_some_and(Value::is_truthy) {
            rules.extend(rule(options, "pattern2", "replacement2")?);
        }
        Ok(Some(rules))
    }

    pub(super) fn resolve<'a>(
        &self,
        scope: Scope<'a, '_>,
        budget: &mut Budget,
    ) -> Result<Value<'a>, ResolveError> {
        let value = self.value.resolve(scope, budget)?;
        let text = match &value {
            Value::Bool(_) | Value::Number(_) => Some(value.print()),
            _ => value.as_text(),
        };
        let (Some(text), Some(rules)) = (text, &self.rules) else { return Ok(Value::text("")) };
        let mut text = text.into_owned();
        for (pattern, replacement) in rules {
            text = self.apply(&text, pattern, replacement, budget)?;
        }
        Ok(Value::text(text))
    }

    fn apply(
        &self,
        text: &str,
        pattern: &str,
        replacement: &str,
        budget: &mut Budget,
    ) -> Result<String, ResolveError> {
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        while let Some((start, end)) = self.find(text, copied, pattern) {
            let before = out.len();
            out.push_str(&text[copied..start]);
            expand(replacement, text, start, end, &mut out);
            budget.bytes(out.len() - before)?;
            copied = end;
            if !self.is_global {
                break;
            }
        }
        budget.bytes(text.len() - copied)?;
        out.push_str(&text[copied..]);
        Ok(out)
    }

    /// The first occurrence from a place on.
    fn find(&self, text: &str, from: usize, pattern: &str) -> Option<(usize, usize)> {
        if !self.ignores_case {
            return text[from..].find(pattern).map(|at| (from + at, from + at + pattern.len()));
        }
        text[from..].char_indices().find_map(|(at, _)| {
            let start = from + at;
            let mut rest = text[start..].chars();
            let is_here = pattern.chars().all(|c| rest.next().is_some_and(|d| fold(c) == fold(d)));
            is_here.then(|| (start, text.len() - rest.as_str().len()))
        })
    }
}

fn rule(
    options: &Object<'static>,
    pattern: &str,
    replacement: &str,
) -> Result<Option<(String, String)>, String> {
    let Some(found) = options.get(pattern).and_then(Value::as_text) else { return Ok(None) };
    let with = match options.get(replacement) {
        None => "".into(),
        Some(value) if value.is_nullish() => "".into(),
        Some(value) => match value.as_text() {
            Some(text) => text,
            None => return Ok(None),
        },
    };
    if utf16_len(&found) > PATTERN_CHARS_MAX {
        let max = PATTERN_CHARS_MAX;
        return Err(format!("@replace requires a \"pattern\" less than {max} characters"));
    }
    if utf16_len(&with) > REPLACEMENT_CHARS_MAX {
        let max = REPLACEMENT_CHARS_MAX;
        return Err(format!("@replace requires a \"replacement\" less than {max} characters"));
    }
    Ok(Some((found.into_owned(), with.into_owned())))
}

/// An option that is a boolean or absent; none for another type.
fn flag(options: &Object<'static>, key: &str, default: bool) -> Option<bool> {
    match options.get(key) {
        None | Some(Value::Null) => Some(default),
        Some(Value::Bool(value)) => Some(*value),
        Some(_) => None,
    }
}

/// Writes a replacement, in which `$$`, `$&`, `` $` `` and `$'` stand for a dollar sign, the
/// occurrence, and the text before and behind it, as in JavaScript.
fn expand(replacement: &str, text: &str, start: usize, end: usize, out: &mut String) {
    let mut rest = replacement;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        let inserted = match rest.as_bytes().get(dollar + 1) {
            Some(b'$') => "$",
            Some(b'&') => &text[start..end],
            Some(b'`') => &text[..start],
            Some(b'\'') => &text[end..],
            _ => {
                out.push('$');
                rest = &rest[dollar + 1..];
                continue;
            }
        };
        out.push_str(inserted);
        rest = &rest[dollar + 2..];
    }
    out.push_str(rest);
}

/// A character without its case, as regular expressions of JavaScript compare them.
fn fold(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) if c.is_ascii() || !one.is_ascii() => one,
        _ => c,
    }
}
