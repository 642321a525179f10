//! Taking a snapshot of the state while the workspace is in use, and checking it against a fold of
//! the journal that knows nothing of the store.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use fs_err as fs;
use journal::Offset;
use journal::disk::{create_private_folder, open_private_file};
use recommender::Cancelled;
use serde::{Deserialize, Serialize};
use state::Views;
use store::Picture;

use crate::background::run_when_idle;
use crate::error::store_error;
use crate::follow::replay;
use crate::scratch::Scratch;
use crate::shared::Shared;
use crate::snapshot_error::SnapshotError;
use crate::state_snapshot::{self, Header, PART_EXTENSION, SnapshotFile, WriteError};
use crate::stores::open_store;
use crate::{Engine, EngineError, Entry, Problem, store_picture};

/// The caches of the two stores of a check, each in bytes.
const CHECK_CACHE_BYTES: u64 = 16 * 1_024 * 1_024;
/// How often a picture of the store is tried while the workspace is being reset, and the wait.
const PICTURE_ATTEMPTS_MAX: usize = 100;
const PICTURE_WAIT: Duration = Duration::from_millis(50);

/// A snapshot that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TakenSnapshot {
    /// The number of journal entries that it is the state after.
    pub position: u64,
    /// The size of its file.
    pub bytes: u64,
    /// The number of its rows.
    pub rows: u64,
    /// Whether an independent fold of the journal came to the same rows. One that is not checked
    /// makes nothing of the journal dispensable.
    pub is_checked: bool,
}

/// A step of taking a snapshot, with how much of it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotStep {
    /// Bytes that are written.
    Write(u64),
    /// Entries that are folded for the check, and of all.
    Fold(u64, u64),
    /// Rows that are compared.
    Compare(u64),
}

/// Notes a step of taking a snapshot, and may cancel it.
type Note<'a> = &'a (dyn Fn(SnapshotStep) -> Result<(), Cancelled> + Sync);

impl Engine {
    /// Takes a snapshot of the state, which takes the place of the one before. If it is to be
    /// checked, the journal is folded from the snapshot before on, or from the first entry, with
    /// the lowest priority on the processors, and must come to the same rows; where that is not
    /// possible, the snapshot is not checked, and says so. `note` gets the steps and may cancel.
    ///
    /// # Errors
    /// [`SnapshotError::Differs`], which is a problem of the workspace until a check succeeds;
    /// others where it cannot be written, or was cancelled. The snapshot before stays then.
    pub fn take_snapshot(
        &self,
        is_to_be_checked: bool,
        note: Note<'_>,
    ) -> Result<TakenSnapshot, EngineError> {
        let _one_at_a_time = self.snapshot_lock.lock();
        // What is cut short for a workspace to be closed ends here too.
        let note = |step| self.check_training().and_then(|()| note(step));
        let taken = self.take_and_check(is_to_be_checked, &note);
        match &taken {
            Ok(_) => *self.snapshot_problem.lock() = None,
            Err(error @ EngineError::Snapshot(SnapshotError::Differs { .. })) => {
                let problem = Problem::Snapshot { why: error.describe() };
                tracing::error!(workspace = %self.id(), %problem, "a snapshot of the state is refused");
                *self.snapshot_problem.lock() = Some(problem);
            }
            Err(_) => {}
        }
        taken
    }

    /// The position of the newest snapshot of the state; 0 where there is none.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn snapshot_position(&self) -> Result<u64, EngineError> {
        Ok(self.snapshots.newest()?)
    }

    fn take_and_check(
        &self,
        is_to_be_checked: bool,
        note: Note<'_>,
    ) -> Result<TakenSnapshot, EngineError> {
        let part = self.write_part(note)?;
        let file = SnapshotFile::open(&part.0, self.id())?;
        let is_checked = is_to_be_checked && self.check_part(&file, note)?;
        let path = self.snapshots.path(file.position());
        fs::rename(&part.0, &path)?;
        fs::File::open(self.snapshots.folder())?.sync_all()?;
        self.snapshots.remove_others(file.position())?;
        tracing::info!(workspace = %self.id(), position = file.position(), bytes = file.n_bytes(), is_checked, "a snapshot of the state was taken");
        Ok(TakenSnapshot {
            position: file.position(),
            bytes: file.n_bytes(),
            rows: file.n_rows(),
            is_checked,
        })
    }

    /// Writes all rows of the store, durably, into a file that has no right name yet.
    fn write_part(&self, note: Note<'_>) -> Result<Part, EngineError> {
        create_private_folder(self.snapshots.folder())?;
        let picture = self.take_picture()?;
        let names = Views::KEYSPACES.concat();
        let header = Header {
            workspace: self.id().clone(),
            position: picture.position(),
            format: store::FORMAT,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            keyspaces: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let part = Part(self.snapshots.path(picture.position()).with_extension(PART_EXTENSION));
        let mut target = open_private_file(&part.0)?;
        target.set_len(0)?;
        let mut n_bytes = 0;
        let mut note = |bytes| {
            n_bytes += bytes;
            Ok(note(SnapshotStep::Write(n_bytes))?)
        };
        let store = self.shared.live.store();
        let written =
            state_snapshot::write(&mut target, &header, store, &picture, &names, &mut note);
        written.map_err(|error| match error {
            WriteError::Io(source) => SnapshotError::Io { path: part.0.clone(), source },
            WriteError::Other(error) => error,
        })?;
        target.flush()?;
        target.sync_all()?;
        Ok(part)
    }

    /// Takes a picture of the store at a place where it is the fold of the journal: not in the
    /// middle of a reset, which is none.
    fn take_picture(&self) -> Result<Picture, EngineError> {
        for _ in 0..PICTURE_ATTEMPTS_MAX {
            let picture = self.shared.live.store().take_picture().map_err(SnapshotError::from)?;
            if let Some(picture) = picture
                && !self.is_reset_next(picture.position())?
            {
                return Ok(picture);
            }
            std::thread::sleep(PICTURE_WAIT);
        }
        Err(SnapshotError::Resetting.into())
    }

    fn is_reset_next(&self, offset: u64) -> Result<bool, EngineError> {
        let Some(bytes) = self.shared.journal.get(Offset(offset))? else { return Ok(false) };
        let entry =
            Entry::decode(&bytes).map_err(|source| EngineError::Entry { offset, source })?;
        Ok(matches!(entry, Entry::Reset { .. }))
    }

    /// Compares a snapshot with an independent fold of the journal. Returns false where there is
    /// nothing to begin that fold with.
    fn check_part(&self, file: &SnapshotFile, note: Note<'_>) -> Result<bool, EngineError> {
        std::thread::scope(|scope| {
            let check = || {
                if let Err(error) = run_when_idle() {
                    tracing::warn!(?error, "the check of a snapshot has the priority of requests");
                }
                self.compare_with_fold(file, note)
            };
            let thread = std::thread::Builder::new().name("snapshot".to_owned());
            let thread = thread.spawn_scoped(scope, check)?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn compare_with_fold(&self, file: &SnapshotFile, note: Note<'_>) -> Result<bool, EngineError> {
        let (until, start) = (file.position(), self.shared.journal.start().0);
        let folded = Scratch::new(self.folder().join("snapshot-fold"))?;
        let begun = self.snapshots.begin_state(folded.path(), CHECK_CACHE_BYTES, start, until);
        let (store, views) = match begun {
            // What is left of the journal cannot tell what was before it.
            Err(EngineError::Snapshot(
                error @ (SnapshotError::NoBase { .. } | SnapshotError::Damaged { .. }),
            )) => {
                let why = crate::describe_error(&error);
                tracing::warn!(workspace = %self.id(), why, "a snapshot cannot be checked");
                return Ok(false);
            }
            begun => begun?,
        };
        let journal = Arc::clone(&self.shared.journal);
        let shared = Shared::new(journal, store, views, Arc::clone(&self.shared.clock));
        let note_fold = |done, total| {
            note(SnapshotStep::Fold(done, total)).map_err(|error| SnapshotError::from(error).into())
        };
        replay(&shared, folded.path(), until, &note_fold)?;
        let loaded = Scratch::new(self.folder().join("snapshot-load"))?;
        let store = open_store(loaded.path(), CHECK_CACHE_BYTES)?;
        file.fill(&store)?;
        let n_rows = std::cell::Cell::new(0);
        let is_cancelled = std::cell::Cell::new(false);
        let compared = store_picture::compare(&store, shared.live.store(), &|rows| {
            n_rows.set(n_rows.get() + rows);
            is_cancelled.set(note(SnapshotStep::Compare(n_rows.get())).is_err());
        });
        let (_, differences) = compared.map_err(store_error(loaded.path()))?;
        if is_cancelled.get() {
            return Err(SnapshotError::Cancelled(Cancelled).into());
        }
        match differences.first() {
            None => Ok(true),
            Some(first) => {
                let what = first.to_string();
                Err(SnapshotError::Differs { position: until, what }.into())
            }
        }
    }
}

/// A file that is removed unless it gets its name.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, "a part of a snapshot stays");
            }
            _ => {}
        }
    }
}
