//! Opens the parts of a workspace: its journal, its store, and the views of it.

use std::path::Path;
use std::sync::Arc;

use domain::WorkspaceId;
use journal::{Disk, EndRecord, FileJournal, Journal, JournalOptions, Offset, OpenError};
use state::Views;
use store::Store;

use crate::error::store_error;
use crate::follow::replay;
use crate::shared::Shared;
use crate::state_snapshot::Snapshots;
use crate::stores::open_store;
use crate::{Clock, EngineError, Problem};

/// The known end of a journal before it is opened, and how late it may begin.
pub(crate) struct KnownEnd {
    /// The offset below which all entries were acknowledged.
    pub(crate) acknowledged: Offset,
    /// The offset below which the journal may be cut: a snapshot or the store has the state there.
    pub(crate) snapshot: Offset,
    /// Whether a store says so, which has applied all entries but the last batches. See
    /// [`JournalOptions::is_end_known`].
    pub(crate) is_confirmed_by_store: bool,
}

/// Opens the journal of a workspace that is kept in files.
pub(crate) fn open_files(
    id: &WorkspaceId,
    disk: Arc<dyn Disk>,
    end_record: Option<EndRecord>,
    KnownEnd { acknowledged, snapshot, is_confirmed_by_store }: KnownEnd,
) -> Result<Arc<dyn Journal>, OpenError> {
    let name = id.as_str().to_owned();
    let options = JournalOptions {
        name,
        acknowledged,
        snapshot,
        is_end_known: is_confirmed_by_store,
        end_record,
        ..JournalOptions::default()
    };
    Ok(Arc::new(FileJournal::open_with(disk, options)?))
}

/// Whether the store is damaged and must be made again.
fn is_store_damage(error: &EngineError) -> bool {
    matches!(error, EngineError::Store { source, .. } if source.is_damage())
}

/// Where the parts of a workspace are.
pub(crate) struct Parts<'a> {
    pub(crate) id: &'a WorkspaceId,
    pub(crate) store_folder: &'a Path,
    pub(crate) cache_bytes: u64,
    pub(crate) snapshots: &'a Snapshots,
}

impl Parts<'_> {
    /// Opens store and journal and brings the state to the journal's end. `models_end` is the
    /// offset up to which models have read the journal. `progress` gets applied and total entries.
    ///
    /// # Errors
    /// If one of them cannot be opened. A damaged store is none: it is made again.
    pub(crate) fn open(
        &self,
        models_end: u64,
        open_journal: impl FnOnce(KnownEnd) -> Result<Arc<dyn Journal>, OpenError>,
        clock: &dyn Fn() -> Arc<dyn Clock>,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Shared, EngineError> {
        let (found, position) = match self.open_state() {
            Err(error) if is_store_damage(&error) => (Err(error.describe()), 0),
            state => {
                let (store, views) = state?;
                let position = store.position().map_err(store_error(self.store_folder))?;
                (Ok((store, views)), position)
            }
        };
        let newest = self.snapshots.newest()?;
        let journal = open_journal(KnownEnd {
            acknowledged: Offset(position.max(models_end)),
            snapshot: Offset(position.max(newest)),
            is_confirmed_by_store: position > 0,
        });
        let journal = journal.map_err(|error| self.explain(error))?;
        let (start, end) = (journal.start().0, journal.end().0);
        let is_new = position == 0 && newest == 0;
        let (store, views) = match found {
            Ok(state) if is_new || (position > 0 && position >= start) => state,
            Ok(state) => {
                drop(state);
                self.remake_state(start, &format!("it is at offset {position}"))?
            }
            Err(why) => self.remake_state(start, &why)?,
        };
        let progress = |done, total| {
            progress(done, total);
            Ok(())
        };
        let shared = Shared::new(journal, store, views, clock());
        match replay(&shared, self.store_folder, end, &progress) {
            Err(error) if is_store_damage(&error) => {
                let Shared { journal, live, .. } = shared;
                drop(live);
                let (store, views) = self.remake_state(start, &error.describe())?;
                let shared = Shared::new(journal, store, views, clock());
                replay(&shared, self.store_folder, end, &progress)?;
                Ok(shared)
            }
            replayed => replayed.map(|()| shared),
        }
    }

    /// Says what is missing where the journal begins late: with its beginning cut, a snapshot.
    fn explain(&self, error: OpenError) -> EngineError {
        match error {
            OpenError::Gap { found, expected: Offset(0), .. } => {
                self.snapshots.missing(found.0, u64::MAX).into()
            }
            error => error.into(),
        }
    }

    /// Opens the store and loads its views.
    fn open_state(&self) -> Result<(Store, Views), EngineError> {
        let store = open_store(self.store_folder, self.cache_bytes)?;
        let views = Views::load(&store, self.id).map_err(store_error(self.store_folder))?;
        Ok((store, views))
    }

    /// Replaces a store by a new one with the rows of the newest snapshot. The journal has all that
    /// came later.
    fn remake_state(&self, start: u64, why: &str) -> Result<(Store, Views), EngineError> {
        let folder = self.store_folder;
        // Read before anything is removed: without it, the store is the best that there is.
        let base = self.snapshots.find_base(start, u64::MAX)?;
        tracing::warn!(workspace = %self.id, folder = %folder.display(), why, "a store is removed and made again from the journal");
        fs_err::remove_dir_all(folder)?;
        base.begin_state(folder, self.cache_bytes, self.id)
    }
}

/// What is wrong with the snapshots of a journal that begins at `start`: the newest is at `newest`.
pub(crate) fn find_snapshot_problem(start: u64, newest: u64) -> Option<Problem> {
    (start > 0 && newest < start).then(|| Problem::Snapshot {
        why: "there is no snapshot of what was cut before, so that only the store has it; the next run of retention takes one".to_owned(),
    })
}
