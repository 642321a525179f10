#![doc = include_str!("../README.md")]

mod id_table;
mod identity;
mod keys;
mod timeline;
mod traits;

pub use id_table::IdTable;
pub use identity::{
    ExternalId, ExternalIdType, IDS_PER_PROFILE_MAX, Identifier, MERGES_PER_PROFILE_MAX, Merge, Origin,
    Profile,
};
pub use keys::{KEYSPACES, Keys};
pub use timeline::{TimelineEntry, TimelinePage, TimelineQuery};
pub use traits::StoredTrait;

use store::StoreError;

/// The profiles of one workspace: the table of ids, over the keyspaces.
pub struct Profiles {
    keys: Keys,
    ids: IdTable,
    /// What limits stood against since they were last asked for.
    limits_met: Vec<&'static str>,
}

impl Profiles {
    /// Loads the table of ids.
    pub fn load(store: &store::Store) -> Result<Self, StoreError> {
        let keys = Keys::open(store);
        let ids = identity::load_ids(store, &keys)?;
        Ok(Self { keys, ids, limits_met: Vec::new() })
    }

    /// What was not linked because of a limit, for whoever reports it.
    pub fn take_limits_met(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.limits_met)
    }

    /// The ids of all users.
    pub fn ids(&self) -> &IdTable {
        &self.ids
    }
}
