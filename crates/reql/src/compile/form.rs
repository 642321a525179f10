//! The forms in which a part of an expression can be compiled.

use std::sync::Arc;

use crate::number::Number;
use crate::rows::{TextId, Texts};
use crate::syntax::Tree;
use crate::value::Value;

/// A function from a row to its value; none for null.
pub(super) type RowFn<'a, T> = Arc<dyn Fn(u32) -> Option<T> + Send + Sync + 'a>;

#[derive(Clone)]
pub(super) enum Form<'a> {
    /// The same for all rows.
    Constant(Value),
    /// Never null: none means that the evaluation needs too many steps.
    Condition(RowFn<'a, bool>),
    Boolean(RowFn<'a, bool>),
    Number(RowFn<'a, Number>),
    /// A column of texts.
    Text(&'a [Option<TextId>], &'a dyn Texts),
    /// A column of sets.
    Set(&'a [Option<Box<[TextId]>>], &'a dyn Texts),
    /// The external id of the row.
    Id,
    /// Any other part, which the reference evaluator computes.
    Dynamic(Tree),
}

impl<'a> Form<'a> {
    pub(super) fn new_condition(of_row: impl Fn(u32) -> Option<bool> + Send + Sync + 'a) -> Self {
        Self::Condition(Arc::new(of_row))
    }

    pub(super) fn new_boolean(of_row: impl Fn(u32) -> Option<bool> + Send + Sync + 'a) -> Self {
        Self::Boolean(Arc::new(of_row))
    }

    pub(super) fn new_number(of_row: impl Fn(u32) -> Option<Number> + Send + Sync + 'a) -> Self {
        Self::Number(Arc::new(of_row))
    }

    /// The form as numbers; none where it may have other values than numbers and null.
    pub(super) fn as_number(&self) -> Option<RowFn<'a, Number>> {
        match self {
            Self::Number(of_row) => Some(of_row.clone()),
            Self::Constant(Value::Null) => Some(Arc::new(|_| None)),
            Self::Constant(value) => {
                let number = value.number()?;
                Some(Arc::new(move |_| Some(number)))
            }
            _ => None,
        }
    }

    /// The form as booleans; none where it may have other values than booleans and null.
    pub(super) fn as_boolean(&self) -> Option<RowFn<'a, bool>> {
        match self {
            Self::Condition(of_row) | Self::Boolean(of_row) => Some(of_row.clone()),
            Self::Constant(Value::Null) => Some(Arc::new(|_| None)),
            Self::Constant(Value::Boolean(boolean)) => {
                let boolean = *boolean;
                Some(Arc::new(move |_| Some(boolean)))
            }
            _ => None,
        }
    }
}
