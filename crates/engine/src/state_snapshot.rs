//! Snapshots of the state: a file of all rows of the store at one position of the journal. A fold
//! that would begin with the first entry of the journal begins with the snapshot instead, so that
//! the beginning of the journal can be cut off.
//!
//! A snapshot is written under another name first. It gets its name when all of it is durable and,
//! unless its caller says otherwise, an independent fold of the journal has come to the same rows.
//! Only then the one before it is removed.

mod file;
mod formats;
mod frame;
mod take;

use std::path::{Path, PathBuf};

use domain::WorkspaceId;
use fs_err as fs;
use recommender::Cancelled;
use state::Views;
use store::{Store, StoreError};

pub(crate) use self::file::{SnapshotFile, visit_rows};
pub use self::take::{SnapshotStep, TakenSnapshot};
use crate::opening::open_store;
use crate::{EngineError, Finding};

/// The extension of snapshots, and of one that is being written.
const EXTENSION: &str = "snapshot";
const PART_EXTENSION: &str = "part";

/// Errors of taking and of reading snapshots of the state.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The file system refused.
    #[error("cannot read or write the snapshot {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the file system.
        #[source]
        source: std::io::Error,
    },
    /// The bytes are not those that were written.
    #[error(
        "snapshot {path} is damaged at byte {position}: {what}. Restore the file from a backup (`tastemaker restore`)"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The byte in the file.
        position: u64,
        /// The kind of damage.
        what: &'static str,
    },
    /// A later build wrote it.
    #[error(
        "snapshot {path} has rows of format {found}, written by version {written_by}, and this program reads up to {present}: use that version or a later one",
        present = store::FORMAT
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The format of its rows.
        found: u8,
        /// The version of the program that wrote it.
        written_by: String,
    },
    /// It is of another workspace.
    #[error("snapshot {path} is of workspace {found}: it was copied to the wrong folder")]
    OtherWorkspace {
        /// The file.
        path: PathBuf,
        /// The workspace that it is of.
        found: WorkspaceId,
    },
    /// The beginning of the journal is cut off, and there is no snapshot to begin with.
    #[error(
        "the journal begins at offset {start}, and there is no snapshot of what was before that is of offset {until} or earlier"
    )]
    NoBase {
        /// Where the journal begins.
        start: u64,
        /// Up to where entries were to be folded.
        until: u64,
    },
    /// An independent fold of the journal came to other rows.
    #[error(
        "a fold of the journal up to offset {position} comes to other rows than the snapshot: {what}"
    )]
    Differs {
        /// The position of the snapshot.
        position: u64,
        /// What differs.
        what: String,
    },
    /// The workspace is being reset.
    #[error("the workspace is being reset: try again in a moment")]
    Resetting,
    /// It was cut short, since the workspace is being closed or somebody has cancelled it.
    #[error("it was cut short")]
    Cancelled(#[from] Cancelled),
    /// The store cannot be read or written.
    #[error("cannot read or write a store")]
    Store(#[from] StoreError),
}

/// The folder of the snapshots of one workspace.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    folder: PathBuf,
    id: WorkspaceId,
}

impl Snapshots {
    /// Those of a workspace in its folder. Nothing is created.
    pub(crate) fn of(workspace_folder: &Path, id: &WorkspaceId) -> Self {
        Self { folder: workspace_folder.join("snapshots"), id: id.clone() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file of a snapshot at a position.
    pub(crate) fn path(&self, position: u64) -> PathBuf {
        self.folder.join(file_name(position))
    }

    /// The positions of all snapshots, ascending.
    pub(crate) fn positions(&self) -> std::io::Result<Vec<u64>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut positions = Vec::new();
        for entry in entries {
            positions.extend(parse_position(&entry?.file_name().to_string_lossy()));
        }
        positions.sort_unstable();
        Ok(positions)
    }

    /// The position of the newest one; 0 where there is none.
    pub(crate) fn newest(&self) -> std::io::Result<u64> {
        Ok(self.positions()?.pop().unwrap_or(0))
    }

    /// Removes all snapshots but one, and what was not written to its end.
    pub(crate) fn remove_others(&self, kept: u64) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_other = parse_position(&name).is_some_and(|position| position != kept);
            if is_other || path.extension().is_some_and(|extension| extension == PART_EXTENSION) {
                fs::remove_file(&path)?;
            }
        }
        fs::File::open(&self.folder)?.sync_all()
    }

    /// Reads all of every snapshot and returns the damage.
    pub(crate) fn check(&self) -> std::io::Result<Vec<Finding>> {
        let check = |position| {
            let error = SnapshotFile::open(&self.path(position), &self.id).err()?;
            Some(Finding::Snapshot { text: crate::describe_error(&error) })
        };
        Ok(self.positions()?.into_iter().filter_map(check).collect())
    }

    /// Where a fold of the journal up to `until` begins: with the newest snapshot that is not
    /// later, else with the first entry.
    ///
    /// # Errors
    /// If the journal does not begin with its first entry, and there is no whole snapshot.
    pub(crate) fn find_base(&self, start: u64, until: u64) -> Result<Base, SnapshotError> {
        let list_error = |source| SnapshotError::Io { path: self.folder.clone(), source };
        let positions = self.positions().map_err(list_error)?.into_iter().rev();
        let mut damage = None;
        for position in positions.filter(|position| (start..=until).contains(position)) {
            match SnapshotFile::open(&self.path(position), &self.id) {
                Ok(file) if file.position() == position => return Ok(Base::Snapshot(file)),
                Ok(file) => {
                    let what = "its name says another position than its header";
                    let path = self.path(file.position().min(position));
                    damage = Some(SnapshotError::Damaged { path, position: 0, what });
                }
                Err(error) => damage = Some(error),
            }
        }
        match damage {
            Some(error) if start > 0 => Err(error),
            None if start > 0 => Err(SnapshotError::NoBase { start, until }),
            None => Ok(Base::Beginning),
            Some(error) => {
                let why = crate::describe_error(&error);
                tracing::warn!(workspace = %self.id, why, "a snapshot is not used: the journal has all entries");
                Ok(Base::Beginning)
            }
        }
    }

    /// As [`Snapshots::find_base`], and begins a store there in an empty folder.
    ///
    /// # Errors
    /// If there is nothing to begin with, or the store cannot be written.
    pub(crate) fn begin_state(
        &self,
        folder: &Path,
        cache_bytes: u64,
        start: u64,
        until: u64,
    ) -> Result<(Store, Views), EngineError> {
        self.find_base(start, until)?.begin_state(folder, cache_bytes, &self.id)
    }
}

/// Where a fold begins.
pub(crate) enum Base {
    /// With the first entry.
    Beginning,
    /// With the rows of a snapshot.
    Snapshot(SnapshotFile),
}

impl Base {
    /// Makes a store in an empty folder that is at the place where the fold begins.
    ///
    /// # Errors
    /// If the store cannot be written, or the snapshot not be read.
    pub(crate) fn begin_state(
        &self,
        folder: &Path,
        cache_bytes: u64,
        id: &WorkspaceId,
    ) -> Result<(Store, Views), EngineError> {
        let store = open_store(folder, cache_bytes)?;
        if let Self::Snapshot(file) = self {
            tracing::info!(workspace = %id, position = file.position(), "a store begins with a snapshot of the state");
            file.fill(&store)?;
        }
        let views = Views::load(&store, id).map_err(crate::error::store_error(folder))?;
        Ok((store, views))
    }
}

/// The name of the snapshot at a position: the position with 20 digits.
pub(crate) fn file_name(position: u64) -> String {
    format!("{position:020}.{EXTENSION}")
}

/// The position of a snapshot by its name.
pub(crate) fn parse_position(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
    digits.parse().ok().filter(|position| file_name(*position) == name)
}
