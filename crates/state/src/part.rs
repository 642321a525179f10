//! [`StatePart`]: the interface of the parts of a workspace's state.

use std::sync::atomic::{AtomicU64, Ordering};

use catalog::{Catalog, Locations, PropertyTable};
use domain::{UserIdx, WorkspaceId};
use profiles::{Accounts, Merge, Profiles};
use store::{Batch, Store, StoreError};

use crate::Counts;
use crate::journal_clock::JournalTime;

/// The first revision of a view that counts its changes. It differs for each load, so that nothing
/// cached before a reset looks current after it.
pub(crate) fn first_revision() -> u64 {
    static LOADS: AtomicU64 = AtomicU64::new(0);
    LOADS.fetch_add(1, Ordering::Relaxed) << 32
}

/// A part of the state: rows in keyspaces of its own, and usually a copy of them in memory. No
/// method has a default, so that a new part must define what happens to merged and deleted users.
pub trait StatePart: Sized {
    /// The keyspaces of the part. No other part reads or writes them.
    const KEYSPACES: &'static [&'static str];

    /// Loads the part of the workspace `id` from the store.
    ///
    /// # Errors
    /// If the store cannot be read, or holds a row that this part did not write.
    fn load(store: &Store, id: &WorkspaceId) -> Result<Self, StoreError>;

    /// Moves the source's rows to the target. On a conflict the target's row stays, unless the part
    /// says otherwise. `now` bounds the times of entries.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        merge: Merge,
        now: JournalTime,
    ) -> Result<(), StoreError>;

    /// Deletes a user's rows.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError>;

    /// Writes changes that are not in the batch yet. Called before each batch is committed.
    fn flush(&mut self, batch: &mut Batch<'_>);

    /// Sets the counts of this part in `counts`.
    fn count(&self, counts: &mut Counts);
}

/// Implements `merge_users` and `delete_user` for a part without rows of users.
macro_rules! has_no_users {
    () => {
        fn merge_users(
            &mut self,
            _: &mut store::Batch<'_>,
            _: profiles::Merge,
            _: $crate::journal_clock::JournalTime,
        ) -> Result<(), store::StoreError> {
            Ok(())
        }

        fn delete_user(
            &mut self,
            _: &mut store::Batch<'_>,
            _: domain::UserIdx,
        ) -> Result<(), store::StoreError> {
            Ok(())
        }
    };
}

/// Implements `flush` for a part that writes every change at once.
macro_rules! writes_at_once {
    () => {
        fn flush(&mut self, _: &mut store::Batch<'_>) {}
    };
}

/// Implements `count` for a part without counts.
macro_rules! counts_nothing {
    () => {
        fn count(&self, _: &mut $crate::Counts) {}
    };
}

pub(crate) use {counts_nothing, has_no_users, writes_at_once};

impl StatePart for Profiles {
    const KEYSPACES: &'static [&'static str] = &profiles::KEYSPACES;

    writes_at_once!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        Self::load(store)
    }

    /// Does nothing: identity resolution has moved the rows of profiles when it reports a merge.
    fn merge_users(
        &mut self,
        _: &mut Batch<'_>,
        _: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.delete(batch, user)
    }

    fn count(&self, counts: &mut Counts) {
        counts.known_users = self.ids().n_known() as u64;
        counts.external_ids = self.ids().n_ids() as u64;
    }
}

impl StatePart for Accounts {
    const KEYSPACES: &'static [&'static str] = &profiles::KEYSPACES_OF_ACCOUNTS;

    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        Ok(Self::load(store))
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        merge: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        self.merge(batch, merge)
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.remove_user(batch, user)
    }
}

impl StatePart for Catalog {
    const KEYSPACES: &'static [&'static str] = &catalog::KEYSPACES;

    has_no_users!();
    writes_at_once!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        Self::load(store)
    }

    fn count(&self, counts: &mut Counts) {
        counts.items = self.n_known() as u64;
        counts.available_items = self.n_available() as u64;
        counts.catalog_version = self.current().map_or(0, |version| version.version);
    }
}

impl StatePart for Locations {
    const KEYSPACES: &'static [&'static str] = &catalog::LOCATION_KEYSPACES;

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        Self::load(store)
    }
}

/// The properties of users.
impl StatePart for PropertyTable {
    /// None: the catalog's keyspaces include those of users.
    const KEYSPACES: &'static [&'static str] = &[];

    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        catalog::user_table(store)
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        merge: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        self.merge(batch, merge.target.0, merge.source.0);
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.remove(batch, user.0);
        Ok(())
    }
}
