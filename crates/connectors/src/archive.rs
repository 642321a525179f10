//! Where files go that leave the data folder for good: a folder of this machine, or a bucket with
//! S3's API.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use activation::Failure;
use serde_json::Value;

use crate::storage::Storage;
use crate::{Outgoing, SettingsError, kind};

/// The destination whose settings say where files are put.
const SETTINGS_KIND: &str = "parquet";

/// A file is not known to be where it was put.
#[derive(Debug, thiserror::Error)]
#[error("{file} cannot be put there: {text}")]
pub struct ArchiveError {
    /// The place of the file.
    pub file: String,
    /// What is wrong.
    pub text: String,
}

/// An archive.
pub struct Archive {
    storage: Arc<Storage>,
    outgoing: Arc<Outgoing>,
}

impl Archive {
    /// An archive by the settings that a destination of Parquet files has for its place: `storage`,
    /// `path`, `bucket`, `region`, `endpoint`, `access_key_id`, `secret_access_key`.
    ///
    /// # Errors
    /// If one is missing or wrong.
    pub fn of_settings(
        settings: &BTreeMap<String, Value>,
        outgoing: &Arc<Outgoing>,
    ) -> Result<Self, SettingsError> {
        let kind = kind(SETTINGS_KIND).expect("it is one of the kinds");
        let storage = Storage::of_settings(&kind.settings.read(settings)?, outgoing)?;
        Ok(Self { storage: Arc::new(storage), outgoing: Arc::clone(outgoing) })
    }

    /// An archive in a folder of this machine.
    pub fn in_folder(folder: &Path, outgoing: &Arc<Outgoing>) -> Self {
        let storage = Storage::Folder { allowed: folder.to_owned(), path: String::new() };
        Self { storage: Arc::new(storage), outgoing: Arc::clone(outgoing) }
    }

    /// For people: where a file of the archive is.
    pub fn describe(&self, file: &str) -> String {
        self.storage.describe(file)
    }

    /// Puts a copy of a file into the archive and reads it back. Waits for both.
    ///
    /// # Errors
    /// If the copy is not known to be durable and right.
    pub fn put(&self, file: &str, source: &Path) -> Result<(), ArchiveError> {
        let (storage, name, source) =
            (Arc::clone(&self.storage), file.to_owned(), source.to_owned());
        let (done, result) = std::sync::mpsc::channel();
        self.outgoing.runtime().spawn(async move {
            done.send(storage.put_and_verify(&name, &source).await).ok();
        });
        let put = result.recv();
        put.map_or_else(|_| Err("the server is stopping".to_owned()), |put| put.map_err(text_of))
            .map_err(|text| ArchiveError { file: self.describe(file), text })
    }
}

pub(crate) fn text_of(failure: Failure) -> String {
    failure.text().to_owned()
}

#[cfg(test)]
mod tests;
