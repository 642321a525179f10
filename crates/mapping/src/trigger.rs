//! The condition of a mapping.

use domain::{Message, MessageType};

/// `type = "..."`, with `and event = "..."` where an event is named. Pages and screens are taken where they have a name: those without
/// are views of nothing in particular, and common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The message's type.
    pub type_: MessageType,
    /// The event of a track; none takes any.
    pub event: Option<&'static str>,
}

impl Trigger {
    /// Whether the mapping takes this message.
    pub fn takes(&self, message: &Message) -> bool {
        let is_named =
            message.name.is_some() || !matches!(self.type_, MessageType::Page | MessageType::Screen);
        let is_event = self.event.is_none_or(|event| message.event.as_deref() == Some(event));
        self.type_ == message.type_ && is_named && is_event
    }
}
