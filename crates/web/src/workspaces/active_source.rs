//! A source as messages meet it.

use std::ops::Deref;
use std::sync::OnceLock;

use domain::{
    Arrival, Envelope, Message, MessageType, Rejection, Source, SourceControls, check_message,
};

/// A source with its controls, which are compiled when the first message comes.
pub struct ActiveSource {
    source: Source,
    controls: OnceLock<SourceControls>,
}

impl ActiveSource {
    pub(super) fn new(source: Source) -> Self {
        Self { source, controls: OnceLock::new() }
    }

    /// Checks the form of a message, and then what the source allows. `type_` comes from the path
    /// and wins over the message's own type.
    ///
    /// # Errors
    /// The rejection to be recorded.
    pub fn check_message(
        &self,
        text: &str,
        type_: Option<MessageType>,
        envelope: &Envelope<'_>,
        arrival: &Arrival<'_>,
    ) -> Result<Message, Box<Rejection>> {
        let checked = check_message(text, type_, envelope, arrival);
        let checked = checked.and_then(|message| self.controls().check(message, text));
        checked.map_err(|rejection| self.redacted(rejection))
    }

    /// A rejection without its text, if that may show a property that the plan blocks.
    pub fn redacted(&self, mut rejection: Box<Rejection>) -> Box<Rejection> {
        self.controls().redact(&mut rejection);
        rejection
    }

    fn controls(&self) -> &SourceControls {
        self.controls.get_or_init(|| SourceControls::new(&self.source))
    }
}

impl Deref for ActiveSource {
    type Target = Source;

    fn deref(&self) -> &Source {
        &self.source
    }
}
