//! Every answer is what the document says of it.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use domain::Timestamp;
use engine::{DeadLetter, DeliveryProgress, Entry, Progress};
use serde_json::{Value, json};

use super::{TestApp, track};

const ADMIN: &str = "Bearer admin";
const SHOP: &str = "/api/workspaces/shop";
const OAUTH_KEY: &str = include_str!("oauth/public.pem");

/// A server whose calls are compared with its document.
struct Described {
    app: TestApp,
    document: Value,
    /// Calls that were answered as they should: `GET /api/...`, with the names of parameters.
    answered: BTreeSet<String>,
    mistakes: Vec<String>,
}

impl Described {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let document = app.admin("/api/openapi.json").await.body;
        Self { app, document, answered: BTreeSet::new(), mistakes: Vec::new() }
    }

    async fn get(&mut self, path: &str) -> Value {
        self.call("GET", path, Value::Null).await
    }

    /// A call with a JSON body, or none where it is null: the body of the answer.
    async fn call(&mut self, method: &str, path: &str, body: Value) -> Value {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, path, "application/json", text).await
    }

    async fn send(&mut self, method: &str, path: &str, media_type: &str, body: String) -> Value {
        let template = self.template(method, path);
        let call = format!("{method} {template}");
        let described = self.document["paths"][&template][method.to_lowercase()].clone();
        if media_type == "application/json" && !body.is_empty() {
            let schema = &described["requestBody"]["content"][media_type]["schema"];
            let body = serde_json::from_str(&body).unwrap();
            self.compare(&format!("the body of {call}"), schema, &body);
        }
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", ADMIN)
            .header("content-type", media_type);
        let (parts, bytes) = self.app.send_raw(request.body(Body::from(body)).unwrap()).await;
        let answers = &described["responses"];
        let status = parts.status.as_str();
        let answer = answers.get(status).unwrap_or(&answers["default"]);
        let answer = match answer["$ref"].as_str() {
            Some(place) => self.document.pointer(place.trim_start_matches('#')).unwrap().clone(),
            None => answer.clone(),
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let found = parts.headers.get("content-type").map(|type_| type_.to_str().unwrap());
        let found = found.map(|type_| type_.split(';').next().unwrap());
        let call = format!("{call}: {status}");
        match (answer.get("content"), found) {
            (Some(content), Some(found)) if content.get(found).is_some() => {
                let schema = &content[found]["schema"];
                self.compare(&call, schema, &value);
            }
            (None, None) if bytes.is_empty() => {}
            (content, found) => {
                self.mistakes.push(format!("{call}: {found:?} is none of {content:?}: {value}"));
            }
        }
        if parts.status.is_success() {
            self.answered.insert(format!("{method} {template}"));
        } else {
            self.mistakes.push(format!("{call}: {value}"));
        }
        value
    }

    /// The path of the document that a path is an example of, with as few parameters as can be.
    fn template(&self, method: &str, path: &str) -> String {
        let path: Vec<&str> = path.split('?').next().unwrap().split('/').collect();
        let fits = |template: &&String| {
            let words: Vec<&str> = template.split('/').collect();
            words.len() == path.len()
                && words.iter().zip(&path).all(|(word, own)| word.starts_with('{') || word == own)
        };
        let paths = self.document["paths"].as_object().unwrap();
        let has_method = |template: &&String| !paths[*template][method.to_lowercase()].is_null();
        let fitting = paths.keys().filter(fits).filter(has_method);
        let fewest = fitting.min_by_key(|template| template.matches('{').count());
        fewest.unwrap_or_else(|| panic!("no {method} {path:?} in the document")).clone()
    }

    /// Notes where a value is not as a schema of the document has it, or has keys of which the
    /// document does not know.
    fn compare(&mut self, what: &str, schema: &Value, value: &Value) {
        if schema.is_null() {
            return;
        }
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": self.document["components"],
            "allOf": [schema],
            "unevaluatedProperties": false,
        });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mistakes = validator.iter_errors(value).take(3);
        let mistakes = mistakes.map(|error| format!("{what}: {}: {error}", error.instance_path()));
        self.mistakes.extend(mistakes.map(|text| text.chars().take(700).collect::<String>()));
    }

    fn calls_of(&self, method: &str) -> impl Iterator<Item = String> {
        let paths = self.document["paths"].as_object().unwrap().iter();
        let own = paths.filter(|(_, calls)| !calls[method.to_lowercase()].is_null());
        own.map(move |(path, _)| format!("{method} {path}"))
    }
}

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
async fn furnish(shop: &mut Described) -> (String, String) {
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
            "catalog": { "enrich": [{ "event": "Viewed", "columns": ["title"] }] } }),
        ),
        ("PUT", "interaction_weights", json!({ "view": 0.5 })),
        ("PUT", "items/i3/off", Value::Null),
    ] {
        shop.call(method, &format!("{SHOP}/{path}"), body).await;
    }
    give_up(shop).await;
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
async fn recommend(shop: &mut Described) -> String {
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
    id
}

#[tokio::test]
async fn every_answer_has_the_status_the_type_and_the_form_that_the_document_says() {
    let mut shop = Described::new().await;
    let (run, export) = furnish(&mut shop).await;
    let list = recommend(&mut shop).await;
    for (path, body) in [
        ("/api/workspaces", json!({ "id": "other", "name": "Another" })),
        ("/api/invitations", json!({ "email": "eve@example.com", "role": "editor" })),
        ("/api/api_keys", json!({ "name": "robot", "role": "analyst", "workspaces": ["shop"] })),
    ] {
        shop.call("POST", path, body).await;
    }
    let models = shop.get(&format!("{SHOP}/models")).await;
    let version = |n: usize| models["models"][n]["version"].as_str().unwrap();
    let (version, earlier) = (version(0), version(1));
    shop.call("POST", &format!("{SHOP}/models/{version}/activate"), Value::Null).await;
    let messages = shop.get(&format!("{SHOP}/messages")).await;
    let entries = messages["entries"].as_array().unwrap().clone();
    for entry in entries {
        shop.get(&format!("{SHOP}/messages/{}", entry["offset"])).await;
    }
    let asked = json!({ "type": "SUPPRESS_ONLY", "user_ids": ["nobody-at-all"] });
    let regulation = shop.call("POST", &format!("{SHOP}/regulations"), asked).await;
    let regulation = regulation["id"].as_str().unwrap().to_owned();
    for path in ["regulations", &format!("regulations/{regulation}"), "suppressed/nobody-at-all"] {
        shop.get(&format!("{SHOP}/{path}")).await;
    }
    for path in ["openapi.json", "docs", "account", "accounts", "invitations", "api_keys", "audit"]
        .into_iter()
        .chain(["limits", "destination_kinds", "workspaces", "workspaces/shop"])
    {
        shop.get(&format!("/api/{path}")).await;
    }
    for path in [
        "settings",
        "interaction_weights",
        "sources",
        "sources/app",
        "sources/web/schema",
        "sources/web/violations",
        "sources/app/oauth",
        "tokens",
        "tokens/window",
        "destinations",
        "destinations/engine",
        "destinations/crm",
        "destinations/crm/dead_letters?limit=1",
        "audiences",
        "audiences/buyers",
        "audiences/lamp_fans",
        "audiences/others/members?limit=2",
        "audiences/buyers/sync",
        "traits/likes/sync",
        "traits/likes/versions",
        "computed_traits/spent/versions",
        "audiences/buyers/versions",
        "scenarios/home/versions",
        "people/u0/audiences",
        "computed_traits",
        "computed_traits/spent",
        "scheduled_exports",
        "scheduled_exports/nightly",
        "feeds",
        "feeds/shop",
        "locations",
        "locations/stores",
        "locations/stores?latitude=47&longitude=15&within_km=50",
        "people/u0/audiences/others",
        "traits",
        "traits/likes",
        "traits/likes/holdout",
        "people",
        "people?q=u",
        "people/u0",
        "people/u0/timeline",
        "people/u0/interactions",
        "people/u0/lists",
        "people/u0/list?name=scenario:home",
        "search?q=i1",
        "search?q=u",
        "rejections",
        "operations",
        "overview",
        "events",
        "vocabulary",
        "scenarios",
        "scenarios/home",
        "scenarios/plain",
        "scenarios/home/test",
        "segmentations",
        "segmentations/colours",
        "segmentations/cheap",
        "synonyms",
        "series",
        "series/s",
        "groups",
        "groups/g",
        "kpis",
        "kpis?by=day",
        "jobs",
        "training",
        "items",
        "items?q=lamp",
        "items?state=off",
        "items/i1",
        "items/i3",
        "items/i1/similar",
        "items/i1/people",
        "catalog",
        "replays",
        "retention",
    ] {
        shop.get(&format!("{SHOP}/{path}")).await;
    }
    for path in [
        format!("recommendations/{list}"),
        format!("jobs/{export}/result"),
        format!("training/{run}"),
        format!("models/{version}/samples?against={earlier}"),
    ] {
        shop.get(&format!("{SHOP}/{path}")).await;
    }
    shop.call("POST", &format!("{SHOP}/scenarios/home/test/end"), json!({ "winner": "b" })).await;
    // It goes on for as long as somebody listens.
    let endless = format!("GET {}/live", SHOP.replace("shop", "{workspace}"));
    let silent = shop.calls_of("GET").filter(|call| !shop.answered.contains(call));
    let silent: Vec<String> = silent.filter(|call| *call != endless).collect();
    assert_eq!(shop.mistakes, Vec::<String>::new(), "\n{}", shop.mistakes.join("\n"));
    assert_eq!(silent, Vec::<String>::new(), "calls that were not tried");
}
