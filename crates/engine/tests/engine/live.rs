//! Entries as people look at them: back from the end, and what is new.

use engine::{
    Command, ENTRIES_SEARCHED_MAX, ENTRY_BYTES_SEARCHED_MAX, EntityKind, Entry, NEW_ENTRIES_MAX,
    Outcome,
};

use super::open;

fn add_user(engine: &engine::Engine, id: &str) -> Entry {
    let command = Command::Add { kind: EntityKind::User, id: id.to_owned() };
    Entry::Command { received_at: engine.now(), command: Box::new(command) }
}

fn submit(engine: &engine::Engine, entries: Vec<Entry>) -> Vec<Outcome> {
    engine.submit_blocking(entries).unwrap()
}

#[test]
fn pages_back_from_the_end_leave_nothing_out_and_repeat_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    // Blocks of several sizes, so that pages begin and end within some.
    for n_entries in [1, 300, 7, 250, 90] {
        submit(&engine, (0..n_entries).map(|n| add_user(&engine, &format!("u{n}"))).collect());
    }
    assert_eq!(engine.applied(), 648);
    let is_odd = |applied: engine::AppliedEntry| Some(applied.offset).filter(|at| at % 2 == 1);
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = engine.latest_entries(before, 10, &is_odd).unwrap();
        found.extend(page.found);
        before = page.before;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(found, (0..648).rev().filter(|at| at % 2 == 1).collect::<Vec<u64>>());
    let outcome = |offset| engine.entry(offset).unwrap().unwrap().outcome;
    assert_eq!(outcome(0), Some(Outcome::Applied));
    assert!(matches!(outcome(1), Some(Outcome::Refused(_))), "the user was there already");
    assert_eq!(engine.entry(648).unwrap(), None);
    drop(engine);
    let engine = open(folder.path());
    assert_eq!(engine.entry(1).unwrap().unwrap().outcome, None, "before this process");
    submit(&engine, vec![add_user(&engine, "u1")]);
    assert!(matches!(engine.entry(648).unwrap().unwrap().outcome, Some(Outcome::Refused(_))));
}

#[test]
fn a_search_looks_at_so_many_entries_or_bytes_and_says_where_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    for _ in 0..=ENTRIES_SEARCHED_MAX / 5_000 {
        submit(&engine, (0..5_000).map(|n| add_user(&engine, &n.to_string())).collect());
    }
    let end = engine.applied();
    let nothing = |_| None::<()>;
    let page = engine.latest_entries(None, 1, &nothing).unwrap();
    assert_eq!(page.before, Some(end - ENTRIES_SEARCHED_MAX as u64));
    let new = engine.entries_since(3, &|applied| Some(applied.offset)).unwrap();
    assert_eq!((new.found.len(), new.from), (NEW_ENTRIES_MAX, end));
    assert_eq!(new.n_missed, end - NEW_ENTRIES_MAX as u64 - 3);

    const LARGE_BYTES: usize = 1_024 * 1_024;
    for _ in 0..12 {
        let command = Command::SetValues {
            kind: EntityKind::User,
            id: "nobody".to_owned(),
            values: "x".repeat(LARGE_BYTES),
            cascade_create: false,
        };
        let entry = Entry::Command { received_at: engine.now(), command: Box::new(command) };
        submit(&engine, vec![entry]);
    }
    let page = engine.latest_entries(None, 1, &nothing).unwrap();
    let n_large = (ENTRY_BYTES_SEARCHED_MAX / LARGE_BYTES) as u64;
    let searched = engine.applied() - page.before.unwrap();
    assert!((n_large - 1..=n_large).contains(&searched), "{searched}");
    let new = engine.entries_since(end, &|applied| Some(applied.offset)).unwrap();
    assert_eq!(new.n_missed + new.found.len() as u64, 12);
    assert!(new.n_missed > 0 && new.found.last() == Some(&(end + 11)), "{new:?}");
}
