//! Copying the parts of one workspace, whose journal may be cut meanwhile.

use std::io;
use std::path::Path;

use domain::WorkspaceId;
use journal::{Disk, DiskFile, RealDisk, RecordedEnd, end_record_name};

use super::BackupError;
use super::copy::{self, copy_snapshot, remove_others};
use super::manifest::{FileCopy, JournalCopy, WorkspaceCopy};
use crate::data_folder::{ends_folder, workspace_folder};
use crate::journal_files::{list_segments, read_recorded_end};
use crate::state_snapshot::Snapshots;

/// How often a workspace is copied from the beginning because its journal was cut meanwhile.
const COPY_ATTEMPTS_MAX: usize = 3;

/// Where it is copied from and to, and who is told of it.
pub(super) struct Source<'a> {
    pub(super) data: &'a Path,
    pub(super) to: &'a Path,
    /// Gets the number of bytes just read.
    pub(super) note_read: &'a dyn Fn(u64),
    /// Gets the number of bytes just written.
    pub(super) note_copied: &'a dyn Fn(u64),
}

/// The files of a workspace that were copied.
pub(super) struct CopiedParts {
    pub(super) journal: JournalCopy,
    pub(super) snapshot: Option<FileCopy>,
    pub(super) models: Vec<FileCopy>,
}

impl Source<'_> {
    pub(super) fn copy_journal(
        &self,
        name: &str,
        from: &Path,
        snapshot: u64,
        to: &Path,
        old: Option<&JournalCopy>,
    ) -> Result<JournalCopy, BackupError> {
        let end = match read_recorded_end(self.data, name)? {
            RecordedEnd::At(end) => Some(end),
            // An earlier version of the program wrote the data folder.
            RecordedEnd::Absent => None,
            RecordedEnd::Unreadable => {
                let file = ends_folder(self.data).join(end_record_name(name));
                return Err(BackupError::EndRecordUnreadable { file });
            }
        };
        copy::copy_journal(from, snapshot, end, to, old, self.note_read, self.note_copied)
    }

    pub(super) fn copy_workspace(
        &self,
        id: &WorkspaceId,
        old: Option<&WorkspaceCopy>,
    ) -> Result<CopiedParts, BackupError> {
        let from = workspace_folder(self.data, id);
        let snapshots = Snapshots::of(&from, id);
        let beginning = || -> io::Result<_> {
            Ok((snapshots.newest()?, list_segments(&from.join("journal"))?.first().cloned()))
        };
        for _ in 1..COPY_ATTEMPTS_MAX {
            let before = beginning()?;
            match self.copy_parts(id, before.0, old) {
                Err(_) if beginning()? != before => {}
                copied => return copied,
            }
        }
        self.copy_parts(id, snapshots.newest()?, old)
    }

    /// Copies the snapshot at a position, and the journal, which begins there or before.
    fn copy_parts(
        &self,
        id: &WorkspaceId,
        position: u64,
        old: Option<&WorkspaceCopy>,
    ) -> Result<CopiedParts, BackupError> {
        let (from, to) = (workspace_folder(self.data, id), workspace_folder(self.to, id));
        let old_snapshot = old.and_then(|old| old.snapshot.as_ref());
        let snapshot = match position {
            0 => None,
            _ => {
                let (from, to) = (from.join("snapshots"), to.join("snapshots"));
                let note = self.note_copied;
                Some(copy_snapshot(&from, &to, position, old_snapshot, note)?)
            }
        };
        let (folder, copy) = (from.join("journal"), to.join("journal"));
        let old_journal = old.map(|old| &old.journal);
        // After the snapshot: the journal reaches up to it at least.
        let journal = self.copy_journal(id.as_str(), &folder, position, &copy, old_journal)?;
        if journal.entries < position {
            let (end, last) = (journal.entries, position - 1);
            return Err(BackupError::Missing { journal: folder, end, last });
        }
        // After the journal: an artifact is there before the entry that says so.
        let (models, copies) = (from.join("models"), to.join("models"));
        let models = copy::copy_models(&models, &copies, journal.entries, self.note_copied)?;
        Ok(CopiedParts { journal, snapshot, models })
    }
}

/// Removes the segments and snapshots of earlier backups that are not in this one.
pub(super) fn remove_leftovers(backup: &Path, workspace: &WorkspaceCopy) -> io::Result<()> {
    let folder = workspace_folder(backup, &workspace.id);
    let names = |files: &[FileCopy]| -> Vec<String> {
        files.iter().map(|file| file.name.clone()).collect()
    };
    remove_others(&folder.join("journal"), "seg", &names(&workspace.journal.segments))?;
    let snapshots = workspace.snapshot.as_slice();
    remove_others(&folder.join("snapshots"), "snapshot", &names(snapshots))
}

/// The segments of a copy, without those of earlier backups that lie beside them.
pub(super) struct SelectedSegments {
    disk: RealDisk,
    names: Vec<String>,
}

impl SelectedSegments {
    pub(super) fn new(folder: &Path, copy: &JournalCopy) -> io::Result<Self> {
        let names = copy.segments.iter().map(|file| file.name.clone()).collect();
        Ok(Self { disk: RealDisk::open(folder)?, names })
    }
}

impl Disk for SelectedSegments {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = self.disk.list()?;
        names.retain(|name| self.names.contains(name));
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.create(name)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open(name)
    }

    fn rename(&self, name: &str, to: &str) -> io::Result<()> {
        self.disk.rename(name, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync()
    }

    fn place(&self) -> String {
        self.disk.place()
    }
}
