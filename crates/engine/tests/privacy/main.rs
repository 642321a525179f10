//! People's data: what is refused, what is deleted, and that nothing of it is left in any file.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

#[path = "../delivery/receiver.rs"]
#[expect(dead_code, reason = "another test uses more of it")]
mod receiver;

mod backups;
mod declared_ids;
mod forwarding;
mod interrupted;
mod measured;
mod models;
mod passes;
mod suppression;
mod synced;
mod values_of_others;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use connectors::{InstanceKey, NetworkPolicy, Outgoing, OutgoingOptions};
use domain::{
    Arrival, Destination, Envelope, Interaction, InteractionKind, Rejection, RejectionReason,
    WorkspaceId, check_message,
};
use engine::{
    Command, ConfigChange, Engine, EngineOptions, EntityKind, Entry, Expected, ExternalIdType,
    ForwardOutcome, ListImpression, NamedPeople, NewRegulation, Outcome, Place, Receipt,
    RegulationError, RegulationStatus, RegulationType, Surroundings, scan_folder,
};
use serde_json::{Value, json};

use self::receiver::{Receiver, await_that};

/// The person who is deleted: under these ids, and under no others.
const ANN: &str = "ann-000017";
const DEVICE: &str = "device-of-ann-17";
const OLD_ID: &str = "ann-before-1999";
/// A neighbour whose id begins with theirs.
const ANN_2: &str = "ann-0000172";

fn open(folder: &Path) -> Engine {
    let allowed = vec!["127.0.0.0/8".parse().unwrap()];
    let options =
        OutgoingOptions { policy: NetworkPolicy { allowed }, ..OutgoingOptions::default() };
    let options = EngineOptions {
        outgoing: Some(Arc::new(Outgoing::new(&options).unwrap())),
        instance_key: Some(Arc::new(InstanceKey::of_bytes([7; 32]))),
        ..EngineOptions::default()
    };
    Engine::open_with(WorkspaceId::new("shop").unwrap(), folder, &options, &|_, _| {}).unwrap()
}

fn message(engine: &Engine, body: &Value) -> Entry {
    let arrival = Arrival { received_at: engine.now(), source: "web", peer_ip: None };
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
    Entry::Message(Box::new(message))
}

fn track(engine: &Engine, id: &str, ids: Value, item: &str) -> Entry {
    let mut body = json!({ "type": "track", "messageId": id, "event": "Product Viewed",
        "properties": { "product_id": item } });
    body.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
    message(engine, &body)
}

fn interaction(user: &str, item: &str) -> Interaction {
    Interaction {
        user_id: user.to_owned(),
        item_id: item.to_owned(),
        kind: InteractionKind::Purchase,
        timestamp: Some(domain::Timestamp(1_600_000_000_000)),
        value: None,
        amount: None,
        price: None,
        profit: None,
        session_id: None,
        time_spent: None,
        auto_presented: None,
        recomm_id: None,
        additional_data: None,
    }
}

fn list(engine: &Engine, user: &str) -> ListImpression {
    ListImpression {
        recomm_id: Some(uuid::Uuid::now_v7()),
        user: Some((ExternalIdType::UserId, user.to_owned())),
        at: engine.now(),
        items: vec!["i1".to_owned(), "i2".to_owned()],
        place: Place::Scenario { endpoint: "recommendItemsToUser".to_owned(), scenario: None },
        group: None,
        model: None,
        rotates: true,
        n_next: 0,
        request: Some(json!({ "userId": user, "count": 2 }).to_string()),
    }
}

fn rejection(engine: &Engine, user: &str) -> Entry {
    let excerpt = json!({ "type": "track", "userId": user, "timestamp": "never" }).to_string();
    Entry::Rejected(Box::new(Rejection {
        reason: RejectionReason::TimestampInvalid,
        detail: format!("timestamp of {user} cannot be read"),
        source: "web".to_owned(),
        message_id: None,
        type_: None,
        received_at: engine.now(),
        excerpt,
        violations: Vec::new(),
    }))
}

fn command(engine: &Engine, command: Command) -> Entry {
    Entry::Command { received_at: engine.now(), command: Box::new(command) }
}

/// Everything that somebody with these ids can leave behind.
fn live_through(engine: &Engine, user: &str, device: &str, old: &str) {
    let submit = |entries| engine.submit_blocking(entries).unwrap();
    let id = |n: u32| format!("{user}:{n}");
    submit(vec![
        track(engine, &id(1), json!({ "anonymousId": device }), "i1"),
        track(engine, &id(2), json!({ "userId": user, "anonymousId": device }), "i2"),
        track(engine, &id(3), json!({ "userId": old }), "i3"),
        message(
            engine,
            &json!({ "type": "alias", "messageId": id(4), "userId": user, "previousId": old }),
        ),
        message(
            engine,
            &json!({ "type": "identify", "messageId": id(5), "userId": user,
                "traits": { "name": "Somebody", "customer_id": user } }),
        ),
        message(
            engine,
            &json!({ "type": "track", "messageId": id(6), "userId": user,
                "event": format!("Opened letter to {user}"), "properties": {} }),
        ),
        rejection(engine, user),
        command(
            engine,
            Command::SetValues {
                kind: EntityKind::User,
                id: user.to_owned(),
                values: "{}".to_owned(),
                cascade_create: true,
            },
        ),
        command(
            engine,
            Command::AddInteraction { interaction: interaction(user, "i9"), cascade_create: true },
        ),
    ]);
    submit(vec![Entry::Interactions {
        received_at: engine.now(),
        interactions: vec![interaction(user, "i4"), interaction("bob-at-home", "i4")],
    }]);
    submit(vec![Entry::ListImpressions {
        lists: vec![list(engine, user), list(engine, "bob-at-home")],
    }]);
    // Somebody else names them.
    submit(vec![message(
        engine,
        &json!({ "type": "track", "messageId": format!("invited-{}", user.len()),
            "userId": "bob-at-home", "event": "Invited",
            "properties": { "user_id": user, "product_id": "i1" } }),
    )]);
}

fn put(engine: &Engine, destination: &Destination) {
    engine.change_config(ConfigChange::put_destination(destination), Expected::Anything).unwrap();
}

fn webhook(receiver: &Receiver) -> Destination {
    let url = json!(format!("http://{}/in", receiver.address));
    Destination {
        settings: BTreeMap::from([("url".to_owned(), url)]),
        ..Destination::new("crm", Some("webhook"))
    }
}

fn regulation(type_: RegulationType, user: &str) -> NewRegulation {
    let (user_ids, anonymous_ids) = (vec![user.to_owned()], Vec::new());
    NewRegulation { type_, user_ids, anonymous_ids, other_ids: Vec::new() }
}

fn regulate(engine: &Engine, type_: RegulationType, user: &str) -> Receipt {
    let id = engine.begin_regulation(&regulation(type_, user)).unwrap();
    assert_eq!(engine.pending_regulations().unwrap(), [id]);
    let receipt = loop {
        match engine.run_regulation(id, &Surroundings::NONE) {
            Err(RegulationError::Waiting { .. }) => {
                assert_eq!(engine.pending_regulations().unwrap(), [id]);
                std::thread::sleep(Duration::from_millis(20));
            }
            done => break done.unwrap(),
        }
    };
    assert_eq!(engine.pending_regulations().unwrap(), Vec::<uuid::Uuid>::new());
    receipt
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The files that hold a text as it is.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = fs_err::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files(folder).into_iter().filter(holds).collect()
}

fn ann() -> NamedPeople {
    let user_ids = [ANN, OLD_ID].map(|id| (ExternalIdType::UserId, id.to_owned()));
    let device = (ExternalIdType::AnonymousId, DEVICE.to_owned());
    NamedPeople::new(user_ids.into_iter().chain([device])).unwrap()
}

/// All texts that entries show.
fn shown_entries(engine: &Engine) -> String {
    let latest = engine.latest_entries(None, 10_000, &|entry| Some(format!("{:?}", entry.entry)));
    latest.unwrap().found.concat()
}

#[test]
fn nothing_of_a_deleted_person_is_in_any_file_and_neighbours_stay_whole() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let engine = open(folder.path());
    put(&engine, &webhook(&receiver));
    // A destination that refuses makes dead letters that name the person.
    receiver.answer(|body| if body.to_string().contains("Product Viewed") { 400 } else { 200 });
    live_through(&engine, ANN_2, "device-of-ann-172", "ann-before-19992");
    live_through(&engine, ANN, DEVICE, OLD_ID);
    await_that("dead letters", || {
        let snapshot = engine.snapshot();
        (snapshot.destinations.get("crm")?.n_dead >= 6).then_some(())
    });
    let letters = engine.dead_letters("crm", None, 100).unwrap();
    let retried: Vec<(u64, String)> =
        letters.iter().map(|letter| (letter.offset, letter.mapping.clone())).take(6).collect();
    engine.retry_dead_letters("crm", &retried, None).unwrap();
    await_that("dead letters of retries", || {
        let letters = engine.dead_letters("crm", None, 100).unwrap();
        let last = letters.iter().map(|letter| letter.offset).max()?;
        (letters.len() >= 6 && last > retried.last()?.0).then_some(())
    });
    fs_err::write(folder.path().join("journal/00000000000000000000.seg.9.torn"), ANN).unwrap();
    let neighbour = engine.find_user(ANN_2).unwrap();
    let neighbours = format!("{:?}", engine.snapshot().history(neighbour, 100));

    let scan = scan_live(&engine, folder.path());
    assert!(scan.found > 10, "{scan:?}");

    let receipt = regulate(&engine, RegulationType::SuppressWithDelete, ANN);
    let scan = receipt.scan.clone().unwrap();
    assert_eq!((scan.found, scan.mentions), (0, 0), "{scan:?}");
    assert_eq!(scan.unreadable, Vec::<String>::new());
    assert!(scan.entries > 30 && scan.rows > 30 && scan.files > 10, "{scan:?}");
    assert_eq!((receipt.people, receipt.ids, receipt.suppressed_ids), (1, 3, 3));
    assert_eq!((receipt.regulations, receipt.resumed), (1, false));
    assert_eq!((receipt.state.profiles, receipt.state.interactions), (1, 5), "{receipt:?}");
    assert!(receipt.journal.erased >= 12 && receipt.journal.torn_files == 1, "{receipt:?}");
    assert!(receipt.store_files > 0 && receipt.snapshot.is_some());
    // A webhook cannot delete.
    assert_eq!(receipt.status, RegulationStatus::PartialSuccess);
    assert_eq!(receipt.destinations[0].outcome, ForwardOutcome::CannotDelete);
    assert_eq!(engine.regulations()[0].status, RegulationStatus::PartialSuccess);
    let (_, kept) = engine.regulation(receipt.id).unwrap().unwrap();
    assert_eq!(kept.unwrap(), receipt);

    // The person is nowhere, and neighbours are as they were.
    assert_eq!(engine.find_user(ANN), None);
    let letters = engine.dead_letters("crm", None, 100).unwrap();
    assert!(!letters.is_empty());
    for letter in &letters {
        let shown = engine.dead_letter_message("crm", letter.offset, &letter.mapping).unwrap();
        assert!(shown.unwrap().contains(ANN_2));
    }
    let rejections = format!("{:?}", engine.snapshot().rejections(100));
    assert!(rejections.contains(ANN_2) && rejections.contains("excerpt: \"\""), "{rejections}");
    assert_eq!(format!("{:?}", engine.snapshot().history(neighbour, 100)), neighbours);
    assert!(engine.find_user("bob-at-home").is_some());
    let shown = shown_entries(&engine);
    for id in [ANN, DEVICE, OLD_ID] {
        let longer = [ANN_2, "device-of-ann-172", "ann-before-19992"];
        let rest = longer.iter().fold(shown.clone(), |shown, longer| shown.replace(longer, ""));
        assert!(!rest.contains(id), "{id}");
    }
    drop(engine);

    // The search by other means: no file holds the id as it is, and none that is decoded.
    let texts = files_with(folder.path(), OLD_ID);
    let with_longer = files_with(folder.path(), "ann-before-19992");
    assert!(texts.iter().all(|path| with_longer.contains(path)), "{texts:?}");
    let offline = scan_folder(folder.path(), &ann(), &mut |_| {}).unwrap();
    assert_eq!((offline.found, offline.mentions), (0, 0), "{offline:?}");
    assert!(offline.entries > 30);

    // A lost store, and one that is opened again, lead to the same.
    for lost in [None, Some("store")] {
        if let Some(lost) = lost {
            fs_err::remove_dir_all(folder.path().join(lost)).unwrap();
        }
        let engine = open(folder.path());
        assert_eq!(engine.find_user(ANN), None, "{lost:?}");
        assert_eq!(engine.find_user(ANN_2), Some(neighbour), "{lost:?}");
        assert_eq!(format!("{:?}", engine.snapshot().history(neighbour, 100)), neighbours);
        assert!(engine.is_suppressed(ANN));
        assert!(engine.is_suppressed(DEVICE));
        let (_, kept) = engine.regulation(receipt.id).unwrap().unwrap();
        assert_eq!(kept.unwrap(), receipt, "{lost:?}");
        drop(engine);
        let offline = scan_folder(folder.path(), &ann(), &mut |_| {}).unwrap();
        assert_eq!((offline.found, offline.mentions), (0, 0), "{offline:?}");
    }
}

fn scan_live(engine: &Engine, folder: &Path) -> engine::ScanReport {
    // A copy, since the store of the workspace is in use.
    engine.submit_blocking(vec![Entry::Resumed { received_at: engine.now() }]).unwrap();
    let copy = tempfile::tempdir().unwrap();
    for path in files(folder) {
        let to = copy.path().join(path.strip_prefix(folder).unwrap());
        fs_err::create_dir_all(to.parent().unwrap()).unwrap();
        fs_err::copy(&path, to).unwrap();
    }
    scan_folder(copy.path(), &ann(), &mut |_| {}).unwrap()
}

#[test]
fn what_is_deleted_comes_back_only_if_it_is_not_suppressed_and_resets_keep_the_suppressed() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    live_through(&engine, ANN, DEVICE, OLD_ID);
    let receipt = regulate(&engine, RegulationType::DeleteInternal, ANN);
    assert_eq!(receipt.status, RegulationStatus::Finished);
    assert_eq!(receipt.suppressed_ids, 0);
    let again = track(&engine, "again", json!({ "userId": ANN }), "i1");
    assert_eq!(engine.submit_blocking(vec![again]).unwrap(), [Outcome::Applied]);
    assert!(engine.find_user(ANN).is_some());
    let receipt = regulate(&engine, RegulationType::SuppressWithDeleteInternal, ANN);
    assert_eq!(receipt.status, RegulationStatus::Finished, "{receipt:?}");
    engine.reset().unwrap();
    assert!(engine.is_suppressed(ANN));
    assert_eq!(engine.regulations().len(), 2);
    drop(engine);
    assert!(open(folder.path()).is_suppressed(ANN));
}
