//! The weak signals of users, in a place of their own: they push no interaction out of a history, and nothing that
//! asks what a user did with an item sees them. The newest of each user are in memory, written through to the store.

use domain::{ItemIdx, UserIdx, WeakSignalKind};
use recommender::WeakSignal;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use store::key::{KeyBuf, KeyParts};
use store::{Batch, Keyspace, Read, Store, StoreError};

const WEAK_SIGNALS: &str = "engine.weak_signals";
pub(crate) const KEYSPACES: [&str; 1] = [WEAK_SIGNALS];

/// The most signals of one kind that are kept of one user, the newest; 12 bytes each in memory.
pub const WEAK_SIGNALS_PER_KIND_MAX: usize = 150;

pub(crate) struct WeakSignals {
    keyspace: Keyspace,
    /// Oldest first, of each kind and item once.
    by_user: FxHashMap<UserIdx, Vec<WeakSignal>>,
}

/// A signal as it is stored.
#[derive(Serialize, Deserialize)]
struct Record(u32, u32, WeakSignalKind);

impl WeakSignals {
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
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

    /// A user's signals, oldest first.
    pub(crate) fn row(&self, user: UserIdx) -> &[WeakSignal] {
        self.by_user.get(&user).map_or(&[], Vec::as_slice)
    }

    /// Every user's signals: as many rows as there are users up to the last who has any.
    pub(crate) fn rows(&self) -> Vec<Vec<WeakSignal>> {
        let n_users = self.by_user.keys().map(|user| user.pos() + 1).max().unwrap_or(0);
        (0..n_users as u32).map(|user| self.row(UserIdx(user)).to_vec()).collect()
    }

    /// Adds signals. Of one kind about one item the newest counts, and the newest items of each kind are kept,
    /// in whatever order they come.
    pub(crate) fn add(&mut self, batch: &mut Batch<'_>, user: UserIdx, signals: &[WeakSignal]) {
        if signals.is_empty() {
            return;
        }
        let row = self.by_user.entry(user).or_default();
        for signal in signals {
            match row.iter_mut().find(|other| (other.kind, other.item) == (signal.kind, signal.item)) {
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

    /// The source's signals are the target's.
    pub(crate) fn merge(&mut self, batch: &mut Batch<'_>, target: UserIdx, source: UserIdx) {
        if let Some(row) = self.by_user.remove(&source) {
            batch.remove(&self.keyspace, KeyBuf::new().u32(source.0));
            self.add(batch, target, &row);
        }
    }

    /// Forgets a user's signals.
    pub(crate) fn delete(&mut self, batch: &mut Batch<'_>, user: UserIdx) {
        if self.by_user.remove(&user).is_some() {
            batch.remove(&self.keyspace, KeyBuf::new().u32(user.0));
        }
    }

    fn put(&self, batch: &mut Batch<'_>, user: UserIdx) {
        let row = self.row(user).iter().map(|signal| Record(signal.at_s, signal.item.0, signal.kind));
        let bytes = postcard::to_stdvec(&row.collect::<Vec<_>>()).expect("plain fields always encode");
        batch.put(&self.keyspace, KeyBuf::new().u32(user.0), bytes);
    }
}

#[cfg(test)]
mod tests {
    use domain::{
        Arrival, Envelope, Interaction, InteractionKind, Timestamp, WorkspaceConfig, WorkspaceId,
        check_message,
    };
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Engine, Entry};

    const BEGIN_S: u32 = 1_700_000_000;

    fn open(folder: &std::path::Path) -> Engine {
        Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
    }

    fn message(n: usize, event: &str, properties: &Value) -> Entry {
        let arrival = Arrival {
            received_at: Timestamp(1_000 * i64::from(BEGIN_S + 9_999)),
            source: "web",
            peer_ip: None,
        };
        let body = json!({
            "type": "track", "messageId": format!("m{n}"), "userId": "ann", "event": event,
            "timestamp": i64::from(BEGIN_S) + n as i64, "properties": properties,
        });
        let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
        Entry::Message(Box::new(message.unwrap()))
    }

    fn seen(item: usize, at_s: u32) -> Interaction {
        let at = Timestamp(1_000 * i64::from(at_s));
        let interaction = Interaction::new("ann", format!("i{item}"), InteractionKind::DetailView);
        Interaction { timestamp: Some(at), ..interaction }
    }

    fn row(engine: &Engine) -> Vec<(String, WeakSignalKind, u32)> {
        let views = engine.shared.views.read();
        let user = views.profiles.ids().user_of_text("ann").unwrap();
        let named = |signal: &WeakSignal| {
            (views.catalog.item_id(signal.item).to_owned(), signal.kind, signal.at_s - BEGIN_S)
        };
        views.weak_signals.row(user).iter().map(named).collect()
    }

    fn lost_store(engine: Engine, folder: &std::path::Path) -> Engine {
        drop(engine);
        fs_err::remove_dir_all(folder.join("store")).unwrap();
        open(folder)
    }

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
        fn the_newest_of_each_kind_are_kept_in_whatever_order_and_batches_they_come(
            signals in prop::collection::vec(signal(), 1..1_500),
            per_batch in 1..60usize,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open_with_cache(folder.path(), &KEYSPACES, 1 << 20).unwrap();
            let (one, other) = (UserIdx(1), UserIdx(2));
            let mut kept = WeakSignals::load(&store).unwrap();
            let mut batch = store.batch();
            signals.chunks(per_batch).for_each(|chunk| kept.add(&mut batch, one, chunk));
            signals.iter().rev().for_each(|signal| kept.add(&mut batch, other, &[*signal]));
            batch.commit(1).unwrap();
            prop_assert_eq!(kept.row(one), kept.row(other));

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
            prop_assert_eq!(kept.row(one), expected);
            let loaded = WeakSignals::load(&store).unwrap();
            prop_assert_eq!(loaded.row(one), kept.row(one), "after a restart");
        }
    }

    #[test]
    fn list_views_and_clicks_push_no_interaction_out_and_are_none() {
        let n_items = recommender::HISTORY_ENTRIES_MAX + 100;
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path());
        let interactions = (0..n_items).map(|item| seen(item, BEGIN_S - 5_000 + item as u32)).collect();
        engine.import_interactions(interactions).unwrap();
        let picture = |engine: &Engine| {
            let views = engine.shared.views.read();
            let histories = views.interactions.histories();
            let counts: Vec<_> = (0..n_items as u32).map(|item| histories.counts(ItemIdx(item))).collect();
            let user = views.profiles.ids().user_of_text("ann").unwrap();
            (histories.row(user).to_vec(), counts, histories.n_interactions(), views.catalog.n_items())
        };
        let before = picture(&engine);
        let listed = |first: usize| {
            let products: Vec<Value> =
                (first..first + 50).map(|n| json!({ "sku": format!("i{n}") })).collect();
            json!({ "products": products })
        };
        let lists = (0..40).map(|n| message(n, "Product List Viewed", &listed(n * 15)));
        let clicks = (40..60).map(|n| message(n, "Product Clicked", &json!({ "sku": format!("i{n}") })));
        engine.submit_blocking(lists.chain(clicks).collect()).unwrap();
        let of_kind = |engine: &Engine, kind| row(engine).iter().filter(|signal| signal.1 == kind).count();
        assert_eq!(of_kind(&engine, WeakSignalKind::ListView), WEAK_SIGNALS_PER_KIND_MAX);
        assert_eq!(of_kind(&engine, WeakSignalKind::Click), 20, "lists push no click out");
        assert_eq!(picture(&engine), before);
        // They make no item: nobody has done anything with this one.
        engine.submit_blocking(vec![message(60, "Product Clicked", &json!({ "sku": "other" }))]).unwrap();
        assert_eq!(picture(&engine), before);
    }

    #[test]
    fn a_message_keeps_what_the_presets_of_its_time_made_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path());
        let configured = |presets: Option<u32>| {
            let id = WorkspaceId::new("shop").unwrap();
            Entry::Configured(WorkspaceConfig { presets, ..WorkspaceConfig::empty(id) })
        };
        let clicked = |n: usize| message(n, "Product Clicked", &json!({ "sku": format!("i{n}") }));
        engine.import_interactions((0..9).map(|item| seen(item, BEGIN_S)).collect()).unwrap();
        // A configuration from before there were sets names none.
        engine.submit_blocking(vec![configured(None), clicked(1), clicked(2)]).unwrap();
        assert_eq!(engine.untaken_events()[0].count, 2);
        engine.submit_blocking(vec![configured(Some(2)), clicked(3)]).unwrap();
        assert_eq!(engine.untaken_events(), [], "a preset takes them now");
        let expected = [("i3".to_owned(), WeakSignalKind::Click, 3)];
        assert_eq!(row(&engine), expected);
        engine.submit_blocking(vec![configured(Some(1)), clicked(4)]).unwrap();
        let check = |engine: &Engine| {
            assert_eq!(row(engine), expected);
            let untaken = engine.untaken_events();
            assert_eq!((untaken.len(), untaken[0].count), (1, 1));
        };
        check(&engine);
        check(&lost_store(engine, folder.path()));
    }
}
