//! Triggers: which messages a mapping matches.

use domain::{Message, MessageType};

/// Matches messages of one type and, for tracks, of one event. Pages and screens match only with a
/// name, since views without one are common and refer to no item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The only type of messages that match.
    pub type_: MessageType,
    /// The only event of tracks that match; none for any.
    pub event: Option<&'static str>,
}

impl Trigger {
    /// Whether the trigger matches a message.
    pub fn takes(&self, message: &Message) -> bool {
        let is_named = message.name.is_some()
            || !matches!(self.type_, MessageType::Page | MessageType::Screen);
        let is_event = self.event.is_none_or(|event| message.event.as_deref() == Some(event));
        self.type_ == message.type_ && is_named && is_event
    }
}
