//! Values that went to destinations: those of the deleted are erased too.

use domain::{AudienceDefinition, SyncSettings};

use super::*;

#[test]
fn the_values_that_were_sent_of_the_deleted_are_erased_and_others_lose_what_names_them() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let engine = open(folder.path());
    put(&engine, &webhook(&receiver));
    let definition = AudienceDefinition {
        key: "viewers".to_owned(),
        name: None,
        condition: "did \"Product Viewed\"".to_owned(),
        likely: None,
        sync: Some(SyncSettings {
            with_traits: vec!["friend".to_owned()],
            ..SyncSettings::to(&["crm"])
        }),
    };
    let change = ConfigChange::put_audience(&definition);
    engine.change_config(change, Expected::Anything).unwrap();
    let friend = json!({ "type": "identify", "userId": "bob", "traits": { "friend": ANN } });
    engine.submit_blocking(vec![message(&engine, &friend)]).unwrap();
    for (n, ids) in [json!({ "userId": ANN, "anonymousId": DEVICE }), json!({ "userId": "bob" })]
        .into_iter()
        .enumerate()
    {
        engine.submit_blocking(vec![track(&engine, &format!("m{n}"), ids, "i1")]).unwrap();
    }
    let values = || -> Vec<String> {
        let shown = |entry: &engine::AppliedEntry| match &entry.entry {
            Entry::Sync(value) => Some(format!("{value:?}")),
            _ => None,
        };
        engine.latest_entries(None, 100, &|entry| shown(&entry)).unwrap().found
    };
    await_that("both are sent", || (values().len() == 2).then_some(()));
    let user = engine.find_user(ANN).unwrap();
    let rows = |user| {
        let snapshot = engine.snapshot();
        snapshot.last_sent.rows(snapshot.store(), user).unwrap()
    };
    assert_eq!(rows(user).len(), 1);

    let receipt = regulate(&engine, RegulationType::DeleteInternal, ANN);
    let scan = receipt.scan.unwrap();
    // The trait of another person still says what that person said.
    assert_eq!(scan.found, 0, "{scan:?}");
    assert!(rows(user).is_empty());
    let [left] = &values()[..] else { panic!("{:?}", values()) };
    assert!(left.contains("bob") && left.contains("attached: None"), "{left}");
}
