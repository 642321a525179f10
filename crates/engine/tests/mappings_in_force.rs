//! What a message becomes is decided by the mappings in force at its place in the journal.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;

use domain::{Arrival, Destination, Envelope, InteractionKind, WorkspaceId, check_message};
use engine::{Command, ConfigChange, ConfigCommand, ConfigError, Engine, Entry, Expected};
use history::HistoryEntry;
use serde_json::{Value, json};

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

/// A message by which nothing happens but by the mappings of this test.
fn liked(engine: &Engine, n: usize) -> Entry {
    let arrival = Arrival { received_at: engine.now(), source: "web", peer_ip: None };
    let body = json!({ "type": "track", "messageId": format!("m{n}"), "userId": "ann",
        "event": "Liked", "properties": { "id": format!("i{n}") } });
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
    Entry::Message(Box::new(message.unwrap()))
}

fn mapping(action: &str) -> Value {
    json!({ "name": "Liked", "trigger": "event = \"Liked\"", "action": action, "fields": {
        "userId": {"@path": "$.userId"}, "itemId": {"@path": "$.properties.id"},
        "timestamp": {"@path": "$.timestamp"} } })
}

fn put(mappings: Option<Vec<Value>>) -> ConfigChange {
    ConfigChange::put_destination(&Destination { mappings, ..Destination::new("engine", None) })
}

/// The kinds of ann's interactions with `i0`, `i1` and so on.
fn kinds(engine: &Engine, n_items: usize) -> Vec<Option<InteractionKind>> {
    let views = engine.snapshot();
    let user = views.profiles.ids().user_by_id("ann").unwrap();
    let row = views.interactions.histories().row(user);
    let kind_of = |n| {
        let is_it = |entry: &&HistoryEntry| views.catalog.item_id(entry.item) == format!("i{n}");
        row.iter().find(is_it).map(|entry| entry.kind)
    };
    (0..n_items).map(kind_of).collect()
}

#[test]
fn mappings_hold_from_their_place_in_the_journal_on_also_within_a_batch_and_in_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let change = |change| Entry::Command {
        received_at: engine.now(),
        command: Box::new(Command::Configure(Box::new(ConfigCommand {
            change,
            expected: Expected::Anything,
        }))),
    };
    // All of these are mapped by the presets while they wait, since they are submitted together.
    let entries = vec![
        liked(&engine, 0),
        change(put(Some(vec![mapping("addBookmark")]))),
        liked(&engine, 1),
        change(put(Some(vec![mapping("addDetailView")]))),
        liked(&engine, 2),
        change(put(None)),
        liked(&engine, 3),
    ];
    engine.submit_blocking(entries).unwrap();
    engine.change_config(put(Some(vec![mapping("addBookmark")])), Expected::Anything).unwrap();
    engine.submit_blocking(vec![liked(&engine, 4)]).unwrap();
    let (bookmark, view) = (InteractionKind::Bookmark, InteractionKind::DetailView);
    let expected = [None, Some(bookmark), Some(view), None, Some(bookmark)];
    assert_eq!(kinds(&engine, 5), expected);
    let unmatched = |engine: &Engine| engine.snapshot().unmatched_events.list();
    assert_eq!(unmatched(&engine), [], "the mappings in force name the event");

    drop(engine);
    let engine = open(folder.path());
    assert_eq!(kinds(&engine, 5), expected);
    engine.submit_blocking(vec![liked(&engine, 5)]).unwrap();
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    let engine = open(folder.path());
    assert_eq!(kinds(&engine, 6), [&expected[..], &[Some(bookmark)]].concat());
    assert_eq!(unmatched(&engine), []);
}

#[test]
fn a_mapping_that_is_none_is_refused_by_its_name_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let refused = engine.change_config(put(Some(vec![mapping("addBokmark")])), Expected::Anything);
    let Err(ConfigError::Invalid(what)) = refused else { panic!("{refused:?}") };
    assert!(what.starts_with("destination \"engine\": mapping \"Liked\": /0/action"), "{what}");
    assert_eq!(engine.config().engine_mappings(), None);
}
