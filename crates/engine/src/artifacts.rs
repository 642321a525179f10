//! Model artifacts on disk.

use std::io::Write;
use std::path::PathBuf;

use fs_err as fs;
use recommender::{ArtifactError, Model};

/// Errors of reading and writing artifacts.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactsError {
    /// The file system refused.
    #[error("cannot read or write a model artifact")]
    Io(#[from] std::io::Error),
    /// The file is damaged or of another format.
    #[error("cannot use {path}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The damage.
        #[source]
        source: ArtifactError,
    },
    /// The file holds a model of another run.
    #[error("{path} holds the model {found}: a file was renamed or copied over it")]
    Misnamed {
        /// The file.
        path: PathBuf,
        /// The version of the model in it.
        found: String,
    },
}

/// The folder of one workspace's artifacts.
pub(crate) struct Artifacts {
    folder: PathBuf,
}

impl Artifacts {
    pub(crate) fn open(folder: PathBuf) -> Result<Self, ArtifactsError> {
        journal::disk::create_private_folder(&folder)?;
        Ok(Self { folder })
    }

    /// Writes an artifact so that a crash leaves either none or a whole one.
    pub(crate) fn write(&self, model: &Model) -> Result<(), ArtifactsError> {
        let path = self.path(&model.version);
        let part = path.with_extension("part");
        let mut file = fs::File::create(&part)?;
        file.write_all(&recommender::encode(model))?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    /// Reads an artifact; none where there is no such file.
    pub(crate) fn read(&self, version: &str) -> Result<Option<Model>, ArtifactsError> {
        let path = self.path(version);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let model = recommender::decode(&bytes)
            .map_err(|source| ArtifactsError::Unusable { path: path.clone(), source })?;
        if model.version != version {
            return Err(ArtifactsError::Misnamed { path, found: model.version });
        }
        Ok(Some(model))
    }

    /// Lists the versions of all artifacts, in order.
    pub(crate) fn list_versions(&self) -> std::io::Result<Vec<String>> {
        let mut versions = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "model") {
                versions.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            }
        }
        versions.sort_unstable();
        Ok(versions)
    }

    /// Finds the offset up to which the newest artifact has read the journal; 0 without artifacts.
    /// The journal must not end before.
    pub(crate) fn find_journal_end(&self) -> std::io::Result<u64> {
        let versions = self.list_versions()?;
        Ok(versions.iter().filter_map(|version| parse_offset(version)).max().unwrap_or(0))
    }

    /// Removes the artifacts that were trained on entries from an offset of the journal on.
    pub(crate) fn remove_after(&self, end: u64) -> std::io::Result<()> {
        let versions = self.list_versions()?.into_iter();
        versions
            .filter(|version| parse_offset(version).is_some_and(|offset| offset > end))
            .try_for_each(|version| fs::remove_file(self.path(&version)))
    }

    /// Removes all artifacts except those of `versions`. A file that cannot be removed does no
    /// harm.
    pub(crate) fn remove_others(&self, versions: &[String]) {
        let kept: Vec<PathBuf> = versions.iter().map(|version| self.path(version)).collect();
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| !kept.contains(path))
        {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, "an old model artifact stays");
            }
        }
    }

    fn path(&self, version: &str) -> PathBuf {
        self.folder.join(format!("{version}.model"))
    }
}

/// Parses the offset up to which a model has read the journal from its version.
pub(crate) fn parse_offset(version: &str) -> Option<u64> {
    version.parse().ok()
}
