//! The manifest of a backup: `backup.json`, written last.

use std::io::Write;
use std::path::{Path, PathBuf};

use domain::{Timestamp, WorkspaceId};
use fs_err as fs;
use journal::disk::open_private_file;
use serde::{Deserialize, Serialize};

use super::{BackupError, installation_folder};
use crate::answers::Answers;
use crate::data_folder::{BACKUP_MANIFEST, workspace_folder};
use crate::journal_files::parse_first_offset;

/// The newest format of the manifest and its folder: the second has snapshots of the state, without
/// which a journal that was cut is of no use. A backup without them is written in the first.
pub(super) const FORMAT: u32 = 2;
pub(super) const FORMAT_WITHOUT_SNAPSHOTS: u32 = 1;

#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The version of the program that wrote it.
    pub(super) program: String,
    pub(super) finished_at: Timestamp,
    pub(super) installation: JournalCopy,
    pub(super) workspaces: Vec<WorkspaceCopy>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WorkspaceCopy {
    pub(super) id: WorkspaceId,
    pub(super) journal: JournalCopy,
    /// What the journal begins with where it is cut; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) snapshot: Option<FileCopy>,
    pub(super) models: Vec<FileCopy>,
    pub(super) answers: Answers,
}

#[derive(Serialize, Deserialize)]
pub(super) struct JournalCopy {
    /// The offset after the last entry.
    pub(super) entries: u64,
    /// In order.
    pub(super) segments: Vec<FileCopy>,
    /// Whether a segment took the place of an earlier copy that it does not begin with: people were
    /// erased from it. What was folded of the earlier copies holds them still.
    #[serde(skip)]
    pub(super) is_replaced: bool,
}

/// A file, or the beginning of one: a later backup that was not finished may have continued it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileCopy {
    pub(super) name: String,
    pub(super) bytes: u64,
    /// In hexadecimal.
    pub(super) sha256: String,
}

impl JournalCopy {
    pub(super) fn segment(&self, name: &str) -> Option<&FileCopy> {
        self.segments.iter().find(|segment| segment.name == name)
    }

    /// The segments that begin at an offset or later.
    pub(super) fn segments_from(&self, start: u64) -> impl Iterator<Item = &FileCopy> {
        let begins_later = move |file: &&FileCopy| {
            parse_first_offset(&file.name).is_none_or(|first| first >= start)
        };
        self.segments.iter().filter(begins_later)
    }
}

impl Manifest {
    /// The manifest of a backup; none where there is no finished one.
    pub(super) fn read(backup: &Path) -> Result<Option<Self>, BackupError> {
        let file = backup.join(BACKUP_MANIFEST);
        let text = match fs::read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        #[derive(Deserialize)]
        struct Version {
            format: u32,
            program: String,
        }
        let unreadable = |source| BackupError::Manifest { file: file.clone(), source };
        let version: Version = serde_json::from_slice(&text).map_err(unreadable)?;
        if !(FORMAT_WITHOUT_SNAPSHOTS..=FORMAT).contains(&version.format) {
            let folder = backup.to_owned();
            return Err(BackupError::Format {
                folder,
                found: version.format,
                program: version.program,
            });
        }
        serde_json::from_slice(&text).map(Some).map_err(unreadable)
    }

    pub(super) fn write(&self, backup: &Path) -> std::io::Result<()> {
        let text = serde_json::to_vec_pretty(self).expect("plain fields always encode");
        write_whole(&backup.join(BACKUP_MANIFEST), |file| file.write_all(&text))
    }

    /// All files, each with its folder below `root`, which is a backup.
    pub(super) fn files<'a>(
        &'a self,
        root: &'a Path,
    ) -> impl Iterator<Item = (PathBuf, &'a FileCopy)> {
        let installation =
            self.installation.segments.iter().map(move |file| (installation_folder(root), file));
        installation.chain(self.workspaces.iter().flat_map(move |workspace| {
            let folder = workspace_folder(root, &workspace.id);
            let files_in = |name: &str, files: std::slice::Iter<'a, FileCopy>| {
                let folder = folder.join(name);
                files.map(move |file| (folder.clone(), file))
            };
            let snapshot = workspace.snapshot.as_ref().map(std::slice::from_ref);
            let snapshot = files_in("snapshots", snapshot.unwrap_or_default().iter());
            let models = files_in("models", workspace.models.iter());
            workspace
                .journal
                .segments
                .iter()
                .map(move |file| (folder.join("journal"), file))
                .chain(snapshot)
                .chain(models)
        }))
    }
}

/// Writes a file that has its name only when all of it is durable; where `write` fails, a file of
/// that name stays as it is.
pub(super) fn write_whole<E: From<std::io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut fs::File) -> Result<(), E>,
) -> Result<(), E> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut file = open_private_file(&part)?;
    file.set_len(0)?;
    write(&mut file)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    path.parent().map_or(Ok(()), |folder| Ok(fs::File::open(folder)?.sync_all()?))
}
