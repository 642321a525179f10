//! Fast forms of one comparison.

use std::cmp::Ordering;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::compile::form::{Form, RowFn};
use crate::operators;
use crate::rows::{Rows, at, set_at};
use crate::syntax::CompareOp;
use crate::value::Value;

/// Compiles a comparison, whose value is never null; none where there is no fast form.
pub(super) fn compare<'a>(
    op: CompareOp,
    left: &Form<'a>,
    right: &Form<'a>,
    rows: &'a dyn Rows,
) -> Option<RowFn<'a, bool>> {
    if let (Form::Constant(left), Form::Constant(right)) = (left, right) {
        let holds = operators::compare(op, left, right);
        return Some(Arc::new(move |_| Some(holds)));
    }
    match op {
        CompareOp::Equal => compare_equality(left, right, rows, true),
        CompareOp::NotEqual => compare_equality(left, right, rows, false),
        CompareOp::In => compare_membership(left, right, rows, true),
        CompareOp::NotIn => compare_membership(left, right, rows, false),
        _ => compare_order(op, left, right),
    }
}

fn compare_order<'a>(op: CompareOp, left: &Form<'a>, right: &Form<'a>) -> Option<RowFn<'a, bool>> {
    if let (Form::Text(values, texts), Form::Constant(Value::String(constant))) = (left, right) {
        let (values, texts, constant) = (*values, *texts, constant.clone());
        return Some(Arc::new(move |row| {
            Some(op.holds(at(values, row).map(|id| texts.text(id).cmp(&constant))))
        }));
    }
    let number = left.as_number()?;
    // A constant on the right, by far the most usual, needs no call.
    if let Form::Constant(constant) = right {
        let constant = constant.number()?;
        return Some(Arc::new(move |row| {
            Some(op.holds(number(row).and_then(|number| number.compare(constant))))
        }));
    }
    let right = right.as_number()?;
    Some(Arc::new(move |row| {
        let (left, right) = (number(row), right(row));
        Some(op.holds(left.and_then(|left| left.compare(right?))))
    }))
}

/// Compiles `==` (`wanted` is true) or `!=` (`wanted` is false).
fn compare_equality<'a>(
    left: &Form<'a>,
    right: &Form<'a>,
    rows: &'a dyn Rows,
    wanted: bool,
) -> Option<RowFn<'a, bool>> {
    if let (Some(left), Some(right)) = (left.as_number(), right.as_number()) {
        return Some(Arc::new(move |row| {
            let equal = match (left(row), right(row)) {
                (Some(left), Some(right)) => left.compare(right) == Some(Ordering::Equal),
                (left, right) => left.is_none() && right.is_none(),
            };
            Some(equal == wanted)
        }));
    }
    if let (Some(boolean), Form::Constant(Value::Boolean(constant))) = (left.as_boolean(), right) {
        let constant = Some(*constant);
        return Some(Arc::new(move |row| Some((boolean(row) == constant) == wanted)));
    }
    if let (Some(left), Some(right)) = (left.as_boolean(), right.as_boolean()) {
        return Some(Arc::new(move |row| Some((left(row) == right(row)) == wanted)));
    }
    compare_texts(left, right, rows, wanted).or_else(|| compare_texts(right, left, rows, wanted))
}

fn compare_texts<'a>(
    left: &Form<'a>,
    right: &Form<'a>,
    rows: &'a dyn Rows,
    wanted: bool,
) -> Option<RowFn<'a, bool>> {
    Some(match (left, right) {
        (Form::Text(values, texts), Form::Constant(Value::String(text))) => {
            let (values, Some(id)) = (*values, texts.id(text)) else {
                return Some(Arc::new(move |_| Some(!wanted)));
            };
            Arc::new(move |row| Some((at(values, row) == Some(id)) == wanted))
        }
        (Form::Text(values, _), Form::Constant(Value::Null)) => {
            let values = *values;
            Arc::new(move |row| Some(at(values, row).is_none() == wanted))
        }
        (Form::Set(..), Form::Constant(Value::Null)) => Arc::new(move |_| Some(!wanted)),
        (Form::Text(left, left_texts), Form::Text(right, right_texts)) => {
            let (left, left_texts, right, right_texts) = (*left, *left_texts, *right, *right_texts);
            Arc::new(move |row| {
                let left = at(left, row).map(|id| left_texts.text(id));
                let right = at(right, row).map(|id| right_texts.text(id));
                Some((left == right) == wanted)
            })
        }
        (Form::Id, Form::Constant(Value::String(id))) => {
            let row_of_id = rows.find_row(id);
            Arc::new(move |row| Some((row_of_id == Some(row)) == wanted))
        }
        _ => return None,
    })
}

/// Compiles `in` (`wanted` is true) or `not in` (`wanted` is false).
fn compare_membership<'a>(
    element: &Form<'a>,
    container: &Form<'a>,
    rows: &'a dyn Rows,
    wanted: bool,
) -> Option<RowFn<'a, bool>> {
    Some(match (element, container) {
        (Form::Constant(Value::String(text)), Form::Set(values, texts)) => {
            let (values, Some(id)) = (*values, texts.id(text)) else {
                return Some(Arc::new(move |_| Some(!wanted)));
            };
            Arc::new(move |row| {
                let contains =
                    set_at(values, row).is_some_and(|ids| ids.binary_search(&id).is_ok());
                Some(contains == wanted)
            })
        }
        (Form::Constant(Value::String(part)), Form::Text(values, texts)) => {
            let (values, texts, part) = (*values, *texts, part.clone());
            Arc::new(move |row| {
                let contains = at(values, row).is_some_and(|id| texts.text(id).contains(&*part));
                Some(contains == wanted)
            })
        }
        (Form::Text(values, texts), Form::Constant(container)) => {
            let (values, elements) = (*values, container.elements()?);
            let ids: FxHashSet<_> = elements
                .iter()
                .filter_map(Value::as_text)
                .filter_map(|text| texts.id(text))
                .collect();
            Arc::new(move |row| Some(at(values, row).is_some_and(|id| ids.contains(&id)) == wanted))
        }
        (Form::Id, Form::Constant(container)) => {
            let elements = container.elements()?;
            let ids: FxHashSet<_> = elements
                .iter()
                .filter_map(Value::as_text)
                .filter_map(|id| rows.find_row(id))
                .collect();
            Arc::new(move |row| Some(ids.contains(&row) == wanted))
        }
        (Form::Number(number), Form::Constant(Value::Set(set))) => {
            let (number, set) = (number.clone(), set.clone());
            Arc::new(move |row| {
                Some(number(row).is_some_and(|number| set.contains(&number.into())) == wanted)
            })
        }
        _ => return None,
    })
}
