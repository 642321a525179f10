//! An engine as its callers see it: outcomes, restarts, lost stores and models, disks that fail.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod audience_preview;
mod convergence;
mod enrichment;
mod lists;
mod live;
mod locations;
mod messages;
mod past_events;
mod profile_log;
mod recovery;
mod retention;
mod state_snapshots;
mod training;

use std::collections::BTreeMap;
use std::path::Path;

use catalog::{Format, ImportOptions, read_file};
use domain::{
    Arrival, Envelope, Exclusion, ListRequest, Logic, Timestamp, TraitDefinition, WorkspaceConfig,
    WorkspaceId, check_message,
};
use engine::{
    ConfirmedRemovals, Engine, Entry, ExternalId, ExternalIdType, Outcome, TimelineQuery,
    TrainingOptions,
};
use serde_json::{Value, json};

fn open(folder: &Path) -> Engine {
    Engine::open(WorkspaceId::new("shop").unwrap(), folder, &|_, _| {}).unwrap()
}

fn message(body: &Value) -> Entry {
    let arrival =
        Arrival { received_at: Timestamp(1_700_000_000_000), source: "web", peer_ip: None };
    let message = check_message(&body.to_string(), None, &Envelope::default(), &arrival).unwrap();
    Entry::Message(Box::new(message))
}

/// The journal's clock comes to believe that it is now, whatever its entries said before.
fn wait_until_now(engine: &Engine) {
    let at = |n| Timestamp(engine::now().0 - n * engine::SAMPLE_INTERVAL_MS);
    let entries = (0..engine::SAMPLES as i64).rev().map(|n| Entry::Resumed { received_at: at(n) });
    engine.submit_blocking(entries.collect()).unwrap();
}

fn viewed(n: u32, user: u32, item: u32) -> Entry {
    message(&json!({
        "type": "track", "messageId": format!("m{n}"), "userId": format!("u{user}"), "event": "Product Viewed",
        "timestamp": 1_600_000_000 + n, "properties": { "product_id": format!("i{item}") },
    }))
}

fn bought(n: u32, user: u32, item: u32) -> Entry {
    message(&json!({
        "type": "track", "messageId": format!("b{n}"), "userId": format!("u{user}"), "event": "Order Completed",
        "properties": { "products": [{ "product_id": format!("i{item}"), "quantity": 2, "price": 3 }] },
    }))
}

fn asked(count: usize, exclude: Exclusion) -> ListRequest {
    ListRequest { exclude, ..ListRequest::new(count, Logic::Personal) }
}

/// Everything that can be asked, as JSON, without the times of asking.
fn picture(engine: &Engine) -> Value {
    let definition = TraitDefinition { count: 7, ..TraitDefinition::recommended_items("t") };
    let mut users = BTreeMap::new();
    engine
        .compute_trait::<engine::RecommendationError>(&definition, &|_, _| {}, |user_id, list| {
            let user =
                engine.user(ExternalId { type_: ExternalIdType::UserId, value: user_id }).unwrap();
            let mut query = TimelineQuery { ascending: true, limit: 1_000, ..Default::default() };
            let (events, _) = engine.events(user, &query).unwrap();
            query.ascending = false;
            assert_eq!(engine.events(user, &query).unwrap().0.len(), events.len());
            let shown = json!({
                "list": format!("{list:?}"),
                "history": format!("{:?}", engine.snapshot().history(user, 1_000)),
                "events": events.iter().map(|event| event.message.to_json()).collect::<Vec<_>>(),
                "traits": format!("{:?}", engine.snapshot().stored_traits(user).unwrap()),
                "identifiers": format!("{:?}", engine.snapshot().identifiers(user).unwrap()),
                "metadata": format!("{:?}", engine.metadata(user).unwrap()),
            });
            users.insert(user_id.to_owned(), shown);
            Ok(())
        })
        .unwrap();
    json!({
        "users": users,
        "counts": engine.counts(),
        "config": *engine.config(),
        "training": engine.training(),
        "rejections": format!("{:?}", engine.snapshot().rejections(500)),
        "brands": format!("{:?}", engine.recommend(engine.find_user("u3"), &ListRequest {
            item_type: Some("title".to_owned()),
            exclude: Exclusion::None,
            ..ListRequest::new(5, Logic::Personal)
        })),
        "nobody": format!("{:?}", engine.recommend(None, &asked(9, Exclusion::None)).unwrap()),
    })
}

/// A bit of everything.
fn fill(engine: &Engine) {
    let config =
        WorkspaceConfig { profile_token: Some("p".to_owned()), ..(*engine.config()).clone() };
    engine.submit_blocking(vec![Entry::Configured(config)]).unwrap();
    let file = "item_id,title,price\ni1,One,1\ni2,Two,2.5\ni30,Thirty,30\n";
    let (file, _) = read_file(file.as_bytes(), Format::Csv, &ImportOptions::default()).unwrap();
    engine.import_catalog(file, &ConfirmedRemovals::default(), &|_, _| Ok(())).unwrap();
    for n in 0..400u32 {
        engine
            .submit_blocking(vec![viewed(n, n % 17, n * n % 23), bought(n, n % 17, n * 7 % 29)])
            .unwrap();
    }
    let traits = json!({ "type": "identify", "messageId": "i", "userId": "u3", "anonymousId": "a3", "traits": { "vip": true } });
    let anonymous = json!({
        "type": "track", "messageId": "an", "anonymousId": "a3", "event": "Product Shared", "properties": { "sku": "i2" },
    });
    let alias = json!({ "type": "alias", "messageId": "al", "userId": "u4", "previousId": "u5" });
    let failing =
        json!({ "type": "track", "messageId": "f", "userId": "u1", "event": "Product Viewed" });
    for body in [&anonymous, &traits, &alias] {
        assert_eq!(engine.submit_blocking(vec![message(body)]).unwrap(), [Outcome::Applied]);
    }
    assert_eq!(engine.submit_blocking(vec![message(&failing)]).unwrap(), [Outcome::AppliedInPart]);
    engine.train(TrainingOptions::default(), &|_| {}).unwrap();
    engine.submit_blocking(vec![viewed(9_999, 2, 30)]).unwrap();
}
