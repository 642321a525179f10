//! A real server is killed again and again while it deletes people: each deletion ends with a
//! receipt, no file holds anything of them, and their neighbours stay whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::process::Server;
use super::rounds_and_seed;

const ROUNDS_DEFAULT: u64 = 3;
const PEOPLE_PER_ROUND: u64 = 3;
const NEIGHBOURS: u64 = 5;
const MESSAGES_PER_PERSON: u64 = 20;
/// How long a deletion may take that nobody interrupts.
const DONE_WITHIN: Duration = Duration::from_secs(120);
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

fn person(round: u64, n: u64) -> String {
    format!("person-{round:03}-{n}-to-forget")
}

fn neighbour(n: u64) -> String {
    format!("neighbour-{n}")
}

fn live(server: &Server, user: &str) {
    let messages: Vec<Value> = (0..MESSAGES_PER_PERSON)
        .map(|n| {
            json!({ "type": "track", "messageId": format!("{user}:{n}"), "userId": user,
                "anonymousId": format!("device-of-{user}"), "event": "Product Viewed",
                "properties": { "product_id": format!("i{n}"), "friend_email": user } })
        })
        .collect();
    let body = json!({ "writeKey": "key", "batch": messages }).to_string();
    let answer = server.agent.post(format!("{}/v1/batch", server.base)).send(body).unwrap();
    assert_eq!(answer.status(), 200);
}

fn ask(server: &Server, type_: &str, users: &[String]) -> String {
    let body = json!({ "type": type_, "user_ids": users }).to_string();
    let url = format!("{}/api/workspaces/shop/regulations", server.base);
    let request = server.agent.post(url).header("authorization", "Bearer admin");
    let mut answer = request.header("content-type", "application/json").send(body).unwrap();
    assert_eq!(answer.status(), 202);
    let taken: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    taken["id"].as_str().unwrap().to_owned()
}

/// The receipt of a regulation, once it has ended.
fn receipt(server: &Server, id: &str) -> Value {
    let began = Instant::now();
    loop {
        let url = format!("{}/api/workspaces/shop/regulations/{id}", server.base);
        let request = server.agent.get(url).header("authorization", "Bearer admin");
        let mut answer = request.call().unwrap();
        assert_eq!(answer.status(), 200, "what was answered is there after a kill");
        let text = answer.body_mut().read_to_string().unwrap();
        let shown: Value = serde_json::from_str(&text).unwrap();
        if !shown["receipt"].is_null() {
            return shown;
        }
        assert!(began.elapsed() < DONE_WITHIN, "{shown}");
        std::thread::sleep(LOOK_INTERVAL);
    }
}

fn kill(server: &mut Server) {
    let id = server.process.id().to_string();
    assert!(Command::new("kill").args(["-9", &id]).status().unwrap().success());
    server.process.wait().unwrap();
}

/// Whether a search of every file finds none of the ids, and what it says.
fn scan(data: &Path, users: &[String]) -> (bool, String) {
    let file = data.with_extension("ids");
    let devices = users.iter().map(|user| format!("device-of-{user}"));
    let ids: Vec<String> = users.iter().cloned().chain(devices).collect();
    fs_err::write(&file, ids.join("\n")).unwrap();
    let scan = Command::new(env!("CARGO_BIN_EXE_tastemaker"))
        .args(["privacy", "scan", "--json", "--folder"])
        .arg(data)
        .arg("--ids-file")
        .arg(&file)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (scan.status.success(), format!("{}{}", text(&scan.stdout), text(&scan.stderr)))
}

#[test]
fn a_deletion_that_is_killed_at_any_moment_ends_with_nothing_left() {
    let (rounds, seed) = rounds_and_seed(ROUNDS_DEFAULT);
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs_err::write(data.with_extension("settings.toml"), "[training]\nenabled = false\n").unwrap();
    let all: Vec<String> = (0..=rounds)
        .flat_map(|round| (0..PEOPLE_PER_ROUND).map(move |n| person(round, n)))
        .collect();
    let mut server = Server::start(&data);
    let neighbours: Vec<String> = (0..NEIGHBOURS).map(neighbour).collect();
    all.iter().chain(&neighbours).for_each(|user| live(&server, user));
    let events = |server: &Server| -> BTreeMap<String, Vec<String>> {
        neighbours.iter().map(|user| (user.clone(), server.event_ids(user))).collect()
    };
    let whole = events(&server);
    assert!(whole.values().all(|ids| ids.len() as u64 == MESSAGES_PER_PERSON));

    // How long it takes undisturbed.
    let began = Instant::now();
    let first: Vec<String> = (0..PEOPLE_PER_ROUND).map(|n| person(0, n)).collect();
    let id = ask(&server, "SUPPRESS_WITH_DELETE_INTERNAL", &first);
    assert_eq!(receipt(&server, &id)["status"], "FINISHED");
    let took_ms = began.elapsed().as_millis() as u64;
    let mut n_interrupted = 0;
    for round in 1..=rounds {
        let ids: Vec<String> = (0..PEOPLE_PER_ROUND)
            .map(|n| {
                let kinds = ["SUPPRESS_WITH_DELETE_INTERNAL", "DELETE_INTERNAL", "DELETE_ONLY"];
                ask(&server, kinds[random.random_range(0..kinds.len())], &[person(round, n)])
            })
            .collect();
        for _ in 0..random.random_range(1..=2) {
            std::thread::sleep(Duration::from_millis(random.random_range(0..=took_ms)));
            kill(&mut server);
            let waiting = fs_err::read_dir(data.join("workspaces/shop/privacy")).unwrap().count();
            n_interrupted += u32::from(waiting > 0);
            server = Server::start(&data);
        }
        for id in &ids {
            let shown = receipt(&server, id);
            assert_eq!(shown["status"], "FINISHED", "{shown}");
            let receipt = &shown["receipt"];
            assert_eq!((&receipt["people"], &receipt["ids"]), (&json!(1), &json!(2)), "{shown}");
            assert_eq!(receipt["state"]["profiles"], 1, "{shown}");
            assert_eq!(receipt["scan"]["found"], 0, "{shown}");
        }
        assert_eq!(events(&server), whole, "neighbours stay whole");
    }
    println!("{n_interrupted} kills with a deletion under way, which takes {took_ms} ms");
    kill(&mut server);
    let left = fs_err::read_dir(data.join("workspaces/shop/privacy")).unwrap().count();
    assert_eq!(left, 0, "no file holds ids");
    let (is_clean, report) = scan(&data, &all);
    assert!(is_clean, "{report}");
    assert!(!scan(&data, &neighbours).0, "what is there is found");
}
