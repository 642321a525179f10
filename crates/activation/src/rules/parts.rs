//! What a message says about its delivery: consent in its context, and `integrations`.

use std::borrow::Cow;
use std::fmt;

use domain::Message;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of a JSON object in their order, each with its text.
pub(super) struct Members<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of a JSON object; none of anything else.
    pub(super) fn read(json: &'a str) -> Option<Self> {
        json.trim_start().starts_with('{').then(|| serde_json::from_str(json).ok())?
    }

    /// The text of a member. Of several with one name the last counts.
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReadMembers;

        impl<'de> Visitor<'de> for ReadMembers {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry()? {
                    members.push((key, value));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(ReadMembers).map(Self)
    }
}

/// A key, borrowed unless it has escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ReadKey;

        impl<'de> Visitor<'de> for ReadKey {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(key))
            }

            fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(key.to_owned()))
            }
        }

        deserializer.deserialize_str(ReadKey).map(Self)
    }
}

/// The first of some consent categories that a message does not allow. A message without a consent
/// object allows all; one whose object holds no preferences allows none.
pub(super) fn missing_consent<'c>(message: &Message, categories: &'c [String]) -> Option<&'c str> {
    let first = categories.first()?;
    let context = Members::read(message.context.as_deref()?)?;
    let consent = context.get("consent").filter(|json| *json != "null")?;
    let preferences = Members::read(consent)
        .and_then(|consent| consent.get("categoryPreferences"))
        .and_then(Members::read);
    let Some(preferences) = preferences else { return Some(first) };
    let is_missing = |category: &&String| preferences.get(category) != Some("true");
    categories.iter().find(is_missing).map(String::as_str)
}

/// Whether a message excludes a destination. A `false` for one of its names does, and so does
/// `All: false` unless one of its names has another value.
pub(super) fn is_excluded(message: &Message, names: &[&str]) -> bool {
    let Some(integrations) = message.integrations.as_deref().and_then(Members::read) else {
        return false;
    };
    let own = || names.iter().filter_map(|name| integrations.get(name));
    let mut own = own().filter(|json| *json != "null").peekable();
    match own.peek() {
        Some(_) => own.any(|json| json == "false"),
        None => integrations.get("All") == Some("false"),
    }
}
