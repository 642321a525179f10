//! Changes of traits by journeys.

use domain::{TraitChange, TraitChangeKind};
use serde_json::{Number, Value};

/// The most items of a list to which journeys add.
const ITEMS_MAX: usize = 1_000;

/// What a trait becomes by a change; none is a trait that is not there.
pub(crate) fn changed(present: Option<&Value>, change: &TraitChange) -> Value {
    let items = || match present {
        Some(Value::Array(items)) => items.clone(),
        None | Some(Value::Null) => Vec::new(),
        Some(other) => vec![other.clone()],
    };
    match change.change {
        TraitChangeKind::Set => change.value.clone(),
        TraitChangeKind::Add => {
            let mut items = items();
            if !items.contains(&change.value) && items.len() < ITEMS_MAX {
                items.push(change.value.clone());
            }
            Value::Array(items)
        }
        TraitChangeKind::Remove => {
            let mut items = items();
            items.retain(|item| *item != change.value);
            Value::Array(items)
        }
        TraitChangeKind::Increment => sum(present, &change.value),
    }
}

/// Whole numbers stay whole where they can.
fn sum(present: Option<&Value>, added: &Value) -> Value {
    let zero = Value::from(0);
    let present = present.filter(|value| value.is_number()).unwrap_or(&zero);
    if let (Some(one), Some(other)) = (present.as_i64(), added.as_i64())
        && let Some(sum) = one.checked_add(other)
    {
        return sum.into();
    }
    let sum = present.as_f64().unwrap_or(0.0) + added.as_f64().unwrap_or(0.0);
    Number::from_f64(sum).map_or_else(|| present.clone(), Value::Number)
}
