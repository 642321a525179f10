//! Accepting the loss of journal entries, which only an operator can do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::WorkspaceId;
use fs_err as fs;
use journal::{EndRecord, JournalEnd, RealDisk, RecordedEnd};

use crate::artifacts::Artifacts;
use crate::data_folder::{
    LockedFolder, SYSTEM_JOURNAL, ends_folder, list_workspaces, system_folder, workspace_folder,
};
use crate::journal_files::{list_segments, parse_first_offset, read_recorded_end, survey_journal};
use crate::state_snapshot::Snapshots;
use crate::stores::open_store;
use crate::{DataFolderError, EngineError, Finding};

/// Errors of accepting a loss.
#[derive(Debug, thiserror::Error)]
pub enum LossError {
    /// The journal has damage other than a missing end.
    #[error("the journal has damage within, which cannot be accepted: restore it from a backup")]
    Damaged(#[source] Finding),
    /// The journal ends before the snapshot of the state, and its beginning is cut off.
    #[error(
        "the journal ends at offset {end}, before the snapshot of the state at {snapshot}, and its beginning is cut off: nothing has the \
         state in between. Restore the workspace from a backup"
    )]
    BehindSnapshot {
        /// The position of the snapshot.
        snapshot: u64,
        /// The end of the journal.
        end: u64,
    },
    /// There is no such workspace, and no record of one.
    #[error("no workspace {id} in {folder}, and no record of one")]
    NoSuchWorkspace {
        /// The requested workspace.
        id: WorkspaceId,
        /// The data folder.
        folder: PathBuf,
    },
    /// The data folder cannot be read.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// The store cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The file system refused.
    #[error("cannot use the data folder")]
    Io(#[from] std::io::Error),
}

/// The missing entries of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// The end of the journal as it is.
    end: JournalEnd,
    /// The end of the acknowledged entries, as far as it is known.
    pub acknowledged: u64,
    /// The offset up to which the store has applied the journal; none without a store.
    pub store_position: Option<u64>,
    /// The position of the snapshot of the state; 0 without one.
    snapshot: u64,
    /// Whether the beginning of the journal was cut off.
    is_cut: bool,
    /// Whether the end-of-log record is unreadable: then more entries may be missing than is known.
    pub is_record_unreadable: bool,
}

impl Loss {
    /// The offset at which the journal ends.
    pub fn journal_end(&self) -> u64 {
        self.end.offset.0
    }

    /// Whether nothing is missing.
    pub fn is_nothing(&self) -> bool {
        self.acknowledged <= self.journal_end() && !self.is_record_unreadable
    }
}

impl LockedFolder {
    /// Determines which entries the journal of a workspace, or of the installation, has lost at its
    /// end. Changes nothing.
    ///
    /// # Errors
    /// See [`LossError`].
    pub fn assess_loss(&self, workspace: Option<&WorkspaceId>) -> Result<Loss, LossError> {
        let (name, folder) = self.locate_journal(workspace)?;
        let snapshots = workspace.map(|id| self.snapshots_of(id));
        let snapshot = snapshots.map_or(Ok(0), |snapshots| snapshots.newest())?;
        let mut survey = survey_journal(&folder, &name, snapshot, &|_| {})?;
        if !survey.problems.is_empty() {
            return Err(LossError::Damaged(survey.problems.swap_remove(0)));
        }
        let recorded = read_recorded_end(self.path(), &name)?;
        let store = workspace.map(|id| workspace_folder(self.path(), id).join("store"));
        let store_position = store
            .filter(|store| store.is_dir())
            .map_or(Ok(None), |store| read_store_position(&store))?;
        let models_end = match workspace {
            Some(id) => {
                open_models(self.path(), id)?.map_or(Ok(0), |models| models.find_journal_end())?
            }
            None => 0,
        };
        let recorded_offset = if let RecordedEnd::At(end) = recorded { end.offset.0 } else { 0 };
        Ok(Loss {
            end: survey.end,
            acknowledged: recorded_offset
                .max(store_position.unwrap_or(0))
                .max(models_end)
                .max(snapshot),
            store_position,
            snapshot,
            is_cut: list_segments(&folder)?
                .first()
                .is_some_and(|name| parse_first_offset(name) != Some(0)),
            is_record_unreadable: recorded == RecordedEnd::Unreadable,
        })
    }

    /// Accepts the present end of a journal: writes it to the end-of-log record, and removes a
    /// store and models that were made from lost entries. The next start makes them again from the
    /// journal.
    ///
    /// # Errors
    /// See [`LossError`].
    pub fn accept_loss(
        &self,
        workspace: Option<&WorkspaceId>,
        loss: &Loss,
    ) -> Result<(), LossError> {
        let (name, _) = self.locate_journal(workspace)?;
        if let Some(id) = workspace
            && loss.snapshot > loss.journal_end()
        {
            if loss.is_cut {
                let (snapshot, end) = (loss.snapshot, loss.journal_end());
                return Err(LossError::BehindSnapshot { snapshot, end });
            }
            // The whole journal up to its end is there.
            self.snapshots_of(id).remove_others(0)?;
        }
        if let Some(id) = workspace
            && loss.store_position.is_some_and(|position| position > loss.journal_end())
        {
            fs::remove_dir_all(workspace_folder(self.path(), id).join("store"))?;
        }
        if let Some(models) =
            workspace.map(|id| open_models(self.path(), id)).transpose()?.flatten()
        {
            models.remove_after(loss.journal_end())?;
        }
        let record = EndRecord::open(Arc::new(RealDisk::open(ends_folder(self.path()))?), &name)?;
        record.write(loss.end)?;
        Ok(record.sync()?)
    }

    fn snapshots_of(&self, id: &WorkspaceId) -> Snapshots {
        Snapshots::of(&workspace_folder(self.path(), id), id)
    }

    /// The name and the folder of a journal.
    fn locate_journal(
        &self,
        workspace: Option<&WorkspaceId>,
    ) -> Result<(String, PathBuf), LossError> {
        let Some(id) = workspace else {
            return Ok((SYSTEM_JOURNAL.to_owned(), system_folder(self.path())));
        };
        if !list_workspaces(self.path())?.contains(id) {
            return Err(LossError::NoSuchWorkspace {
                id: id.clone(),
                folder: self.path().to_owned(),
            });
        }
        Ok((id.as_str().to_owned(), workspace_folder(self.path(), id).join("journal")))
    }
}

/// Opens the artifacts of a workspace; none if their folder is missing.
fn open_models(data: &Path, id: &WorkspaceId) -> Result<Option<Artifacts>, LossError> {
    let folder = workspace_folder(data, id).join("models");
    Ok(folder.is_dir().then(|| Artifacts::open(folder)).transpose().map_err(EngineError::from)?)
}

/// Reads the offset up to which a store has applied its journal; none if the store is damaged, so
/// that the next start makes it again.
fn read_store_position(store: &Path) -> Result<Option<u64>, LossError> {
    let position = open_store(store, store::CACHE_BYTES).and_then(|opened| {
        opened.position().map_err(|source| EngineError::Store { folder: store.to_owned(), source })
    });
    match position {
        Err(EngineError::Store { source, .. }) if source.is_damage() => Ok(None),
        position => Ok(Some(position?)),
    }
}
