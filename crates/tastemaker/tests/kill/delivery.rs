//! A real server that delivers to three destinations is killed again and again, while one of them
//! fails in every way and one takes a part of each batch: everything that was acknowledged arrives
//! or is a dead letter, in the order of each user, and what was delivered more than a second before
//! a kill is not sent again, also where the store is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Json, Router};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::process::Server;
use super::rounds_and_seed;

const ROUNDS_DEFAULT: u64 = 6;
const USERS: u64 = 8;
/// How old a delivery may be that a kill forgets: a second, and a share of it for a machine that is
/// busy with other tests.
const FORGOTTEN_MAX: Duration = Duration::from_millis(1_500);
/// How long the destinations may take to get what was left at the end.
const DRAIN_MAX: Duration = Duration::from_secs(180);

/// What a destination has answered 200 to: the time and the message id, in order.
type Delivered = Vec<(Instant, String)>;

const DESTINATIONS: [&str; 3] = ["steady", "shaky", "halves"];

struct Receiver {
    /// Whether `shaky` and `halves` fail at random.
    is_shaky: AtomicBool,
    random: Mutex<StdRng>,
    delivered: Mutex<BTreeMap<String, Delivered>>,
    /// What `halves` has refused for good.
    refused: Mutex<BTreeSet<String>>,
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    Path(destination): Path<String>,
    body: Bytes,
) -> (StatusCode, HeaderMap, &'static str) {
    let is_shaky = destination == "shaky" && receiver.is_shaky.load(Ordering::Relaxed);
    let fate = if is_shaky { receiver.random.lock().unwrap().random_range(0..100) } else { 100 };
    match fate {
        0..3 => tokio::time::sleep(Duration::from_secs(15)).await,
        3..20 => return (StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new(), "{"),
        20..30 => {
            let headers =
                HeaderMap::from_iter([("retry-after".parse().unwrap(), "0.2".parse().unwrap())]);
            return (StatusCode::TOO_MANY_REQUESTS, headers, "");
        }
        30..40 => return (StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new(), "<html>"),
        _ => {}
    }
    let messages: Vec<Value> = serde_json::from_slice(&body).unwrap();
    let at = Instant::now();
    let ids =
        messages.iter().map(|message| (at, message["messageId"].as_str().unwrap().to_owned()));
    receiver.delivered.lock().unwrap().entry(destination).or_default().extend(ids);
    (StatusCode::OK, HeaderMap::new(), "\u{fffd} not JSON")
}

/// CleverTap's form: a part of the records is taken, some of the others will never be.
async fn receive_half(State(receiver): State<Arc<Receiver>>, body: Bytes) -> Json<Value> {
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    let records = body["d"].as_array_mut().unwrap();
    let (mut taken, mut unprocessed) = (Vec::new(), Vec::new());
    for record in records.drain(..) {
        let id = record["evtData"]["id"].as_str().unwrap().to_owned();
        let fate = match receiver.is_shaky.load(Ordering::Relaxed) {
            true => receiver.random.lock().unwrap().random_range(0..100),
            false => 100,
        };
        match fate {
            0 => {
                receiver.refused.lock().unwrap().insert(id);
                unprocessed.push(json!({ "code": 513, "error": "no", "record": record }));
            }
            1..30 => unprocessed.push(json!({ "code": 555, "error": "later", "record": record })),
            _ => taken.push((Instant::now(), id)),
        }
    }
    let processed = taken.len();
    receiver.delivered.lock().unwrap().entry("halves".to_owned()).or_default().extend(taken);
    Json(json!({ "status": "partial", "processed": processed, "unprocessed": unprocessed }))
}

fn start_receiver(runtime: &tokio::runtime::Runtime, receiver: &Arc<Receiver>) -> SocketAddr {
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/{destination}", axum::routing::post(receive))
        .route("/halves/1/upload", axum::routing::post(receive_half))
        .with_state(Arc::clone(receiver));
    runtime.spawn(async move { axum::serve(listener, router).await });
    address
}

fn call(server: &Server, method: &str, path: &str, body: &str) -> Value {
    let url = format!("{}/api/workspaces/shop/destinations/{path}", server.base);
    let request = axum::http::Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", "Bearer admin")
        .body(body.to_owned())
        .unwrap();
    let mut answer = server.agent.run(request).unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

fn add_destination(server: &Server, name: &str, receiver: SocketAddr) {
    let url = format!("http://{receiver}/{name}");
    let destination = match name {
        "halves" => json!({ "kind": "clevertap", "mappings": null, "settings": {
            "account_id": "a", "passcode": "p", "host": url, "batch_size": 4 } }),
        _ => json!({ "kind": "webhook", "mappings": null, "settings": {
            "url": url, "batch_size": 10 } }),
    };
    call(server, "PUT", name, &destination.to_string());
}

/// Sends messages, each user's numbered, until the server is killed. Those acknowledged.
fn send(server: &Server, round: u64, until: Instant, random: &mut StdRng) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let mut n = 0;
    while Instant::now() < until {
        let messages: Vec<Value> = (0..random.random_range(1..15))
            .map(|_| {
                n += 1;
                let user = random.random_range(0..USERS);
                json!({ "type": "track", "messageId": format!("{round:03}-{user}-{n:05}"),
                    "userId": format!("r{round}-u{user}"), "event": "Looked",
                    "properties": { "id": format!("{round:03}-{user}-{n:05}") } })
            })
            .collect();
        let body = json!({ "writeKey": "key", "batch": messages }).to_string();
        let answer = server.agent.post(format!("{}/v1/batch", server.base)).send(body);
        if answer.is_ok_and(|answer| answer.status() == 200) {
            let ids =
                messages.iter().map(|message| message["messageId"].as_str().unwrap().to_owned());
            acknowledged.extend(ids);
        }
    }
    acknowledged
}

#[test]
fn what_is_acknowledged_is_delivered_whatever_is_killed() {
    let (rounds, seed) = rounds_and_seed(ROUNDS_DEFAULT);
    let mut random = StdRng::seed_from_u64(seed);
    let receiver = Arc::new(Receiver {
        is_shaky: AtomicBool::new(true),
        random: Mutex::new(StdRng::seed_from_u64(!seed)),
        delivered: Mutex::default(),
        refused: Mutex::default(),
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let address = start_receiver(&runtime, &receiver);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let settings =
        "[destinations]\nallowed_networks = [\"127.0.0.0/8\"]\n[training]\nenabled = false\n";
    fs_err::write(data.with_extension("settings.toml"), settings).unwrap();

    let mut server = Server::start(&data);
    for name in DESTINATIONS {
        add_destination(&server, name, address);
    }
    let (mut acknowledged, mut kills) = (BTreeSet::new(), Vec::new());
    for round in 0..rounds {
        let until = Instant::now() + Duration::from_millis(random.random_range(100..900));
        acknowledged.extend(send(&server, round, until, &mut random));
        let id = server.process.id().to_string();
        kills.push(Instant::now());
        assert!(std::process::Command::new("kill").args(["-9", &id]).status().unwrap().success());
        server.process.wait().unwrap();
        if round % 5 == 4 {
            fs_err::remove_dir_all(data.join("workspaces/shop/store")).unwrap();
        }
        server = Server::start(&data);
    }
    receiver.is_shaky.store(false, Ordering::Relaxed);
    let started = Instant::now();
    for name in DESTINATIONS {
        loop {
            let missing = {
                let delivered = receiver.delivered.lock().unwrap();
                let there: BTreeSet<&String> =
                    delivered.get(name).into_iter().flatten().map(|(_, id)| id).collect();
                let refused = receiver.refused.lock().unwrap();
                let is_dead = |id: &String| name == "halves" && refused.contains(id);
                acknowledged.iter().filter(|id| !there.contains(id) && !is_dead(id)).count()
            };
            if missing == 0 {
                break;
            }
            assert!(started.elapsed() < DRAIN_MAX, "{missing} messages are missing at {name}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let dead = call(&server, "GET", "halves/delivery", "")["dead_letters"].as_u64().unwrap();
    let delivered = receiver.delivered.lock().unwrap();
    let there: BTreeSet<&String> = delivered["halves"].iter().map(|(_, id)| id).collect();
    let refused = receiver.refused.lock().unwrap();
    let n_refused = refused.iter().filter(|id| !there.contains(id)).count();
    assert!(dead >= n_refused as u64, "{dead} dead letters for {n_refused} refused messages");
    println!("halves: {dead} dead letters for {n_refused} refused messages");
    for (name, delivered) in &*delivered {
        check_order(name, delivered, &refused);
        let n_repeats = check_repeats(name, delivered, &kills);
        let n = delivered.len();
        println!("{name}: {n} deliveries of {} messages, {n_repeats} repeats", acknowledged.len());
    }
}

/// Each user's messages come first in the order in which they were sent. One that was refused may
/// be taken later: a kill made the server forget the answer, and what came behind it is sent again
/// too.
fn check_order(name: &str, delivered: &Delivered, refused: &BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    for (_, id) in delivered {
        if seen.insert(id) && !refused.contains(id) {
            let (user, n) = id.rsplit_once('-').unwrap();
            let before = last.insert(user, n);
            assert!(before.is_none_or(|before| before < n), "{name}: {id} came after {before:?}");
        }
    }
}

/// What is sent again was delivered shortly before a kill.
fn check_repeats(name: &str, delivered: &Delivered, kills: &[Instant]) -> usize {
    let mut last: BTreeMap<&str, Instant> = BTreeMap::new();
    let mut n_repeats = 0;
    for (at, id) in delivered {
        if let Some(before) = last.insert(id, *at) {
            n_repeats += 1;
            let is_excused = |kill: &Instant| {
                let age = kill.checked_duration_since(before);
                // A delivery that was answered while the process died counts as before.
                *kill <= *at
                    && age.is_none_or(|age| age <= FORGOTTEN_MAX)
                    && before <= *kill + Duration::from_millis(200)
            };
            assert!(kills.iter().any(is_excused), "{name}: {id} was sent again for no reason");
        }
    }
    n_repeats
}
