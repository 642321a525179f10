//! A shop with everything that answers can tell of.

use domain::Timestamp;
use engine::{DeadLetter, DeliveryProgress, Entry, Progress};
use serde_json::{Value, json};

use super::{Described, OAUTH_KEY, SHOP};
use crate::{TestApp, track};

/// People with traits, interactions and a merge, and messages that were refused or taken by no
/// preset.
async fn send_messages(app: &TestApp) {
    let mut messages = vec![
        json!({ "type": "identify", "userId": "u0", "traits": { "age": 7, "tags": ["a", 1],
                "email": "u@example.com", "premium": true, "address": { "city": "Graz" } } }),
        json!({ "type": "track", "userId": "old", "event": "Looked around", "properties": {} }),
        json!({ "type": "alias", "userId": "u0", "previousId": "old" }),
        json!({ "type": "page", "anonymousId": "nobody", "name": "Home" }),
        json!({ "type": "track", "userId": "u0" }),
        json!({ "type": "track", "userId": "u0", "event": "product_viewed",
                "properties": { "product_id": "i1" } }),
    ];
    for user in 0..8 {
        for item in (0..12).filter(|item| (user + item) % 3 == 0) {
            let event = if item % 2 == 0 { "Product Viewed" } else { "Product Added" };
            let properties = json!({ "product_id": format!("i{item}"), "price": 2.5 });
            messages.push(track(user * 12 + item, &format!("u{user}"), event, properties));
        }
    }
    app.batch(json!(messages)).await;
}

fn items() -> String {
    let colour = |n: usize| if n.is_multiple_of(2) { "red" } else { "blue" };
    let rows = (0..12).map(|n| format!("i{n},Lamp {n},{n}.5,{},a|b\n", colour(n)));
    format!("item_id,title,price,colour,tags\n{}", rows.collect::<String>())
}

/// Makes all that a workspace may have.
pub(super) async fn furnish(shop: &mut Described) -> (String, String) {
    let catalog = format!("{SHOP}/catalog");
    shop.send("POST", &format!("{catalog}?dry_run=true"), "text/csv", items()).await;
    let stores = "location_id,latitude,longitude\ngraz,47.07,15.44\n".to_owned();
    shop.send("PUT", &format!("{SHOP}/locations/stores"), "text/csv", stores).await;
    shop.send("POST", &catalog, "text/csv", items()).await;
    shop.send("POST", &catalog, "text/csv", items()).await;
    shop.call("POST", &format!("{catalog}/versions/1/activate"), Value::Null).await;
    let import = shop.send("POST", &format!("{catalog}?job=true"), "text/csv", items()).await;
    send_messages(&shop.app).await;
    let segmentation = json!({ "id": "colours", "rule": { "property": "colour" } });
    let filters = |below: u32| {
        let segment = json!({ "id": "cheap", "filter": format!("'price' < {below}") });
        json!({ "id": "cheap", "rule": { "filters": [segment] } })
    };
    let of_items = "recommendItemsToUser";
    for (method, path, body) in [
        ("POST", "segmentations", segmentation),
        ("POST", "segmentations", filters(9)),
        ("PUT", "segmentations/cheap", filters(3)),
        ("POST", "segmentation_trials", json!({ "expression": "'tags'" })),
        ("POST", "segmentation_trials", json!({ "expression": "'tags" })),
        ("POST", "synonyms", json!({ "term": "lamp", "synonym": "light" })),
        ("POST", "series", json!({ "id": "s" })),
        ("POST", "series/s/members", json!({ "id": "i1", "time": 1.5 })),
        ("POST", "groups", json!({ "id": "g" })),
        ("POST", "groups/g/members", json!({ "id": "i1" })),
        (
            "PUT",
            "scenarios/plain",
            json!({ "name": "plain", "endpoint": of_items, "filter": "'price' < 9" }),
        ),
        (
            "PUT",
            "scenarios/home",
            json!({ "name": "home", "endpoint": of_items, "diversity": 0.25 }),
        ),
        ("POST", "scenarios/home/test", groups()),
        ("PATCH", "scenarios/home/test", json!({ "shares": { "a": 0.25, "b": 0.75 } })),
        (
            "PUT",
            "scenarios/parts",
            json!({ "name": "parts", "endpoint": "recommendItemSegmentsToUser",
                    "segmentation": "colours" }),
        ),
        (
            "PUT",
            "audiences/buyers",
            json!({ "name": "Buyers", "condition": "did \"Order Completed\"" }),
        ),
        ("PUT", "audiences/others", json!({ "condition": { "not": { "audience": "buyers" } } })),
        (
            "PUT",
            "computed_traits/spent",
            json!({ "key": "spent", "type": "sum", "event": "Order Completed", "property": "total",
                    "where": "total > 0", "last": "30 days" }),
        ),
        ("POST", "audience_previews", json!({ "condition": "not in audience buyers" })),
        (
            "PUT",
            "audiences/lamp_fans",
            json!({ "likely": { "items": ["i1"], "size": 10, "among": "buyers" } }),
        ),
        ("POST", "audience_previews/likely", json!({ "items": ["i1"], "size": 10 })),
        ("PUT", "traits/likes", json!({ "key": "likes", "kind": "recommended_items", "count": 3 })),
        (
            "POST",
            "traits/calculate",
            json!({ "key": "next", "kind": "recommended_items", "who": { "audience": "buyers" } }),
        ),
        ("PUT", "destinations/engine", json!({ "mappings": null })),
        (
            "POST",
            "destinations/engine/try",
            json!({ "message": { "type": "track", "userId": "u0",
            "event": "Product Viewed", "properties": { "sku": "i1" } } }),
        ),
        (
            "PUT",
            "destinations/crm",
            json!({ "kind": "webhook", "settings": { "url": "https://crm.example.com/in",
                "headers": { "x-shop": "1" } }, "mappings": null,
                "rules": { "consent_categories": ["marketing"], "sample_percent": 50.0 },
                "delivery": { "concurrency": 2, "requests_per_second": 10.0 } }),
        ),
        ("POST", "destinations/crm/check", Value::Null),
        (
            "PUT",
            "audiences/buyers",
            json!({ "condition": "did \"Order Completed\"", "sync": { "destinations": ["crm"],
                "as": "both", "with_traits": ["plan"],
                "identifiers": [{ "type": "user_id", "strategy": "last" }] } }),
        ),
        ("POST", "audiences/buyers/sync/again", json!({ "destination": "crm" })),
        (
            "PUT",
            "traits/likes",
            json!({ "key": "likes", "kind": "recommended_items", "count": 3,
                "holdout": { "percent": 10, "goal": "purchase" }, "sync": { "destinations": ["crm"], "changes": "set", "detail": true } }),
        ),
        ("POST", "traits/likes/sync/again", json!({})),
        (
            "PUT",
            "destinations/warehouse",
            json!({ "kind": "postgresql", "enabled": false, "settings": {
                "host": "db.example.com", "database": "shop", "user": "tastemaker" } }),
        ),
        (
            "PUT",
            "scheduled_exports/nightly",
            json!({ "name": "nightly", "what": "people", "into": "warehouse" }),
        ),
        ("POST", "scheduled_exports/nightly/run", Value::Null),
        (
            "PUT",
            "campaigns/welcome",
            json!({ "key": "welcome", "name": "Welcome", "status": "running", "channel": "crm",
                "start": { "type": "event", "event": "Signed Up", "where": "plan = \"pro\"",
                    "after_s": 3_600,
                    "unless": { "event": "Order Completed", "where": "total > 1" } },
                "content": { "to": "{{ profile.traits.email }}", "subject": "Welcome" },
                "options": { "quiet_hours": { "windows": [{ "days": ["monday"],
                    "from": "22:00", "to": "07:00" }] }, "cut_off": "23:00", "gap_s": 600,
                    "track_links": false, "track_opens": true, "utm": { "source": "news" } },
                "control_percent": 10,
                "conversion": { "event": "Order Completed", "where": "total > 1",
                    "within_s": 86_400, "revenue": "total" } }),
        ),
        (
            "PUT",
            "campaigns/ordered",
            json!({ "key": "ordered", "status": "running", "channel": "crm",
                "start": { "type": "triggered" },
                "content": { "subject": "Order {{ event.properties.order }}" } }),
        ),
        (
            "PUT",
            "campaigns/episode",
            json!({ "key": "episode", "status": "running", "channel": "crm",
                "start": { "type": "business_event", "event": "New Episode", "size": 100 },
                "content": { "subject": "{{ event.properties.title }}" } }),
        ),
        (
            "POST",
            "business_events",
            json!({ "name": "New Episode", "items": ["lamp"], "properties": { "title": "Pilot" },
                "id": "pilot" }),
        ),
        (
            "POST",
            "campaigns/ordered/trigger",
            json!({ "people": [{ "type": "user_id", "id": "u0", "properties": { "order": "7" } },
                { "type": "user_id", "id": "nobody" }], "id": "call 1", "respect_limits": false }),
        ),
        (
            "PUT",
            "journeys/order",
            json!({ "key": "order", "name": "Order", "status": "running",
                "entry": { "type": "triggered" }, "reentry": "always", "per": "order",
                "timeout_s": 864_000, "control_percent": 10,
                "exits": [{ "event": "Order Cancelled", "where": "total > 1",
                    "same_value": true }],
                "goals": [{ "name": "again", "event": "Order Completed" },
                    { "name": "buyer", "audience": "buyers" }],
                "moves": [{ "from": "earlier", "to": "wait" }],
                "nodes": [
                    { "name": "mail", "type": "message", "campaign": "ordered", "sent": "wait",
                        "refused": "end", "clicked": "tell", "within_s": 3_600 },
                    { "name": "wait", "type": "delay", "seconds": 600, "next": "morning" },
                    { "name": "morning", "type": "delay_until", "time": "09:00",
                        "days": ["monday"], "local_time": "person", "next": "hold" },
                    { "name": "hold", "type": "hold_until", "timeout_s": 600, "timeout": "parts",
                        "branches": [{ "event": "Order Shipped", "same_value": true,
                            "next": "halves" }, { "event": "Order Updated", "again": true }] },
                    { "name": "parts", "type": "split", "otherwise": "end",
                        "branches": [{ "when": "trait journey.entry.total > 100",
                            "next": "halves" }] },
                    { "name": "halves", "type": "random", "sticky": true, "branches": [
                        { "percent": 50, "next": "note" }, { "percent": 50, "next": "end" }] },
                    { "name": "note", "type": "update_profile", "next": "tell", "changes": [
                        { "trait": "orders", "change": "increment", "value": 1 }] },
                    { "name": "tell", "type": "send", "destination": "crm", "next": "out" },
                    { "name": "out", "type": "exit" },
                ] }),
        ),
        (
            "POST",
            "journeys/order/trigger",
            json!({ "people": [{ "type": "user_id", "id": "u0", "properties": { "order": "7" } },
                { "type": "user_id", "id": "nobody" }], "properties": { "total": 3 } }),
        ),
        (
            "POST",
            "journeys/draft/simulate",
            json!({ "key": "draft",
                "entry": { "type": "event", "event": "Order Completed", "audience": "buyers" },
                "nodes": [{ "name": "note", "type": "update_profile", "changes": [
                    { "trait": "orders", "change": "add", "value": "x" }] }],
            }),
        ),
        (
            "POST",
            "campaign_previews",
            json!({ "campaign": { "key": "draft", "channel": "crm",
                "start": { "type": "at", "at": "2026-06-01T09:00:00Z" },
                "content": { "to": "{{ profile.user_id }}", "subject": "Hello" } },
                "person": { "type": "user_id", "id": "u0" } }),
        ),
        (
            "PUT",
            "feeds/shop",
            json!({ "name": "shop", "url": "https://shop.example.com/feed.xml",
                    "format": "google_merchant", "every_minutes": 60 }),
        ),
        ("POST", "feeds/shop/run", Value::Null),
        ("POST", "tokens", json!({ "name": "window", "kind": "public" })),
        ("POST", "sources", json!({ "name": "app", "bearer_tokens": ["t"] })),
        ("PATCH", "sources/app", json!({ "enabled": false })),
        ("POST", "sources/app/rotate", json!({ "overlap_s": 60 })),
        ("PUT", "sources/app/oauth", json!({ "keys": [{ "id": "k", "public_key": OAUTH_KEY }] })),
        (
            "PATCH",
            "settings",
            json!({ "name": "The shop", "weak_signals": { "click": 0.5 },
            "catalog": { "enrich": [{ "event": "Viewed", "columns": ["title"] }] },
            "public_url": "https://news.example.com",
            "topics": [{ "key": "news", "name": "News", "description": "Once a week.",
                "channels": ["email"], "default": "unsubscribed" }],
            "linked_contents": [{ "name": "weather", "cache_s": 60, "timeout_ms": 500,
                "url": "https://api.example.com/weather?city={city}", "bytes_max": 1_000 }] }),
        ),
        (
            "PATCH",
            "people/user_id:u0/subscriptions",
            json!({ "channels": { "email": "unsubscribed" }, "topics": { "news": "subscribed" } }),
        ),
        ("PUT", "interaction_weights", json!({ "view": 0.5 })),
        ("PUT", "items/i3/off", Value::Null),
    ] {
        shop.call(method, &format!("{SHOP}/{path}"), body).await;
    }
    give_up(shop).await;
    join_account(shop).await;
    shop.app.train().await;
    shop.app
        .batch(json!([track(500, "u0", "Product Viewed", json!({ "product_id": "i7" }))]))
        .await;
    let run = shop.call("POST", &format!("{SHOP}/training"), Value::Null).await;
    let run = run["run"]["id"].as_str().unwrap().to_owned();
    let export = json!({ "what": "items", "format": "csv" });
    let export = shop.call("POST", &format!("{SHOP}/exports"), export).await;
    for id in [import["id"].as_str().unwrap(), &run, export["id"].as_str().unwrap()] {
        ended(shop, id).await;
    }
    (run, export["id"].as_str().unwrap().to_owned())
}

/// Two deliveries to a destination that were given up, of which one is sent anew and one dropped.
async fn give_up(shop: &mut Described) {
    let letter = |offset| DeadLetter {
        offset,
        mapping: "Everything".to_owned(),
        at: Timestamp(2_000),
        since: Timestamp(1_000),
        attempts: 3,
        reason: "http_400".to_owned(),
        text: "answered 400".to_owned(),
    };
    let added_at = shop.app.engine.snapshot().destinations.get("crm").unwrap().added_at;
    let progress = Progress { dead: (1..4).map(letter).collect(), ..Progress::default() };
    let progress = DeliveryProgress {
        at: Timestamp(2_000),
        destination: "crm".to_owned(),
        added_at,
        progress,
    };
    shop.app.engine.submit(vec![Entry::Delivered(Box::new(progress))]).await.unwrap();
    let letters = format!("{SHOP}/destinations/crm/dead_letters");
    for (what, offset) in [("retry", 1), ("drop", 2)] {
        let choice = json!({ "dead_letters": [{ "offset": offset, "mapping": "Everything" }] });
        shop.call("POST", &format!("{letters}/{what}"), choice).await;
    }
    let page = shop.get(&letters).await;
    assert_eq!(page["dead_letters"].as_array().map(Vec::len), Some(1), "{page}");
    shop.get(&format!("{letters}/3/Everything")).await;
    shop.get(&format!("{SHOP}/destinations/crm/delivery")).await;
}

/// Two people who belong to an account that has traits of both kinds.
async fn join_account(shop: &mut Described) {
    let rules = json!({ "identity": { "version": 1 } });
    shop.call("PATCH", &format!("{SHOP}/settings"), rules).await;
    let computed =
        json!({ "key": "visits", "of": "accounts", "type": "count", "event": "Looked around" });
    shop.call("PUT", &format!("{SHOP}/computed_traits/visits"), computed).await;
    let group = |user: &str| {
        json!({ "type": "group", "userId": user, "groupId": "acme",
            "traits": { "name": "Acme", "seats": 2 } })
    };
    shop.app.batch(json!([group("u0"), group("u1")])).await;
}

fn groups() -> Value {
    let b = json!({ "name": "b", "share": 0.5, "booster": "2",
                    "constraint": [{ "property": "colour", "max": 3 }] });
    json!({ "group": [{ "name": "a", "share": 0.5 }, b] })
}

async fn ended(shop: &mut Described, id: &str) {
    loop {
        let job = shop.get(&format!("{SHOP}/jobs/{id}")).await;
        if job["ended_at"].is_string() {
            assert_eq!(job["state"], "done", "{job}");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Lists of recommendations, with one that is known by its id.
pub(super) async fn recommend(shop: &mut Described) -> String {
    let query = "count=3";
    let list = shop.app.call(
        axum::http::Method::POST,
        "recomms/users/u1/items/",
        json!({
            "count": 3, "scenario": "home", "cascadeCreate": true,
        })
        .to_string(),
    );
    let id = list.await.body["recommId"].as_str().unwrap().to_owned();
    shop.get(&format!("{SHOP}/recommendations?user=u0&{query}")).await;
    shop.get(&format!("{SHOP}/recommendations?user=u0&item_type=colour")).await;
    for body in [
        json!({ "user": "u0", "count": 5, "why_not": "i1", "scenario": "home" }),
        json!({ "user": "u0", "why_not": "i3" }),
        json!({ "user": "u0", "item": "i1", "why_not": "i1" }),
        json!({ "query": "lamp", "user": "u0" }),
        json!({ "user": "u0", "scenario": "parts" }),
    ] {
        shop.call("POST", &format!("{SHOP}/recommendations"), body).await;
    }
    let body = json!({ "scenario": "home", "count": 3 });
    shop.call("POST", &format!("{SHOP}/recommendations/calculate"), body).await;
    id
}
