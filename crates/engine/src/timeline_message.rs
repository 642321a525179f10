//! Entries of the journal as the messages of timelines.

use domain::Message;
use state::Entry;
use store::StoreError;

use crate::EngineError;

/// The message of an entry at an offset of a timeline; none where it was of people who are deleted.
pub(crate) fn decode_message(offset: u64, bytes: &[u8]) -> Result<Option<Message>, EngineError> {
    match Entry::decode(bytes).map_err(|source| EngineError::Entry { offset, source })? {
        Entry::Message(message) => Ok(Some(*message)),
        Entry::Erased { .. } => Ok(None),
        _ => Err(StoreError::Unreadable { what: "timeline" }.into()),
    }
}
