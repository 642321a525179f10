//! The data folder of an installation: a lock, a journal for data of no workspace, and a folder for
//! each workspace.

use std::fs::TryLockError;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connectors::{InstanceKey, KeyError};
use domain::{Timestamp, WorkspaceId};
use fs_err as fs;
use journal::disk::{create_private_folder, open_private_file};
use journal::{Disk, EndRecord, FileJournal, JournalOptions, OpenError, RealDisk};

use crate::installation::{
    Actor, BOOTSTRAP_KEY, Change, InstallationError, InstallationJournal, SecretHash,
};
use crate::{Engine, EngineError, EngineOptions, now};

/// The file by which the folder of a backup is known.
pub(crate) const BACKUP_MANIFEST: &str = "backup.json";

/// Errors of opening a data folder.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Another process has it open.
    #[error(
        "data folder {folder} is in use by {holder}: stop that one first, or name another folder with --data"
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The process.
        holder: String,
    },
    /// The file system refused.
    #[error("cannot use the data folder")]
    Io(#[from] std::io::Error),
    /// It is the folder of a backup.
    #[error(
        "{folder} is a backup, which nothing but `tastemaker backup` may write to: `tastemaker restore` makes a data folder of it"
    )]
    IsBackup {
        /// The folder.
        folder: PathBuf,
    },
    /// The journal of the installation is damaged, or its files cannot be opened.
    #[error("cannot open the journal of the installation")]
    Journal(#[from] OpenError),
    /// The key of the instance cannot be read or made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The journal of the installation cannot be read.
    #[error(transparent)]
    Installation(#[from] InstallationError),
}

/// The name under which the end of the installation's journal is recorded; no workspace id begins
/// with '_'.
pub(crate) const SYSTEM_JOURNAL: &str = "_system";

/// A locked data folder, for commands that open no workspace. The lock is freed when this is
/// dropped.
pub struct LockedFolder {
    folder: PathBuf,
    _lock: fs::File,
}

/// The file of the key that credentials of destinations are sealed with. It is in no backup.
const INSTANCE_KEY: &str = "instance.key";

/// An open data folder. No other process can use it until this is dropped.
pub struct DataFolder {
    journal: InstallationJournal,
    ends: Arc<dyn Disk>,
    instance_key: Arc<InstanceKey>,
    locked: LockedFolder,
}

impl LockedFolder {
    /// Takes the lock of a folder.
    ///
    /// # Errors
    /// If another process has it.
    pub fn lock(folder: &Path) -> Result<Self, DataFolderError> {
        if folder.join(BACKUP_MANIFEST).exists() {
            return Err(DataFolderError::IsBackup { folder: folder.to_owned() });
        }
        Self::lock_backup(folder)
    }

    /// Takes the lock of a folder that may be a backup.
    pub(crate) fn lock_backup(folder: &Path) -> Result<Self, DataFolderError> {
        Ok(Self { folder: folder.to_owned(), _lock: lock(folder)? })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }
}

/// The folder of end-of-log records: not below those of the workspaces, so that both are hardly
/// lost together.
pub(crate) fn ends_folder(data: &Path) -> PathBuf {
    data.join("ends")
}

/// The journal of the installation.
pub(crate) fn system_folder(data: &Path) -> PathBuf {
    data.join("system")
}

pub(crate) fn workspace_folder(data: &Path, id: &WorkspaceId) -> PathBuf {
    data.join("workspaces").join(id.as_str())
}

/// Lists the paths in a folder; none if it is missing.
fn list_folder(folder: PathBuf) -> std::io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| Ok(entry?.path())).collect(),
    }
}

/// Lists the folders that have a journal, with their workspace ids where their names are valid ids.
fn list_workspace_folders(data: &Path) -> std::io::Result<Vec<(PathBuf, Option<WorkspaceId>)>> {
    let mut folders = list_folder(data.join("workspaces"))?;
    folders.retain(|folder| folder.join("journal").is_dir());
    let id_of =
        |folder: &Path| WorkspaceId::new(folder.file_name()?.to_string_lossy().into_owned()).ok();
    Ok(folders.into_iter().map(|folder| (folder.clone(), id_of(&folder))).collect())
}

/// Lists the workspaces of a data folder in order of their ids: those that have a journal, and
/// those whose end-of-log record says that they had one.
pub(crate) fn list_workspaces(data: &Path) -> Result<Vec<WorkspaceId>, DataFolderError> {
    let mut ids: Vec<WorkspaceId> =
        list_workspace_folders(data)?.into_iter().filter_map(|(_, id)| id).collect();
    for record in list_folder(ends_folder(data))? {
        if record.extension().is_some_and(|extension| extension == "end") {
            let name = record.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            ids.extend(WorkspaceId::new(name).ok());
        }
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}

impl DataFolder {
    /// Opens a folder, making it where it is missing.
    pub fn open(folder: &Path) -> Result<Self, DataFolderError> {
        create_private_folder(folder)?;
        let locked = LockedFolder::lock(folder)?;
        create_private_folder(&folder.join("workspaces"))?;
        let ends: Arc<dyn Disk> = Arc::new(RealDisk::open(ends_folder(folder))?);
        let end_record = Some(EndRecord::open(Arc::clone(&ends), SYSTEM_JOURNAL)?);
        let disk = Arc::new(RealDisk::open(system_folder(folder))?);
        let journal = FileJournal::open_with(
            disk,
            JournalOptions {
                name: SYSTEM_JOURNAL.to_owned(),
                end_record,
                ..JournalOptions::default()
            },
        )?;
        let instance_key = Arc::new(InstanceKey::open(&folder.join(INSTANCE_KEY))?);
        Ok(Self { journal: InstallationJournal::new(journal)?, ends, instance_key, locked })
    }

    /// Lists the workspaces in order of their ids, also those whose folder is lost.
    pub fn workspaces(&self) -> Result<Vec<WorkspaceId>, DataFolderError> {
        list_workspaces(self.locked.path())
    }

    /// Lists the folders that have a journal and whose names are no valid workspace ids, such as
    /// copies.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn list_stray_folders(&self) -> Result<Vec<PathBuf>, DataFolderError> {
        let folders = list_workspace_folders(self.locked.path())?.into_iter();
        Ok(folders.filter(|(_, id)| id.is_none()).map(|(folder, _)| folder).collect())
    }

    /// Opens a workspace, making it where it is missing.
    pub fn open_workspace(
        &self,
        id: &WorkspaceId,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Engine, EngineError> {
        self.open_workspace_with(id, &EngineOptions::default(), progress)
    }

    /// As [`DataFolder::open_workspace`], with options.
    pub fn open_workspace_with(
        &self,
        id: &WorkspaceId,
        options: &EngineOptions,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Engine, EngineError> {
        let end_record = EndRecord::open(Arc::clone(&self.ends), id.as_str())?;
        let folder = workspace_folder(self.locked.path(), id);
        let instance_key = Some(Arc::clone(&self.instance_key));
        let options = EngineOptions { instance_key, ..options.clone() };
        Engine::open_recorded(id.clone(), &folder, end_record, &options, progress)
    }

    /// Where files wait that somebody has uploaded for a workspace and not imported yet.
    pub fn drafts_folder(&self, workspace: &WorkspaceId) -> PathBuf {
        self.locked.folder.join("drafts").join(workspace.as_str())
    }

    /// Where the files of jobs are: of exports until they are downloaded, of feeds while they are
    /// read.
    pub fn job_files_folder(&self) -> PathBuf {
        self.locked.folder.join("exports")
    }

    /// Removes the files of jobs that an earlier process has left.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn remove_job_files(&self) -> std::io::Result<()> {
        match self.job_files_folder() {
            folder if folder.exists() => fs::remove_dir_all(folder),
            _ => Ok(()),
        }
    }

    /// The folder of that journal's files.
    pub fn installation_folder(&self) -> PathBuf {
        system_folder(self.locked.path())
    }

    /// The journal of what belongs to no workspace: accounts, API keys, and the audit.
    pub fn installation(&self) -> &InstallationJournal {
        &self.journal
    }

    /// Sets the API key of the bootstrap file, its `admin_token`. Writes nothing if it is set
    /// already.
    ///
    /// # Errors
    /// If the journal does not take it.
    pub fn set_admin_token(&self, token: &str) -> Result<(), InstallationError> {
        if self.is_set_as_admin_token(token) {
            return Ok(());
        }
        let change = Change::SetBootstrapKey { hash: SecretHash::of(token) };
        self.journal.change(now(), &Actor::BootstrapFile, change)
    }

    /// Whether the token is the one that [`DataFolder::set_admin_token`] has set last.
    pub fn is_set_as_admin_token(&self, token: &str) -> bool {
        let hash = SecretHash::of(token);
        self.journal
            .look(|state| state.api_keys.get(BOOTSTRAP_KEY).is_some_and(|key| key.hash == hash))
    }

    /// Moves the folder of a workspace and the record of its journal's end into a folder of their
    /// own below `trash`, named after the workspace and the time. The workspace must not be open.
    ///
    /// # Errors
    /// If the file system refuses; then both are where they were, as far as it allows.
    pub fn trash_workspace(&self, id: &WorkspaceId, at: Timestamp) -> std::io::Result<PathBuf> {
        let data = self.locked.path();
        // Times have characters that some tools take for something else.
        let time: String = at.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
        let trash = data.join("trash").join(format!("{id}-{time}"));
        create_private_folder(&data.join("trash"))?;
        create_private_folder(&trash)?;
        let folder = workspace_folder(data, id);
        let (record, record_in_trash) =
            (ends_folder(data).join(format!("{id}.end")), trash.join(format!("{id}.end")));
        // The record is moved first: a workspace without a record opens, a record without its
        // workspace is a lost journal.
        let has_record = match fs::rename(&record, &record_in_trash) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            moved => moved.map(|()| true)?,
        };
        if let Err(error) = fs::rename(&folder, trash.join(id.as_str())) {
            if has_record {
                fs::rename(&record_in_trash, &record)?;
            }
            return Err(error);
        }
        for changed in [trash.as_path(), &ends_folder(data), &data.join("workspaces")] {
            fs::File::open(changed)?.sync_all()?;
        }
        Ok(trash)
    }
}

/// The operating system frees the lock with the process, however it ends.
fn lock(folder: &Path) -> Result<fs::File, DataFolderError> {
    let mut file = open_private_file(&folder.join("tastemaker.lock"))?;
    match file.file().try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            write!(file, "{}", std::process::id())?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            file.read_to_string(&mut process)?;
            // A process that has just taken the lock has not written its id yet.
            let holder = if process.is_empty() {
                "another process".to_owned()
            } else {
                format!("process {process}")
            };
            Err(DataFolderError::Locked { folder: folder.to_owned(), holder })
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
