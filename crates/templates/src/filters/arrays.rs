//! Filters of lists. A value that is no list is a list of one.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::Value;

use super::{Outcome, argument, text_of};
use crate::limits::VALUE_BYTES_MAX;
use crate::values;

fn list(input: Value) -> Vec<Value> {
    match input {
        Value::Array(items) => items,
        input => vec![input],
    }
}

pub(super) fn size(input: Value, _: &[Value]) -> Outcome {
    Ok(values::size(&input).unwrap_or(0).into())
}

pub(super) fn first(input: Value, _: &[Value]) -> Outcome {
    Ok(list(input).into_iter().next().unwrap_or_default())
}

pub(super) fn last(input: Value, _: &[Value]) -> Outcome {
    Ok(list(input).pop().unwrap_or_default())
}

pub(super) fn join(input: Value, arguments: &[Value]) -> Outcome {
    let between = argument(arguments, 0, " ")?;
    let mut joined = String::new();
    for (index, item) in list(input).iter().enumerate() {
        if index > 0 {
            joined.push_str(&between);
        }
        joined.push_str(&text_of(item)?);
        if joined.len() > 2 * VALUE_BYTES_MAX {
            return Err(super::text::too_large());
        }
    }
    Ok(joined.into())
}

pub(super) fn concat(input: Value, arguments: &[Value]) -> Outcome {
    let mut items = list(input);
    items.extend(list(arguments.first().cloned().unwrap_or_default()));
    Ok(items.into())
}

pub(super) fn map(input: Value, arguments: &[Value]) -> Outcome {
    let name = argument(arguments, 0, "")?;
    Ok(list(input).iter().map(|item| member(item, &name).clone()).collect())
}

fn member<'v>(item: &'v Value, name: &str) -> &'v Value {
    item.get(name).unwrap_or(&Value::Null)
}

pub(super) fn reverse(input: Value, _: &[Value]) -> Outcome {
    let mut items = list(input);
    items.reverse();
    Ok(items.into())
}

pub(super) fn sort(input: Value, arguments: &[Value]) -> Outcome {
    Ok(sorted(list(input), arguments, values::total_order)?.into())
}

pub(super) fn sort_natural(input: Value, arguments: &[Value]) -> Outcome {
    let lower = |value: &Value| text_of(value).unwrap_or_default().to_lowercase();
    Ok(sorted(list(input), arguments, |a, b| lower(a).cmp(&lower(b)))?.into())
}

fn sorted(
    mut items: Vec<Value>,
    arguments: &[Value],
    order: impl Fn(&Value, &Value) -> Ordering,
) -> Result<Vec<Value>, String> {
    if arguments.is_empty() {
        items.sort_by(order);
    } else {
        let name = argument(arguments, 0, "")?;
        items.sort_by(|a, b| {
            let (a, b) = (member(a, &name), member(b, &name));
            a.is_null().cmp(&b.is_null()).then_with(|| order(a, b))
        });
    }
    Ok(items)
}

pub(super) fn uniq(input: Value, _: &[Value]) -> Outcome {
    let mut seen = BTreeSet::new();
    Ok(list(input).into_iter().filter(|item| seen.insert(item.to_string())).collect())
}

pub(super) fn compact(input: Value, _: &[Value]) -> Outcome {
    Ok(list(input).into_iter().filter(|item| !item.is_null()).collect())
}

/// Items whose member has a value, or is true where none is given.
pub(super) fn filter_by(input: Value, arguments: &[Value]) -> Outcome {
    let name = argument(arguments, 0, "")?;
    let kept = |item: &Value| {
        let member = member(item, &name);
        match arguments.get(1) {
            Some(wanted) => values::are_equal(member, wanted),
            None => values::is_true(member),
        }
    };
    Ok(list(input).into_iter().filter(kept).collect())
}
