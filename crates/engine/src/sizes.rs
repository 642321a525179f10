//! What a workspace takes on disk, and how much room there is.

use std::path::Path;
use std::time::{Duration, Instant};

use fs_err as fs;
use serde::Serialize;

use crate::journal_files::measure_journal;
use crate::{Engine, EngineError};

/// How long the sizes of files are answered from what was measured: with millions of people there
/// are thousands of files, and each is looked at.
pub const DISK_USE_AGE_MAX: Duration = Duration::from_secs(30);

/// The sizes of a workspace's files, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DiskUse {
    /// The segments of the journal.
    pub journal_bytes: u64,
    /// The store, which is made again from the journal if it is lost.
    pub store_bytes: u64,
    /// The artifacts of models.
    pub model_bytes: u64,
    /// The file system of the journal; none where the system does not say.
    pub room: Option<DiskRoom>,
}

/// The room of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DiskRoom {
    /// What is left for this process.
    pub free_bytes: u64,
    /// What there is in all.
    pub total_bytes: u64,
}

impl DiskRoom {
    /// The room of the file system that a folder is on; none where the system does not say.
    pub fn of(folder: &Path) -> Option<Self> {
        let found = rustix::fs::statvfs(folder).ok()?;
        Some(Self {
            free_bytes: found.f_bavail * found.f_frsize,
            total_bytes: found.f_blocks * found.f_frsize,
        })
    }

    /// The share that is in use, from 0 to 1.
    pub fn used_share(&self) -> f64 {
        1.0 - self.free_bytes as f64 / self.total_bytes.max(1) as f64
    }
}

impl Engine {
    /// Measures the files of the workspace. Takes a moment for each file.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn measure_disk(&self) -> Result<DiskUse, EngineError> {
        let [journal, store] = self.folders();
        Ok(DiskUse {
            journal_bytes: measure_journal(&journal)?,
            store_bytes: measure_folder(&store)?,
            model_bytes: measure_folder(&self.folder().join("models"))?,
            room: DiskRoom::of(&journal),
        })
    }

    /// As [`Engine::measure_disk`], at most [`DISK_USE_AGE_MAX`] old; the room of the file system is
    /// that of now. Callers that come together wait for one measurement.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn disk_use(&self) -> Result<DiskUse, EngineError> {
        let mut measured = self.measured_disk.lock();
        if let Some((at, disk)) = *measured
            && at.elapsed() < DISK_USE_AGE_MAX
        {
            let [journal, _] = self.folders();
            return Ok(DiskUse { room: DiskRoom::of(&journal), ..disk });
        }
        let disk = self.measure_disk()?;
        *measured = Some((Instant::now(), disk));
        Ok(disk)
    }

    /// How many journal entries the fold is behind.
    pub fn fold_lag(&self) -> u64 {
        let applied = self.snapshot().applied;
        self.shared.journal.end().0.saturating_sub(applied)
    }
}

/// Sums up the files in a folder and below. A file that goes away meanwhile does not count.
fn measure_folder(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(metadata) = entry.metadata() else { continue };
        sum += match metadata.is_dir() {
            true => measure_folder(&entry.path()).unwrap_or(0),
            false => metadata.len(),
        };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use domain::WorkspaceId;

    use super::*;

    #[test]
    fn what_is_journalled_takes_room_and_is_applied() {
        let folder = tempfile::tempdir().unwrap();
        let id = WorkspaceId::new("shop").unwrap();
        let engine = Engine::open(id, folder.path(), &|_, _| {}).unwrap();
        let before = engine.measure_disk().unwrap();
        engine.reset().unwrap();
        let after = engine.measure_disk().unwrap();
        assert!(after.journal_bytes > before.journal_bytes);
        assert_eq!(engine.disk_use().unwrap().journal_bytes, after.journal_bytes);
        engine.reset().unwrap();
        let kept = engine.disk_use().unwrap();
        assert_eq!(kept.journal_bytes, after.journal_bytes, "it is not measured each time");
        assert_eq!(engine.fold_lag(), 0);
        let room = after.room.unwrap();
        assert!(room.free_bytes <= room.total_bytes && (0.0..=1.0).contains(&room.used_share()));
    }
}
