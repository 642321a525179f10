//! Weak signals, apart from interactions: they displace no interaction from a history, and queries
//! about interactions do not see them. The newest ones of each user are in memory and in the store.

use domain::{ItemIdx, UserIdx, WeakSignalKind, WorkspaceId};
use history::WeakSignal;
use profiles::Merge;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::journal_clock::JournalTime;
use crate::part::{StatePart, counts_nothing, writes_at_once};

const WEAK_SIGNALS: &str = "state.weak_signals";

/// The most signals of one kind that are kept of one user. Each takes 12 bytes in memory.
pub const WEAK_SIGNALS_PER_KIND_MAX: usize = 150;

/// The newest weak signals of each user, at most [`WEAK_SIGNALS_PER_KIND_MAX`] of each kind.
pub struct WeakSignals {
    keyspace: Keyspace,
    /// Oldest first, one for each kind and item.
    by_user: FxHashMap<UserIdx, Vec<WeakSignal>>,
}

/// A stored signal: seconds since 1970, item and kind.
#[derive(Serialize, Deserialize)]
struct Record(u32, u32, WeakSignalKind);

impl StatePart for WeakSignals {
    const KEYSPACES: &'static [&'static str] = &[WEAK_SIGNALS];

    writes_at_once!();
    counts_nothing!();

    fn load(store: &Store, _: &WorkspaceId) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable { what: "weak signals" };
        let keyspace = store.keyspace(WEAK_SIGNALS);
        let mut by_user = FxHashMap::default();
        for pair in store.scan(&keyspace, &[]) {
            let (key, value) = pair?;
            let user = KeyParts::new(&key).u32().map(UserIdx).ok_or_else(unreadable)?;
            let row: Vec<Record> = postcard::from_bytes(&value).map_err(|_| unreadable())?;
            let row = row.into_iter().map(|Record(at_s, item, kind)| WeakSignal {
                at_s,
                item: ItemIdx(item),
                kind,
            });
            by_user.insert(user, row.collect());
        }
        Ok(Self { keyspace, by_user })
    }

    fn merge_users(
        &mut self,
        batch: &mut Batch<'_>,
        merge: Merge,
        _: JournalTime,
    ) -> Result<(), StoreError> {
        self.merge(batch, merge.target, merge.source);
        Ok(())
    }

    fn delete_user(&mut self, batch: &mut Batch<'_>, user: UserIdx) -> Result<(), StoreError> {
        self.delete(batch, user);
        Ok(())
    }
}

impl WeakSignals {
    /// The signals of a user, oldest first.
    pub fn by_user(&self, user: UserIdx) -> &[WeakSignal] {
        self.by_user.get(&user).map_or(&[], Vec::as_slice)
    }

    /// The signals of all users, by user index, up to the last user who has any.
    pub fn all_by_user(&self) -> Vec<Vec<WeakSignal>> {
        let n_users = self.by_user.keys().map(|user| user.pos() + 1).max().unwrap_or(0);
        (0..n_users as u32).map(|user| self.by_user(UserIdx(user)).to_vec()).collect()
    }

    /// Adds signals. Keeps the newest one of each kind and item, and the newest items of each kind.
    /// The result does not depend on the order of calls.
    pub(crate) fn add(&mut self, batch: &mut Batch<'_>, user: UserIdx, signals: &[WeakSignal]) {
        if signals.is_empty() {
            return;
        }
        let row = self.by_user.entry(user).or_default();
        for signal in signals {
            match row
                .iter_mut()
                .find(|other| (other.kind, other.item) == (signal.kind, signal.item))
            {
                Some(same) => same.at_s = same.at_s.max(signal.at_s),
                None => row.push(*signal),
            }
        }
        row.sort_unstable();
        for kind in WeakSignalKind::ALL {
            let n_of_kind = row.iter().filter(|signal| signal.kind == kind).count();
            let mut n_over = n_of_kind.saturating_sub(WEAK_SIGNALS_PER_KIND_MAX);
            row.retain(|signal| {
                let is_over = signal.kind == kind && n_over > 0;
                n_over -= usize::from(is_over);
                !is_over
            });
        }
        self.put(batch, user);
    }

    /// Removes signals.
    pub(crate) fn remove(&mut self, batch: &mut Batch<'_>, user: UserIdx, signals: &[WeakSignal]) {
        let Some(row) = self.by_user.get_mut(&user).filter(|_| !signals.is_empty()) else { return };
        row.retain(|signal| !signals.contains(signal));
        match row.is_empty() {
            true => self.delete(batch, user),
            false => self.put(batch, user),
        }
    }

    /// Moves the source's signals to the target.
    pub(crate) fn merge(&mut self, batch: &mut Batch<'_>, target: UserIdx, source: UserIdx) {
        if let Some(row) = self.by_user.remove(&source) {
            batch.remove(&self.keyspace, KeyBuf::new().u32(source.0));
            self.add(batch, target, &row);
        }
    }

    /// Deletes the signals of a user.
    pub(crate) fn delete(&mut self, batch: &mut Batch<'_>, user: UserIdx) {
        if self.by_user.remove(&user).is_some() {
            batch.remove(&self.keyspace, KeyBuf::new().u32(user.0));
        }
    }

    fn put(&self, batch: &mut Batch<'_>, user: UserIdx) {
        let row =
            self.by_user(user).iter().map(|signal| Record(signal.at_s, signal.item.0, signal.kind));
        let bytes =
            postcard::to_stdvec(&row.collect::<Vec<_>>()).expect("plain fields always encode");
        batch.put(&self.keyspace, KeyBuf::new().u32(user.0), bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn signal() -> impl Strategy<Value = WeakSignal> {
        (0..400u32, 0..2usize, 0..5_000u32).prop_map(|(item, kind, at_s)| WeakSignal {
            at_s,
            item: ItemIdx(item),
            kind: WeakSignalKind::ALL[kind],
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn the_newest_of_each_kind_are_kept_in_any_order_and_batches(
            signals in prop::collection::vec(signal(), 1..1_500),
            per_batch in 1..60usize,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path(), WeakSignals::KEYSPACES).unwrap();
            let (one, other) = (UserIdx(1), UserIdx(2));
            let mut kept = WeakSignals::load(&store, &WorkspaceId::new("shop").unwrap()).unwrap();
            let mut batch = store.batch();
            signals.chunks(per_batch).for_each(|chunk| kept.add(&mut batch, one, chunk));
            signals.iter().rev().for_each(|signal| kept.add(&mut batch, other, &[*signal]));
            batch.commit(1).unwrap();
            prop_assert_eq!(kept.by_user(one), kept.by_user(other));

            let mut expected = Vec::new();
            for kind in WeakSignalKind::ALL {
                let mut newest = std::collections::BTreeMap::new();
                for signal in signals.iter().filter(|signal| signal.kind == kind) {
                    let at_s: &mut u32 = newest.entry(signal.item).or_default();
                    *at_s = signal.at_s.max(*at_s);
                }
                let newest = newest.into_iter().map(|(item, at_s)| WeakSignal { at_s, item, kind });
                let mut newest: Vec<WeakSignal> = newest.collect();
                newest.sort_unstable();
                expected.extend(newest.into_iter().rev().take(WEAK_SIGNALS_PER_KIND_MAX));
            }
            expected.sort_unstable();
            prop_assert_eq!(kept.by_user(one), expected);
            let loaded = WeakSignals::load(&store, &WorkspaceId::new("shop").unwrap()).unwrap();
            prop_assert_eq!(loaded.by_user(one), kept.by_user(one), "after a restart");
        }
    }
}
