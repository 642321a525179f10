//! The dead letters of destinations, for people: to look at, to change, to send anew and to drop.

use activation::DeadLetter;
use domain::Message;
use mapping::{Payload, Value};
use state::Refusal;

use crate::delivery::{deliverable, edit};
use crate::error::store_error;
use crate::{Command, Engine, EngineError, Entry, Outcome, SubmitError};

/// Errors of sending dead letters anew and of dropping them.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The message was changed to something that is no message.
    #[error("the message {0}")]
    NoMessage(String),
    /// There is no such dead letter.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The journal cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The journal does not take it.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl Engine {
    /// Dead letters of a destination, those that no mapping could map first, by their place: from
    /// behind one on (whether it was sent, offset, mapping), at most `n_max`.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn dead_letters(
        &self,
        destination: &str,
        after: Option<(bool, u64, &str)>,
        n_max: usize,
    ) -> Result<Vec<DeadLetter>, EngineError> {
        let snapshot = self.snapshot();
        let letters =
            snapshot.destinations.dead_letters(snapshot.store(), destination, after, n_max);
        letters.map_err(store_error(&self.folder().join("store")))
    }

    /// The message of a dead letter as JSON; none where its entry is gone.
    ///
    /// # Errors
    /// If there is no such dead letter, or store or journal cannot be read.
    pub fn dead_letter_message(
        &self,
        destination: &str,
        offset: u64,
        mapping: &str,
    ) -> Result<Option<String>, DeadLetterError> {
        let snapshot = self.snapshot();
        let found =
            snapshot.destinations.dead_letter(snapshot.store(), destination, offset, mapping);
        drop(snapshot);
        match found.map_err(store_error(&self.folder().join("store")))? {
            Some(_) => Ok(self.message_of(destination, offset)?.map(|message| to_json(&message))),
            None => {
                let what = format!("of entry {offset} and mapping {mapping:?}");
                Err(Refusal::NotFound(format!("there is no dead letter {what}")).into())
            }
        }
    }

    pub(crate) fn message_of(
        &self,
        destination: &str,
        offset: u64,
    ) -> Result<Option<Box<Message>>, EngineError> {
        let Some(bytes) = self.shared.journal.get(journal::Offset(offset))? else {
            return Ok(None);
        };
        let entry =
            Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })?;
        Ok(deliverable(&self.shared, destination, offset, entry)?.map(|found| found.message))
    }

    /// Delivers dead letters anew, by the present mappings; with another message if one is given.
    ///
    /// # Errors
    /// If there is no such dead letter, or the text is no message. The ones before it are on their
    /// way then.
    pub fn retry_dead_letters(
        &self,
        destination: &str,
        letters: &[(u64, String)],
        message: Option<String>,
    ) -> Result<(), DeadLetterError> {
        if let Some(json) = &message {
            check_edited(json)?;
        }
        let retry = |(offset, mapping): &(u64, String)| {
            if let (Some(json), Some(original)) = (&message, self.message_of(destination, *offset)?)
            {
                let edited = edit(&original, json).map_err(DeadLetterError::NoMessage)?;
                let ids = [&edited.user_id, &edited.anonymous_id, &edited.previous_id];
                if ids.into_iter().flatten().any(|id| self.is_suppressed(id)) {
                    let what = "it is of somebody whose new data is refused".to_owned();
                    return Err(DeadLetterError::NoMessage(what));
                }
            }
            Ok(Command::RetryDeadLetter {
                destination: destination.to_owned(),
                offset: *offset,
                mapping: mapping.clone(),
                message: message.clone(),
            })
        };
        let commands = letters.iter().map(retry).collect::<Result<_, DeadLetterError>>()?;
        self.submit_letters(commands)
    }

    /// Drops dead letters.
    ///
    /// # Errors
    /// If there is no such dead letter. The ones before it are dropped then.
    pub fn drop_dead_letters(
        &self,
        destination: &str,
        letters: &[(u64, String)],
    ) -> Result<(), DeadLetterError> {
        let command = |(offset, mapping): &(u64, String)| Command::DropDeadLetter {
            destination: destination.to_owned(),
            offset: *offset,
            mapping: mapping.clone(),
        };
        self.submit_letters(letters.iter().map(command).collect())
    }

    fn submit_letters(&self, commands: Vec<Command>) -> Result<(), DeadLetterError> {
        let received_at = self.now();
        let entry = |command| Entry::Command { received_at, command: Box::new(command) };
        let outcomes = self.submit_blocking(commands.into_iter().map(entry).collect())?;
        let refused = outcomes.into_iter().find_map(|outcome| match outcome {
            Outcome::Refused(refusal) => Some(refusal),
            _ => None,
        });
        refused.map_or(Ok(()), |refusal| Err(refusal.into()))
    }
}

fn check_edited(json: &str) -> Result<(), DeadLetterError> {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json) {
        Ok(_) => Ok(()),
        Err(error) => Err(DeadLetterError::NoMessage(format!("is no JSON object: {error}"))),
    }
}

/// A message as a source would send it.
fn to_json(message: &Message) -> String {
    let payload = Payload::for_destination(message);
    match payload.get(&mapping::Path::new("$.")) {
        Value::Object(object) => Value::Object(object).to_json(),
        _ => "{}".to_owned(),
    }
}
