//! Destinations that can delete are told, again and again, and what is under way is not sent.

use super::*;

fn braze(receiver: &Receiver) -> Destination {
    let host = json!(format!("http://{}", receiver.address));
    let settings = [("api_key", json!("key")), ("endpoint", host)];
    Destination {
        settings: settings.map(|(name, value)| (name.to_owned(), value)).into(),
        ..Destination::new("lists", Some("braze"))
    }
}

#[test]
fn a_destination_that_can_delete_is_told_until_it_has_and_gets_nothing_of_them_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let (receiver, lists) = (Receiver::start(), Receiver::start());
    let engine = open(folder.path());
    put(&engine, &webhook(&receiver));
    put(&engine, &braze(&lists));
    // Nothing arrives: all of it is under way when the person is deleted.
    receiver.answer(|_| 503);
    let mut n_asked = 0;
    lists.answer(move |body| {
        let is_deletion = body.get("external_ids").is_some();
        n_asked += i32::from(is_deletion);
        if is_deletion && n_asked < 3 { 503 } else { 200 }
    });
    live_through(&engine, ANN, DEVICE, OLD_ID);
    await_that("messages under way", || {
        engine.delivery_status("crm")?.dispatcher.filter(|status| status.open_jobs > 0)
    });
    let receipt = regulate(&engine, RegulationType::DeleteOnly, ANN);
    assert_eq!(receipt.scan.as_ref().unwrap().found, 0, "{receipt:?}");
    let of = |name: &str| receipt.destinations.iter().find(|one| one.destination == name).unwrap();
    assert_eq!(of("crm").outcome, ForwardOutcome::CannotDelete);
    let told = of("lists");
    assert_eq!((told.outcome, told.deleted, told.failed), (ForwardOutcome::Deleted, 2, 0));
    assert_eq!(told.reason.as_deref(), Some("http_503"), "of the attempt before");
    let deletions: Vec<Value> = lists
        .received()
        .into_iter()
        .filter(|received| received.body.get("external_ids").is_some())
        .map(|received| received.body)
        .collect();
    assert_eq!(deletions.len(), 3);
    assert_eq!(deletions[2], json!({ "external_ids": [ANN, OLD_ID] }));

    // The destination that was down gets what is of others, and nothing of the person.
    let n_before = receiver.received().len();
    receiver.answer(|_| 200);
    let other = track(&engine, "other", json!({ "userId": ANN_2 }), "i1");
    engine.submit_blocking(vec![other]).unwrap();
    await_that("the message of another", || {
        receiver.delivered().contains(&"other".to_owned()).then_some(())
    });
    for received in receiver.received().split_off(n_before) {
        let text = received.text.replace(ANN_2, "");
        assert!(!text.contains(ANN) && !text.contains(DEVICE), "{text}");
    }
}

#[test]
fn a_destination_that_is_down_holds_up_no_other_regulation() {
    let folder = tempfile::tempdir().unwrap();
    let lists = Receiver::start();
    let engine = open(folder.path());
    put(&engine, &braze(&lists));
    lists.answer(|_| 503);
    let message = track(&engine, "m1", json!({ "userId": ANN }), "i1");
    engine.submit_blocking(vec![message]).unwrap();
    let first = engine.begin_regulation(&regulation(RegulationType::DeleteOnly, ANN)).unwrap();
    let waiting = engine.run_regulation(first, &Surroundings::NONE);
    assert!(matches!(waiting, Err(RegulationError::Waiting { .. })), "{waiting:?}");
    let second = engine.begin_regulation(&regulation(RegulationType::SuppressOnly, ANN_2)).unwrap();
    assert!(engine.is_suppressed(ANN_2), "from the answer on");
    let receipt = engine.run_regulation(second, &Surroundings::NONE).unwrap();
    assert_eq!((receipt.status, receipt.suppressed_ids), (RegulationStatus::Finished, 1));
    let gone = ConfigChange::RemoveDestination { name: "lists".to_owned() };
    engine.change_config(gone, Expected::Anything).unwrap();
    await_that("the next attempt", || engine.next_pass().unwrap().contains(&first).then_some(()));
    let receipt = engine.run_regulation(first, &Surroundings::NONE).unwrap();
    assert_eq!(receipt.status, RegulationStatus::PartialSuccess);
    let told = &receipt.destinations[0];
    let expected = (ForwardOutcome::Failed, 1, Some("removed"));
    assert_eq!((told.outcome, told.failed, told.reason.as_deref()), expected);
}
