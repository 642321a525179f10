//! Topics: what people can subscribe to and unsubscribe from.

use serde::{Deserialize, Serialize};

use super::audience::{check_key, check_name};
use crate::ChannelKind;

/// The most topics of a workspace.
pub const TOPICS_MAX: usize = 100;
/// The longest description of a topic, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 500;

/// What counts of a topic for people who said nothing of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TopicDefault {
    /// They get its messages.
    #[default]
    Subscribed,
    /// They get none.
    Unsubscribed,
}

/// What messages are about, which people may want or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// The key by which campaigns and messages name it.
    pub key: String,
    /// The name that people see; the key if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What people get, in a sentence that they see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The kinds of channels that its campaigns may have; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<ChannelKind>,
    /// What counts for people who said nothing.
    #[serde(default)]
    pub default: TopicDefault,
}

impl Topic {
    /// The name that people see.
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.key)
    }

    /// Whether its campaigns may have a kind of channel.
    pub fn has_channel(&self, kind: ChannelKind) -> bool {
        self.channels.is_empty() || self.channels.contains(&kind)
    }

    fn validate(&self) -> Result<(), String> {
        check_key(&self.key)?;
        check_name(self.name.as_deref())?;
        match self.description.as_deref().map(str::len) {
            Some(n_bytes) if !(1..=DESCRIPTION_BYTES_MAX).contains(&n_bytes) => {
                Err(format!("description must be 1 to {DESCRIPTION_BYTES_MAX} bytes"))
            }
            _ => Ok(()),
        }
    }
}

/// Checks the topics of a workspace.
///
/// # Errors
/// A sentence that names the topic and the mistake.
pub(super) fn check_topics(topics: &[Topic]) -> Result<(), String> {
    if topics.len() > TOPICS_MAX {
        return Err(format!("{} topics exceed the limit of {TOPICS_MAX}", topics.len()));
    }
    for (n, topic) in topics.iter().enumerate() {
        topic.validate().map_err(|what| format!("topic {:?}: {what}", topic.key))?;
        if topics[..n].iter().any(|other| other.key == topic.key) {
            return Err(format!("two topics have the key {:?}", topic.key));
        }
    }
    Ok(())
}
