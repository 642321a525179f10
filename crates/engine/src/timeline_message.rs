//! Entries of the journal as the messages of timelines.

use domain::Message;
use journal::Offset;
use state::Entry;
use store::StoreError;

use crate::EngineError;
use crate::shared::Shared;

/// The message of an entry at an offset of a timeline; none where it was of people who are deleted.
pub(crate) fn decode_message(offset: u64, bytes: &[u8]) -> Result<Option<Message>, EngineError> {
    match Entry::decode(bytes).map_err(|source| EngineError::Entry { offset, source })? {
        Entry::Message(message) => Ok(Some(*message)),
        Entry::Erased { .. } => Ok(None),
        _ => Err(StoreError::Unreadable { what: "timeline" }.into()),
    }
}

/// The message at an offset of the journal; none where it is cut or erased.
pub(crate) fn read_message(shared: &Shared, offset: u64) -> Result<Option<Message>, EngineError> {
    let bytes = read_bytes(shared, offset)?;
    bytes.map_or(Ok(None), |bytes| decode_message(offset, &bytes))
}

/// The bytes of the entry at an offset of the journal; none where it is cut.
pub(crate) fn read_bytes(shared: &Shared, offset: u64) -> Result<Option<Vec<u8>>, EngineError> {
    Ok(match shared.journal.get(Offset(offset))? {
        None if offset < shared.journal.start().0 => None,
        // Without bytes it cannot be decoded, which the error says.
        found => Some(found.unwrap_or_default()),
    })
}
