//! Weak signals are kept apart from interactions, by the presets of their time.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use domain::{
    Arrival, Envelope, Interaction, InteractionKind, Timestamp, WorkspaceConfig, WorkspaceId,
    check_message,
};
use serde_json::{Value, json};

use domain::{ItemIdx, WeakSignalKind};
use engine::{Engine, Entry, WEAK_SIGNALS_PER_KIND_MAX};
use history::WeakSignal;

const BEGIN_S: u32 = 1_700_000_000;

fn open(folder: &std::path::Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

fn message(n: usize, event: &str, properties: &Value) -> Entry {
    let arrival = Arrival {
        received_at: Timestamp(1_000 * i64::from(BEGIN_S + 9_999)),
        source: "web",
        peer_ip: None,
    };
    let body = json!({
        "type": "track", "messageId": format!("m{n}"), "userId": "ann", "event": event,
        "timestamp": i64::from(BEGIN_S) + n as i64, "properties": properties,
    });
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival);
    Entry::Message(Box::new(message.unwrap()))
}

fn seen(item: usize, at_s: u32) -> Interaction {
    let at = Timestamp(1_000 * i64::from(at_s));
    let interaction = Interaction::new("ann", format!("i{item}"), InteractionKind::DetailView);
    Interaction { timestamp: Some(at), ..interaction }
}

fn row(engine: &Engine) -> Vec<(String, WeakSignalKind, u32)> {
    let views = engine.snapshot();
    let user = views.profiles.ids().user_by_id("ann").unwrap();
    let named = |signal: &WeakSignal| {
        (views.catalog.item_id(signal.item).to_owned(), signal.kind, signal.at_s - BEGIN_S)
    };
    views.weak_signals.by_user(user).iter().map(named).collect()
}

fn lost_store(engine: Engine, folder: &std::path::Path) -> Engine {
    drop(engine);
    fs_err::remove_dir_all(folder.join("store")).unwrap();
    open(folder)
}

#[test]
fn list_views_and_clicks_push_no_interaction_out_and_are_none() {
    let n_items = history::HISTORY_ENTRIES_MAX + 100;
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let interactions = (0..n_items).map(|item| seen(item, BEGIN_S - 5_000 + item as u32)).collect();
    engine.import_interactions(interactions).unwrap();
    let picture = |engine: &Engine| {
        let views = engine.snapshot();
        let histories = views.interactions.histories();
        let counts: Vec<_> =
            (0..n_items as u32).map(|item| histories.counts(ItemIdx(item))).collect();
        let user = views.profiles.ids().user_by_id("ann").unwrap();
        (histories.row(user).to_vec(), counts, histories.n_interactions(), views.catalog.n_items())
    };
    let before = picture(&engine);
    let listed = |first: usize| {
        let products: Vec<Value> =
            (first..first + 50).map(|n| json!({ "sku": format!("i{n}") })).collect();
        json!({ "products": products })
    };
    let lists = (0..40).map(|n| message(n, "Product List Viewed", &listed(n * 15)));
    let clicks =
        (40..60).map(|n| message(n, "Product Clicked", &json!({ "sku": format!("i{n}") })));
    engine.submit_blocking(lists.chain(clicks).collect()).unwrap();
    let of_kind =
        |engine: &Engine, kind| row(engine).iter().filter(|signal| signal.1 == kind).count();
    assert_eq!(of_kind(&engine, WeakSignalKind::ListView), WEAK_SIGNALS_PER_KIND_MAX);
    assert_eq!(of_kind(&engine, WeakSignalKind::Click), 20, "lists push no click out");
    assert_eq!(picture(&engine), before);
    // They make no item: nobody has done anything with this one.
    engine
        .submit_blocking(vec![message(60, "Product Clicked", &json!({ "sku": "other" }))])
        .unwrap();
    assert_eq!(picture(&engine), before);
}

#[test]
fn a_message_keeps_what_the_presets_of_its_time_made_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let configured = |presets: Option<u32>| {
        let id = WorkspaceId::new("shop").unwrap();
        Entry::Configured(WorkspaceConfig { presets, ..WorkspaceConfig::empty(id) })
    };
    let clicked = |n: usize| message(n, "Product Clicked", &json!({ "sku": format!("i{n}") }));
    engine.import_interactions((0..9).map(|item| seen(item, BEGIN_S)).collect()).unwrap();
    // A configuration from before there were sets names none.
    engine.submit_blocking(vec![configured(None), clicked(1), clicked(2)]).unwrap();
    assert_eq!(engine.snapshot().unmatched_events.list()[0].count, 2);
    engine.submit_blocking(vec![configured(Some(2)), clicked(3)]).unwrap();
    assert_eq!(engine.snapshot().unmatched_events.list(), [], "a preset takes them now");
    let expected = [("i3".to_owned(), WeakSignalKind::Click, 3)];
    assert_eq!(row(&engine), expected);
    engine.submit_blocking(vec![configured(Some(1)), clicked(4)]).unwrap();
    let check = |engine: &Engine| {
        assert_eq!(row(engine), expected);
        let untaken = engine.snapshot().unmatched_events.list();
        assert_eq!((untaken.len(), untaken[0].count), (1, 1));
    };
    check(&engine);
    check(&lost_store(engine, folder.path()));
}
