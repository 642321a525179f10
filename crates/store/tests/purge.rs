//! What was removed is in no file of the store after a purge.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::{Path, PathBuf};

use fs_err as fs;
use store::{Read, Store};

const KEYSPACES: [&str; 3] = ["one", "two", "empty"];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files(folder).into_iter().filter(holds).collect()
}

#[test]
fn what_was_removed_is_in_no_file_of_the_store_after_a_purge() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &KEYSPACES).unwrap();
    let (one, two) = (store.keyspace("one"), store.keyspace("two"));
    let mut position = 0;
    let mut commit = |change: &dyn Fn(&mut store::Batch<'_>)| {
        let mut batch = store.batch();
        change(&mut batch);
        position += 1;
        batch.commit(position).unwrap();
    };
    commit(&|batch| {
        for n in 0..2_000u32 {
            batch.put(&one, n.to_be_bytes(), format!("value {n}"));
        }
        batch.put(&one, *b"q-ann", "zann@example.com");
        batch.put(&two, *b"q-ann", "zann@example.com");
    });
    store.purge().unwrap();
    assert!(!files_with(folder.path(), "zann@example.com").is_empty());
    commit(&|batch| {
        batch.remove(&one, *b"q-ann");
        batch.remove(&two, *b"q-ann");
    });
    let purged = store.purge().unwrap();
    assert!(purged.files > 3, "{purged:?}");
    assert_eq!(files_with(folder.path(), "zann@example.com"), Vec::<PathBuf>::new());
    assert_eq!(files_with(folder.path(), "q-ann"), Vec::<PathBuf>::new());
    assert_eq!(store.get(&one, &7u32.to_be_bytes()).unwrap().unwrap(), b"value 7");
    drop((store, one, two));
    let store = Store::open(folder.path(), &KEYSPACES).unwrap();
    assert_eq!(store.position().unwrap(), 2);
    assert_eq!(store.scan(&store.keyspace("one"), &[]).count(), 2_000);
    assert_eq!(store.scan(&store.keyspace("two"), &[]).count(), 0);
}
