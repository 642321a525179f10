//! Suppression in the fold: entries that were on their way, and what a reload finds.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use domain::{Arrival, Envelope, MessageType, Timestamp, WorkspaceId, check_message};
use profiles::ExternalIdType::{AnonymousId, UserId};
use state::{
    Command, Entry, Outcome, People, PersonKey, PreparedEntry, RegulationCommand, RegulationStatus,
    RegulationType, SuppressedId, Views,
};
use store::Store;
use uuid::Uuid;

const AT: Timestamp = Timestamp(1_700_000_000_000);
const ID: Uuid = Uuid::from_u128(7);

fn step(command: RegulationCommand) -> Entry {
    let command = Box::new(Command::Regulate(Box::new(command)));
    Entry::Command { received_at: AT, command }
}

fn track(n: u32, user: &str) -> Entry {
    let body = format!(r#"{{"messageId": "m{n}", "userId": "{user}", "event": "E"}}"#);
    let arrival = Arrival { received_at: AT, source: "web", peer_ip: None };
    let type_ = Some(MessageType::Track);
    Entry::Message(Box::new(check_message(&body, type_, &Envelope::default(), &arrival).unwrap()))
}

fn apply(store: &Store, views: &mut Views, entries: Vec<Entry>) -> Vec<Outcome> {
    let mut batch = store.batch();
    let mut outcomes = Vec::new();
    for entry in entries {
        let offset = views.applied;
        let prepared = PreparedEntry::unmapped(entry);
        outcomes.push(state::apply(views, &mut batch, offset, prepared).unwrap());
    }
    views.flush(&mut batch);
    batch.commit(views.applied).unwrap();
    outcomes
}

#[test]
fn an_entry_that_was_on_its_way_is_refused_by_the_fold_and_a_reload_knows_the_same_people() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), &Views::KEYSPACES.concat()).unwrap();
    let workspace = WorkspaceId::new("shop").unwrap();
    let mut views = Views::load(&store, &workspace).unwrap();
    let key = vec![3; 32];
    let hasher = PersonKey::new(&key).unwrap();
    let (ann, device) = (hasher.hash(UserId, "ann"), hasher.hash(AnonymousId, "device"));
    let (type_, n_people) = (RegulationType::SuppressOnly, 1);
    let ids = vec![SuppressedId { id: ann, person: ann }, SuppressedId { id: device, person: ann }];
    let outcomes = apply(
        &store,
        &mut views,
        vec![
            track(1, "ann"),
            step(RegulationCommand::Begin { id: ID, type_, n_people, key: Some(key) }),
            // Of another server, whose key came too late.
            step(RegulationCommand::Begin {
                id: Uuid::from_u128(8),
                type_,
                n_people,
                key: Some(vec![4; 32]),
            }),
            step(RegulationCommand::Suppress { id: ID, ids }),
            track(2, "ann"),
            track(3, "ann2"),
        ],
    );
    assert_eq!(outcomes[4..], [Outcome::Suppressed, Outcome::Applied]);
    let has = |views: &Views| {
        let suppressed = &views.regulations.suppressed;
        [suppressed.has(UserId, "ann"), suppressed.has(AnonymousId, "device")]
    };
    assert_eq!((has(&views), views.regulations.n_suppressed()), ([true; 2], 1));
    let suppressed = &views.regulations.suppressed;
    for text in ["ann", " ann", "ann\n", "\u{a0}ann ", "device", " device "] {
        assert!(suppressed.has(UserId, text) && suppressed.has(AnonymousId, text), "{text:?}");
    }
    assert!(!suppressed.has_any("ann 2") && !suppressed.has_any(" ") && !suppressed.has_any(""));
    assert_eq!(views.regulations.get(ID).unwrap().status, RegulationStatus::Running);
    let reloaded = Views::load(&store, &workspace).unwrap();
    assert_eq!((has(&reloaded), reloaded.regulations.n_suppressed()), ([true; 2], 1));

    // A reset keeps them, and lifting one id lifts all of the person.
    views.reset(&store).unwrap();
    assert_eq!(has(&views), [true; 2]);
    let status = RegulationStatus::Finished;
    apply(
        &store,
        &mut views,
        vec![
            step(RegulationCommand::Unsuppress { id: ID, ids: vec![device] }),
            step(RegulationCommand::End { id: ID, status, receipt: "{}".to_owned() }),
        ],
    );
    assert_eq!((has(&views), views.regulations.n_suppressed()), ([false; 2], 0));
    let reloaded = Views::load(&store, &workspace).unwrap();
    assert_eq!(has(&reloaded), [false; 2]);
    assert_eq!(reloaded.regulations.get(ID).unwrap().finished_at, Some(AT));
    assert_eq!(reloaded.regulations.receipt(&store, ID).unwrap().unwrap(), "{}");
}
