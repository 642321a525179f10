//! The state of a workspace that is held in memory: rebuilt from the store at start, changed by the fold alone.

use catalog::Catalog;
use domain::WorkspaceConfig;
use profiles::Profiles;
use store::{Keyspace, Read, Store, StoreError};

use crate::Training;
use crate::interactions::{self, Interactions};
use crate::message_ids::{self, MessageIds};
use crate::rejections::{self, Rejections};

const WORKSPACE: &str = "engine.workspace";
const CONFIG_KEY: &[u8] = b"config";
const TRAINING_KEY: &[u8] = b"training";

/// Every keyspace of every crate, for opening the store.
pub(crate) fn keyspaces() -> Vec<&'static str> {
    let mut names = vec![WORKSPACE];
    names.extend(profiles::KEYSPACES);
    names.extend(catalog::KEYSPACES);
    names.extend(interactions::KEYSPACES);
    names.extend(message_ids::KEYSPACES);
    names.extend(rejections::KEYSPACES);
    names
}

pub(crate) struct Views {
    pub(crate) workspace: WorkspaceKeyspace,
    pub(crate) config: WorkspaceConfig,
    /// The model in use.
    pub(crate) training: Option<Training>,
    pub(crate) profiles: Profiles,
    pub(crate) catalog: Catalog,
    pub(crate) interactions: Interactions,
    pub(crate) message_ids: MessageIds,
    pub(crate) rejections: Rejections,
    /// How many journal entries have been applied, those of the batch under way included.
    pub(crate) applied: u64,
}

impl Views {
    /// Rebuilds the views; `config` stands until the journal says otherwise.
    pub(crate) fn load(store: &Store, config: WorkspaceConfig) -> Result<Self, StoreError> {
        let workspace = WorkspaceKeyspace(store.keyspace(WORKSPACE));
        Ok(Self {
            config: workspace.get(store, CONFIG_KEY)?.unwrap_or(config),
            training: workspace.get(store, TRAINING_KEY)?,
            workspace,
            profiles: Profiles::load(store)?,
            catalog: Catalog::load(store)?,
            interactions: Interactions::load(store)?,
            message_ids: MessageIds::load(store)?,
            rejections: Rejections::load(store)?,
            applied: store.position()?,
        })
    }
}

/// Single values of a workspace.
pub(crate) struct WorkspaceKeyspace(Keyspace);

impl WorkspaceKeyspace {
    pub(crate) fn put_config(&self, batch: &mut store::Batch<'_>, config: &WorkspaceConfig) {
        self.put(batch, CONFIG_KEY, config);
    }

    pub(crate) fn put_training(&self, batch: &mut store::Batch<'_>, training: &Training) {
        self.put(batch, TRAINING_KEY, training);
    }

    fn put(&self, batch: &mut store::Batch<'_>, key: &[u8], value: &impl serde::Serialize) {
        batch.put(&self.0, key, postcard::to_stdvec(value).expect("plain fields always encode"));
    }

    fn get<T: serde::de::DeserializeOwned>(
        &self,
        store: &Store,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        let unreadable = |_| StoreError::Unreadable { what: "workspace" };
        store.get(&self.0, key)?.map(|bytes| postcard::from_bytes(&bytes).map_err(unreadable)).transpose()
    }
}
