//! The world of the soak: fixed sets of users, items, interactions and texts, and calls that use
//! them.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::http::{Connection, Signer, basic, bearer, get, post, request, sign};
use crate::process::{ADMIN_TOKEN, PRIVATE_TOKEN, PROFILE_TOKEN, PUBLIC_TOKEN, WRITE_KEY};

const USERS: u64 = 2_000;
const ITEMS: u64 = 1_000;
/// Items that are deleted and created again. They have no interactions: an item with interactions
/// keeps its index after its deletion.
const RESTLESS_ITEMS: u64 = 50;
/// The number of distinct interactions, each with its own user, item and time.
const INTERACTIONS: u64 = 20_000;
/// The number of distinct filters and boosters, more than a cache keeps.
const FILTERS: u64 = 5_000;
const BOOSTERS: u64 = 500;
/// The number of distinct search queries.
const QUERIES: u64 = 500;
/// The number of calls in a batch.
const BATCH_CALLS: u64 = 10;
/// The first time of an interaction, in seconds since 1970.
const FIRST_S: u64 = 1_600_000_000;

/// A request, by the name under which it is counted.
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) request: Vec<u8>,
}

/// The state from which calls are generated.
#[derive(Clone)]
pub(super) struct World {
    /// Calls by weight, in thousandths.
    mix: Vec<(u64, Make)>,
}

type Make = fn(&mut StdRng) -> Call;

impl World {
    pub(super) fn new() -> Self {
        let mix: Vec<(u64, Make)> = vec![
            (200, track),
            (150, add_interaction),
            (200, recommend),
            (60, recommend_for_item),
            (60, search),
            (60, set_values),
            (20, delete_or_add_item),
            (5, delete_user),
            (40, batch),
            (60, read_trait),
            (40, list_items),
            (40, read_values),
            (20, reject),
            (38, send_invalid_request),
            (2, import_catalog),
            (3, read_metrics),
            (2, read_kpis),
        ];
        assert_eq!(
            mix.iter().map(|(weight, _)| weight).sum::<u64>(),
            1_000,
            "weights are thousandths"
        );
        Self { mix }
    }

    /// Defines the properties and sets values of all items.
    pub(super) async fn fill(&self, address: SocketAddr) -> Result<()> {
        let mut connection = Connection::open(address, None).await?;
        let properties =
            [("price", "double"), ("brand", "string"), ("tags", "set"), ("title", "string")];
        let define = properties.map(|(name, type_)| {
            json!({ "method": "PUT", "path": format!("/items/properties/{name}"), "params": { "type": type_ } })
        });
        let values = (0..ITEMS).map(|item| values_call(item, item));
        let calls: Vec<Value> = define.into_iter().chain(values).collect();
        let target = sign("/shop/batch/", PRIVATE_TOKEN, Signer::Private);
        let answer =
            connection.send(&post(&target, "", &json!({ "requests": calls }).to_string())).await?;
        ensure!(answer.status == 200, "{}", String::from_utf8_lossy(&answer.body));
        Ok(())
    }

    /// The next call: a random one, or sometimes the continuation of the list that was just
    /// received.
    pub(super) fn any_call(&self, random: &mut StdRng, recommendation: Option<String>) -> Call {
        if let Some(id) = recommendation.filter(|_| random.random_range(0..4) == 0) {
            return private(
                "continue a list",
                "POST",
                &format!("/shop/recomms/next/items/{id}"),
                &json!({ "count": 5 }),
            );
        }
        let mut at: u64 = random.random_range(0..1_000);
        for (weight, make) in &self.mix {
            match at.checked_sub(*weight) {
                Some(rest) => at = rest,
                None => return make(random),
            }
        }
        unreachable!("weights are thousandths")
    }
}

/// The recommendation id of an answer; none where it is no list.
pub(super) fn find_recommendation_id(body: &[u8]) -> Option<String> {
    // Few answers are lists, and none of the others names it.
    let at = body.windows(10).position(|window| window == b"\"recommId\"")?;
    let rest = std::str::from_utf8(&body[at + 10..]).ok()?;
    rest.split('"').nth(1).map(str::to_owned)
}

fn private(name: &'static str, method: &str, target: &str, body: &Value) -> Call {
    let target = sign(target, PRIVATE_TOKEN, Signer::Private);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Call { name, request: request(method, &target, "content-type: application/json\r\n", &body) }
}

fn any_user(random: &mut StdRng) -> u64 {
    random.random_range(0..USERS)
}

fn any_item(random: &mut StdRng) -> u64 {
    random.random_range(0..ITEMS)
}

/// A number of a fixed set, spread over its user, item and time.
struct Fixed {
    user: u64,
    item: u64,
    at_s: u64,
}

fn any_interaction(random: &mut StdRng) -> Fixed {
    let n = random.random_range(0..INTERACTIONS);
    Fixed {
        user: n * 13 % USERS,
        item: RESTLESS_ITEMS + n.wrapping_mul(2_654_435_761) % (ITEMS - RESTLESS_ITEMS),
        at_s: FIRST_S + n,
    }
}

fn track(random: &mut StdRng) -> Call {
    let Fixed { user, item, at_s } = any_interaction(random);
    let event =
        ["Product Viewed", "Product Added to Wishlist", "Product Shared"][(at_s % 3) as usize];
    let body = json!({
        "userId": format!("u{user}"), "event": event, "messageId": format!("m{at_s}"), "timestamp": at_s,
        "properties": { "sku": format!("i{item}"), "timestamp": at_s },
    });
    Call { name: "track", request: post("/v1/track", &basic(WRITE_KEY), &body.to_string()) }
}

fn interaction_call(random: &mut StdRng) -> (&'static str, Value) {
    let Fixed { user, item, at_s } = any_interaction(random);
    let path =
        ["/detailviews/", "/purchases/", "/bookmarks/", "/cartadditions/"][(at_s % 4) as usize];
    let params = json!({
        "userId": format!("u{user}"), "itemId": format!("i{item}"), "timestamp": at_s, "cascadeCreate": true,
    });
    (path, params)
}

fn add_interaction(random: &mut StdRng) -> Call {
    let (path, params) = interaction_call(random);
    private("add an interaction", "POST", &format!("/shop{path}"), &params)
}

fn filter(n: u64) -> String {
    format!("'price' < {} and 'brand' != \"b{}\" and size('tags') >= 0", 20 + n % 90, n)
}

fn list_body(random: &mut StdRng) -> Value {
    let mut body = json!({ "count": 10, "cascadeCreate": true });
    if random.random() {
        body["filter"] = filter(random.random_range(0..FILTERS)).into();
    }
    if random.random_range(0..4) == 0 {
        let n = random.random_range(0..BOOSTERS);
        body["booster"] = format!("if 'brand' == \"b{}\" then 1.{n} else 1", n % 20).into();
    }
    if random.random_range(0..4) == 0 {
        body["returnProperties"] = true.into();
    }
    body
}

fn recommend(random: &mut StdRng) -> Call {
    let target = format!("/shop/recomms/users/u{}/items/", any_user(random));
    let body = list_body(random);
    if random.random_range(0..4) > 0 {
        return private("recommend", "POST", &target, &body);
    }
    let body = json!({ "count": 10, "scenario": format!("s{}", random.random_range(0..20)) });
    let target = sign(&target, PUBLIC_TOKEN, Signer::Public);
    Call { name: "recommend, public", request: post(&target, "", &body.to_string()) }
}

fn recommend_for_item(random: &mut StdRng) -> Call {
    let target = format!("/shop/recomms/items/i{}/items/", any_item(random));
    let mut body = list_body(random);
    body["targetUserId"] = format!("u{}", any_user(random)).into();
    private("recommend for item", "POST", &target, &body)
}

fn search(random: &mut StdRng) -> Call {
    let target = format!("/shop/search/users/u{}/items/", any_user(random));
    let mut body = list_body(random);
    body["searchQuery"] =
        format!("word{} b{}", random.random_range(0..QUERIES), random.random_range(0..20)).into();
    private("search", "POST", &target, &body)
}

fn item_values(item: u64, choice: u64) -> Value {
    json!({
        "price": choice % 100, "brand": format!("b{}", choice % 20), "tags": [format!("t{}", choice % 30), "all"],
        "title": format!("word{} word{} b{}", item % QUERIES, choice % QUERIES, choice % 20),
        "!cascadeCreate": true,
    })
}

fn values_call(item: u64, choice: u64) -> Value {
    json!({ "method": "POST", "path": format!("/items/i{item}"), "params": item_values(item, choice) })
}

fn set_values(random: &mut StdRng) -> Call {
    let item = any_item(random);
    let values = item_values(item, random.random_range(0..1_000));
    private("set values", "POST", &format!("/shop/items/i{item}"), &values)
}

fn delete_or_add_item(random: &mut StdRng) -> Call {
    let target = format!("/shop/items/i{}", random.random_range(0..RESTLESS_ITEMS));
    if random.random() {
        private("delete an item", "DELETE", &target, &Value::Null)
    } else {
        private("add an item", "PUT", &target, &Value::Null)
    }
}

fn delete_user(random: &mut StdRng) -> Call {
    private("delete a user", "DELETE", &format!("/shop/users/u{}", any_user(random)), &Value::Null)
}

fn batch(random: &mut StdRng) -> Call {
    let calls: Vec<Value> = (0..BATCH_CALLS)
        .map(|n| match n % 3 {
            0 => values_call(any_item(random), random.random_range(0..1_000)),
            1 => {
                let (path, params) = interaction_call(random);
                json!({ "method": "POST", "path": path, "params": params })
            }
            _ => {
                let path = format!("/recomms/users/u{}/items/", any_user(random));
                json!({ "method": "POST", "path": path, "params": list_body(random) })
            }
        })
        .collect();
    private("batch", "POST", "/shop/batch/", &json!({ "requests": calls }))
}

fn read_trait(random: &mut StdRng) -> Call {
    let part = ["traits", "events?limit=20", "external_ids", "metadata"][random.random_range(0..4)];
    let user = any_user(random);
    let path = format!("/v1/spaces/shop/collections/users/profiles/user_id:u{user}/{part}");
    Call { name: "read a profile", request: get(&path, &basic(PROFILE_TOKEN)) }
}

fn list_items(random: &mut StdRng) -> Call {
    let n = random.random_range(0..FILTERS);
    let filter: String = filter(n).bytes().map(|byte| format!("%{byte:02X}")).collect();
    let target = format!(
        "/shop/items/list/?filter={filter}&count=20&returnProperties=true&includedProperties=brand"
    );
    private("list items", "GET", &target, &Value::Null)
}

fn read_values(random: &mut StdRng) -> Call {
    private("read values", "GET", &format!("/shop/items/i{}", any_item(random)), &Value::Null)
}

/// A message that fails the form check.
fn reject(random: &mut StdRng) -> Call {
    let body = json!({ "userId": random.random::<u64>(), "event": format!("E{}", random.random::<u64>()) });
    Call { name: "reject", request: post("/v1/track", &basic(WRITE_KEY), &body.to_string()) }
}

/// Wrong keys, unknown paths and invalid expressions, all different, so that a cache of them would
/// grow.
fn send_invalid_request(random: &mut StdRng) -> Call {
    let n: u64 = random.random();
    let request = match n % 5 {
        0 => post("/v1/track", &basic(&format!("wrong{n}")), r#"{"userId":"u","event":"E"}"#),
        1 => post(&sign("/shop/batch/", "wrong", Signer::Private), "", r#"{"requests":[]}"#),
        2 => get(&format!("/nowhere/{n}"), ""),
        3 => return private("ask wrongly", "GET", &format!("/shop/items/none{n}"), &Value::Null),
        _ => {
            let body = json!({ "count": 5, "filter": format!("'none{n}' <") });
            return private("ask wrongly", "POST", "/shop/recomms/users/u1/items/", &body);
        }
    };
    Call { name: "ask wrongly", request }
}

/// Imports a catalog into another workspace, so that the items of this one stay.
fn import_catalog(random: &mut StdRng) -> Call {
    let choice: u64 = random.random_range(0..10);
    let rows: String =
        (0..100).map(|item| format!("f{item},{},b{}\n", item * choice, item % 7)).collect();
    let headers = format!("content-type: text/csv\r\n{}", bearer(ADMIN_TOKEN));
    let file = format!("item_id,price,brand\n{rows}");
    Call {
        name: "import a catalog",
        request: request("POST", "/api/workspaces/files/catalog", &headers, &file),
    }
}

fn read_metrics(_: &mut StdRng) -> Call {
    Call { name: "read metrics", request: get("/metrics", "") }
}

fn read_kpis(_: &mut StdRng) -> Call {
    Call { name: "read figures", request: get("/api/workspaces/shop/kpis", &bearer(ADMIN_TOKEN)) }
}
