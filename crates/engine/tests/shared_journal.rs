//! Engines over a journal that is not theirs alone.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::path::Path;
use std::sync::Arc;

use domain::{Arrival, Envelope, Timestamp, WorkspaceId, check_message};
use engine::{Engine, Entry, Outcome, TimelineQuery, TrainingOptions};
use journal::{Journal, MemoryJournal};
use serde_json::{Value, json};

const AT: Timestamp = Timestamp(1_700_000_000_000);

fn open(folder: &Path, journal: &Arc<MemoryJournal>) -> Engine {
    let journal = Arc::clone(journal) as Arc<dyn Journal>;
    Engine::open_over(WorkspaceId::new("shop").unwrap(), folder, journal, &|_, _| {}).unwrap()
}

fn message(body: &Value) -> Entry {
    let arrival = Arrival { received_at: AT, source: "web", peer_ip: None };
    Entry::Message(Box::new(check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap()))
}

fn viewed(message_id: &str, user_id: &str, item_id: &str) -> Entry {
    message(&json!({
        "type": "track", "messageId": message_id, "userId": user_id, "event": "Product Viewed",
        "timestamp": "2023-11-14T10:00:00Z", "properties": { "product_id": item_id },
    }))
}

#[test]
fn offsets_with_gaps_are_folded_and_replayed_alike() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Arc::new(MemoryJournal::with_gaps(3));
    let engine = open(folder.path(), &journal);
    for n in 0..20 {
        let entries = [0, 1].map(|k| viewed(&format!("m{n}-{k}"), &format!("u{n}"), &format!("i{}", n % 7)));
        assert_eq!(engine.submit_blocking(entries.to_vec()).unwrap(), [Outcome::Applied, Outcome::Applied]);
    }
    engine.reset().unwrap();
    for n in 0..200 {
        let entry = viewed(&format!("m{n}"), &format!("u{}", n % 20), &format!("i{}", n * n % 23));
        assert_eq!(engine.submit_blocking(vec![entry]).unwrap(), [Outcome::Applied]);
    }
    let again = engine.submit_blocking(vec![viewed("m7", "u7", "i3")]).unwrap();
    assert_eq!(again, [Outcome::Duplicate]);
    let training = engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    engine.submit_blocking(vec![viewed("later", "u1", "i1")]).unwrap();
    let answers = engine.answers(&|_| {}).unwrap();
    assert!(training.offset < answers.entries, "{} {}", training.offset, answers.entries);
    let user = engine.user_of_text("u7").unwrap();
    let query = TimelineQuery { limit: 1_000, ..TimelineQuery::default() };
    assert_eq!(engine.events(user, &query).unwrap().0.len(), 10);
    drop(engine);
    for lost in [&[][..], &["store"], &["store", "models"]] {
        for part in lost {
            fs_err::remove_dir_all(folder.path().join(part)).unwrap();
        }
        let engine = open(folder.path(), &journal);
        assert_eq!(answers.differences(&engine.answers(&|_| {}).unwrap()), [""; 0], "without {lost:?}");
    }
}

#[test]
fn a_journal_that_ends_before_the_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path(), &Arc::new(MemoryJournal::default()));
    engine.submit_blocking(vec![viewed("m", "u", "i")]).unwrap();
    drop(engine);
    let empty = Arc::new(MemoryJournal::default());
    let error = Engine::open_over(WorkspaceId::new("shop").unwrap(), folder.path(), empty, &|_, _| {});
    let error = error.err().unwrap().full_text();
    assert!(error.contains("everything below 1 was acknowledged"), "{error}");
}
