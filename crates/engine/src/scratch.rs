//! Folders that are needed for a while.

use std::path::{Path, PathBuf};

use fs_err as fs;

/// A folder that is removed when it is no longer needed.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Names a folder for a while, and removes what an earlier process has left there.
    pub(crate) fn new(folder: PathBuf) -> std::io::Result<Self> {
        let scratch = Self(folder);
        scratch.remove()?;
        Ok(scratch)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    fn remove(&self) -> std::io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(%error, "a scratch folder stays");
        }
    }
}
