//! Delivery to destinations: what arrives there, once and in order, whatever happens here.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod campaigns;
mod email;
mod in_app;
mod journeys;
mod receiver;
mod replay;
mod sync;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use connectors::{InstanceKey, NetworkPolicy, Outgoing, OutgoingOptions};
use domain::{Arrival, Destination, Envelope, WorkspaceId, check_message};
use engine::{ConfigChange, ConfigError, Engine, EngineOptions, Entry, Expected};
use serde_json::{Value, json};

use self::receiver::{Receiver, await_that};

fn options(is_local_allowed: bool) -> EngineOptions {
    let allowed = if is_local_allowed { vec!["127.0.0.0/8".parse().unwrap()] } else { Vec::new() };
    let options =
        OutgoingOptions { policy: NetworkPolicy { allowed }, ..OutgoingOptions::default() };
    EngineOptions {
        outgoing: Some(Arc::new(Outgoing::new(&options).unwrap())),
        instance_key: Some(Arc::new(InstanceKey::of_bytes([7; 32]))),
        ..EngineOptions::default()
    }
}

fn open(folder: &Path) -> Engine {
    let id = WorkspaceId::new("shop").unwrap();
    Engine::open_with(id, folder, &options(true), &|_, _| {}).unwrap()
}

/// A message of a user.
fn message(engine: &Engine, id: &str, user: &str) -> Entry {
    let arrival = Arrival { received_at: engine.now(), source: "web", peer_ip: None };
    let body = json!({ "type": "track", "messageId": id, "userId": user, "event": "Liked",
        "properties": { "id": "i1" } });
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
    Entry::Message(Box::new(message.unwrap()))
}

fn send(engine: &Engine, ids: impl IntoIterator<Item = String>, user: &str) {
    let messages = ids.into_iter().map(|id| message(engine, &id, user)).collect();
    engine.submit_blocking(messages).unwrap();
}

fn webhook(receiver: &Receiver, settings: Value) -> Destination {
    let mut all =
        BTreeMap::from([("url".to_owned(), json!(format!("http://{}/in", receiver.address)))]);
    let further: BTreeMap<String, Value> = serde_json::from_value(settings).unwrap();
    all.extend(further);
    Destination { settings: all, ..Destination::new("crm", Some("webhook")) }
}

fn put(engine: &Engine, destination: &Destination) {
    let change = ConfigChange::put_destination(destination);
    engine.change_config(change, Expected::Anything).unwrap();
}

fn ids(from: usize, until: usize) -> Vec<String> {
    (from..until).map(|n| format!("m{n}")).collect()
}

/// Waits until the journal knows that everything was delivered.
fn await_settled(engine: &Engine) {
    await_that("everything is journalled as delivered", || {
        let snapshot = engine.snapshot();
        let standing = snapshot.destinations.get("crm").unwrap();
        let end = standing.place == 0 || standing.open.is_empty();
        let status = engine.delivery_status("crm")?;
        let dispatcher = status.dispatcher?;
        (end && dispatcher.open_jobs == 0 && standing.delivered >= dispatcher.delivered)
            .then_some(())
    });
}

#[test]
fn messages_arrive_once_and_in_order_also_after_a_restart_and_a_lost_store() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let engine = open(folder.path());
    send(&engine, ids(0, 3), "ann");
    put(&engine, &webhook(&receiver, json!({})));
    // A message that is there twice is delivered once.
    send(&engine, ids(3, 20).into_iter().chain(ids(5, 7)), "ann");
    assert_eq!(
        receiver.await_delivered(17),
        ids(3, 20),
        "from the beginning of the destination on"
    );
    await_settled(&engine);

    drop(engine);
    let engine = open(folder.path());
    send(&engine, ids(20, 30), "ann");
    assert_eq!(receiver.await_delivered(27), ids(3, 30));
    await_settled(&engine);

    drop(engine);
    fs_err::remove_dir_all(folder.path().join("store")).unwrap();
    let engine = open(folder.path());
    send(&engine, ids(30, 40), "ann");
    assert_eq!(receiver.await_delivered(37), ids(3, 40));
    let delivery_ids: Vec<_> = receiver
        .received()
        .iter()
        .map(|received| received.headers["webhook-id"].to_str().unwrap().to_owned())
        .collect();
    let distinct: std::collections::BTreeSet<_> = delivery_ids.iter().collect();
    assert_eq!(distinct.len(), delivery_ids.len());
}

#[test]
fn what_waits_is_mapped_as_it_was_at_its_place() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let engine = open(folder.path());
    let with_word = |word: &str| Destination {
        mappings: Some(vec![
            json!({ "name": "All", "trigger": "type = \"track\"", "action": "send",
            "fields": { "body": { "messageId": {"@path": "$.messageId"}, "word": word } } }),
        ]),
        ..webhook(&receiver, json!({}))
    };
    receiver.answer(|_| 503);
    put(&engine, &with_word("first"));
    send(&engine, ids(0, 5), "ann");
    await_that("an attempt", || receiver.received().first().cloned());
    put(&engine, &with_word("second"));
    send(&engine, ids(5, 8), "ann");
    put(&engine, &Destination { enabled: false, ..with_word("second") });
    send(&engine, ids(8, 10), "ann");
    drop(engine);
    let engine = open(folder.path());
    receiver.answer(|_| 200);
    put(&engine, &with_word("third"));
    send(&engine, ids(10, 11), "ann");
    let mut expected = ids(0, 8);
    expected.push("m10".to_owned());
    assert_eq!(
        receiver.await_delivered(9),
        expected,
        "those of the time when it was off are not sent"
    );
    let words = receiver.received().into_iter().filter(|received| received.status == 200);
    let words: Vec<String> =
        words.map(|received| received.body["word"].as_str().unwrap().to_owned()).collect();
    assert_eq!(words[..5], ["first"; 5]);
    assert_eq!(words[5..8], ["second"; 3]);
    assert_eq!(words[8], "third");
}

#[test]
fn one_users_trouble_holds_up_nobody_else() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let engine = open(folder.path());
    put(&engine, &webhook(&receiver, json!({})));
    receiver.answer(|body| if body["userId"] == "bob" { 423 } else { 200 });
    send(&engine, ids(0, 2), "bob");
    send(&engine, ids(2, 50), "ann");
    assert_eq!(receiver.await_delivered(48), ids(2, 50));
    receiver.answer(|_| 200);
    assert_eq!(receiver.await_delivered(50)[48..], ids(0, 2));
}

#[test]
fn what_is_refused_lies_in_the_dead_letters_and_can_be_changed_sent_anew_and_dropped() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let engine = open(folder.path());
    put(&engine, &webhook(&receiver, json!({})));
    receiver.answer(|body| if body["properties"]["id"] == "i1" { 422 } else { 200 });
    send(&engine, ids(0, 3), "ann");
    let letters = await_that("three dead letters", || {
        let letters = engine.dead_letters("crm", None, 10).unwrap();
        (letters.len() == 3).then_some(letters)
    });
    assert_eq!((letters[0].reason.as_str(), letters[0].attempts), ("http_422", 1));

    let json = engine.dead_letter_message("crm", letters[0].offset, "Everything").unwrap().unwrap();
    let mut edited: Value = serde_json::from_str(&json).unwrap();
    edited["properties"]["id"] = json!("i2");
    let edited = Some(edited.to_string());
    engine.retry_dead_letters("crm", &[(letters[0].offset, "Everything".into())], edited).unwrap();
    assert_eq!(receiver.await_delivered(1), ["m0"]);
    engine.drop_dead_letters("crm", &[(letters[1].offset, "Everything".into())]).unwrap();
    // Unchanged it is refused again, and comes back to the list.
    engine.retry_dead_letters("crm", &[(letters[2].offset, "Everything".into())], None).unwrap();
    let left = await_that("the last comes back", || {
        let left = engine.dead_letters("crm", None, 10).unwrap();
        (left.len() == 1).then_some(left)
    });
    assert!(left[0].offset > letters[2].offset);
    receiver.answer(|_| 200);
    engine.retry_dead_letters("crm", &[(left[0].offset, "Everything".into())], None).unwrap();
    assert_eq!(receiver.await_delivered(2)[1], "m2");
    let gone = engine.retry_dead_letters("crm", &[(left[0].offset, "Everything".into())], None);
    assert!(gone.unwrap_err().to_string().contains("no dead letter"));
    let wrong = engine.retry_dead_letters("crm", &[], Some("{".to_owned()));
    assert!(wrong.is_err());
}

#[test]
fn secrets_are_sealed_before_they_are_journalled_and_sign_what_is_sent() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let engine = open(folder.path());
    let secret = json!({ "secret": "a-secret-of-ours", "authorization": "Bearer t0ken" });
    put(&engine, &webhook(&receiver, secret.clone()));
    put(&engine, &webhook(&receiver, secret));
    send(&engine, ids(0, 1), "ann");
    receiver.await_delivered(1);
    let received = receiver.received().remove(0);
    assert_eq!(received.headers["authorization"], "Bearer t0ken");
    let (id, at) = (&received.headers["webhook-id"], &received.headers["webhook-timestamp"]);
    let signed = format!("{}.{}.{}", id.to_str().unwrap(), at.to_str().unwrap(), received.text);
    assert_eq!(received.headers["webhook-signature"], sign("a-secret-of-ours", &signed));

    let config = serde_json::to_string(&*engine.config()).unwrap();
    assert!(config.contains("sealed") && !config.contains("a-secret-of-ours"), "{config}");
    assert_eq!(engine.snapshot().destinations.get("crm").unwrap().versions.len(), 1);
    drop(engine);
    let other_key = EngineOptions {
        instance_key: Some(Arc::new(InstanceKey::of_bytes([8; 32]))),
        ..options(true)
    };
    let id = WorkspaceId::new("shop").unwrap();
    let engine = Engine::open_with(id, folder.path(), &other_key, &|_, _| {}).unwrap();
    let problem = await_that("a problem", || engine.delivery_status("crm")?.problem);
    assert!(problem.contains("authorization was sealed by another instance"), "{problem}");
}

fn sign(secret: &str, text: &str) -> String {
    use base64::Engine as _;
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let sign = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    format!("v1,{sign}")
}

#[test]
fn addresses_of_this_network_are_refused_where_the_operator_does_not_allow_them() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let id = WorkspaceId::new("shop").unwrap();
    let engine = Engine::open_with(id, folder.path(), &options(false), &|_, _| {}).unwrap();
    let port = receiver.address.port();
    let urls = ["http://127.0.0.1", "https://127.0.0.1", "https://localhost", "https://[::1]"];
    for url in urls {
        let settings = json!({ "url": format!("{url}:{port}/") });
        let name = format!("to {}", url.replace(['/', ':', '[', ']'], " ").trim());
        put(&engine, &Destination { name, ..webhook(&receiver, settings) });
    }
    send(&engine, ids(0, 1), "ann");
    let names: Vec<String> =
        engine.config().outgoing_destinations().map(|other| other.name.clone()).collect();
    for name in names {
        let letters = await_that(&name, || {
            let letters = engine.dead_letters(&name, None, 10).unwrap();
            (!letters.is_empty()).then_some(letters)
        });
        assert_eq!(letters[0].reason, "refused_address", "{name}: {}", letters[0].text);
    }
    assert!(receiver.received().is_empty());
}

#[test]
fn mistakes_name_the_destination_and_the_place() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start());
    let engine = open(folder.path());
    let fails = |destination: Destination| {
        let change = ConfigChange::put_destination(&destination);
        match engine.change_config(change, Expected::Anything) {
            Err(ConfigError::Invalid(what)) => what,
            other => panic!("{other:?}"),
        }
    };
    let with = |settings| webhook(&receiver, settings);
    let rules = serde_json::from_value(json!({ "drop": ["#"] })).unwrap();
    let mapping = json!({ "name": "A", "trigger": "type = \"track\"", "action": "addBookmark",
        "fields": {} });
    let mistakes = [
        fails(Destination { kind: Some("webhok".to_owned()), ..with(json!({})) }),
        fails(Destination { kind: None, ..with(json!({})) }),
        fails(with(json!({ "url": "ftp://example.com" }))),
        fails(with(json!({ "batch_size": 0 }))),
        fails(with(json!({ "secret": "whsec_%" }))),
        fails(Destination { rules, ..with(json!({})) }),
        fails(Destination { mappings: Some(vec![mapping]), ..with(json!({})) }),
        fails(Destination { name: "a\nb".to_owned(), ..with(json!({})) }),
    ];
    insta::assert_snapshot!(mistakes.join("\n"));
}
