//! Accepting the loss of entries of a journal. Nothing is given up without the operator's word.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::WorkspaceId;
use fs_err as fs;
use journal::{EndRecord, JournalEnd, RealDisk, RecordedEnd};

use crate::artifacts::Artifacts;
use crate::data_folder::{
    LockedFolder, SYSTEM_JOURNAL, ends_folder, list_workspaces, system_folder, workspace_folder,
};
use crate::journal_files::{recorded_end, survey_journal};
use crate::opening::open_store;
use crate::{DataFolderError, EngineError, Finding};

/// Errors of accepting a loss.
#[derive(Debug, thiserror::Error)]
pub enum LossError {
    /// More is wrong than a missing end.
    #[error("the journal has damage within, which cannot be accepted: restore it from a backup")]
    Damaged(#[source] Finding),
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
    /// Where the journal ends.
    end: JournalEnd,
    /// Everything below was acknowledged, as far as anything tells.
    pub acknowledged: u64,
    /// How far the store has applied the journal; none where there is no store.
    pub store_position: Option<u64>,
    /// Whether the end-of-log record is unreadable: then more may be missing than anything tells.
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
    /// Finds out what the journal of a workspace, or of the installation, has lost at its end;
    /// changes nothing.
    ///
    /// # Errors
    /// See [`LossError`].
    pub fn assess_loss(&self, workspace: Option<&WorkspaceId>) -> Result<Loss, LossError> {
        let (name, folder) = self.locate_journal(workspace)?;
        let mut survey = survey_journal(&folder, &name, &|_| {})?;
        if !survey.problems.is_empty() {
            return Err(LossError::Damaged(survey.problems.swap_remove(0)));
        }
        let recorded = recorded_end(self.path(), &name)?;
        let store = workspace.map(|id| workspace_folder(self.path(), id).join("store"));
        let store_position = store
            .filter(|store| store.is_dir())
            .map_or(Ok(None), |store| read_store_position(&store))?;
        let models_end = match workspace {
            Some(id) => {
                open_models(self.path(), id)?.map_or(Ok(0), |models| models.journal_end())?
            }
            None => 0,
        };
        let recorded_offset = if let RecordedEnd::At(end) = recorded { end.offset.0 } else { 0 };
        Ok(Loss {
            end: survey.end,
            acknowledged: recorded_offset.max(store_position.unwrap_or(0)).max(models_end),
            store_position,
            is_record_unreadable: recorded == RecordedEnd::Unreadable,
        })
    }

    /// Makes what is left of a journal all that there is: the record says so from now on, and a
    /// store that has seen more is removed, to be made again from the journal, as are models of it.
    /// The next start goes on from there.
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

    /// Name and folder of a journal.
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

/// The artifacts of a workspace; none where there is no folder of them.
fn open_models(data: &Path, id: &WorkspaceId) -> Result<Option<Artifacts>, LossError> {
    let folder = workspace_folder(data, id).join("models");
    Ok(folder.is_dir().then(|| Artifacts::open(folder)).transpose().map_err(EngineError::from)?)
}

/// How far a store has applied its journal; none where it is damaged, so that the next start makes
/// it again.
fn read_store_position(store: &Path) -> Result<Option<u64>, LossError> {
    let position = open_store(store, store::CACHE_BYTES).and_then(|opened| {
        opened.position().map_err(|source| EngineError::Store { folder: store.to_owned(), source })
    });
    match position {
        Err(EngineError::Store { source, .. }) if source.is_damage() => Ok(None),
        position => Ok(Some(position?)),
    }
}
