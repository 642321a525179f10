//! Values of a message as Liquid templates see them, without copying them.

use std::fmt;

use liquid_core::model::{
    ArrayView, DisplayCow, KStringCow, ObjectView, ScalarCow, State, Value as LiquidValue,
    ValueView,
};

use crate::value::{Object, Value};

/// Prints a value as templates do: nothing for nil, elements one behind the other.
struct Printed<'v>(&'v Value<'v>);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Undefined | Value::Null => Ok(()),
            Value::Array(items) => items.iter().try_for_each(|item| Printed(item).fmt(f)),
            value => f.write_str(&value.print()),
        }
    }
}

impl ValueView for Value<'_> {
    fn as_debug(&self) -> &dyn fmt::Debug {
        self
    }

    fn render(&self) -> DisplayCow<'_> {
        DisplayCow::Owned(Box::new(Printed(self)))
    }

    fn source(&self) -> DisplayCow<'_> {
        self.render()
    }

    fn type_name(&self) -> &'static str {
        Value::type_name(self)
    }

    fn query_state(&self, state: State) -> bool {
        let is_empty = match self {
            Self::Undefined | Self::Null => return !matches!(state, State::Truthy),
            Self::Bool(value) => return *value == matches!(state, State::Truthy),
            Self::String(text) if matches!(state, State::Blank) => text.trim().is_empty(),
            Self::String(text) => text.is_empty(),
            Self::Array(items) => items.is_empty(),
            Self::Object(object) => object.is_empty(),
            Self::Number(_) | Self::Instant(_) => false,
        };
        matches!(state, State::Truthy) || is_empty
    }

    fn to_kstr(&self) -> KStringCow<'_> {
        KStringCow::from_string(Printed(self).to_string())
    }

    fn to_value(&self) -> LiquidValue {
        match self {
            Self::Undefined | Self::Null => LiquidValue::Nil,
            Self::Bool(value) => LiquidValue::scalar(*value),
            Self::Number(number) => LiquidValue::scalar(number.value),
            Self::String(text) => LiquidValue::scalar(text.clone().into_owned()),
            Self::Instant(instant) => LiquidValue::scalar(instant.to_string()),
            Self::Array(items) => LiquidValue::Array(items.iter().map(Self::to_value).collect()),
            Self::Object(object) => object.to_value(),
        }
    }

    fn as_scalar(&self) -> Option<ScalarCow<'_>> {
        match self {
            Self::Bool(value) => Some(ScalarCow::new(*value)),
            Self::Number(number) => Some(ScalarCow::new(number.value)),
            Self::String(text) => Some(ScalarCow::new(text.as_ref())),
            Self::Instant(instant) => Some(ScalarCow::new(instant.to_string())),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<&dyn ArrayView> {
        match self {
            Self::Array(_) => Some(self),
            _ => None,
        }
    }

    fn as_object(&self) -> Option<&dyn ObjectView> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    fn is_nil(&self) -> bool {
        self.is_nullish()
    }
}

impl Value<'_> {
    fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// The place of an element; negative indexes count from the end.
    fn place(&self, index: i64) -> Option<usize> {
        let len = i64::try_from(self.items().len()).ok()?;
        let place = if index < 0 { index.checked_add(len)? } else { index };
        usize::try_from(place).ok()
    }
}

impl ArrayView for Value<'_> {
    fn as_value(&self) -> &dyn ValueView {
        self
    }

    fn size(&self) -> i64 {
        self.items().len() as i64
    }

    fn values<'k>(&'k self) -> Box<dyn Iterator<Item = &'k dyn ValueView> + 'k> {
        Box::new(self.items().iter().map(|item| item as &dyn ValueView))
    }

    fn contains_key(&self, index: i64) -> bool {
        ArrayView::get(self, index).is_some()
    }

    fn get(&self, index: i64) -> Option<&dyn ValueView> {
        self.items().get(self.place(index)?).map(|item| item as &dyn ValueView)
    }
}

impl ValueView for Object<'_> {
    fn as_debug(&self) -> &dyn fmt::Debug {
        self
    }

    fn render(&self) -> DisplayCow<'_> {
        DisplayCow::Borrowed(&"[object Object]")
    }

    fn source(&self) -> DisplayCow<'_> {
        self.render()
    }

    fn type_name(&self) -> &'static str {
        "object"
    }

    fn query_state(&self, state: State) -> bool {
        matches!(state, State::Truthy) || self.is_empty()
    }

    fn to_kstr(&self) -> KStringCow<'_> {
        KStringCow::from_static("[object Object]")
    }

    fn to_value(&self) -> LiquidValue {
        let members = self.iter().map(|(key, value)| (key.to_owned().into(), value.to_value()));
        LiquidValue::Object(members.collect())
    }

    fn as_object(&self) -> Option<&dyn ObjectView> {
        Some(self)
    }
}

impl ObjectView for Object<'_> {
    fn as_value(&self) -> &dyn ValueView {
        self
    }

    fn size(&self) -> i64 {
        self.len() as i64
    }

    fn keys<'k>(&'k self) -> Box<dyn Iterator<Item = KStringCow<'k>> + 'k> {
        Box::new(self.iter().map(|(key, _)| KStringCow::from_ref(key)))
    }

    fn values<'k>(&'k self) -> Box<dyn Iterator<Item = &'k dyn ValueView> + 'k> {
        Box::new(self.iter().map(|(_, value)| value as &dyn ValueView))
    }

    fn iter<'k>(&'k self) -> Box<dyn Iterator<Item = (KStringCow<'k>, &'k dyn ValueView)> + 'k> {
        let pair = |(key, value): (&'k str, &'k Value<'_>)| {
            (KStringCow::from_ref(key), value as &'k dyn ValueView)
        };
        Box::new(Object::iter(self).map(pair))
    }

    fn contains_key(&self, index: &str) -> bool {
        Object::get(self, index).is_some()
    }

    fn get<'s>(&'s self, index: &str) -> Option<&'s dyn ValueView> {
        Object::get(self, index).map(|value| value as &dyn ValueView)
    }
}
