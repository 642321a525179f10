//! What a workspace takes on disk, and how much room there is.

use std::path::Path;

use serde::Serialize;

/// The sizes of a workspace's files, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DiskUse {
    /// The segments of the journal.
    pub journal_bytes: u64,
    /// The store, which is made again from the journal if it is lost.
    pub store_bytes: u64,
    /// Snapshots of the state, which take the place of what was cut from the journal.
    pub snapshot_bytes: u64,
    /// The artifacts of models.
    pub model_bytes: u64,
    /// The file system of the journal; none where the system does not say.
    pub room: Option<DiskRoom>,
}

/// The room of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
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
