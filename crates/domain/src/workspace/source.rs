//! A source and its write keys.

use serde::{Deserialize, Serialize};

use super::OAuth;
use crate::Timestamp;

/// An app, shop or site that sends messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Unique in the workspace; every message carries it.
    pub name: String,
    /// The key that authenticates its messages.
    pub write_key: String,
    /// Bearer tokens of server-side senders. Where there are any, a bearer token must be one of
    /// them.
    #[serde(default)]
    pub bearer_tokens: Vec<String>,
    /// A source that is off refuses its messages.
    #[serde(default = "enabled_by_default")]
    pub enabled: bool,
    /// The write key before this one, where senders have time to change theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_key: Option<EarlierKey>,
    /// How its senders get bearer tokens by OAuth 2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth: Option<OAuth>,
}

/// A write key that another has replaced, and that is taken until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierKey {
    /// The key.
    pub write_key: String,
    /// From this time on it is refused.
    pub until: Timestamp,
}

impl Source {
    /// The write key, and the earlier one, also where its time is over.
    pub fn write_keys(&self) -> impl Iterator<Item = &str> {
        let earlier = self.earlier_key.as_ref().map(|earlier| earlier.write_key.as_str());
        std::iter::once(self.write_key.as_str()).chain(earlier)
    }

    /// Whether a message with this key is one of this source at a time.
    pub fn takes_key(&self, write_key: &str, now: Timestamp) -> bool {
        let is_earlier =
            |earlier: &EarlierKey| earlier.write_key == write_key && now < earlier.until;
        self.write_key == write_key || self.earlier_key.as_ref().is_some_and(is_earlier)
    }

    /// Whether its messages need a bearer token beside the write key.
    pub fn needs_bearer(&self) -> bool {
        !self.bearer_tokens.is_empty() || self.oauth.as_ref().is_some_and(|oauth| oauth.required)
    }

    /// Gives it another write key. The present one is taken until a time, or refused at once; one
    /// before it is refused.
    pub fn rotate(&mut self, write_key: String, until: Option<Timestamp>) {
        let present = std::mem::replace(&mut self.write_key, write_key);
        self.earlier_key = until.map(|until| EarlierKey { write_key: present, until });
    }
}

fn enabled_by_default() -> bool {
    true
}
