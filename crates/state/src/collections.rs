//! Series and groups: named collections of items and of other collections. A series is ordered.

use std::collections::BTreeMap;

use domain::WorkspaceId;
use serde::{Deserialize, Serialize};
use store::{Batch, Keyspace, Store, StoreError};

use crate::part::{StatePart, counts_nothing, has_no_users, writes_at_once};

const SERIES: &str = "state.series";
const GROUPS: &str = "state.groups";

/// The most members of one series or group.
pub const MEMBERS_MAX: usize = 10_000;

/// The two kinds of collections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CollectionKind {
    /// Members are ordered by time, as the episodes of a season.
    Series,
    /// Members have no order.
    Group,
}

impl CollectionKind {
    /// The word for it in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Series => "series",
            Self::Group => "group",
        }
    }
}

/// A member of a series or group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Whether it is a collection of the same kind; an item otherwise.
    pub is_collection: bool,
    /// The id of the item or collection.
    pub id: String,
    /// The position in a series; 0 in a group.
    pub time: f64,
}

/// The series of a workspace.
pub struct Series(pub Collections);

impl StatePart for Series {
    const KEYSPACES: &'static [&'static str] = &[SERIES];

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        Collections::load(store, SERIES).map(Self)
    }
}

/// The groups of a workspace.
pub struct Groups(pub Collections);

impl StatePart for Groups {
    const KEYSPACES: &'static [&'static str] = &[GROUPS];

    has_no_users!();
    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        Collections::load(store, GROUPS).map(Self)
    }
}

/// All collections of one kind in a workspace, in memory and in the store.
pub struct Collections {
    keyspace: Keyspace,
    by_id: BTreeMap<String, Vec<Member>>,
}

impl Collections {
    fn load(store: &Store, keyspace: &'static str) -> Result<Self, StoreError> {
        let keyspace = store.keyspace(keyspace);
        let mut by_id = BTreeMap::new();
        for pair in store::Read::scan(store, &keyspace, &[]) {
            let (key, value) = pair?;
            let unreadable = || StoreError::Unreadable { what: "series" };
            let id = String::from_utf8(key).map_err(|_| unreadable())?;
            by_id.insert(id, postcard::from_bytes(&value).map_err(|_| unreadable())?);
        }
        Ok(Self { keyspace, by_id })
    }

    /// All ids, in lexicographic order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(String::as_str)
    }

    /// The members of a collection, ordered by time; none if it does not exist.
    pub fn members(&self, id: &str) -> Option<&[Member]> {
        self.by_id.get(id).map(Vec::as_slice)
    }

    /// Adds an empty collection. Returns false if it exists already.
    pub(crate) fn add(&mut self, batch: &mut Batch<'_>, id: &str) -> bool {
        let is_new = !self.by_id.contains_key(id);
        if is_new {
            self.by_id.insert(id.to_owned(), Vec::new());
            self.put(batch, id);
        }
        is_new
    }

    pub(crate) fn delete(&mut self, batch: &mut Batch<'_>, id: &str) -> bool {
        batch.remove(&self.keyspace, id);
        self.by_id.remove(id).is_some()
    }

    /// Inserts a member by its time. The collection must exist and be below [`MEMBERS_MAX`].
    pub(crate) fn insert(&mut self, batch: &mut Batch<'_>, id: &str, member: Member) {
        let Some(members) = self.by_id.get_mut(id) else { return };
        let position = members.partition_point(|other| other.time <= member.time);
        members.insert(position, member);
        self.put(batch, id);
    }

    /// Removes the members that match. Returns their number.
    pub(crate) fn remove(
        &mut self,
        batch: &mut Batch<'_>,
        id: &str,
        matches: impl Fn(&Member) -> bool,
    ) -> usize {
        let Some(members) = self.by_id.get_mut(id) else { return 0 };
        let n_before = members.len();
        members.retain(|member| !matches(member));
        let n_removed = n_before - members.len();
        if n_removed > 0 {
            self.put(batch, id);
        }
        n_removed
    }

    /// Removes an item, or a collection, from all collections.
    pub(crate) fn remove_everywhere(
        &mut self,
        batch: &mut Batch<'_>,
        is_collection: bool,
        id: &str,
    ) {
        let matches = |member: &Member| member.is_collection == is_collection && member.id == id;
        let containing = self.by_id.iter().filter(|(_, members)| members.iter().any(matches));
        let containing: Vec<String> = containing.map(|(id, _)| id.clone()).collect();
        for collection in containing {
            self.remove(batch, &collection, matches);
        }
    }

    fn put(&self, batch: &mut Batch<'_>, id: &str) {
        let members = self.by_id.get(id).expect("only existing collections are written");
        batch.put(
            &self.keyspace,
            id,
            postcard::to_stdvec(members).expect("plain fields always encode"),
        );
    }
}
