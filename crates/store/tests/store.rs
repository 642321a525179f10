//! Compares the store with a map in memory.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use store::{Read, Store, StoreError};

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    Commit,
    Drop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || prop::collection::vec(0u8..3, 0..4).prop_map(|key| [vec![b'k'], key].concat());
    let step = prop_oneof![
        4 => (key(), prop::collection::vec(any::<u8>(), 0..4)).prop_map(|(key, value)| Step::Put(key, value)),
        2 => key().prop_map(Step::Remove),
        1 => Just(Step::Commit),
        1 => Just(Step::Drop),
    ];
    prop::collection::vec(step, 0..60)
}

fn scan(read: &dyn Read, keyspace: &store::Keyspace, prefix: &[u8]) -> Vec<store::Pair> {
    read.scan(keyspace, prefix).collect::<Result<_, _>>().unwrap()
}

fn expected(map: &BTreeMap<Vec<u8>, Vec<u8>>, prefix: &[u8]) -> Vec<store::Pair> {
    map.iter()
        .filter(|(key, _)| key.starts_with(prefix))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn batches_read_their_own_writes_and_commit_whole(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), &["a", "b"]).unwrap();
        let (a, b) = (store.keyspace("a"), store.keyspace("b"));
        let mut committed = BTreeMap::new();
        let mut pending = committed.clone();
        let (mut batch, mut position) = (store.batch(), 0);
        for step in steps {
            match step {
                Step::Put(key, value) => {
                    batch.put(&a, key.clone(), value.clone());
                    pending.insert(key, value);
                }
                Step::Remove(key) => {
                    batch.remove(&a, key.clone());
                    pending.remove(&key);
                }
                Step::Commit => {
                    position += 1;
                    batch.commit(position).unwrap();
                    batch = store.batch();
                    committed = pending.clone();
                }
                Step::Drop => {
                    batch = store.batch();
                    pending = committed.clone();
                }
            }
            for prefix in [&b"k"[..], b"k\0", b"k\x01\x02"] {
                prop_assert_eq!(scan(&batch, &a, prefix), expected(&pending, prefix));
                prop_assert_eq!(batch.get(&a, prefix).unwrap(), pending.get(prefix).cloned());
                prop_assert_eq!(scan(&store, &a, prefix), expected(&committed, prefix));
                let range = batch.scan_range(&a, b"k\0", prefix).collect::<Result<Vec<_>, _>>().unwrap();
                let mut within = expected(&pending, b"");
                within.retain(|(key, _)| (&b"k\0"[..]..prefix).contains(&key.as_slice()));
                prop_assert_eq!(range, within);
            }
            prop_assert_eq!(store.position().unwrap(), position);
            prop_assert!(scan(&batch, &b, b"").is_empty());
        }
        drop(batch);
        drop((store, a, b));
        let store = Store::open(folder.path(), &["a", "b"]).unwrap();
        prop_assert_eq!(scan(&store, &store.keyspace("a"), b""), expected(&committed, b""));
        prop_assert_eq!(store.position().unwrap(), position);
    }
}

#[test]
fn ranges_run_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &["a"]).unwrap();
    let a = store.keyspace("a");
    let mut batch = store.batch();
    for n in 0..9u8 {
        batch.put(&a, [n], [n]);
    }
    batch.commit(1).unwrap();
    let keys = |pairs: store::Pairs<'_>| pairs.map(|pair| pair.unwrap().0[0]).collect::<Vec<_>>();
    assert_eq!(keys(store.scan_range(&a, &[2], &[5])), [2, 3, 4]);
    assert_eq!(keys(store.scan_back(&a, &[2], &[5])), [4, 3, 2]);
}

#[test]
fn whatever_is_missing_is_damage_and_nothing_is_made_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, copy) = (folder.path().join("whole"), folder.path().join("copy"));
    let open = |folder: &std::path::Path| Store::open(folder, &["a", "b"]);
    {
        let store = open(&whole).unwrap();
        let mut batch = store.batch();
        batch.put(&store.keyspace("a"), b"x", b"y");
        batch.commit(1).unwrap();
    }
    let keyspaces = fs_err::read_dir(whole.join("keyspaces")).unwrap();
    let mut lost: Vec<_> = keyspaces
        .map(|entry| entry.unwrap().path().strip_prefix(&whole).unwrap().to_owned())
        .collect();
    assert_eq!(lost.len(), 4, "of the engine, of the store itself, and two: {lost:?}");
    lost.extend(["0.jnl", "version", "keyspaces"].map(Into::into));
    for lost in lost {
        copy_all(&whole, &copy);
        let path = copy.join(&lost);
        if path.is_dir() {
            fs_err::remove_dir_all(&path).unwrap()
        } else {
            fs_err::remove_file(&path).unwrap()
        }
        // The same the second time: the first attempt created nothing.
        for _ in 0..2 {
            let error = open(&copy).err().unwrap_or_else(|| panic!("{lost:?} was not missed"));
            assert!(error.is_damage(), "{lost:?}: {error}");
        }
        fs_err::remove_dir_all(&copy).unwrap();
    }
    copy_all(&whole, &copy);
    fs_err::create_dir(copy.join("keyspaces/stray")).unwrap();
    assert!(open(&copy).err().unwrap().is_damage());
    assert_eq!(open(&whole).unwrap().position().unwrap(), 1);
}

#[test]
fn a_store_that_was_begun_and_one_of_other_names_are_damage_and_one_in_use_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let begun = folder.path().join("begun");
    fs_err::create_dir(&begun).unwrap();
    fs_err::write(begun.join("lock"), "").unwrap();
    assert!(Store::open(&begun, &[]).err().unwrap().is_damage());
    fs_err::write(begun.join("version"), "").unwrap();
    fs_err::write(begun.join("0.jnl"), "").unwrap();
    assert!(Store::open(&begun, &[]).err().unwrap().is_damage());
    let used = folder.path().join("used");
    let store = Store::open(&used, &["a"]).unwrap();
    let error = Store::open(&used, &["a"]).err().unwrap();
    assert!(!error.is_damage(), "{error}");
    drop(store);
    assert!(Store::open(&used, &["a", "new"]).err().unwrap().is_damage());
}

fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &to);
        } else {
            fs_err::copy(entry.path(), &to).unwrap();
        }
    }
}

#[test]
fn a_folder_that_is_no_store_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, "x").unwrap();
    assert!(matches!(Store::open(&file, &[]), Err(StoreError::Engine { .. })));
}
