//! The folder of an installation: a lock, a journal for what belongs to no workspace, and one folder a workspace.

use std::fs::TryLockError;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::WorkspaceId;
use fs_err as fs;
use journal::{FileJournal, Journal, Offset, OpenError, RealDisk};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Engine, EngineError, EngineOptions};

/// Why a data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Somebody else has it.
    #[error(
        "data folder {folder} is in use by process {holder}: stop that one first, or name another folder with --data"
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Its process id.
        holder: String,
    },
    /// The file system refused.
    #[error("cannot use the data folder")]
    Io(#[from] std::io::Error),
    /// A folder in it is no workspace.
    #[error("folder {folder} is named like no workspace: move it away")]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// Of the journal of the installation.
    #[error("cannot open the journal of the installation")]
    Journal(#[from] OpenError),
    /// Of an entry in it.
    #[error("cannot read the journal of the installation: {0}")]
    Entry(String),
}

/// What the journal of the installation holds.
#[derive(Serialize, Deserialize)]
enum SystemEntry {
    /// SHA-256 of the token that administrators show.
    AdminToken([u8; 32]),
}

/// An open data folder, this process's alone as long as it lives.
pub struct DataFolder {
    folder: PathBuf,
    journal: FileJournal,
    admin_token: parking_lot::Mutex<Option<[u8; 32]>>,
    _lock: fs::File,
}

impl DataFolder {
    /// Opens a folder, making it where it is missing.
    pub fn open(folder: &Path) -> Result<Self, DataFolderError> {
        fs::create_dir_all(folder)?;
        let lock = lock(folder)?;
        let disk = Arc::new(RealDisk::open(folder.join("system"))?);
        let journal = FileJournal::open(disk, Offset(0))?;
        let mut admin_token = None;
        for record in journal.read_from(Offset(0)) {
            let (_, bytes) = record.map_err(OpenError::from)?;
            let SystemEntry::AdminToken(hash) =
                postcard::from_bytes(&bytes).map_err(|error| DataFolderError::Entry(error.to_string()))?;
            admin_token = Some(hash);
        }
        Ok(Self {
            folder: folder.to_owned(),
            journal,
            admin_token: parking_lot::Mutex::new(admin_token),
            _lock: lock,
        })
    }

    /// The workspaces that there are, by name.
    pub fn workspaces(&self) -> Result<Vec<WorkspaceId>, DataFolderError> {
        let folder = self.folder.join("workspaces");
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let mut ids = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // Whatever has no journal is none of ours: a stray file, a folder that somebody made.
            if !entry.path().join("journal").is_dir() {
                continue;
            }
            let id = WorkspaceId::new(entry.file_name().to_string_lossy());
            ids.push(id.map_err(|_| DataFolderError::Foreign { folder: entry.path() })?);
        }
        ids.sort();
        Ok(ids)
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
        let folder = self.folder.join("workspaces").join(id.as_str());
        Engine::open_with(id.clone(), &folder, options, progress)
    }

    /// SHA-256 of the administrators' token; none where none was ever set.
    pub fn admin_token_hash(&self) -> Option<[u8; 32]> {
        *self.admin_token.lock()
    }

    /// Sets the administrators' token; nothing is written where it is that one already.
    pub fn set_admin_token(&self, token: &str) -> Result<(), journal::AppendError> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let mut current = self.admin_token.lock();
        if *current != Some(hash) {
            let entry =
                postcard::to_stdvec(&SystemEntry::AdminToken(hash)).expect("plain fields always encode");
            self.journal.append(&[&entry])?;
            *current = Some(hash);
        }
        Ok(())
    }
}

/// The operating system frees the lock with the process, however it ends.
fn lock(folder: &Path) -> Result<fs::File, DataFolderError> {
    let path = folder.join("tastemaker.lock");
    let mut file = fs::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    match file.file().try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            write!(file, "{}", std::process::id())?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder)?;
            Err(DataFolderError::Locked { folder: folder.to_owned(), holder })
        }
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
