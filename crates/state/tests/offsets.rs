//! Each entry is applied once, in the order of offsets.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use domain::{Timestamp, WorkspaceId};
use state::{Entry, PreparedEntry, Views, apply};
use store::Store;

fn apply_at(offsets: &[u64]) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &Views::KEYSPACES.concat()).unwrap();
    let mut views = Views::load(&store, &WorkspaceId::new("shop").unwrap()).unwrap();
    let mut batch = store.batch();
    for offset in offsets {
        let entry = PreparedEntry::unmapped(Entry::Resumed { received_at: Timestamp(1) });
        apply(&mut views, &mut batch, *offset, entry).unwrap();
    }
    views.applied
}

#[test]
fn offsets_may_have_gaps() {
    assert_eq!(apply_at(&[0, 1, 7]), 8);
    assert_eq!(apply_at(&[5]), 6);
}

#[test]
#[should_panic(expected = "entries are applied once each, in order")]
fn an_entry_that_was_applied_is_not_applied_again() {
    apply_at(&[0, 4, 4]);
}

#[test]
#[should_panic(expected = "entries are applied once each, in order")]
fn an_entry_before_the_last_one_is_not_applied() {
    apply_at(&[0, 4, 3]);
}
