//! Impressions: the items that each user was shown recently, for rotation. The newest ones of each
//! user are in memory and in the store.

use domain::list::ROTATION_TIME_S_MAX;
use domain::{ItemIdx, Timestamp, UserIdx, WorkspaceId};
use history::Impression;
use profiles::Merge;
use rustc_hash::FxHashMap;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing, writes_at_once};

const IMPRESSIONS: &str = "state.impressions";

/// The most impressions that are kept of one user.
pub const IMPRESSIONS_PER_USER_MAX: usize = 500;

/// The newest impressions of each user, at most [`IMPRESSIONS_PER_USER_MAX`].
pub struct Impressions {
    keyspace: Keyspace,
    /// Oldest first.
    by_user: FxHashMap<UserIdx, Vec<Impression>>,
}

impl StatePart for Impressions {
    const KEYSPACES: &'static [&'static str] = &[IMPRESSIONS];

    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "impressions" };
        let keyspace = store.keyspace(IMPRESSIONS);
        let mut by_user = FxHashMap::default();
        for pair in store.scan(&keyspace, &[]) {
            let (key, value) = pair?;
            let user = KeyParts::new(&key).u32().map(UserIdx).ok_or_else(unreadable)?;
            let row: Vec<(u32, u32)> = postcard::from_bytes(&value).map_err(|_| unreadable())?;
            let row = row.into_iter().map(|(item, at_s)| Impression { item: ItemIdx(item), at_s });
            by_user.insert(user, row.collect());
        }
        Ok(Self { keyspace, by_user })
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        merge: Merge,
        now: JournalTime,
    ) -> Result<(), StoreError> {
        self.merge(batch, merge.target, merge.source, now);
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.delete(batch, user);
        Ok(())
    }
}

impl Impressions {
    /// The impressions of a user, oldest first.
    pub fn by_user(&self, user: UserIdx) -> &[Impression] {
        self.by_user.get(&user).map_or(&[], Vec::as_slice)
    }

    /// Adds impressions, and removes those that are too old for rotation or exceed the limit.
    pub(crate) fn add(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        items: &[Impression],
        now: JournalTime,
    ) {
        if items.is_empty() {
            return;
        }
        let row = self.by_user.entry(user).or_default();
        row.extend(items);
        row.sort_by_key(|impression| impression.at_s);
        let newest_at =
            Timestamp(row.last().map_or(0, |impression| i64::from(impression.at_s) * 1_000));
        let newest_s = now.bound(newest_at).seconds_u32();
        row.retain(|impression| newest_s.saturating_sub(impression.at_s) < ROTATION_TIME_S_MAX);
        row.drain(..row.len().saturating_sub(IMPRESSIONS_PER_USER_MAX));
        self.put(batch, user);
    }

    /// The time at which the last impression of a user becomes too old for rotation; none without
    /// impressions.
    pub(crate) fn expires_at(&self, user: UserIdx) -> Option<Timestamp> {
        let last = self.by_user(user).last()?;
        Some(Timestamp((i64::from(last.at_s) + i64::from(ROTATION_TIME_S_MAX)) * 1_000))
    }

    /// Removes the impressions that are too old for rotation at the time `at`.
    pub(crate) fn remove_expired(&mut self, batch: &mut Batch<'_>, user: UserIdx, at: Timestamp) {
        let Some(row) = self.by_user.get_mut(&user) else { return };
        row.retain(|impression| {
            at.seconds_u32().saturating_sub(impression.at_s) < ROTATION_TIME_S_MAX
        });
        match row.is_empty() {
            true => self.delete(batch, user),
            false => self.put(batch, user),
        }
    }

    /// Moves the source's impressions to the target.
    pub(crate) fn merge(
        &mut self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
        now: JournalTime,
    ) {
        if let Some(row) = self.by_user.remove(&source) {
            batch.remove(&self.keyspace, KeyBuf::new().u32(source.0));
            self.add(batch, target, &row, now);
        }
    }

    /// Deletes the impressions of a user.
    pub(crate) fn delete(&mut self, batch: &mut Batch<'_>, user: UserIdx) {
        if self.by_user.remove(&user).is_some() {
            batch.remove(&self.keyspace, KeyBuf::new().u32(user.0));
        }
    }

    fn put(&self, batch: &mut Batch<'_>, user: UserIdx) {
        let row: Vec<(u32, u32)> = self
            .by_user(user)
            .iter()
            .map(|impression| (impression.item.0, impression.at_s))
            .collect();
        let bytes = postcard::to_stdvec(&row).expect("plain fields always encode");
        batch.put(&self.keyspace, KeyBuf::new().u32(user.0), bytes);
    }
}
