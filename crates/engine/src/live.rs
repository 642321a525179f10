//! Entries as they are in the journal, for people who look at what arrives: a page back from the
//! end, and what is new. Every read is bounded; it takes no lock that the fold needs.

use std::collections::VecDeque;

use journal::Offset;
use tokio::sync::watch;

use crate::{Engine, EngineError, Entry, Outcome};

/// The most entries that one call of [`Engine::latest_entries`] looks at.
pub const ENTRIES_SEARCHED_MAX: usize = 20_000;
/// The most bytes of entries that one call looks at, beside the last entry.
pub const ENTRY_BYTES_SEARCHED_MAX: usize = 8 * 1_024 * 1_024;
/// The most entries that one call of [`Engine::entries_since`] looks at. Where there are more, the
/// earlier ones are passed over.
pub const NEW_ENTRIES_MAX: usize = 1_000;

/// The number of entries that are read at once on the way back.
const ENTRIES_PER_READ: u64 = 128;

/// The offset and the bytes of an entry.
type Record = (u64, Vec<u8>);

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct AppliedEntry {
    /// Its offset.
    pub offset: u64,
    /// The entry.
    pub entry: Entry,
    /// What the fold made of it; none where this process does not know it any more, or never did.
    pub outcome: Option<Outcome>,
}

/// What was found on the way back from an offset.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestEntries<T> {
    /// Newest first.
    pub found: Vec<T>,
    /// Where to go on; none at the beginning of the journal, which may be cut.
    pub before: Option<u64>,
}

/// What was found from an offset on.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntries<T> {
    /// Oldest first.
    pub found: Vec<T>,
    /// Where to go on.
    pub from: u64,
    /// The number of offsets that were passed over, since there were too many.
    pub n_missed: u64,
}

impl Engine {
    /// The offset after the last applied entry.
    pub fn applied(&self) -> u64 {
        self.shared.outcomes.applied()
    }

    /// Follows [`Self::applied`]. It ends when the workspace is closed.
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.shared.outcomes.watch()
    }

    /// The entry at an offset; none in a gap and past the last applied entry.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn entry(&self, offset: u64) -> Result<Option<AppliedEntry>, EngineError> {
        if offset >= self.applied() {
            return Ok(None);
        }
        let bytes = self.shared.journal.get(Offset(offset))?;
        bytes.map(|bytes| self.applied_entry(offset, &bytes)).transpose()
    }

    /// Goes back from the entry before the offset `before`, or from the last one, until `n_max`
    /// entries are picked or the bounds are reached.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn latest_entries<T>(
        &self,
        before: Option<u64>,
        n_max: usize,
        pick: &dyn Fn(AppliedEntry) -> Option<T>,
    ) -> Result<LatestEntries<T>, EngineError> {
        let mut end = before.unwrap_or(u64::MAX).min(self.applied());
        let (mut found, mut n_entries, mut n_bytes) = (Vec::new(), 0, 0);
        let beginning = self.shared.journal.start().0;
        while end > beginning {
            let start = end.saturating_sub(ENTRIES_PER_READ).max(beginning);
            let (first, mut records) =
                self.read_last(start, end, ENTRY_BYTES_SEARCHED_MAX - n_bytes)?;
            while let Some((offset, bytes)) = records.pop_back() {
                (n_entries, n_bytes) = (n_entries + 1, n_bytes + bytes.len());
                end = offset;
                found.extend(pick(self.applied_entry(offset, &bytes)?));
                let is_enough = found.len() >= n_max
                    || n_entries >= ENTRIES_SEARCHED_MAX
                    || n_bytes >= ENTRY_BYTES_SEARCHED_MAX;
                if is_enough {
                    return Ok(LatestEntries { found, before: (end > beginning).then_some(end) });
                }
            }
            end = first;
        }
        Ok(LatestEntries { found, before: None })
    }

    /// Picks entries from an offset on, of the last [`NEW_ENTRIES_MAX`] applied ones.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn entries_since<T>(
        &self,
        from: u64,
        pick: &dyn Fn(AppliedEntry) -> Option<T>,
    ) -> Result<NewEntries<T>, EngineError> {
        let end = self.applied();
        let from = from.min(end);
        let start = from.max(end.saturating_sub(NEW_ENTRIES_MAX as u64));
        let (first, records) = self.read_last(start, end, ENTRY_BYTES_SEARCHED_MAX)?;
        let mut found = Vec::new();
        for (offset, bytes) in &records {
            found.extend(pick(self.applied_entry(*offset, bytes)?));
        }
        Ok(NewEntries { found, from: end, n_missed: first - from })
    }

    /// The last entries from `start` to before `end`: all of them, or as many as have `bytes_max`
    /// bytes together, at least one. The offset is the one from which on all are there.
    fn read_last(
        &self,
        start: u64,
        end: u64,
        bytes_max: usize,
    ) -> Result<(u64, VecDeque<Record>), EngineError> {
        let (mut first, mut n_bytes) = (start, 0);
        let mut records = VecDeque::<Record>::new();
        for record in self.shared.journal.read_from(Offset(start)) {
            let (Offset(offset), bytes) = record?;
            if offset >= end {
                break;
            }
            n_bytes += bytes.len();
            records.push_back((offset, bytes));
            while n_bytes > bytes_max && records.len() > 1 {
                let Some((dropped, bytes)) = records.pop_front() else { break };
                (first, n_bytes) = (dropped + 1, n_bytes - bytes.len());
            }
        }
        Ok((first, records))
    }

    fn applied_entry(&self, offset: u64, bytes: &[u8]) -> Result<AppliedEntry, EngineError> {
        let entry = Entry::decode(bytes).map_err(|source| EngineError::Entry { offset, source })?;
        Ok(AppliedEntry { offset, entry, outcome: self.shared.outcomes.get(offset) })
    }
}
