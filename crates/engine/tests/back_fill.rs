//! Changed mappings are applied to the past: what comes of it is what a workspace would hold that
//! had them from the start.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use domain::{
    Arrival, Destination, Envelope, InteractionKind, Timestamp, UserIdx, WorkspaceId, check_message,
};
use engine::{
    BackFillReport, BackFillRequest, Command, ConfigChange, Engine, EngineOptions, EntityKind,
    Entry, Expected, ManualClock, SpanPlace,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const AT: Timestamp = Timestamp(1_700_000_000_000);

fn open(folder: &Path) -> Engine {
    let options =
        EngineOptions { clock: Arc::new(ManualClock::new(AT)), ..EngineOptions::default() };
    Engine::open_with(WorkspaceId::new("shop").unwrap(), folder, &options, &|_, _| {}).unwrap()
}

fn put(engine: &Engine, mappings: Option<Vec<Value>>) {
    let destination = Destination { mappings, ..Destination::new("engine", None) };
    let change = ConfigChange::put_destination(&destination);
    engine.change_config(change, Expected::Anything).unwrap();
}

fn mapping(event: &str, action: &str, item: &str) -> Value {
    json!({ "name": format!("{event} {action}"), "trigger": format!("event = \"{event}\""),
        "action": action, "fields": {
            "userId": {"@path": "$.userId"}, "itemId": {"@path": item},
            "timestamp": {"@path": "$.timestamp"} } })
}

fn message(body: &Value) -> Entry {
    let arrival = Arrival { received_at: AT, source: "web", peer_ip: None };
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
    Entry::Message(Box::new(message.unwrap()))
}

fn track(n: usize, user: &str, event: &str, item: &str, second: i64) -> Entry {
    message(&json!({ "type": "track", "messageId": format!("m{n}"), "userId": user, "event": event,
        "timestamp": AT.0 / 1_000 - 10_000 + second,
        "properties": { "id": item, "other": format!("o-{item}") } }))
}

/// What people did and gave signals of, by their ids, and the items that there are.
type Picture = (BTreeMap<Vec<String>, Vec<String>>, Vec<String>);

fn picture(engine: &Engine) -> Picture {
    let views = engine.snapshot();
    let mut people = BTreeMap::new();
    for user in (0..views.profiles.ids().n_users() as u32).map(UserIdx) {
        if !views.profiles.ids().is_alive(user) {
            continue;
        }
        let ids = views.profiles.identifiers(views.store(), user).unwrap();
        let mut did: Vec<String> = views
            .interactions
            .all_by_user(views.store(), user)
            .unwrap()
            .into_iter()
            .filter(|stored| !views.catalog.is_deleted(stored.item))
            .map(|stored| {
                let item = views.catalog.item_id(stored.item).to_owned();
                format!("{:?}", stored.into_interaction("", &item))
            })
            .collect();
        let signals = views.weak_signals.by_user(user).iter();
        let signals = signals.filter(|signal| !views.catalog.is_deleted(signal.item));
        did.extend(signals.map(|signal| {
            format!("{} {} {}", signal.kind, views.catalog.item_id(signal.item), signal.at_s)
        }));
        did.sort();
        if !did.is_empty() {
            let ids = ids.into_iter().map(|id| format!("{} {}", id.type_.word(), id.value));
            people.insert(ids.collect(), did);
        }
    }
    let items = (0..views.catalog.n_items() as u32).map(domain::ItemIdx);
    let known = items.filter(|item| !views.catalog.is_deleted(*item));
    let known = known.map(|item| views.catalog.item_id(item).to_owned());
    let mut known: Vec<String> = known.filter(|id| views.catalog.item(id).is_some()).collect();
    known.sort();
    (people, known)
}

fn back_fill(engine: &Engine, is_preview: bool) -> BackFillReport {
    let request = BackFillRequest { is_preview, ..BackFillRequest::default() };
    engine.back_fill(&request, &|_, _| Ok(())).unwrap()
}

/// Opens again without the store: the journal alone says the same.
fn reopen(engine: Engine, folder: &Path) -> Engine {
    let before = picture(&engine);
    drop(engine);
    fs_err::remove_dir_all(folder.join("store")).unwrap();
    let engine = open(folder);
    assert_eq!(picture(&engine), before);
    engine
}

#[test]
fn what_earlier_mappings_made_is_replaced_and_the_preview_says_so_before() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    put(&engine, Some(vec![mapping("Liked", "addBookmark", "$.properties.other")]));
    let messages = (0..30).map(|n| track(n, &format!("u{}", n % 3), "Liked", "i1", n as i64));
    engine.submit_blocking(messages.collect()).unwrap();
    put(&engine, Some(vec![mapping("Liked", "addDetailView", "$.properties.id")]));

    let before = picture(&engine);
    let preview = back_fill(&engine, true);
    assert_eq!(picture(&engine), before, "a preview changes nothing");
    assert_eq!(preview.added, BTreeMap::from([(InteractionKind::DetailView, 30)]));
    assert_eq!(preview.removed, BTreeMap::from([(InteractionKind::Bookmark, 30)]));
    assert_eq!((preview.people, preview.items_created, preview.items_removed), (3, 1, 1));
    assert_eq!(preview.examples.len(), 10);
    let example = &preview.examples[0];
    let after = example.after.as_ref().or(example.before.as_ref()).unwrap();
    assert_eq!((example.user_id.as_str(), after.user_id.as_str()), ("u0", "u0"));

    assert_eq!(back_fill(&engine, false), preview, "what was announced");
    let views = engine.snapshot();
    assert!(views.catalog.item("o-i1").is_none() && views.catalog.item("i1").is_some());
    drop(views);
    assert!(back_fill(&engine, true).is_empty(), "a second one finds nothing");
    let n_entries = engine.applied();
    assert!(back_fill(&engine, false).is_empty());
    assert_eq!(engine.applied(), n_entries + 1, "only that it was made is journalled");
    assert_eq!(engine.snapshot().back_fills.list().len(), 1, "the first is covered by it");

    let engine = reopen(engine, folder.path());
    assert!(back_fill(&engine, true).is_empty(), "also when all is folded anew");
    put(&engine, None);
    assert_eq!(back_fill(&engine, false).removed.values().sum::<u64>(), 30);
    assert!(picture(&engine).0.is_empty(), "the presets do not know the event");
    reopen(engine, folder.path());
}

#[test]
fn a_span_is_back_filled_and_the_rest_stays_as_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    put(&engine, Some(vec![mapping("Liked", "addBookmark", "$.properties.id")]));
    for n in 0..6 {
        engine.submit_blocking(vec![track(n, "ann", "Liked", &format!("i{n}"), n as i64)]).unwrap();
    }
    put(&engine, Some(vec![mapping("Liked", "addDetailView", "$.properties.id")]));
    // The configuration is entry 0, the messages follow.
    let (from, until) = (Some(SpanPlace::Offset(3)), Some(SpanPlace::Offset(5)));
    let request = BackFillRequest { from, until, is_preview: false };
    let report = engine.back_fill(&request, &|_, _| Ok(())).unwrap();
    assert_eq!((report.from, report.until), (3, 5));
    let kinds = |engine: &Engine| -> Vec<InteractionKind> {
        let views = engine.snapshot();
        let user = views.profiles.ids().user_by_id("ann").unwrap();
        let row = views.interactions.histories().row(user);
        row.iter().map(|entry| entry.kind).collect()
    };
    use InteractionKind::{Bookmark, DetailView};
    let expected = [Bookmark, Bookmark, DetailView, DetailView, Bookmark, Bookmark];
    assert_eq!(kinds(&engine), expected);
    // A later one of another span keeps what this one made.
    put(&engine, Some(vec![mapping("Liked", "addCartAddition", "$.properties.id")]));
    let request = BackFillRequest { from: Some(SpanPlace::Offset(5)), ..request };
    let request = BackFillRequest { until: None, ..request };
    engine.back_fill(&request, &|_, _| Ok(())).unwrap();
    assert_eq!(kinds(&engine)[..4], expected[..4]);
    reopen(engine, folder.path());
}

#[test]
fn one_that_is_cancelled_is_made_again_and_deleted_people_do_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    put(&engine, Some(vec![]));
    let messages = (0..600).map(|n| track(n, &format!("u{n}"), "Liked", "i1", n as i64));
    engine.submit_blocking(messages.collect()).unwrap();
    let delete = Command::Delete { kind: EntityKind::User, id: "u7".to_owned() };
    let delete = Entry::Command { received_at: AT, command: Box::new(delete) };
    engine.submit_blocking(vec![delete]).unwrap();
    put(&engine, Some(vec![mapping("Liked", "addBookmark", "$.properties.id")]));
    let cancelled =
        engine.back_fill(&BackFillRequest::default(), &|_, _| match picture(&engine).0.len() {
            0 => Ok(()),
            _ => Err(engine::Cancelled.into()),
        });
    assert!(cancelled.is_err());
    let n_done = picture(&engine).0.len();
    assert!(0 < n_done && n_done < 599, "{n_done}");
    assert!(!folder.path().join("back_fill").exists());
    let engine = reopen(engine, folder.path());
    back_fill(&engine, false);
    let (people, _) = picture(&engine);
    assert_eq!(people.len(), 599);
    assert!(!people.contains_key(&vec!["user_id u7".to_owned()]));
}

/// An event of a workspace.
#[derive(Debug, Clone)]
enum Step {
    Track { user: u8, event: u8, item: u8, second: u8 },
    Identify { user: u8, device: u8 },
    Device { device: u8, event: u8, item: u8, second: u8 },
    DeleteUser(u8),
    DeleteItem(u8),
    Repeat(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4u8, 0..3u8, 0..4u8, 0..6u8)
            .prop_map(|(user, event, item, second)| Step::Track { user, event, item, second }),
        4 => (0..3u8, 0..3u8, 0..4u8, 0..6u8)
            .prop_map(|(device, event, item, second)| Step::Device { device, event, item, second }),
        2 => (0..4u8, 0..3u8).prop_map(|(user, device)| Step::Identify { user, device }),
        1 => (0..4u8).prop_map(Step::DeleteUser),
        1 => (0..4u8).prop_map(Step::DeleteItem),
        1 => (0..20u8).prop_map(Step::Repeat),
    ]
}

const EVENTS: [&str; 3] = ["Liked", "Seen", "Gone"];

fn entries(steps: &[Step]) -> Vec<Entry> {
    let body = |n: usize, ids: Value, event: u8, item: u8, second: u8| {
        let mut body = json!({ "type": "track", "messageId": format!("m{n}"),
            "event": EVENTS[usize::from(event)], "timestamp": AT.0 / 1_000 - 100 + i64::from(second),
            "properties": { "id": format!("i{item}"), "other": format!("o{item}"),
                "friend": format!("u{}", (item + 1) % 4) } });
        body.as_object_mut().unwrap().extend(ids.as_object().unwrap().clone());
        message(&body)
    };
    let one = |(n, step): (usize, &Step)| match step {
        Step::Track { user, event, item, second } => {
            body(n, json!({ "userId": format!("u{user}") }), *event, *item, *second)
        }
        Step::Device { device, event, item, second } => {
            body(n, json!({ "anonymousId": format!("d{device}") }), *event, *item, *second)
        }
        Step::Identify { user, device } => message(&json!({ "type": "identify",
            "messageId": format!("m{n}"), "userId": format!("u{user}"),
            "anonymousId": format!("d{device}") })),
        Step::DeleteUser(user) => delete(EntityKind::User, format!("u{user}")),
        Step::DeleteItem(item) => delete(EntityKind::Item, format!("i{item}")),
        Step::Repeat(n) => body(usize::from(*n), json!({ "userId": "u0" }), 0, 3, 5),
    };
    steps.iter().enumerate().map(one).collect()
}

fn delete(kind: EntityKind, id: String) -> Entry {
    let command = Command::Delete { kind, id };
    Entry::Command { received_at: AT, command: Box::new(command) }
}

/// Mappings of the three events.
fn mappings(choice: &[u8]) -> Vec<Value> {
    let user = json!({ "@if": { "exists": {"@path": "$.userId"}, "then": {"@path": "$.userId"},
        "else": {"@path": "$.anonymousId"} } });
    let one = |(event, choice): (&str, &u8)| {
        let action = [
            "addBookmark",
            "addDetailView",
            "addClick",
            "deleteBookmark",
            "addBookmark",
            "addDetailView",
        ];
        let action = action[usize::from(*choice) % action.len()];
        let item = if *choice < 4 { "$.properties.id" } else { "$.properties.other" };
        let who = if *choice == 5 { json!({"@path": "$.properties.friend"}) } else { user.clone() };
        json!({ "name": format!("{event} {action}"), "trigger": format!("event = \"{event}\""),
            "action": action, "fields": { "userId": who, "itemId": {"@path": item},
                "timestamp": {"@path": "$.timestamp"} } })
    };
    EVENTS.into_iter().zip(choice).map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    fn a_back_fill_is_a_fold_with_the_new_mappings_from_the_start(
        steps in prop::collection::vec(step(), 1..60),
        old in prop::collection::vec(0..6u8, 3),
        new in prop::collection::vec(0..6u8, 3),
        merges in any::<bool>(),
    ) {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [changed, fresh] = [0, 1].map(|n| open(folders[n].path()));
        // A deletion takes whom an id meant at its time: it stays with those whom the mappings of
        // that time had merged.
        let is_kept = |step: &Step| !(merges && matches!(step, Step::DeleteUser(_)));
        let steps: Vec<Step> = steps.into_iter().filter(is_kept).collect();
        let mut new = mappings(&new);
        if merges {
            new.push(json!({ "name": "Merge", "trigger": "event = \"Gone\"",
                "action": "mergeUsers", "fields": {
                    "targetUserId": {"@path": "$.properties.friend"},
                    "sourceUserId": {"@path": "$.userId"} } }));
        }
        put(&changed, Some(mappings(&old)));
        changed.submit_blocking(entries(&steps)).unwrap();
        put(&changed, Some(new.clone()));
        put(&fresh, Some(new));
        fresh.submit_blocking(entries(&steps)).unwrap();
        let preview = back_fill(&changed, true);
        let done = back_fill(&changed, false);
        prop_assert_eq!(&preview, &done);
        let (mut changed_picture, fresh_picture) = (picture(&changed), picture(&fresh));
        // Ids that only the earlier mappings named stay, with those whom the present ones merge.
        let known: BTreeSet<&String> = fresh_picture.0.keys().flatten().collect();
        let people = std::mem::take(&mut changed_picture.0).into_iter();
        changed_picture.0 = people
            .map(|(mut ids, did)| {
                ids.retain(|id| known.contains(id));
                (ids, did)
            })
            .collect();
        prop_assert_eq!(changed_picture, fresh_picture);
        reopen(changed, folders[0].path());
    }
}
