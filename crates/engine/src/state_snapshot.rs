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

use std::path::{Path, PathBuf};

use domain::WorkspaceId;
use fs_err as fs;
use state::Views;
use store::Store;

pub(crate) use self::file::{Header, SnapshotFile, WriteError, visit_rows, write};
use crate::snapshot_error::SnapshotError;
use crate::stores::open_store;
use crate::{EngineError, Finding};

/// The name of the folder, beside the store.
pub(crate) const FOLDER: &str = "snapshots";
/// The extension of snapshots, and of one that is being written.
const EXTENSION: &str = "snapshot";
pub(crate) const PART_EXTENSION: &str = "part";

/// The folder of the snapshots of one workspace.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    folder: PathBuf,
    id: WorkspaceId,
}

impl Snapshots {
    /// Those of a workspace in its folder. Nothing is created.
    pub(crate) fn of(workspace_folder: &Path, id: &WorkspaceId) -> Self {
        Self { folder: workspace_folder.join(FOLDER), id: id.clone() }
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
            None if start > 0 => Err(self.missing(start, until)),
            None => Ok(Base::Beginning),
            Some(error) => {
                let why = crate::describe_error(&error);
                tracing::warn!(workspace = %self.id, why, "a snapshot is not used: the journal has all entries");
                Ok(Base::Beginning)
            }
        }
    }

    /// Says that there is no snapshot of a place from `start` to `until`.
    pub(crate) fn missing(&self, start: u64, until: u64) -> SnapshotError {
        SnapshotError::NoBase { folder: self.folder.clone(), start, until }
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
