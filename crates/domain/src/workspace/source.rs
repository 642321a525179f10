//! A source and its write keys.

use serde::{Deserialize, Serialize};

use super::{CAMPAIGN_SOURCE, OAuth, TOKEN_BYTES_MAX, TrackingPlan, is_token, token_form};
use crate::Timestamp;
use crate::message::MessageType;

/// The most sources of a workspace.
const SOURCES_MAX: usize = 1_000;
/// The highest limit on the messages of a source in a second.
pub const MESSAGES_PER_SECOND_MAX: u32 = 1_000_000;

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
    /// The types of its messages, others are rejected; none for all types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_types: Option<Vec<MessageType>>,
    /// How many messages it may send in a second, beside a burst; none for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_second: Option<u32>,
    /// Which events and properties it may send; none for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<TrackingPlan>,
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

/// Checks the sources of a workspace, and that their names and keys are unique.
///
/// # Errors
/// A sentence that names the source and the mistake.
pub(super) fn check_sources(sources: &[Source]) -> Result<(), String> {
    if sources.len() > SOURCES_MAX {
        return Err(format!("{} sources exceed the limit of {SOURCES_MAX}", sources.len()));
    }
    for (n, source) in sources.iter().enumerate() {
        if source.name.is_empty() || source.name.len() > TOKEN_BYTES_MAX {
            let excerpt: String = source.name.chars().take(80).collect();
            return Err(format!("source {excerpt:?}: name must be 1 to {TOKEN_BYTES_MAX} bytes"));
        }
        if source.name == CAMPAIGN_SOURCE {
            return Err(format!(
                "source {CAMPAIGN_SOURCE:?}: campaigns use this name, so take another one"
            ));
        }
        let of_source = |what: String| format!("source {:?}: {what}", source.name);
        if !is_token(&source.write_key) {
            return Err(of_source(format!("write_key must be {}", token_form())));
        }
        source.check_controls().map_err(of_source)?;
        let earlier = &sources[..n];
        if earlier.iter().any(|other| other.name == source.name) {
            return Err(format!("two sources are named {:?}", source.name));
        }
        let is_taken =
            |key: &str| earlier.iter().flat_map(Source::write_keys).any(|other| other == key);
        if source.write_keys().any(is_taken) {
            return Err(format!(
                "source {:?} repeats the write_key of another source",
                source.name
            ));
        }
        if source.write_keys().skip(1).any(|key| key == source.write_key || !is_token(key)) {
            return Err(of_source(format!("earlier_key must be another one, of {}", token_form())));
        }
        source.oauth.as_ref().map_or(Ok(()), OAuth::validate).map_err(of_source)?;
    }
    Ok(())
}

impl Source {
    /// A source that is on and takes everything.
    pub fn new(name: &str, write_key: &str) -> Self {
        Self {
            name: name.to_owned(),
            write_key: write_key.to_owned(),
            bearer_tokens: Vec::new(),
            enabled: true,
            earlier_key: None,
            allowed_types: None,
            messages_per_second: None,
            plan: None,
            oauth: None,
        }
    }

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

    /// Checks the allowed types, the limit and the plan.
    ///
    /// # Errors
    /// Names the key: `plan.events.0.name must be 1 to 200 bytes`.
    pub(crate) fn check_controls(&self) -> Result<(), String> {
        if let Some(types) = &self.allowed_types {
            if types.is_empty() {
                return Err(
                    "allowed_types must name at least one type; a source that is off takes none"
                        .to_owned(),
                );
            }
            let repeated = types.iter().enumerate().find(|(n, type_)| types[..*n].contains(type_));
            if let Some((_, type_)) = repeated {
                return Err(format!("allowed_types has {type_} twice"));
            }
        }
        if let Some(limit) = self.messages_per_second
            && !(1..=MESSAGES_PER_SECOND_MAX).contains(&limit)
        {
            return Err(format!(
                "messages_per_second is {limit}, it must be 1 to {MESSAGES_PER_SECOND_MAX}"
            ));
        }
        let plan = self.plan.as_ref();
        plan.map_or(Ok(()), TrackingPlan::validate).map_err(|what| format!("plan.{what}"))
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
