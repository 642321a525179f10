//! Backups of a data folder that a server may be using: consistent, incremental by segment, and
//! verified by a digest of the answers of each workspace.
//!
//! Segments only grow at their end, and the end-of-log record says up to where they are durable. So
//! the copy of a journal is a prefix of it, and no lock is needed. A copy of an earlier backup is a
//! prefix of the later one, so that a backup that fails leaves the earlier one whole.
//!
//! Where the beginning of a journal is cut, its copy begins with the snapshot of the state that has
//! taken its place.
//!
//! At the end, each copy is folded and its answers are digested; the backup keeps the folded store
//! and continues it the next time. A restore folds the whole journal anew and compares the answers.

mod copy;
mod manifest;
mod restore;
mod workspace;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::WorkspaceId;
use fs_err as fs;
use journal::ReadError;
use journal::disk::create_private_folder;
use serde::Serialize;

use crate::answers::Answers;
use crate::data_folder::{
    BACKUP_MANIFEST, LockedFolder, SYSTEM_JOURNAL, list_workspaces, system_folder, workspace_folder,
};
use crate::error::describe_error;
use crate::journal_files::measure_journal;
use crate::{DataFolderError, Engine, EngineError, EngineOptions, now};

use manifest::{FORMAT, FORMAT_WITHOUT_SNAPSHOTS, JournalCopy, Manifest, WorkspaceCopy};
pub use restore::{RestoreReport, restore};
use workspace::{CopiedParts, SelectedSegments, Source};

/// The names that may occur directly in the folder of a backup.
const OWN_NAMES: [&str; 5] =
    [BACKUP_MANIFEST, "backup.json.part", "installation", "tastemaker.lock", "workspaces"];

/// Errors of backups and restores. An earlier backup stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data folder cannot be read, or the lock of a folder not be taken.
    #[error(transparent)]
    DataFolder(#[from] DataFolderError),
    /// There is no data folder.
    #[error("there is no data folder {folder}")]
    NoDataFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder to write to holds something else.
    #[error(
        "{folder} is not empty and not a backup: name an empty folder, or that of an earlier backup"
    )]
    Occupied {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder to write to is within the data folder.
    #[error(
        "{folder} is within the data folder and would be lost with it: name a folder elsewhere"
    )]
    WithinData {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder to restore into is within the backup.
    #[error("{folder} is within the backup: name a folder elsewhere")]
    WithinBackup {
        /// The folder.
        folder: PathBuf,
    },
    /// Another process writes the backup.
    #[error(
        "{folder} is being written by {holder}: wait until that backup is done, or name another folder"
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The process.
        holder: String,
    },
    /// The folder to restore into is not empty.
    #[error(
        "{folder} is not empty: name a folder that is not there yet; a restore writes over nothing"
    )]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The workspace to restore is there.
    #[error("{folder} is there: move it away, then restore; a restore writes over nothing")]
    WorkspaceThere {
        /// The workspace's folder.
        folder: PathBuf,
    },
    /// The workspace to restore is not in the backup.
    #[error("the backup has no workspace {id}; it has: {known}")]
    NoSuchWorkspace {
        /// The requested workspace.
        id: WorkspaceId,
        /// Those that there are.
        known: String,
    },
    /// A part of a journal is wrong.
    #[error("cannot back up {journal}: restore it from the earlier backup first, if there is one")]
    Damaged {
        /// The journal's folder.
        journal: PathBuf,
        /// The problem.
        #[source]
        source: ReadError,
    },
    /// A journal ends before what was acknowledged.
    #[error(
        "cannot back up {journal}: entries {end} to {last} are missing. Restore it from the earlier backup, or \
         give these entries up with `tastemaker accept-loss`"
    )]
    Missing {
        /// The journal's folder.
        journal: PathBuf,
        /// Where it ends.
        end: u64,
        /// The last entry that was acknowledged.
        last: u64,
    },
    /// There is no record of where a journal should end.
    #[error(
        "end-of-log record {file} is unreadable: start the server once, which writes it anew or says what is wrong"
    )]
    EndRecordUnreadable {
        /// The record.
        file: PathBuf,
    },
    /// The backup is of something else.
    #[error(
        "{what} in the backup is not the beginning of that in the data folder: back up to another folder"
    )]
    Diverged {
        /// The part of the backup.
        what: String,
    },
    /// The folder is no backup, or the manifest is wrong.
    #[error("{file} cannot be read as the manifest of a backup")]
    Manifest {
        /// The manifest.
        file: PathBuf,
        /// The problem.
        #[source]
        source: serde_json::Error,
    },
    /// The backup was written by a later version.
    #[error(
        "backup {folder} has format {found}, this program reads {FORMAT}: use the version that wrote it \
         ({program})"
    )]
    Format {
        /// The folder.
        folder: PathBuf,
        /// The backup's format.
        found: u32,
        /// The version of the program that wrote it.
        program: String,
    },
    /// A file of the backup is not what was written.
    #[error("{file} is missing or not what the backup wrote: use another backup")]
    FileDamaged {
        /// The file.
        file: PathBuf,
    },
    /// The restored workspace gives other answers than the original.
    #[error("workspace {id} does not answer as it did when it was backed up: {}", .differences.join("; "))]
    AnswersDiffer {
        /// The workspace.
        id: WorkspaceId,
        /// Each in a sentence.
        differences: Vec<String>,
    },
    /// The copy of a workspace cannot be opened.
    #[error("cannot open the copy of workspace {id}")]
    Engine {
        /// The workspace.
        id: WorkspaceId,
        /// The error of opening it.
        #[source]
        source: EngineError,
    },
    /// The file system refused.
    #[error("cannot copy files")]
    Io(#[from] std::io::Error),
}

impl BackupError {
    /// Whether the error concerns one workspace only, so that the others can be backed up.
    fn concerns_one_workspace(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. }
                | Self::Missing { .. }
                | Self::EndRecordUnreadable { .. }
                | Self::Engine { .. }
        )
    }
}

/// How far a backup or restore is.
#[derive(Debug, Clone, Copy)]
pub enum BackupProgress<'a> {
    /// Bytes that were read, and about how many there are in all.
    Copy(u64, u64),
    /// Entries of a workspace that were folded, and how many there are in all.
    Fold(&'a WorkspaceId, u64, u64),
    /// Pairs of a workspace's store that were digested.
    Digest(&'a WorkspaceId, u64),
}

/// The content of a backup.
#[derive(Debug, Serialize)]
pub struct BackupReport {
    /// Bytes of all copies.
    pub bytes: u64,
    /// The bytes that this backup copied.
    pub copied_bytes: u64,
    /// The workspaces.
    pub workspaces: Vec<BackedUpWorkspace>,
    /// The workspaces of which nothing was copied now.
    pub failed: Vec<FailedCopy>,
}

/// A workspace of which nothing was copied.
#[derive(Debug, Serialize)]
pub struct FailedCopy {
    /// The workspace.
    pub id: WorkspaceId,
    /// The error, and the way out.
    pub problem: String,
    /// The entries that an earlier copy of it has, which stays as it is; none where there is no
    /// earlier copy.
    pub kept_entries: Option<u64>,
}

/// A workspace in a backup.
#[derive(Debug, Serialize)]
pub struct BackedUpWorkspace {
    /// The workspace.
    pub id: WorkspaceId,
    /// Its entries.
    pub entries: u64,
    /// Its segments.
    pub segments: u64,
    /// Its model artifacts.
    pub models: u64,
    /// Users whose lists a restore compares.
    pub sample_users: u64,
}

/// Copies all parts of a data folder that a restore needs, except `tls/`, into the folder `to`, and
/// continues an earlier backup there. A server may be using the data folder. If a workspace is
/// damaged or gone, the others are copied nevertheless, and its earlier copy stays.
///
/// # Errors
/// See [`BackupError`].
pub fn back_up(
    data: &Path,
    to: &Path,
    progress: &dyn Fn(BackupProgress<'_>),
) -> Result<BackupReport, BackupError> {
    if !system_folder(data).is_dir() {
        return Err(BackupError::NoDataFolder { folder: data.to_owned() });
    }
    if is_within(to, data)? {
        return Err(BackupError::WithinData { folder: to.to_owned() });
    }
    refuse_foreign_files(to)?;
    create_private_folder(to)?;
    let _lock = lock(to)?;
    let (old, mut old_workspaces) = match Manifest::read(to)? {
        Some(old) => (Some(old.installation), old.workspaces),
        None => (None, Vec::new()),
    };
    let ids = list_workspaces(data)?;

    let total = ids.iter().try_fold(measure_journal(&system_folder(data))?, |sum, id| {
        Ok::<_, std::io::Error>(sum + measure_journal(&workspace_folder(data, id).join("journal"))?)
    })?;
    let (read, copied) = (Cell::new(0), Cell::new(0));
    let note_copied = |bytes: u64| copied.set(copied.get() + bytes);
    let note_read = |bytes: u64| {
        read.set(read.get() + bytes);
        progress(BackupProgress::Copy(read.get(), total));
    };
    let source = Source { data, to, note_read: &note_read, note_copied: &note_copied };
    let installation = source.copy_journal(
        SYSTEM_JOURNAL,
        &system_folder(data),
        0,
        &installation_folder(to),
        old.as_ref(),
    )?;
    let copy_workspace = |id: &WorkspaceId, old: Option<&WorkspaceCopy>| {
        let copied = source.copy_workspace(id, old)?;
        if copied.journal.is_replaced {
            remove_store(to, id)?;
        }
        let answers = fold_copy(to, id, &copied.journal, progress)?;
        let CopiedParts { journal, snapshot, models } = copied;
        Ok::<_, BackupError>(WorkspaceCopy { id: id.clone(), journal, snapshot, models, answers })
    };
    let (mut workspaces, mut failed, mut copied_now) = (Vec::new(), Vec::new(), Vec::new());
    for id in &ids {
        let place = old_workspaces.iter().position(|copy| copy.id == *id);
        let old = place.map(|place| old_workspaces.swap_remove(place));
        match copy_workspace(id, old.as_ref()) {
            Ok(copy) => {
                copied_now.push(id.clone());
                workspaces.push(copy);
            }
            Err(error) if error.concerns_one_workspace() => {
                let kept_entries = old.as_ref().map(|old| old.journal.entries);
                failed.push(FailedCopy {
                    id: id.clone(),
                    problem: describe_error(&error),
                    kept_entries,
                });
                workspaces.extend(old);
            }
            Err(error) => return Err(error),
        }
    }
    for old in old_workspaces {
        let problem = format!("workspace {} is not in the data folder", old.id);
        failed.push(FailedCopy {
            id: old.id.clone(),
            problem,
            kept_entries: Some(old.journal.entries),
        });
        workspaces.push(old);
    }
    workspaces.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let manifest = Manifest {
        format: match workspaces.iter().any(|workspace| workspace.snapshot.is_some()) {
            true => FORMAT,
            false => FORMAT_WITHOUT_SNAPSHOTS,
        },
        program: env!("CARGO_PKG_VERSION").to_owned(),
        finished_at: now(),
        installation,
        workspaces,
    };
    manifest.write(to)?;
    // What the earlier backup had, and retention has cut since.
    for workspace in manifest.workspaces.iter().filter(|copy| copied_now.contains(&copy.id)) {
        workspace::remove_leftovers(to, workspace)?;
    }
    Ok(BackupReport {
        bytes: manifest.files(to).map(|(_, file)| file.bytes).sum(),
        copied_bytes: copied.get(),
        workspaces: manifest.workspaces.iter().map(BackedUpWorkspace::from_copy).collect(),
        failed,
    })
}

impl BackedUpWorkspace {
    fn from_copy(copy: &WorkspaceCopy) -> Self {
        Self {
            id: copy.id.clone(),
            entries: copy.journal.entries,
            segments: copy.journal.segments.len() as u64,
            models: copy.models.len() as u64,
            sample_users: copy.answers.lists.len() as u64,
        }
    }
}

/// Takes the lock of the folder of a backup.
fn lock(backup: &Path) -> Result<LockedFolder, BackupError> {
    LockedFolder::lock_backup(backup).map_err(|error| match error {
        DataFolderError::Locked { folder, holder } => BackupError::InUse { folder, holder },
        other => other.into(),
    })
}

/// Whether a folder is another one or within it. `folder` need not exist.
fn is_within(folder: &Path, other: &Path) -> std::io::Result<bool> {
    let mut real = PathBuf::new();
    for part in std::path::absolute(folder)?.components() {
        if part == std::path::Component::ParentDir {
            real.pop();
            continue;
        }
        real.push(part);
        // A path that does not exist has no links in it.
        if let Ok(target) = fs::canonicalize(&real) {
            real = target;
        }
    }
    Ok(real.starts_with(fs::canonicalize(other)?))
}

/// Refuses a folder with files that are not of a backup: it would be closed to other users, and it
/// may be a data folder.
fn refuse_foreign_files(folder: &Path) -> Result<(), BackupError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        if !OWN_NAMES.iter().any(|own| name == *own) {
            return Err(BackupError::Occupied { folder: folder.to_owned() });
        }
    }
    Ok(())
}

/// The folder with the copy of the installation's journal. It has another name than in a data
/// folder, so that no server starts on a backup.
fn installation_folder(backup: &Path) -> PathBuf {
    backup.join("installation")
}

/// Removes what was folded of earlier copies that held people who are erased by now.
fn remove_store(backup: &Path, id: &WorkspaceId) -> std::io::Result<()> {
    match fs::remove_dir_all(workspace_folder(backup, id).join("store")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Digests the answers of a copied workspace. Its store stays in the backup, so that the next
/// backup folds only new entries.
fn fold_copy(
    backup: &Path,
    id: &WorkspaceId,
    journal: &JournalCopy,
    progress: &dyn Fn(BackupProgress<'_>),
) -> Result<Answers, BackupError> {
    let folder = workspace_folder(backup, id);
    let fold = |done, total| progress(BackupProgress::Fold(id, done, total));
    let engine_error = |source| BackupError::Engine { id: id.clone(), source };
    let disk = Arc::new(SelectedSegments::new(&folder.join("journal"), journal)?);
    let options = EngineOptions::with_frozen_clock();
    let engine = Engine::open_over_disk(id.clone(), &folder, disk, &options, &fold);
    let engine = engine.map_err(engine_error)?;
    digest_answers(&engine, progress).map_err(engine_error)
}

fn digest_answers(
    engine: &Engine,
    progress: &dyn Fn(BackupProgress<'_>),
) -> Result<Answers, EngineError> {
    let read = Cell::new(0);
    engine.digest_answers(&|pairs| {
        read.set(read.get() + pairs);
        progress(BackupProgress::Digest(engine.id(), read.get()));
    })
}
