//! Recommendations and searches over the recommender API.
//!
//! The shop has eight lamps, eight rugs and eight vases, and twelve people who each like one of the
//! three.

mod batches;
mod composites;
mod filters;
mod hostile;
mod lists;
mod logics;
mod mistakes;
mod next;
mod previews;
mod scenarios;
mod searches;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use super::recombee::{codes, request};
use super::{Answer, TestApp};

const KINDS: [&str; 3] = ["lamp", "rug", "vase"];
const NAMES: [&str; ITEMS_PER_KIND] =
    ["amber", "birch", "coral", "denim", "ebony", "flint", "grape", "hazel"];
const ITEMS_PER_KIND: usize = 8;
const USERS: usize = 12;
/// When the first interaction was, and how far apart two users' are.
const BEGIN_S: usize = 1_700_000_000;
const STEP_S: usize = 1_000;

/// The shop before its first training.
async fn shop() -> TestApp {
    let app = TestApp::new().await;
    let answers = app
        .batch_of(Value::Array([properties(), items(), users(), segmentations()].concat()))
        .await;
    assert!(codes(&answers).iter().all(|code| [200, 201].contains(code)), "{answers:?}");
    let answers = app.batch_of(interactions().into()).await;
    assert!(codes(&answers).iter().all(|code| *code == 200), "{answers:?}");
    app
}

/// The shop with a model.
async fn trained_shop() -> TestApp {
    let app = shop().await;
    app.train().await;
    app
}

fn properties() -> Vec<Value> {
    let of_items = [
        ("category", "string"),
        ("title", "string"),
        ("tags", "set"),
        ("price", "double"),
        ("released", "timestamp"),
        ("available", "boolean"),
    ];
    let of_items = of_items.into_iter().map(|(name, type_)| ("items", name, type_));
    let of_users = [("users", "city", "string"), ("users", "follows", "set")];
    let add = |(kind, name, type_): (&str, &str, &str)| {
        request("PUT", &format!("/{kind}/properties/{name}"), json!({ "type": type_ }))
    };
    of_items.chain(of_users).map(add).collect()
}

/// Odd ones cannot be had; the prices of a kind go from 10, 20 or 30 upwards.
fn items() -> Vec<Value> {
    let of_kind = |(k, kind): (usize, &'static str)| {
        NAMES.iter().enumerate().map(move |(n, name)| {
            let values = json!({
                "category": kind,
                "title": format!("{kind} {name}"),
                "tags": [kind, if n < 4 { "small" } else { "large" }],
                "price": 10 * (k + 1) + n,
                "released": BEGIN_S + 86_400 * n,
                "available": n % 2 == 0,
                "!cascadeCreate": true,
            });
            request("POST", &format!("/items/{kind}{n}"), values)
        })
    };
    KINDS.into_iter().enumerate().flat_map(of_kind).collect()
}

fn kind_of(user: usize) -> &'static str {
    KINDS[user % KINDS.len()]
}

fn users() -> Vec<Value> {
    let of_user = |user: usize| {
        let values = json!({
            "city": if user.is_multiple_of(2) { "Brno" } else { "Oslo" },
            "follows": [kind_of(user)],
            "!cascadeCreate": true,
        });
        request("POST", &format!("/users/u{user}"), values)
    };
    (0..USERS).map(of_user).collect()
}

fn segmentations() -> Vec<Value> {
    let by = |property: &str| json!({ "sourceType": "items", "propertyName": property });
    vec![
        request("PUT", "/segmentations/property-based/categories", by("category")),
        request("PUT", "/segmentations/property-based/tags", by("tags")),
    ]
}

/// Everybody looks at all of their kind but one, and at one of another; then they buy one.
fn interactions() -> Vec<Value> {
    let of_user = |user: usize| {
        let own = kind_of(user);
        let at = move |n: usize| BEGIN_S + STEP_S * user + 60 * n;
        let with = move |path: &str, item: String, n: usize| {
            request(
                "POST",
                path,
                json!({ "userId": format!("u{user}"), "itemId": item, "timestamp": at(n) }),
            )
        };
        let seen = (0..ITEMS_PER_KIND).filter(move |n| *n != user % ITEMS_PER_KIND);
        let views =
            seen.enumerate().map(move |(at, n)| with("/detailviews/", format!("{own}{n}"), at));
        let strayed =
            with("/detailviews/", format!("{}{}", kind_of(user + 1), user % ITEMS_PER_KIND), 10);
        let bought = with("/purchases/", format!("{own}{}", (user + 1) % ITEMS_PER_KIND), 11);
        views.chain([strayed, bought])
    };
    (0..USERS).flat_map(of_user).collect()
}

impl TestApp {
    /// Does changes, all of which succeed.
    async fn change(&self, requests: Vec<Value>) {
        let answers = self.batch_of(requests.into()).await;
        assert!(codes(&answers).iter().all(|code| [200, 201].contains(code)), "{answers:?}");
    }

    pub(super) async fn put_scenario(&self, name: &str, scenario: Value) {
        let put = Request::put(format!("/api/workspaces/shop/scenarios/{name}"));
        let put =
            put.header("authorization", "Bearer admin").body(Body::from(scenario.to_string()));
        let answer = self.send(put.unwrap()).await;
        assert!(answer.status.is_success(), "{}", answer.body);
    }

    /// A call for a list, whatever becomes of it.
    async fn asked(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body.to_string()).await
    }

    /// A call for a list that succeeds.
    async fn recommend(&self, path: &str, body: Value) -> Value {
        let answer = self.asked(path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// The ids of a list.
    async fn list(&self, path: &str, body: Value) -> Vec<String> {
        ids(&self.recommend(path, body).await)
    }

    /// The items that a filter lets into a list for nobody, in the order of their ids.
    async fn passing(&self, filter: &str) -> String {
        let body = json!({ "count": 100, "filter": filter, "allowNonexistent": true });
        let mut list = self.list("recomms/users/nobody/items/", body).await;
        list.sort_unstable();
        list.join(" ")
    }
}

fn ids(list: &Value) -> Vec<String> {
    let entries = list.as_array().or(list["recomms"].as_array()).unwrap().iter();
    let id = |entry: &Value| {
        entry.as_str().or(entry["id"].as_str()).or(entry["itemId"].as_str()).unwrap().to_owned()
    };
    entries.map(id).collect()
}

/// `status error`, for tables of mistakes.
fn line(answer: &Answer) -> String {
    format!("{} {}", answer.status.as_u16(), answer.body["error"].as_str().unwrap_or("(no error)"))
}
