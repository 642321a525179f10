//! What of an entry is about people who are deleted or suppressed.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use conditions::{Computation, Event, KeptEvents};
use domain::{
    Arrival, Envelope, Interaction, InteractionKind, MessageType, Timestamp, check_message,
};
use profiles::ExternalIdType;
use serde_json::{Value, json};
use state::{
    BackFillCommand, Command, Entry, ListImpression, NamedPeople, NamingValue, PastEvents,
    PersonHistory, Place, ReadHistory, RegulationCommand, Remaining, ReplayCommand, SentValue,
    SyncSubject, UserBackFill, UserMerge, without_erased, without_suppressed,
};
use uuid::Uuid;

const AT: Timestamp = Timestamp(1_700_000_000_000);

fn message(body: &Value) -> Entry {
    let arrival = Arrival { received_at: AT, source: "web", peer_ip: None };
    let checked = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
    Entry::Message(Box::new(checked.unwrap()))
}

fn track(ids: Value, properties: Value) -> Entry {
    let mut body =
        json!({ "type": "track", "messageId": "m", "event": "E", "properties": properties });
    body.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
    message(&body)
}

fn ann() -> NamedPeople {
    let ids = [("user_id", "ann"), ("user_id", "17"), ("anonymous_id", "device")];
    let ids = ids.map(|(type_, id)| (ExternalIdType::from_word(type_).unwrap(), id.to_owned()));
    NamedPeople::new(ids).unwrap()
}

fn of_others(entry: Entry) -> Option<Entry> {
    match without_erased(entry, &ann()) {
        Remaining::Nothing => None,
        Remaining::Whole(entry) | Remaining::Part(entry) => Some(entry),
    }
}

fn body(entry: &Entry) -> Value {
    let Entry::Message(message) = entry else { unreachable!("it is a message") };
    serde_json::from_str(message.body.as_deref().unwrap()).unwrap()
}

#[test]
fn the_past_of_theirs_goes_and_that_of_others_with_a_value_that_names_them() {
    let kept = |value: &str| {
        let definition = json!({ "key": "t", "type": "last", "event": "E", "property": "p" });
        let computation = Computation::new(&serde_json::from_value(definition).unwrap()).unwrap();
        let mut kept = KeptEvents::new(&computation);
        let properties = json!({ "p": value }).as_object().unwrap().clone();
        let event = Event { name: "E".to_owned(), timestamp: AT, properties };
        kept.add(&computation, &computation.contribution(&event).unwrap());
        Some(PastEvents::Trait(kept))
    };
    let entry = |people: &[(&str, &str)]| {
        let person = |(id, value): &(&str, &str)| PersonHistory {
            key: "t".to_owned(),
            person: (ExternalIdType::UserId, (*id).to_owned()),
            until: 3,
            events: kept(value),
        };
        let people = people.iter().map(person).collect();
        Entry::ReadHistory(Box::new(ReadHistory { at: AT, people }))
    };
    let of_all = entry(&[("ann", "x"), ("bob", "17"), ("carl", "x")]);
    assert_eq!(of_others(of_all), Some(entry(&[("carl", "x")])));
    assert_eq!(of_others(entry(&[("ann", "x")])), None);
}

#[test]
fn a_message_goes_with_its_person_and_loses_what_names_them_where_it_is_of_others() {
    let none = || json!({});
    for theirs in [
        track(json!({ "userId": "ann" }), none()),
        track(json!({ "anonymousId": "device" }), none()),
        track(json!({ "userId": "ann", "anonymousId": "shared" }), none()),
        message(&json!({ "type": "alias", "messageId": "m", "userId": "x", "previousId": "ann" })),
    ] {
        assert_eq!(of_others(theirs), None);
    }
    for others in [
        track(json!({ "userId": "ann2" }), none()),
        track(json!({ "userId": "device" }), none()),
        track(json!({ "anonymousId": "ann" }), none()),
        // An item of the id of a person, and a text.
        track(json!({ "userId": "bob" }), json!({ "product_id": "17", "note": "ann" })),
    ] {
        assert!(matches!(without_erased(others, &ann()), Remaining::Whole(_)));
    }
    let shared = of_others(track(json!({ "userId": "bob", "anonymousId": "device" }), none()));
    let Some(Entry::Message(shared)) = shared else { unreachable!("it is bob's") };
    assert_eq!((shared.user_id.as_deref(), shared.anonymous_id), (Some("bob"), None));
    let named = json!({ "product_id": "17", "invited": [{ "userId": "ann", "n": 1 }, { "User-ID": 17 }, { "user_id": "ann2" }] });
    let named = of_others(track(json!({ "userId": "bob" }), named)).unwrap();
    let left = json!({ "product_id": "17", "invited": [{ "n": 1 }, {}, { "user_id": "ann2" }] });
    assert_eq!(body(&named), left);
}

#[test]
fn entries_of_several_people_keep_the_others() {
    let of = |user: &str| Interaction::new(user, "i", InteractionKind::Purchase);
    let import = |users: &[&str]| Entry::Interactions {
        received_at: AT,
        interactions: users.iter().map(|user| of(user)).collect(),
    };
    assert_eq!(of_others(import(&["ann", "17"])), None);
    assert_eq!(of_others(import(&["ann", "bob", "ann2"])), Some(import(&["bob", "ann2"])));
    assert!(matches!(without_erased(import(&["bob"]), &ann()), Remaining::Whole(_)));
    assert!(matches!(
        without_suppressed(import(&["bob", "ann"]), &ann(), None),
        Remaining::Part(_)
    ));
    let step = |user_ids: &[&str]| Entry::Command {
        received_at: AT,
        command: Box::new(Command::Regulate(Box::new(RegulationCommand::Delete {
            id: Uuid::nil(),
            user_ids: user_ids.iter().map(|id| (*id).to_owned()).collect(),
            anonymous_ids: Vec::new(),
            other_ids: Vec::new(),
        }))),
    };
    assert_eq!(of_others(step(&["ann"])), None, "the entry of the deletion names them too");
    assert_eq!(of_others(step(&["ann", "carl"])), Some(step(&["carl"])));
    let recount = |user_ids: &[&str]| {
        let value = |id: &&str| {
            let person = (ExternalIdType::UserId, (*id).to_owned());
            NamingValue { key: "friends".to_owned(), person }
        };
        let values = user_ids.iter().map(value).collect();
        let command = RegulationCommand::Recount { id: Uuid::nil(), values };
        Entry::Command { received_at: AT, command: Box::new(Command::Regulate(Box::new(command))) }
    };
    assert_eq!(of_others(recount(&["17"])), None);
    assert_eq!(of_others(recount(&["ann", "carl"])), Some(recount(&["carl"])));
    assert!(matches!(without_erased(recount(&["carl"]), &ann()), Remaining::Whole(_)));
    assert!(matches!(without_suppressed(recount(&["ann"]), &ann(), None), Remaining::Whole(_)));
}

/// A computed value that was sent to destinations loses them, and a list of items does not.
#[test]
fn values_of_others_that_were_sent_lose_whom_they_name() {
    let sent = |value: Value, detail: Option<&str>| {
        Entry::Sync(Box::new(SentValue {
            at: AT,
            subject: SyncSubject::Trait("friends".to_owned()),
            person: (ExternalIdType::UserId, "bob".to_owned()),
            identifier: None,
            value: value.to_string(),
            detail: detail.map(str::to_owned),
            attached: None,
            since: AT,
            digest: 7,
            type_: MessageType::Identify,
            destinations: vec!["crm".to_owned()],
        }))
    };
    let of_items = sent(json!(["17"]), Some("{}"));
    assert_eq!(of_others(of_items.clone()), Some(of_items));
    let others = sent(json!(["carl", 18, "ann2"]), None);
    assert!(matches!(without_erased(others, &ann()), Remaining::Whole(_)));
    let named = sent(json!(["ann", "carl", 17]), None);
    assert_eq!(of_others(named), Some(sent(json!(["carl"]), None)));
    assert_eq!(of_others(sent(json!("ann"), None)), Some(sent(Value::Null, None)));
}

#[test]
fn members_that_name_people_are_told_by_their_keys() {
    let properties = json!({ "friend_id": "ann", "invited_user_ids": ["ann", "carl"],
        "referrerEmail": "ann", "friend": "ann", "userid_count": 17, "ids": ["ann"] });
    let left = of_others(track(json!({ "userId": "bob" }), properties)).unwrap();
    let kept = json!({ "invited_user_ids": ["carl"], "friend": "ann", "userid_count": 17,
        "ids": ["ann"] });
    assert_eq!(body(&left), kept);
}

#[test]
fn a_suppressed_person_may_still_be_deleted_and_no_message_comes_from_their_device() {
    let delete = Command::Delete { kind: state::EntityKind::User, id: "ann".to_owned() };
    let delete = Entry::Command { received_at: AT, command: Box::new(delete) };
    assert!(matches!(without_suppressed(delete, &ann(), None), Remaining::Whole(_)));
    let shared = track(json!({ "userId": "bob", "anonymousId": "device" }), json!({}));
    assert_eq!(without_suppressed(shared, &ann(), None), Remaining::Nothing);
}

#[test]
fn replays_and_back_fills_go_on_for_others() {
    let command = |command| Entry::Command { received_at: AT, command: Box::new(command) };
    let start = |request: Value| {
        command(Command::Replay(ReplayCommand::Start {
            id: Uuid::nil(),
            destination: Some("hook".to_owned()),
            request: request.to_string(),
            from: 0,
            until: 9,
        }))
    };
    let asked = start(json!({ "filter": { "user_ids": ["ann", "bob"], "sources": ["web"] } }));
    let left = start(json!({ "filter": { "sources": ["web"], "user_ids": ["(deleted)", "bob"] } }));
    assert_eq!(of_others(asked), Some(left.clone()));
    assert_eq!(of_others(left.clone()), Some(left));
    let change = |ids: &[&str], merges: &[(&str, &str)]| {
        let users = ids.iter().map(|id| UserBackFill {
            id_type: ExternalIdType::UserId,
            id: (*id).to_owned(),
            is_new: true,
            removed: Vec::new(),
            added: vec![Interaction::new(*id, "item", InteractionKind::DetailView)],
            removed_signals: Vec::new(),
            added_signals: Vec::new(),
        });
        let merges = merges.iter().map(|(target, source)| UserMerge {
            target: (*target).to_owned(),
            source: (*source).to_owned(),
        });
        command(Command::BackFill(Box::new(BackFillCommand::Change {
            merges: merges.collect(),
            users: users.collect(),
            items: Vec::new(),
        })))
    };
    let left = change(&["bob"], &[("bob", "rob")]);
    assert_eq!(
        of_others(change(&["ann", "bob"], &[("bob", "rob"), ("bob", "ann")])),
        Some(left.clone())
    );
    assert_eq!(of_others(left.clone()), Some(left));
    assert_eq!(of_others(change(&["ann"], &[("ann", "x")])), None);
}

#[test]
fn a_list_for_somebody_whom_nobody_knew_loses_what_was_asked_for() {
    let list = |request: Option<Value>| Entry::ListImpressions {
        lists: vec![ListImpression {
            recomm_id: Some(Uuid::nil()),
            user: None,
            at: AT,
            items: vec!["ann".to_owned()],
            place: Place::Trait("next".to_owned()),
            group: None,
            model: None,
            rotates: false,
            n_next: 0,
            request: request.map(|request| request.to_string()),
        }],
    };
    let theirs = list(Some(json!({ "user_id": "ann", "count": 2 })));
    let others = list(Some(json!({ "user_id": "ann2", "item_id": "ann" })));
    assert_eq!(of_others(theirs.clone()), Some(list(None)));
    assert_eq!(of_others(others.clone()), Some(others.clone()));
    assert_eq!(without_suppressed(theirs, &ann(), None), Remaining::Part(list(None)));
    assert_eq!(without_suppressed(others.clone(), &ann(), None), Remaining::Whole(others));
}
