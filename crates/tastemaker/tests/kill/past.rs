//! Retention and replays of a real server are killed again and again: no answer changes, what is
//! old is cut in the end, and every message of a replay is delivered at least once, in the order of
//! each user.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::{Json, Router};
use domain::{Arrival, Envelope, Retention, Timestamp, WorkspaceId, WorkspaceSettings};
use engine::{ConfigChange, DataFolder, EngineOptions, Entry, Expected, ManualClock};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::process::Server;
use super::rounds_and_seed;

const ROUNDS_DEFAULT: u64 = 3;
const USERS: u64 = 20;
const ITEMS: u64 = 10;
/// The old messages of the workspace whose beginning is cut.
const OLD_MESSAGES: u64 = 3_000;
/// The messages that are replayed.
const REPLAYED_MESSAGES: u64 = 1_500;
const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// How long a job may take on a machine that is busy with other tests.
const ENDED_WITHIN: Duration = Duration::from_secs(120);

/// A call of the admin API about the workspace: its status and its answer.
fn call(server: &Server, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = axum::http::Request::builder()
        .method(method)
        .uri(format!("{}/api/workspaces/shop{path}", server.base))
        .header("authorization", "Bearer admin")
        .body(body)
        .unwrap();
    let mut answer = server.agent.run(request).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap())
}

fn read(server: &Server, path: &str) -> Value {
    let (status, answer) = call(server, "GET", path, &Value::Null);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

fn kill(server: &mut Server) {
    let id = server.process.id().to_string();
    assert!(Command::new("kill").args(["-9", &id]).status().unwrap().success());
    server.process.wait().unwrap();
}

fn message(n: u64) -> Value {
    json!({ "type": "track", "messageId": format!("{n:06}"), "userId": format!("u{}", n % USERS),
        "event": "Product Viewed", "properties": { "product_id": format!("i{}", n % ITEMS) } })
}

/// What the workspace answers that does not list messages.
fn answers(server: &Server) -> Value {
    let mut counts = read(server, "")["counts"].clone();
    for name in ["journal_entries", "queued_bytes", "message_ids"] {
        counts.as_object_mut().unwrap().remove(name);
    }
    let people = (0..USERS).map(|user| read(server, &format!("/people/u{user}")));
    let items = (0..ITEMS).map(|item| read(server, &format!("/items/i{item}")));
    json!({ "counts": counts, "people": people.collect::<Vec<_>>(),
        "items": items.collect::<Vec<_>>() })
}

/// Waits until a job has ended well, and returns it.
fn await_done(server: &Server, job: &Value) -> Value {
    let path = format!("/jobs/{}", job["id"].as_str().unwrap());
    let started = Instant::now();
    loop {
        let job = read(server, &path);
        match job["state"].as_str().unwrap() {
            "done" => return job,
            "waiting" | "running" => {}
            _ => panic!("{job}"),
        }
        assert!(started.elapsed() < ENDED_WITHIN, "{job}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A data folder whose messages are 40 days old, in a workspace that keeps 30.
fn fill_old(data: &Path) {
    let now = engine::now();
    let old = Timestamp(now.0 - 40 * DAY_MS);
    let clock = Arc::new(ManualClock::new(old));
    let options = EngineOptions { clock: Arc::clone(&clock) as _, ..EngineOptions::default() };
    let folder = DataFolder::open(data).unwrap();
    let id = WorkspaceId::new("shop").unwrap();
    let engine = folder.open_workspace_with(&id, &options, &|_, _| {}).unwrap();
    let arrival = Arrival { source: "web", received_at: old, peer_ip: None };
    let entry = |n| {
        let text = message(n).to_string();
        let checked = domain::check_message(&text, None, &Envelope::default(), &arrival);
        Entry::Message(Box::new(checked.unwrap()))
    };
    for from in (0..OLD_MESSAGES).step_by(500) {
        engine.submit_blocking((from..from + 500).map(entry).collect()).unwrap();
    }
    let settings =
        WorkspaceSettings { retention: Some(Retention { days: 30 }), ..engine.config().settings() };
    engine.change_config(ConfigChange::put_settings(&settings), Expected::Anything).unwrap();
    // The segment is closed, and the journal hears of the present.
    clock.set(Timestamp(old.0 + 2 * DAY_MS));
    engine.run_retention(&|_| Ok(())).unwrap();
    let n = engine::SAMPLES as i64;
    let at = |sample: i64| Timestamp(now.0 - (n - 1 - sample) * engine::SAMPLE_INTERVAL_MS);
    clock.set(now);
    let entries = (0..n).map(|sample| Entry::Resumed { received_at: at(sample) });
    engine.submit_blocking(entries.collect()).unwrap();
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(done.success());
}

/// Has what is old cut, and says where the journal begins then.
fn cut(server: &Server) -> u64 {
    let (status, job) = call(server, "POST", "/retention", &Value::Null);
    assert_eq!(status, 202, "{job}");
    await_done(server, &job);
    read(server, "/retention")["plan"]["journal"]["start"].as_u64().unwrap()
}

#[test]
fn retention_that_is_killed_changes_no_answer_and_cuts_in_the_end() {
    let (rounds, seed) = rounds_and_seed(ROUNDS_DEFAULT);
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let template = folder.path().join("template");
    fs_err::create_dir(&template).unwrap();
    fill_old(&template.join("data"));
    let settings = "[training]\nenabled = false\n";
    fs_err::write(template.join("data.settings.toml"), settings).unwrap();

    let undisturbed = folder.path().join("undisturbed");
    copy(&template, &undisturbed);
    let server = Server::start(&undisturbed.join("data"));
    let began = Instant::now();
    let start = cut(&server);
    let duration = began.elapsed();
    assert!(start >= OLD_MESSAGES, "the journal begins at {start}");
    let expected = answers(&server);
    drop(server);

    let mut n_before_the_cut = 0;
    for round in 0..rounds {
        let case = folder.path().join(format!("round-{round}"));
        copy(&template, &case);
        let data = case.join("data");
        let mut server = Server::start(&data);
        let (status, job) = call(&server, "POST", "/retention", &Value::Null);
        assert_eq!(status, 202, "{job}");
        let delay = random.random_range(0..duration.as_millis().max(1) as u64);
        std::thread::sleep(Duration::from_millis(delay));
        kill(&mut server);
        let first = data.join("workspaces/shop/journal").join(format!("{:020}.seg", 0));
        n_before_the_cut += u32::from(first.exists());
        if round % 3 == 2 {
            fs_err::remove_dir_all(data.join("workspaces/shop/store")).unwrap();
        }
        let server = Server::start(&data);
        assert_eq!(answers(&server), expected, "round {round}, killed after {delay} ms");
        assert_eq!(cut(&server), start, "round {round}");
        assert_eq!(answers(&server), expected, "round {round}, after the cut");
        drop(server);
        let mut verify = Command::new(env!("CARGO_BIN_EXE_tastemaker"));
        let verified = verify.args(["verify", "--data"]).arg(&data).output().unwrap();
        assert!(verified.status.success(), "round {round}: {verified:?}");
        fs_err::remove_dir_all(&case).unwrap();
    }
    println!("{n_before_the_cut} of {rounds} kills came before the cut");
}

/// The messages that the destination has got, in order.
type Delivered = Arc<Mutex<Vec<String>>>;

async fn receive(State(delivered): State<Delivered>, Json(messages): Json<Vec<Value>>) {
    let ids = messages.iter().map(|message| message["messageId"].as_str().unwrap().to_owned());
    delivered.lock().unwrap().extend(ids);
}

#[test]
fn every_message_of_a_replay_that_is_killed_is_delivered_at_least_once_in_order() {
    let (rounds, seed) = rounds_and_seed(ROUNDS_DEFAULT);
    let mut random = StdRng::seed_from_u64(seed);
    let delivered = Delivered::default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router =
        Router::new().route("/", axum::routing::post(receive)).with_state(Arc::clone(&delivered));
    runtime.spawn(async move { axum::serve(listener, router).await });

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let settings =
        "[destinations]\nallowed_networks = [\"127.0.0.0/8\"]\n[training]\nenabled = false\n";
    fs_err::write(data.with_extension("settings.toml"), settings).unwrap();
    let mut server = Server::start(&data);
    for from in (0..REPLAYED_MESSAGES).step_by(100) {
        let batch: Vec<Value> = (from..from + 100).map(message).collect();
        let body = json!({ "writeKey": "key", "batch": batch }).to_string();
        let answer = server.agent.post(format!("{}/v1/batch", server.base)).send(body).unwrap();
        assert_eq!(answer.status(), 200);
    }
    let hook = json!({ "kind": "webhook", "settings": { "url": url, "batch_size": 10 } });
    let (status, added) = call(&server, "PUT", "/destinations/crm", &hook);
    assert_eq!(status, 200, "{added}");
    let expected = answers(&server);
    // It lasts longer than the rounds.
    let rate = (REPLAYED_MESSAGES / rounds.max(1) * 3).clamp(20, 1_000);
    let replay = json!({ "destination": "crm", "messages_per_second": rate });
    let (status, job) = call(&server, "POST", "/replays", &replay);
    assert_eq!(status, 202, "{job}");
    let mut job = Some(job);
    for round in 0..rounds {
        std::thread::sleep(Duration::from_millis(random.random_range(20..300)));
        kill(&mut server);
        if round % 3 == 2 {
            fs_err::remove_dir_all(data.join("workspaces/shop/store")).unwrap();
        }
        server = Server::start(&data);
        let replay = read(&server, "/replays")["replays"][0].clone();
        job = match replay["state"].as_str().unwrap() {
            "done" => None,
            state => {
                assert_eq!(state, "stopped", "{replay}");
                let path = format!("/replays/{}/continue", replay["id"].as_str().unwrap());
                let (status, job) = call(&server, "POST", &path, &Value::Null);
                assert_eq!(status, 202, "{job}");
                Some(job)
            }
        };
    }
    if let Some(job) = &job {
        let ended = await_done(&server, job);
        assert_eq!(ended["result"]["replayed"], REPLAYED_MESSAGES, "{ended}");
    }
    let started = Instant::now();
    let n_there = || delivered.lock().unwrap().iter().collect::<BTreeSet<_>>().len() as u64;
    while n_there() < REPLAYED_MESSAGES {
        assert!(started.elapsed() < ENDED_WITHIN, "{} were delivered", n_there());
        std::thread::sleep(Duration::from_millis(20));
    }
    let delivered = delivered.lock().unwrap();
    check_order(&delivered);
    let n = delivered.len();
    println!("{n} deliveries of {REPLAYED_MESSAGES} messages over {rounds} kills");
    assert_eq!(answers(&server), expected);
}

/// Each user's messages come first in the order in which they were sent.
fn check_order(delivered: &[String]) {
    let (mut seen, mut last) = (BTreeSet::new(), BTreeMap::new());
    for id in delivered.iter().filter(|id| seen.insert(*id)) {
        let n: u64 = id.parse().unwrap();
        let before = last.insert(n % USERS, n);
        assert!(before.is_none_or(|before| before < n), "{n} came after {before:?}");
    }
}
