//! Verification of a data folder that no server uses: journals, end-of-log records and models are
//! read, and each store is compared with a fresh fold of its journal.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use domain::WorkspaceId;
use journal::{
    FileJournal, Journal, JournalOptions, Offset, RealDisk, RecordedEnd, end_record_name,
};
use serde::Serialize;
use store::{Store, StoreError};

use crate::artifacts::{Artifacts, ArtifactsError};
use crate::data_folder::{
    LockedFolder, SYSTEM_JOURNAL, ends_folder, list_workspaces, system_folder, workspace_folder,
};
use crate::error::describe_error;
use crate::follow::replay;
use crate::journal_files::{find_missing_end, measure_journal, read_recorded_end, survey_journal};
use crate::scratch::Scratch;
use crate::shared::Shared;
use crate::state_snapshot::Snapshots;
use crate::store_picture;
use crate::stores::open_store;
use crate::{DataFolderError, EngineError, Finding, SnapshotError, SystemClock};

/// The result of verifying one journal or one workspace.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// The workspace; none for the journal of the installation.
    pub workspace: Option<WorkspaceId>,
    /// Entries of the journal up to the first damage.
    pub entries: u64,
    /// Segments of the journal.
    pub segments: u64,
    /// Undamaged bytes of them.
    pub bytes: u64,
    /// Pairs of the store that were compared with a fresh fold.
    pub pairs: u64,
    /// Undamaged model artifacts.
    pub models: u64,
    /// The damage that was found.
    pub problems: Vec<Finding>,
}

/// The progress of a verification.
#[derive(Debug, Clone, Copy)]
pub enum VerifyProgress {
    /// Bytes of the journal that were read, and of all.
    Journal(u64, u64),
    /// Entries that were folded, and of all.
    Fold(u64, u64),
    /// Pairs that were compared.
    Store(u64),
}

/// Errors that prevent a verification, as opposed to its findings.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The data folder cannot be read.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// The fresh fold failed, although the journal is undamaged.
    #[error("cannot fold the journal anew")]
    Engine(#[from] EngineError),
    /// The fresh store could not be written or read.
    #[error("cannot make a fresh store")]
    Store(#[from] StoreError),
    /// A file cannot be read.
    #[error("cannot read the data folder")]
    Io(#[from] std::io::Error),
}

impl LockedFolder {
    /// Lists the workspaces in order of their ids, also those whose folder is lost.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn workspaces(&self) -> Result<Vec<WorkspaceId>, DataFolderError> {
        list_workspaces(self.path())
    }

    /// Checks the journal of the installation.
    ///
    /// # Errors
    /// If the check is not possible; damage is in the result.
    pub fn verify_installation(
        &self,
        progress: &dyn Fn(VerifyProgress),
    ) -> Result<Verification, VerifyError> {
        Ok(self.verify_journal(None, 0, 0, progress)?)
    }

    /// Checks a workspace. The fresh fold is written into its folder and takes as much disk space
    /// as the store.
    ///
    /// # Errors
    /// If the check is not possible; damage is in the result.
    pub fn verify_workspace(
        &self,
        id: &WorkspaceId,
        progress: &dyn Fn(VerifyProgress),
    ) -> Result<Verification, VerifyError> {
        let folder = workspace_folder(self.path(), id);
        let store_folder = folder.join("store");
        let snapshots = Snapshots::of(&folder, id);
        let store = store_folder.is_dir().then(|| open_store(&store_folder, store::CACHE_BYTES));
        let position = match &store {
            Some(Ok(store)) => store.position().unwrap_or(0),
            _ => 0,
        };
        let models = folder.join("models");
        let models = models
            .is_dir()
            .then(|| Artifacts::open(models))
            .transpose()
            .map_err(EngineError::from)?;
        let models_end = models.as_ref().map_or(Ok(0), Artifacts::find_journal_end)?;
        let newest = snapshots.newest()?;
        let known_end = position.max(models_end).max(newest);
        let mut found = self.verify_journal(Some(id), known_end, newest, progress)?;
        found.problems.extend(snapshots.check()?);
        let is_journal_right = is_journal_right(&found.problems);
        match store {
            Some(Ok(store)) if is_journal_right => {
                verify_store(&folder, &snapshots, store, &mut found, progress)?
            }
            // Without the whole journal the right content of the store is unknown.
            None | Some(Ok(_)) => {}
            Some(Err(error)) => found.problems.push(Finding::Store { text: error.describe() }),
        }
        if let Some(models) = &models {
            verify_models(models, &mut found)?;
        }
        Ok(found)
    }

    fn verify_journal(
        &self,
        workspace: Option<&WorkspaceId>,
        known_end: u64,
        snapshot: u64,
        progress: &dyn Fn(VerifyProgress),
    ) -> std::io::Result<Verification> {
        let (name, folder) = match workspace {
            None => (SYSTEM_JOURNAL, system_folder(self.path())),
            Some(id) => (id.as_str(), workspace_folder(self.path(), id).join("journal")),
        };
        let (read, total) = (Cell::new(0), measure_journal(&folder)?);
        let mut survey = survey_journal(&folder, name, snapshot, &|bytes| {
            read.set(read.get() + bytes);
            progress(VerifyProgress::Journal(read.get(), total));
        })?;
        let acknowledged = match read_recorded_end(self.path(), name)? {
            RecordedEnd::At(end) => known_end.max(end.offset.0),
            RecordedEnd::Absent => known_end,
            RecordedEnd::Unreadable => {
                let file =
                    ends_folder(self.path()).join(end_record_name(name)).display().to_string();
                survey.problems.push(Finding::EndRecord { file });
                known_end
            }
        };
        let end = survey.end.offset.0;
        if is_journal_right(&survey.problems) {
            survey.problems.extend(find_missing_end(name, end, acknowledged));
        }
        Ok(Verification {
            workspace: workspace.cloned(),
            entries: end,
            segments: survey.segments,
            bytes: survey.bytes,
            pairs: 0,
            models: 0,
            problems: survey.problems,
        })
    }
}

/// Whether all segments are undamaged, whatever the end-of-log record is.
fn is_journal_right(problems: &[Finding]) -> bool {
    problems.iter().all(|problem| matches!(problem, Finding::EndRecord { .. }))
}

/// Compares a store with a fresh fold of as many entries as it has applied.
fn verify_store(
    folder: &Path,
    snapshots: &Snapshots,
    store: Store,
    found: &mut Verification,
    progress: &dyn Fn(VerifyProgress),
) -> Result<(), VerifyError> {
    let unreadable = |error: StoreError| Finding::Store { text: describe_error(&error) };
    let position = match (store.position(), store.is_clearing()) {
        (Ok(position), Ok(false)) => position,
        (Ok(_), Ok(true)) => {
            let text =
                "the store was being cleared when its server ended: the next start goes on with it";
            found.problems.push(Finding::Store { text: text.to_owned() });
            return Ok(());
        }
        (Err(error), _) | (_, Err(error)) => {
            found.problems.push(unreadable(error));
            return Ok(());
        }
    };
    let scratch = Scratch::new(folder.join("verify"))?;
    let disk = Arc::new(RealDisk::open(folder.join("journal"))?);
    let options = JournalOptions {
        acknowledged: Offset(position),
        snapshot: Offset(snapshots.newest()?),
        ..JournalOptions::default()
    };
    let journal = FileJournal::open_with(disk, options).map_err(EngineError::from)?;
    let start = journal.start().0;
    let begun = snapshots.begin_state(scratch.path(), store::CACHE_BYTES, start, position);
    let (fresh, views) = match begun {
        Err(EngineError::Snapshot(error @ SnapshotError::NoBase { .. })) => {
            found.problems.push(Finding::Snapshot { text: describe_error(&error) });
            return Ok(());
        }
        begun => begun?,
    };
    let shared = Shared::new(Arc::new(journal), fresh, views, Arc::new(SystemClock));
    let report_fold = |done, total| {
        progress(VerifyProgress::Fold(done, total));
        Ok(())
    };
    replay(&shared, scratch.path(), position, &report_fold)?;
    let read = Cell::new(0);
    let compared = store_picture::compare(&store, shared.live.store(), &|pairs| {
        read.set(read.get() + pairs);
        progress(VerifyProgress::Store(read.get()));
    });
    match compared {
        Ok((pairs, problems)) => {
            found.pairs = pairs;
            found.problems.extend(problems);
        }
        Err(error) => found.problems.push(unreadable(error)),
    }
    Ok(())
}

fn verify_models(artifacts: &Artifacts, found: &mut Verification) -> Result<(), VerifyError> {
    for version in artifacts.list_versions()? {
        match artifacts.read(&version) {
            Ok(_) => found.models += 1,
            Err(error @ (ArtifactsError::Unusable { .. } | ArtifactsError::Misnamed { .. })) => {
                found.problems.push(Finding::Model { text: describe_error(&error) });
            }
            Err(error) => return Err(EngineError::from(error).into()),
        }
    }
    Ok(())
}
