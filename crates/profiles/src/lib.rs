#![doc = include_str!("../README.md")]

mod accounts;
mod external_id;
mod id_table;
mod identity;
mod keys;
mod merges;
mod removal;
mod resolution;
mod rules;
mod terms;
mod timeline;
mod traits;

pub use accounts::{
    ACCOUNTS_PER_USER_MAX, Account, AccountChange, AccountLink, Accounts, KEYSPACES_OF_ACCOUNTS,
};
pub use external_id::{ExternalId, ExternalIdType, Identifier};
pub use id_table::IdTable;
pub use identity::{
    IDS_PER_PROFILE_MAX, IdentityLimit, MERGES_PER_PROFILE_MAX, Merge, Origin, Profile,
};
pub use keys::{KEYSPACES, Keys};
pub use merges::PastMerge;
pub use resolution::Resolved;
pub use rules::{EXTERNAL_IDS_PER_MESSAGE_MAX, FoundId, IdentityRules};
pub use terms::{FoundPerson, IDENTIFYING_TRAITS, TermKind};
pub use timeline::{NamedEvent, NamedEvents, TimelineEntry, TimelinePage, TimelineQuery};
pub use traits::StoredTrait;

use store::StoreError;

/// The profiles of one workspace: the table of ids in memory, everything else in the store.
pub struct Profiles {
    keys: Keys,
    ids: IdTable,
    /// The limits that were reached since the last call of
    /// [`Profiles::take_limits_reached`].
    limits_reached: Vec<IdentityLimit>,
}

impl Profiles {
    /// Loads the table of ids from the store.
    ///
    /// # Errors
    /// If the store cannot be read, or holds a row that this crate did not write.
    pub fn load(store: &store::Store) -> Result<Self, StoreError> {
        let keys = Keys::open(store);
        let ids = identity::load_ids(store, &keys)?;
        Ok(Self { keys, ids, limits_reached: Vec::new() })
    }

    /// Adds a limit that was reached to those of the next [`Profiles::take_limits_reached`].
    pub fn note_limit(&mut self, limit: IdentityLimit) {
        self.limits_reached.push(limit);
    }

    /// Takes the limits that were reached since the last call.
    pub fn take_limits_reached(&mut self) -> Vec<IdentityLimit> {
        std::mem::take(&mut self.limits_reached)
    }

    /// The external ids of all users.
    pub fn ids(&self) -> &IdTable {
        &self.ids
    }
}
