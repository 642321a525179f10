//! Computed traits of others that name somebody who is deleted are worked out without them.

use domain::ComputedTraitDefinition;

use super::receiver::await_that;
use super::*;

const FRIENDS: &str = "bob-at-home";

fn put_trait(engine: &Engine, definition: Value) {
    let definition: ComputedTraitDefinition = serde_json::from_value(definition).unwrap();
    engine
        .change_config(ConfigChange::put_computed_trait(&definition), Expected::Anything)
        .unwrap();
}

fn put_traits(engine: &Engine) {
    for (key, type_, property) in [
        ("friends", "unique_list", "friend_id"),
        ("n_friends", "unique_list_count", "friend_id"),
        ("last_friend", "last", "friend_id"),
        ("guests", "unique_list", "guest_user_ids.$"),
        ("notes", "unique_list", "note"),
    ] {
        let definition =
            json!({ "key": key, "type": type_, "event": "Gave", "property": property });
        put_trait(engine, definition);
    }
    put_trait(
        engine,
        json!({ "key": "lately", "type": "unique_list", "event": "Gave", "property": "friend_id",
            "last": "30 days" }),
    );
}

/// The id is a digit; a later one is of a later event.
fn gave(engine: &Engine, id: &str, user: &str, friend: &str) -> Entry {
    let seconds_ago = 10 - id.parse::<i64>().unwrap();
    let timestamp = domain::Timestamp(engine.now().0 - seconds_ago * 1_000).to_string();
    message(
        engine,
        &json!({ "type": "track", "messageId": id, "userId": user, "event": "Gave",
            "timestamp": timestamp,
            "properties": { "friend_id": friend, "guest_user_ids": [friend, "dora"],
                "note": "thanks" } }),
    )
}

fn values(engine: &Engine, user: &str) -> Option<BTreeMap<String, Value>> {
    engine.submit_blocking(vec![Entry::Tick { at: engine.now() }]).unwrap();
    let snapshot = engine.snapshot();
    let user = snapshot.profiles.ids().user_by_id(user)?;
    let store = snapshot.store();
    for key in ["friends", "n_friends", "last_friend", "guests", "notes", "lately"] {
        if snapshot.is_past_unread(user, key) {
            return None;
        }
    }
    let values = snapshot.computed_traits.values(store, user).unwrap().into_iter();
    Some(values.map(|(key, value)| (key.to_owned(), value.value)).collect())
}

fn expect(friends: &[&str], last: &str) -> BTreeMap<String, Value> {
    let mut guests = [friends, &["dora"]].concat();
    guests.sort_unstable();
    let values = json!({ "friends": friends, "n_friends": friends.len(), "last_friend": last,
        "guests": guests, "notes": ["thanks"], "lately": friends });
    serde_json::from_value(values).unwrap()
}

fn await_values(engine: &Engine, user: &str, expected: &BTreeMap<String, Value>) {
    await_that("values", || {
        let found = values(engine, user)?;
        (found == *expected).then_some(())
    });
}

/// The traits are made before the events or after them: read from the journal then.
fn check(makes_first: bool) {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    if makes_first {
        put_traits(&engine);
    }
    let entries = vec![
        track(&engine, "1", json!({ "userId": ANN, "anonymousId": DEVICE }), "i1"),
        gave(&engine, "2", FRIENDS, "carl-at-sea"),
        gave(&engine, "3", FRIENDS, ANN),
        gave(&engine, "4", "eve-on-land", "carl-at-sea"),
    ];
    engine.submit_blocking(entries).unwrap();
    if !makes_first {
        put_traits(&engine);
    }
    await_values(&engine, FRIENDS, &expect(&[ANN, "carl-at-sea"], ANN));
    let of_eve = expect(&["carl-at-sea"], "carl-at-sea");
    await_values(&engine, "eve-on-land", &of_eve);

    let receipt = regulate(&engine, RegulationType::DeleteInternal, ANN);
    let scan = receipt.scan.as_ref().unwrap();
    assert_eq!((scan.found, scan.mentions), (0, 0), "{scan:?}");
    assert_eq!(receipt.recounted, 5, "{receipt:?}");
    await_values(&engine, FRIENDS, &of_eve);
    await_values(&engine, "eve-on-land", &of_eve);
    engine.stop();
    drop(engine);
    assert_eq!(files_with(folder.path(), ANN), Vec::<PathBuf>::new());

    let snapshots = folder.path().join("snapshots");
    assert!(snapshots.is_dir());
    for lost in [&[][..], &["store"], &["store", "snapshots"]] {
        for lost in lost {
            fs_err::remove_dir_all(folder.path().join(lost)).unwrap();
        }
        let engine = open(folder.path());
        await_values(&engine, FRIENDS, &of_eve);
        await_values(&engine, "eve-on-land", &of_eve);
        engine.stop();
    }
    assert_eq!(files_with(folder.path(), ANN), Vec::<PathBuf>::new());
}

#[test]
fn values_of_others_are_worked_out_without_the_deleted() {
    check(true);
}

#[test]
fn values_of_others_that_were_read_from_the_past_are_worked_out_without_the_deleted() {
    check(false);
}

/// An id that is a number, and that others have as a value that means something else.
#[test]
fn ids_that_are_numbers_go_from_members_that_name_people_alone() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    for (key, property) in [("friends", "friend_id"), ("sizes", "size")] {
        let definition =
            json!({ "key": key, "type": "unique_list", "event": "Gave", "property": property });
        put_trait(&engine, definition);
    }
    let gave = json!({ "type": "track", "messageId": "1", "userId": FRIENDS, "event": "Gave",
        "properties": { "friend_id": 4711, "size": 4711 } });
    let ann = track(&engine, "2", json!({ "userId": "4711" }), "i1");
    engine.submit_blocking(vec![message(&engine, &gave), ann]).unwrap();
    let receipt = regulate(&engine, RegulationType::DeleteInternal, "4711");
    assert_eq!((receipt.recounted, receipt.status), (1, RegulationStatus::Finished));
    await_that("values", || {
        engine.submit_blocking(vec![Entry::Tick { at: engine.now() }]).unwrap();
        let snapshot = engine.snapshot();
        let user = snapshot.profiles.ids().user_by_id(FRIENDS)?;
        let values = snapshot.computed_traits.values(snapshot.store(), user).unwrap();
        let values: Vec<_> = values.into_iter().map(|(_, value)| value.value).collect();
        (values == [json!([]), json!([4711])]).then_some(())
    });
}

/// Whoever has the value is deleted later: the journal forgets that it was worked out anew.
#[test]
fn who_named_the_deleted_can_be_deleted_too() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    put_traits(&engine);
    let ann = track(&engine, "1", json!({ "userId": ANN }), "i1");
    engine.submit_blocking(vec![ann, gave(&engine, "2", FRIENDS, ANN)]).unwrap();
    regulate(&engine, RegulationType::DeleteInternal, ANN);
    await_that("values", || values(&engine, FRIENDS).map(drop));
    let receipt = regulate(&engine, RegulationType::DeleteInternal, FRIENDS);
    assert_eq!(receipt.scan.unwrap().found, 0);
    engine.stop();
    drop(engine);
    assert_eq!(files_with(folder.path(), FRIENDS), Vec::<PathBuf>::new());
}

#[test]
fn a_trait_of_an_account_that_names_the_deleted_is_a_mention() {
    let folder = tempfile::tempdir().unwrap();
    let engine = super::declared_ids::open_with_rules(folder.path());
    let group = json!({ "type": "group", "messageId": "1", "userId": FRIENDS, "groupId": "acme",
        "traits": { "owner": ANN } });
    let ann = track(&engine, "2", json!({ "userId": ANN }), "i1");
    engine.submit_blocking(vec![message(&engine, &group), ann]).unwrap();
    let receipt = regulate(&engine, RegulationType::DeleteInternal, ANN);
    let scan = receipt.scan.unwrap();
    assert!(scan.found == 0 && scan.mentions > 0, "{scan:?}");
    assert_eq!(receipt.status, RegulationStatus::Finished);
}

#[test]
fn a_definition_that_tests_the_id_of_the_deleted_is_a_mention() {
    let folder = tempfile::tempdir().unwrap();
    let engine = super::declared_ids::open_with_rules(folder.path());
    let condition = format!("trait team = \"{ANN}\" or did \"Gave\" where by = \"{ANN}\"");
    let key = "employees".to_owned();
    let audience =
        domain::AudienceDefinition { key, name: None, condition, likely: None, sync: None };
    engine.change_config(ConfigChange::put_audience(&audience), Expected::Anything).unwrap();
    engine.submit_blocking(vec![track(&engine, "2", json!({ "userId": ANN }), "i1")]).unwrap();
    let receipt = regulate(&engine, RegulationType::DeleteInternal, ANN);
    let scan = receipt.scan.unwrap();
    assert!(scan.found == 0 && scan.mentions > 0, "{scan:?}");
    assert_eq!(receipt.status, RegulationStatus::Finished);
}
