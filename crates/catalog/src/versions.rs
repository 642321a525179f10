//! Versions of a catalog: the one in force, those before it, and those that imports are building.
//!
//! Only their numbers and times are kept here. Which items a version lists, and with which values,
//! is in [`crate::PropertyTable`].

use domain::Timestamp;
use serde::{Deserialize, Serialize};
use store::key::KeyBuf;
use store::{Batch, Keyspace, Read, Store, StoreError};
use uuid::Uuid;

use crate::keys;

/// The most earlier versions that are kept: enough to go back after a wrong file and a wrong
/// correction of it. Each takes as much disk space as the catalog.
pub const PREVIOUS_VERSIONS_MAX: usize = 2;
/// The most unfinished imports. One more discards the oldest. Each takes as much disk space as the
/// catalog.
pub const STAGED_VERSIONS_MAX: usize = 4;
/// The key of the highest version number; versions count from 1.
const LAST_VERSION_KEY: u32 = 0;

/// A version of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CatalogVersion {
    /// The number, from 1 on.
    pub version: u32,
    /// The time of the last activation; none while it is staged.
    pub activated_at: Option<Timestamp>,
    /// The number of listed items: for the current version at its activation, 0 while it is staged.
    pub n_items: u64,
    /// The sequence number of its last activation, from 1 on; 0 while it is staged.
    activation: u32,
}

/// A version as it is stored, with the id of its import; nil once it was activated.
type StoredVersion = (CatalogVersion, Uuid);

/// The version of an unfinished import.
#[derive(Clone, Copy)]
struct StagedVersion {
    version: u32,
    import: Uuid,
}

/// All versions of a catalog.
pub(crate) struct Versions {
    keyspace: Keyspace,
    current: Option<CatalogVersion>,
    /// Earlier versions that can be activated again, in the order of activation.
    previous: Vec<CatalogVersion>,
    /// Versions of unfinished imports, the oldest first.
    staged: Vec<StagedVersion>,
    /// The highest version number assigned so far. The versions that are kept do not tell it.
    last_version: u32,
}

impl CatalogVersion {
    fn new_staged(version: u32) -> Self {
        Self { version, activated_at: None, n_items: 0, activation: 0 }
    }
}

impl Versions {
    pub(crate) fn load(store: &Store, keyspace: Keyspace) -> Result<Self, StoreError> {
        let (mut previous, mut staged) = (Vec::new(), Vec::new());
        let last_version = match store.get(&keyspace, &version_key(LAST_VERSION_KEY))? {
            Some(bytes) => keys::decode("catalog version", &bytes)?,
            None => 0,
        };
        for pair in store.scan(&keyspace, &[]) {
            let (key, value) = pair?;
            if key == version_key(LAST_VERSION_KEY) {
                continue;
            }
            let (version, import): StoredVersion = keys::decode("catalog version", &value)?;
            match version.activated_at {
                Some(_) => previous.push(version),
                None => staged.push(StagedVersion { version: version.version, import }),
            }
        }
        previous.sort_by_key(|version| version.activation);
        let current = previous.pop();
        Ok(Self { keyspace, current, previous, staged, last_version })
    }

    /// The version in force; none before the first import.
    pub(crate) fn current(&self) -> Option<&CatalogVersion> {
        self.current.as_ref()
    }

    /// Earlier versions that can be activated again, in the order of activation.
    pub(crate) fn previous(&self) -> &[CatalogVersion] {
        &self.previous
    }

    /// The highest version number assigned so far, 0 for none.
    pub(crate) fn last_version(&self) -> u32 {
        self.last_version
    }

    /// Creates the first version, which is in force at once, and returns its number.
    pub(crate) fn create_first(&mut self, batch: &mut Batch<'_>, at: Timestamp) -> u32 {
        let version = self.assign_number(batch);
        self.put_current(
            batch,
            CatalogVersion {
                activated_at: Some(at),
                activation: 1,
                ..CatalogVersion::new_staged(version)
            },
        );
        version
    }

    /// The number of the version that an import builds; none where the import is not staged.
    pub(crate) fn staged(&self, import: Uuid) -> Option<u32> {
        self.staged.iter().find(|staged| staged.import == import).map(|staged| staged.version)
    }

    /// Discards an earlier attempt of an import, and the oldest unfinished import where there is no
    /// room for one more. Returns the numbers of the discarded versions.
    pub(crate) fn make_room(&mut self, batch: &mut Batch<'_>, import: Uuid) -> Vec<u32> {
        let mut discarded = Vec::new();
        if let Some(place) = self.staged_position(import) {
            discarded.push(self.staged.remove(place).version);
        }
        if self.staged.len() == STAGED_VERSIONS_MAX {
            discarded.push(self.staged.remove(0).version);
        }
        discarded.iter().for_each(|version| self.remove_row(batch, *version));
        discarded
    }

    /// Starts the version of an import and returns its number.
    pub(crate) fn stage(&mut self, batch: &mut Batch<'_>, import: Uuid) -> u32 {
        let version = self.assign_number(batch);
        self.staged.push(StagedVersion { version, import });
        self.put(batch, &(CatalogVersion::new_staged(version), import));
        version
    }

    /// Takes the version of an import, for [`Versions::switch`].
    pub(crate) fn take_staged(&mut self, import: Uuid) -> Option<CatalogVersion> {
        let place = self.staged_position(import)?;
        Some(CatalogVersion::new_staged(self.staged.remove(place).version))
    }

    /// Takes an earlier version, for [`Versions::switch`].
    pub(crate) fn take_previous(&mut self, version: u32) -> Option<CatalogVersion> {
        let place = self.previous.iter().position(|previous| previous.version == version)?;
        Some(self.previous.remove(place))
    }

    /// Puts a version in force that lists `n_items`. The version before it, which listed
    /// `n_items_before` at its end, can be activated again.
    pub(crate) fn switch(
        &mut self,
        batch: &mut Batch<'_>,
        next: CatalogVersion,
        at: Timestamp,
        n_items: usize,
        n_items_before: usize,
    ) {
        let mut activation = 1;
        if let Some(before) = self.current {
            let before = CatalogVersion { n_items: n_items_before as u64, ..before };
            self.put(batch, &(before, Uuid::nil()));
            self.previous.push(before);
            activation += before.activation;
        }
        let n_items = n_items as u64;
        self.put_current(
            batch,
            CatalogVersion { activated_at: Some(at), n_items, activation, ..next },
        );
    }

    /// Removes earlier versions beyond [`PREVIOUS_VERSIONS_MAX`] and returns their numbers.
    pub(crate) fn remove_too_old(&mut self, batch: &mut Batch<'_>) -> Vec<u32> {
        let n_too_old = self.previous.len().saturating_sub(PREVIOUS_VERSIONS_MAX);
        let removed: Vec<u32> = self.previous.drain(..n_too_old).map(|old| old.version).collect();
        removed.iter().for_each(|version| self.remove_row(batch, *version));
        removed
    }

    fn staged_position(&self, import: Uuid) -> Option<usize> {
        self.staged.iter().position(|staged| staged.import == import)
    }

    /// Assigns the next version number and stores it.
    fn assign_number(&mut self, batch: &mut Batch<'_>) -> u32 {
        self.last_version += 1;
        let key = version_key(LAST_VERSION_KEY);
        batch.put(&self.keyspace, key, keys::encode(&self.last_version));
        self.last_version
    }

    fn put_current(&mut self, batch: &mut Batch<'_>, version: CatalogVersion) {
        self.put(batch, &(version, Uuid::nil()));
        self.current = Some(version);
    }

    fn put(&self, batch: &mut Batch<'_>, stored: &StoredVersion) {
        batch.put(&self.keyspace, version_key(stored.0.version), keys::encode(stored));
    }

    pub(crate) fn remove_row(&self, batch: &mut Batch<'_>, version: u32) {
        batch.remove(&self.keyspace, version_key(version));
    }
}

fn version_key(version: u32) -> Vec<u8> {
    KeyBuf::new().u32(version).build()
}
