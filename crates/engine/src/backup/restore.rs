//! Restoring a data folder from a backup, with the check that it gives the same answers as the
//! original.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use domain::WorkspaceId;
use fs_err as fs;
use journal::disk::create_private_folder;
use journal::{EndRecord, JournalEnd, Offset, RealDisk};
use serde::Serialize;

use super::copy::hash_beginning;
use super::manifest::{FileCopy, JournalCopy, Manifest, write_whole};
use super::{
    BackedUpWorkspace, BackupError, BackupProgress, digest_answers, installation_folder, is_within,
};
use crate::data_folder::{
    LockedFolder, SYSTEM_JOURNAL, ends_folder, system_folder, workspace_folder,
};
use crate::journal_files::parse_first_offset;
use crate::{DataFolder, EngineOptions};

/// The result of a restore.
#[derive(Debug, Serialize)]
pub struct RestoreReport {
    /// Bytes of all files.
    pub bytes: u64,
    /// The workspaces.
    pub workspaces: Vec<BackedUpWorkspace>,
}

/// Makes a data folder of a backup, or puts `only` one of its workspaces into an existing data
/// folder, which is otherwise left as it is. All checksums are checked before anything is written
/// and again afterwards. Each workspace is folded anew and must give the same answers as at the
/// time of the backup.
///
/// # Errors
/// See [`BackupError`]. A data folder that was begun stays, and no server starts on it before it is
/// whole.
pub fn restore(
    backup: &Path,
    data: &Path,
    only: Option<&WorkspaceId>,
    progress: &dyn Fn(BackupProgress<'_>),
) -> Result<RestoreReport, BackupError> {
    let mut manifest = Manifest::read(backup)?
        .ok_or_else(|| BackupError::FileDamaged { file: backup.join("backup.json") })?;
    if is_within(data, backup)? {
        return Err(BackupError::WithinBackup { folder: data.to_owned() });
    }
    if let Some(id) = only {
        keep_workspace(&mut manifest, id)?;
        if !data.is_dir() {
            return Err(BackupError::NoDataFolder { folder: data.to_owned() });
        }
        let folder = workspace_folder(data, id);
        if folder.exists() {
            return Err(BackupError::WorkspaceThere { folder });
        }
    } else if data.exists() && fs::read_dir(data)?.next().is_some() {
        return Err(BackupError::NotEmpty { folder: data.to_owned() });
    }
    let files: Vec<(std::path::PathBuf, &FileCopy)> = manifest.files(backup).collect();
    let total: u64 = files.iter().map(|(_, file)| file.bytes).sum();
    // Read here, read to copy, read again.
    let done = Cell::new(0);
    let note = |bytes: u64| {
        done.set(done.get() + bytes);
        progress(BackupProgress::Copy(done.get(), 3 * total));
    };
    let check = |path: &Path, file: &FileCopy| match hash_beginning(path, file.bytes)? {
        Some(sha256) if sha256 == file.sha256 => {
            note(file.bytes);
            Ok(())
        }
        _ => Err(BackupError::FileDamaged { file: path.to_owned() }),
    };
    for (folder, file) in &files {
        check(&folder.join(&file.name), file)?;
    }

    create_private_folder(data)?;
    {
        let _lock = LockedFolder::lock(data)?;
        // The ends of the journals come first, so that no server starts on a folder that is not
        // whole.
        let ends = Arc::new(RealDisk::open(ends_folder(data))?);
        let record = |name: &str, journal: &JournalCopy| {
            let record = EndRecord::open(Arc::clone(&ends) as Arc<dyn journal::Disk>, name)?;
            record.write(find_end(journal)).and_then(|()| record.sync())
        };
        for workspace in &manifest.workspaces {
            record(workspace.id.as_str(), &workspace.journal)?;
        }
        if only.is_none() {
            record(SYSTEM_JOURNAL, &manifest.installation)?;
        }
        let copy = |from: &Path, to: &Path, files: &[FileCopy]| {
            create_private_folder(to)?;
            for file in files {
                let (source, target) = (from.join(&file.name), to.join(&file.name));
                write_whole(&target, |part| {
                    std::io::copy(&mut fs::File::open(&source)?.take(file.bytes), part).map(drop)
                })?;
                note(file.bytes);
                check(&target, file)?;
            }
            Ok::<_, BackupError>(())
        };
        copy(&installation_folder(backup), &system_folder(data), &manifest.installation.segments)?;
        for workspace in &manifest.workspaces {
            let (from, to) =
                (workspace_folder(backup, &workspace.id), workspace_folder(data, &workspace.id));
            copy(&from.join("journal"), &to.join("journal"), &workspace.journal.segments)?;
            let snapshot = workspace.snapshot.as_ref().map(std::slice::from_ref);
            if let Some(snapshot) = snapshot {
                copy(&from.join("snapshots"), &to.join("snapshots"), snapshot)?;
            }
            copy(&from.join("models"), &to.join("models"), &workspace.models)?;
        }
    }
    let opened = DataFolder::open(data)?;
    for workspace in &manifest.workspaces {
        let id = &workspace.id;
        let engine_error = |source| BackupError::Engine { id: id.clone(), source };
        let fold = |done, total| progress(BackupProgress::Fold(id, done, total));
        let engine = opened
            .open_workspace_with(id, &EngineOptions::with_frozen_clock(), &fold)
            .map_err(engine_error)?;
        let answers = digest_answers(&engine, progress).map_err(engine_error)?;
        let differences = workspace.answers.differences(&answers);
        if !differences.is_empty() {
            return Err(BackupError::AnswersDiffer { id: id.clone(), differences });
        }
    }
    Ok(RestoreReport {
        bytes: total,
        workspaces: manifest.workspaces.iter().map(BackedUpWorkspace::from_copy).collect(),
    })
}

/// Removes all workspaces but one from a manifest.
fn keep_workspace(manifest: &mut Manifest, id: &WorkspaceId) -> Result<(), BackupError> {
    let known: Vec<String> =
        manifest.workspaces.iter().map(|workspace| workspace.id.to_string()).collect();
    manifest.workspaces.retain(|workspace| workspace.id == *id);
    if manifest.workspaces.is_empty() {
        return Err(BackupError::NoSuchWorkspace { id: id.clone(), known: known.join(", ") });
    }
    manifest.installation.segments.clear();
    Ok(())
}

fn find_end(journal: &JournalCopy) -> JournalEnd {
    journal.segments.last().map_or(JournalEnd::EMPTY, |last| JournalEnd {
        offset: Offset(journal.entries),
        segment: Offset(parse_first_offset(&last.name).unwrap_or_default()),
        segment_bytes: last.bytes,
    })
}
