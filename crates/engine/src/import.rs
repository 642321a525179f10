//! Files that become entries: a catalog whole, interactions in pieces.

use catalog::CatalogFile;
use domain::Interaction;

use crate::{Engine, Entry, Outcome, SubmitError, now};

/// The most interactions of one entry.
pub const INTERACTIONS_PER_ENTRY_MAX: usize = 1_000;
/// The most items of one entry.
pub const ITEMS_PER_ENTRY_MAX: usize = 500;
/// Items of one entry stop here as well, in bytes of their texts: a single item is far smaller.
const ITEMS_PER_ENTRY_BYTES: usize = 512 * 1_024;
/// How many entries are on their way at once.
const ENTRIES_PER_SUBMIT: usize = 4;

/// What an import of interactions did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct ImportedInteractions {
    /// New ones.
    pub added: u64,
    /// Ones with a user, item, kind and timestamp that were there.
    pub already_there: u64,
}

impl Engine {
    /// Makes a catalog file the current version; a crash on the way leaves the old one. `progress` gets items done and in all.
    pub fn import_catalog(&self, file: CatalogFile, progress: &dyn Fn(u64, u64)) -> Result<(), SubmitError> {
        // Two imports at once would stage into each other.
        let _one_at_a_time = self.import_lock.lock();
        let n_items = file.rows.len() as u64;
        self.submit_one(Entry::CatalogStaged { columns: file.columns })?;
        let mut n_done = 0;
        let mut rows = file.rows.into_iter().peekable();
        while rows.peek().is_some() {
            let mut entries = Vec::with_capacity(ENTRIES_PER_SUBMIT);
            while entries.len() < ENTRIES_PER_SUBMIT && rows.peek().is_some() {
                let (mut own, mut bytes) = (Vec::new(), 0);
                while own.len() < ITEMS_PER_ENTRY_MAX && bytes < ITEMS_PER_ENTRY_BYTES {
                    let Some(row) = rows.next() else { break };
                    bytes += row.text_bytes();
                    own.push(row);
                }
                n_done += own.len() as u64;
                entries.push(Entry::CatalogItems { rows: own });
            }
            self.submit_blocking(entries)?;
            progress(n_done, n_items);
        }
        self.submit_one(Entry::CatalogActivated { received_at: now() })
    }

    /// Adds interactions; those that are there already do nothing.
    pub fn import_interactions(
        &self,
        interactions: Vec<Interaction>,
    ) -> Result<ImportedInteractions, SubmitError> {
        let mut imported = ImportedInteractions::default();
        let mut interactions = interactions.into_iter().peekable();
        while interactions.peek().is_some() {
            let entries = (0..ENTRIES_PER_SUBMIT).map(|_| Entry::Interactions {
                received_at: now(),
                interactions: interactions.by_ref().take(INTERACTIONS_PER_ENTRY_MAX).collect(),
            });
            for outcome in self.submit_blocking(entries.collect())? {
                if let Outcome::Interactions { added, already_there } = outcome {
                    imported.added += u64::from(added);
                    imported.already_there += u64::from(already_there);
                }
            }
        }
        Ok(imported)
    }
}
