//! A folder in memory for the files of tests: they wait for the disk very often.

use std::path::{Path, PathBuf};

/// Where Linux keeps files in memory.
const PLACE: &str = "/dev/shm";
/// The room that the tests must find there, in bytes.
const ROOM_MIN: u64 = 6 * 1_024 * 1_024 * 1_024;

/// Is removed with all that is in it when it is dropped.
pub(crate) struct MemoryFolder(PathBuf);

impl MemoryFolder {
    /// None where the machine has no such place, or no room there.
    pub(crate) fn make() -> Option<Self> {
        let place = Path::new(PLACE);
        let found = rustix::fs::statvfs(place).ok()?;
        if found.f_bavail.saturating_mul(found.f_frsize) < ROOM_MIN {
            return None;
        }
        let folder = place.join(format!("tastemaker-tests-{}", std::process::id()));
        fs_err::create_dir(&folder).ok()?;
        Some(Self(folder))
    }

    /// The variable by which programs find it.
    pub(crate) fn variable(&self) -> (&'static str, String) {
        ("TMPDIR", self.0.display().to_string())
    }
}

impl Drop for MemoryFolder {
    fn drop(&mut self) {
        fs_err::remove_dir_all(&self.0).ok();
    }
}
