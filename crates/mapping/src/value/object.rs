//! Members of an object: by name, in JavaScript's order.

use std::borrow::Cow;

use indexmap::IndexMap;

use super::Value;

/// The members of an object. Numeric keys such as `"2"` come first and ascend, the others follow in
/// the order in which they were set, as in JavaScript.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object<'a>(IndexMap<Cow<'a, str>, Value<'a>>);

impl<'a> Object<'a> {
    /// An object without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a member.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.0.get(key)
    }

    /// The value of a member, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value<'a>> {
        self.0.get_mut(key)
    }

    /// Sets a member; one that exists keeps its place.
    pub fn set(&mut self, key: impl Into<Cow<'a, str>>, value: Value<'a>) {
        let key = key.into();
        let is_new_index = array_index(&key).is_some() && !self.0.contains_key(&key);
        self.0.insert(key, value);
        if is_new_index {
            self.0.sort_by(|a, _, b, _| rank(a).cmp(&rank(b)));
        }
    }

    /// Takes a member out.
    pub fn remove(&mut self, key: &str) -> Option<Value<'a>> {
        self.0.shift_remove(key)
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    pub(super) fn into_owned(self) -> Object<'static> {
        let own = |(key, value): (Cow<'a, str>, Value<'a>)| {
            (Cow::Owned(key.into_owned()), value.into_owned())
        };
        Object(self.0.into_iter().map(own).collect())
    }
}

impl<'a> IntoIterator for Object<'a> {
    type Item = (Cow<'a, str>, Value<'a>);
    type IntoIter = indexmap::map::IntoIter<Cow<'a, str>, Value<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> FromIterator<(Cow<'a, str>, Value<'a>)> for Object<'a> {
    /// Of a repeated key the last value counts.
    fn from_iter<I: IntoIterator<Item = (Cow<'a, str>, Value<'a>)>>(members: I) -> Self {
        let mut all: IndexMap<_, _> = members.into_iter().collect();
        if all.keys().any(|key| array_index(key).is_some()) {
            all.sort_by(|a, _, b, _| rank(a).cmp(&rank(b)));
        }
        Self(all)
    }
}

/// Numeric keys by value, then all others, which keep their order: the sort is stable.
fn rank(key: &str) -> u64 {
    array_index(key).map_or(u64::MAX, u64::from)
}

/// The number of a key that JavaScript counts as an index: digits without a leading zero, below
/// 2^32 - 1.
fn array_index(key: &str) -> Option<u32> {
    let is_index = key.len() <= 10
        && key.bytes().all(|byte| byte.is_ascii_digit())
        && (key == "0" || !key.starts_with('0'));
    is_index.then(|| key.parse().ok()).flatten().filter(|index| *index != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_keys_come_first_and_ascend() {
        let mut object = Object::new();
        for key in ["b", "10", "a", "2", "02", "b", "4294967295"] {
            object.set(key, Value::text(key));
        }
        let keys: Vec<&str> = object.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["2", "10", "b", "a", "02", "4294967295"]);
    }
}
