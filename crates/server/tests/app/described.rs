//! Every answer is what the document says of it.

mod furnishing;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use self::furnishing::{furnish, recommend};
use super::TestApp;

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
        "campaigns",
        "campaigns/welcome",
        "journeys",
        "journeys/order",
        "journeys/order/text",
        "journeys/order/statistics",
        "people/u0/journeys",
        "campaigns/welcome/report",
        "campaigns/welcome/report?from=2026-01-01&until=2026-12-31",
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
        "people/u0/campaign_messages",
        "people/u0/campaign_messages?limit=1",
        "people/u0/subscriptions",
        "accounts/acme",
        "accounts/acme/members?limit=1",
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

/// Resources that are no JSON, or that nobody reads.
const NOT_READ: [&str; 1] = ["/api/workspaces/{workspace}/locations/{catalog}"];

#[tokio::test]
async fn what_is_read_of_a_resource_can_be_put_back_and_changes_nothing() {
    let mut shop = Described::new().await;
    furnish(&mut shop).await;
    let mut without = Vec::new();
    for call in shop.calls_of("PUT").collect::<Vec<_>>() {
        let template = call.strip_prefix("PUT ").unwrap().to_owned();
        if shop.document["paths"][&template]["get"].is_null() || NOT_READ.contains(&&*template) {
            continue;
        }
        let (above, is_below) = match template.strip_suffix("/oauth") {
            Some(source) => (source, true),
            None => (&*template, false),
        };
        let is_one_of_many = above.ends_with('}');
        let list = if is_one_of_many { above.rsplit_once('/').unwrap().0 } else { above };
        let list = list.replace("{workspace}", "shop");
        let names: Vec<String> = match is_one_of_many {
            true => {
                let listed = shop.get(&list).await;
                let all = listed.as_object().unwrap().values().find_map(Value::as_array).unwrap();
                let name = |one: &Value| {
                    let name = ["key", "id", "name"].iter().find_map(|key| one[key].as_str());
                    name.unwrap().to_owned()
                };
                all.iter().map(name).collect()
            }
            false => vec![String::new()],
        };
        let mut n_put = 0;
        for name in names {
            let path = match (is_one_of_many, is_below) {
                (false, _) => list.clone(),
                (true, true) => format!("{list}/{name}/oauth"),
                (true, false) => format!("{list}/{name}"),
            };
            let read = shop.app.admin(&path).await;
            if read.status != 200 {
                continue;
            }
            n_put += 1;
            let method = axum::http::Method::PUT;
            let put = shop.app.administer(method, &path, read.body.clone(), &[]).await;
            assert_eq!(put.status, 200, "{path}: {}", put.line());
            let again = shop.app.admin(&path).await;
            let revision = |answer: &super::Answer| answer.headers.get("etag").cloned();
            match revision(&read) {
                // What is said beside it, such as how far its past is read, may go on.
                Some(read) => assert_eq!(revision(&again), Some(read), "{path}"),
                None => assert_eq!(again.body, read.body, "{path}"),
            }
        }
        if n_put == 0 {
            without.push(template);
        }
    }
    assert_eq!(without, Vec::<String>::new(), "nothing of it is in the shop");
}
