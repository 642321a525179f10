//! Measures what a workspace takes on disk.

use std::path::Path;
use std::time::{Duration, Instant};

use fs_err as fs;

use crate::journal_files::measure_journal;
use crate::{DiskRoom, DiskUse, Engine, EngineError};

/// How long the sizes of files are answered from what was measured: with millions of people there
/// are thousands of files, and each is looked at.
pub const DISK_USE_AGE_MAX: Duration = Duration::from_secs(30);

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
            snapshot_bytes: measure_folder(&self.folder().join("snapshots"))?,
            model_bytes: measure_folder(&self.folder().join("models"))?,
            room: DiskRoom::of(&journal),
        })
    }

    /// As [`Engine::measure_disk`], at most [`DISK_USE_AGE_MAX`] old. The room of the file system
    /// is that of now. Callers that come together wait for one measurement.
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

    /// The memory of the store, in bytes: cached blocks, and writes that are in no table yet.
    /// [`EngineOptions::store_cache_bytes`] bounds both, apart from the memory budget.
    pub fn store_bytes(&self) -> (u64, u64) {
        self.shared.live.store().memory_bytes()
    }

    /// The memory of the message ids of the last one to two days, in bytes. Their number is
    /// bounded, apart from the memory budget.
    pub fn message_ids_bytes(&self) -> u64 {
        self.snapshot().message_ids.n_bytes()
    }
}

/// Sums up the files in a folder and below. A file that goes away meanwhile does not count.
fn measure_folder(folder: &Path) -> std::io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut sum = 0;
    for entry in entries {
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
