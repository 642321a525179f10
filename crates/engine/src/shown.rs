//! What users were shown lately, so that it can step back: the newest items of each user in memory, written through to the store.

use domain::{ItemIdx, Timestamp, UserIdx};
use recommender::Shown;
use rustc_hash::FxHashMap;
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::journal_clock::JournalClock;

const SHOWN: &str = "engine.shown";
pub(crate) const KEYSPACES: [&str; 1] = [SHOWN];

/// The most items of one user that are remembered as shown.
pub const SHOWN_PER_USER_MAX: usize = 500;

pub(crate) struct ShownItems {
    keyspace: Keyspace,
    /// Oldest first.
    by_user: FxHashMap<UserIdx, Vec<Shown>>,
}

impl ShownItems {
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "shown items" };
        let keyspace = store.keyspace(SHOWN);
        let mut by_user = FxHashMap::default();
        for pair in store.scan(&keyspace, &[]) {
            let (key, value) = pair?;
            let user = KeyParts::new(&key).u32().map(UserIdx).ok_or_else(unreadable)?;
            let row: Vec<(u32, u32)> = postcard::from_bytes(&value).map_err(|_| unreadable())?;
            let row = row.into_iter().map(|(item, at_s)| Shown { item: ItemIdx(item), at_s });
            by_user.insert(user, row.collect());
        }
        Ok(Self { keyspace, by_user })
    }

    /// What a user was shown, oldest first.
    pub(crate) fn of(&self, user: UserIdx) -> &[Shown] {
        self.by_user.get(&user).map_or(&[], Vec::as_slice)
    }

    /// Remembers items as shown; what is too old to matter, and what there is no room for, is forgotten.
    pub(crate) fn add(
        &mut self,
        batch: &mut Batch<'_>,
        user: UserIdx,
        items: &[Shown],
        clock: &JournalClock,
    ) {
        let row = self.by_user.entry(user).or_default();
        row.extend(items);
        row.sort_by_key(|shown| shown.at_s);
        let newest_at = Timestamp(row.last().map_or(0, |shown| i64::from(shown.at_s) * 1_000));
        let newest_s = clock.bound(newest_at).seconds_u32();
        row.retain(|shown| newest_s.saturating_sub(shown.at_s) < domain::list::ROTATION_TIME_S_MAX);
        row.drain(..row.len().saturating_sub(SHOWN_PER_USER_MAX));
        self.put(batch, user);
    }

    /// What the source was shown, the target was shown too.
    pub(crate) fn merge(
        &mut self,
        batch: &mut Batch<'_>,
        target: UserIdx,
        source: UserIdx,
        clock: &JournalClock,
    ) {
        if let Some(row) = self.by_user.remove(&source) {
            batch.remove(&self.keyspace, KeyBuf::new().u32(source.0));
            self.add(batch, target, &row, clock);
        }
    }

    /// Forgets what a user was shown.
    pub(crate) fn delete(&mut self, batch: &mut Batch<'_>, user: UserIdx) {
        if self.by_user.remove(&user).is_some() {
            batch.remove(&self.keyspace, KeyBuf::new().u32(user.0));
        }
    }

    fn put(&self, batch: &mut Batch<'_>, user: UserIdx) {
        let row: Vec<(u32, u32)> = self.of(user).iter().map(|shown| (shown.item.0, shown.at_s)).collect();
        let bytes = postcard::to_stdvec(&row).expect("plain fields always encode");
        batch.put(&self.keyspace, KeyBuf::new().u32(user.0), bytes);
    }
}
