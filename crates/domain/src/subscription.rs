//! What people want to hear: kinds of channels and topics, and what a person said of each.

use serde::{Deserialize, Serialize};

/// A way by which messages reach people. What somebody says of it holds for all channels of the
/// kind.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// E-mail.
    Email,
    /// Text messages.
    Sms,
    /// Messages of WhatsApp.
    Whatsapp,
    /// Push messages to apps.
    Push,
    /// Push messages to browsers.
    WebPush,
    /// Messages inside an app or a page.
    InApp,
    /// Whatever else sends messages, such as a webhook.
    Other,
}

/// What a person said of a kind of channel, or of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// They want messages.
    Subscribed,
    /// They want none.
    Unsubscribed,
    /// They said nothing, or took back what they said.
    NotSaid,
}

impl ChannelKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Email,
        Self::Sms,
        Self::Whatsapp,
        Self::Push,
        Self::WebPush,
        Self::InApp,
        Self::Other,
    ];

    /// The word for it in APIs and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
            Self::Push => "push",
            Self::WebPush => "web_push",
            Self::InApp => "in_app",
            Self::Other => "other",
        }
    }

    /// The kind of a word, in upper or lower case; `ios_push` and `android_push` are `push`.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        match word.as_str() {
            "ios_push" | "android_push" => Some(Self::Push),
            word => Self::ALL.into_iter().find(|kind| kind.word() == word),
        }
    }

    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Email => "E-mail",
            Self::Sms => "Text messages (SMS)",
            Self::Whatsapp => "WhatsApp",
            Self::Push => "Notifications of the app",
            Self::WebPush => "Notifications of the browser",
            Self::InApp => "Messages in the app and on the website",
            Self::Other => "Other messages",
        }
    }
}

impl SubscriptionStatus {
    /// The word for it in APIs and files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Subscribed => "subscribed",
            Self::Unsubscribed => "unsubscribed",
            Self::NotSaid => "not_said",
        }
    }

    /// The status of a word, in upper or lower case. Segment's `DID_NOT_SUBSCRIBE` is
    /// [`SubscriptionStatus::NotSaid`].
    pub fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().replace('-', "_").as_str() {
            "subscribed" => Some(Self::Subscribed),
            "unsubscribed" => Some(Self::Unsubscribed),
            "not_said" | "did_not_subscribe" => Some(Self::NotSaid),
            _ => None,
        }
    }
}
