//! Operators between values, for the reference evaluator.

use std::cmp::Ordering;

use crate::geo::to_place;
use crate::math::Math;
use crate::syntax::{ArithmeticOp, CompareOp};
use crate::value::{Set, Value};

/// Applies an operator; null if a side is null or the operator does not apply to the types.
pub(crate) fn arithmetic(op: ArithmeticOp, left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Value::String(left), Value::String(right)) if op == ArithmeticOp::Add => {
            Value::String(format!("{left}{right}").into())
        }
        (Value::Set(left), Value::Set(right)) => {
            let (left, right, right_set) = (left.elements(), right.elements(), right);
            let elements = match op {
                ArithmeticOp::Add => left.iter().chain(right).cloned().collect(),
                ArithmeticOp::Subtract => {
                    left.iter().filter(|element| !right_set.contains(element)).cloned().collect()
                }
                ArithmeticOp::Intersect => {
                    left.iter().filter(|element| right_set.contains(element)).cloned().collect()
                }
                _ => return Value::Null,
            };
            Value::Set(Set::new(elements))
        }
        _ => match (left.number(), right.number()) {
            (Some(left), Some(right)) => left.apply(op, right).map_or(Value::Null, Value::from),
            _ => Value::Null,
        },
    }
}

/// Whether the operator holds between the two.
pub(crate) fn compare(op: CompareOp, left: &Value, right: &Value) -> bool {
    match op {
        CompareOp::Equal => left.equals(right),
        CompareOp::NotEqual => !left.equals(right),
        CompareOp::In => is_in(left, right),
        CompareOp::NotIn => !is_in(left, right),
        _ => op.holds(ordering(left, right)),
    }
}

/// One step of `reduce`; null if the operator is unknown.
pub(crate) fn reduce(op: &str, left: &Value, right: &Value) -> Value {
    let extreme = |math: Math| match (left.number(), right.number()) {
        (Some(left), Some(right)) => Value::from(math.apply(&[left, right])),
        _ => Value::Null,
    };
    match op {
        "max" => extreme(Math::Max),
        "min" => extreme(Math::Min),
        "and" => Value::Boolean(left.holds() && right.holds()),
        "or" => Value::Boolean(left.holds() || right.holds()),
        _ => ArithmeticOp::from_symbol(op).map_or(Value::Null, |op| arithmetic(op, left, right)),
    }
}

fn is_in(element: &Value, container: &Value) -> bool {
    match container {
        Value::Set(set) => set.contains(element),
        Value::Array(elements) => !matches!(element, Value::Null) && elements.contains(element),
        Value::String(text) => element.as_text().is_some_and(|part| text.contains(part)),
        Value::Region(region) => to_place(element).is_some_and(|place| region.contains(place)),
        _ => false,
    }
}

/// A set is smaller than a set that contains it.
fn ordering(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Set(left), Value::Set(right)) => {
            let is_subset =
                |part: &Set, whole: &Set| part.elements().iter().all(|one| whole.contains(one));
            match (is_subset(left, right), is_subset(right, left)) {
                (true, true) => Some(Ordering::Equal),
                (true, false) => Some(Ordering::Less),
                (false, true) => Some(Ordering::Greater),
                (false, false) => None,
            }
        }
        _ => left.number()?.compare(right.number()?),
    }
}
