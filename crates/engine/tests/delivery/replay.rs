//! Replays: what was there goes to a destination once more.

use engine::{Engine, MessageFilter, ReplayError, SpanReader};
use serde_json::{Value, json};
use uuid::Uuid;

use super::receiver::{Receiver, await_that};
use super::{await_settled, ids, open, put, send, webhook};

/// Begins a replay of all messages.
fn start(engine: &Engine) -> (Uuid, SpanReader) {
    let id = Uuid::new_v4();
    let span = engine.find_span(None, None, MessageFilter::default()).unwrap();
    engine.start_replay(id, Some("crm".to_owned()), "{}".to_owned(), &span).unwrap();
    (id, SpanReader::new(span))
}

/// Sends up to `n` messages of a replay.
fn go_on(engine: &Engine, id: Uuid, reader: &mut SpanReader, n: usize) -> Result<(), ReplayError> {
    let found = engine.next_of_span(reader, n).unwrap();
    engine.replay_messages(id, "crm", found.into_iter().map(|(offset, _)| offset))
}

fn delivery_ids(receiver: &Receiver) -> Vec<String> {
    let id = |headers: &axum::http::HeaderMap| headers["webhook-id"].to_str().unwrap().to_owned();
    receiver.received().iter().map(|received| id(&received.headers)).collect()
}

#[test]
fn a_replay_that_is_cut_off_goes_on_where_it_stopped_and_every_message_comes_once_in_order() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let engine = open(folder.path());
    // Before there was the destination, one of them twice.
    send(&engine, ids(0, 40).into_iter().chain(ids(3, 5)), "ann");
    put(&engine, &webhook(&receiver, json!({})));
    let (id, mut reader) = start(&engine);
    go_on(&engine, id, &mut reader, 15).unwrap();
    // The end of the process: what was not journalled is gone, where it stopped is known.
    engine.next_of_span(&mut reader, 10).unwrap();
    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();

    let engine = open(folder.path());
    let replay = engine.replay(id).unwrap();
    assert_eq!((replay.replayed, replay.is_done), (15, false));
    let span = engine.find_span(None, None, MessageFilter::default()).unwrap();
    let mut reader = SpanReader::new(engine::Span { until: replay.until, ..span });
    reader.skip_to(replay.reached);
    while !reader.is_done() {
        go_on(&engine, id, &mut reader, 7).unwrap();
    }
    send(&engine, ids(40, 43), "ann");
    engine.note_replay(id, reader.reached(), 0, true).unwrap();
    assert_eq!(receiver.await_delivered(43), ids(0, 43), "in order, also with what comes now");
    await_settled(&engine);
    let replay = engine.replay(id).unwrap();
    assert_eq!((replay.replayed, replay.is_done), (40, true));
    let refused = engine.replay_messages(id, "crm", [1]);
    assert!(matches!(refused, Err(ReplayError::Refused(_))), "it has ended");
    assert_eq!(receiver.delivered().len(), 43);

    // Another one is another delivery of each message, which a receiver that drops repeats takes.
    let (id, mut reader) = start(&engine);
    go_on(&engine, id, &mut reader, 100).unwrap();
    assert_eq!(receiver.await_delivered(86)[43..], ids(0, 43));
    let ids = delivery_ids(&receiver);
    let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
    assert_eq!(distinct.len(), 86);
}

#[test]
fn the_mappings_of_the_replay_decide_and_what_is_refused_is_a_dead_letter() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let engine = open(folder.path());
    put(&engine, &webhook(&receiver, json!({})));
    send(&engine, ids(0, 2), "ann");
    receiver.await_delivered(2);
    let body = json!({ "messageId": {"@path": "$.messageId"}, "word": "corrected" });
    let mapping = json!({ "name": "All", "trigger": "type = \"track\"", "action": "send",
        "fields": { "body": body } });
    let corrected = webhook(&receiver, json!({}));
    put(&engine, &domain::Destination { mappings: Some(vec![mapping]), ..corrected.clone() });
    receiver.answer(|body| if body["messageId"] == "m1" { 422 } else { 200 });
    let (id, mut reader) = start(&engine);
    go_on(&engine, id, &mut reader, 10).unwrap();
    assert_eq!(receiver.await_delivered(3)[2], "m0");
    let letter =
        await_that("a dead letter", || engine.dead_letters("crm", None, 10).unwrap().pop());
    let json = engine.dead_letter_message("crm", letter.offset, "All").unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["messageId"], "m1");
    receiver.answer(|_| 200);
    engine.retry_dead_letters("crm", &[(letter.offset, "All".into())], None).unwrap();
    receiver.await_delivered(4);
    let last = receiver.received().pop().unwrap();
    assert_eq!(last.body, json!({ "messageId": "m1", "word": "corrected" }));
    let ids = delivery_ids(&receiver);
    assert_eq!(ids[ids.len() - 1], ids[ids.len() - 2], "the key stays over retries");

    put(&engine, &domain::Destination { enabled: false, ..corrected });
    let off = go_on(
        &engine,
        id,
        &mut SpanReader::new(engine.find_span(None, None, MessageFilter::default()).unwrap()),
        1,
    );
    assert!(off.is_err(), "nothing is lost in a destination that is off");
}

#[test]
fn a_span_is_found_by_offset_and_time_and_filtered() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    send(&engine, ids(0, 5), "ann");
    send(&engine, ids(5, 8), "bob");
    let count = |from, until, filter| {
        let span = engine.find_span(from, until, filter).unwrap();
        let mut reader = SpanReader::new(span);
        let mut n = 0;
        while !reader.is_done() {
            n += engine.next_of_span(&mut reader, 2).unwrap().len();
        }
        n
    };
    let all = MessageFilter::default;
    let place = engine::SpanPlace::Offset;
    assert_eq!(count(None, None, all()), 8);
    assert_eq!(count(Some(place(2)), Some(place(4)), all()), 2);
    let of_bob = MessageFilter { users: ["bob".to_owned()].into(), ..all() };
    assert_eq!(count(None, None, of_bob), 3);
    let other = MessageFilter { events: ["Seen".to_owned()].into(), ..all() };
    assert_eq!(count(None, None, other), 0);
    let hour = 3_600_000;
    let later = engine::SpanPlace::Time(domain::Timestamp(engine.now().0 + hour));
    let earlier = engine::SpanPlace::Time(domain::Timestamp(engine.now().0 - hour));
    assert_eq!((count(Some(later), None, all()), count(Some(earlier), Some(later), all())), (0, 8));
}
