//! Which messages a mapping takes.

use domain::{Message, MessageType};

/// `type = "..."`, with `and event = "..."` where an event is named.
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
        self.type_ == message.type_ && self.event.is_none_or(|event| message.event.as_deref() == Some(event))
    }
}
