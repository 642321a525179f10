//! A real server under load is killed again and again: what it acknowledged is there once, nothing
//! is there twice. The same of deliveries, campaigns, retention, replays and logs of profiles.
//!
//! `TASTEMAKER_KILL_ROUNDS` sets how often (`cargo xtask kill`: 60), `TASTEMAKER_KILL_SEED` repeats
//! a run.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

#[path = "kill/campaign.rs"]
mod campaign;
#[path = "kill/deletion.rs"]
mod deletion;
#[path = "kill/delivery.rs"]
mod delivery;
#[path = "kill/past.rs"]
mod past;
mod process;
#[path = "kill/warehouse.rs"]
mod warehouse;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use process::Server;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

const ROUNDS_DEFAULT: u64 = 8;
const CLIENTS: u64 = 4;
const USERS_PER_ROUND: u64 = 10;

/// Messages of one round: their user by id, those acknowledged, and batches that got no answer.
#[derive(Default)]
struct Sent {
    users: BTreeMap<String, String>,
    acknowledged: BTreeSet<String>,
    unanswered: Vec<Value>,
}

/// How often to kill, and the seed of what is random, which is printed.
fn rounds_and_seed(rounds_default: u64) -> (u64, u64) {
    let number = |name: &str, default| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let rounds = number("TASTEMAKER_KILL_ROUNDS", rounds_default);
    let seed = number("TASTEMAKER_KILL_SEED", u64::from(std::process::id()));
    println!("{rounds} rounds with TASTEMAKER_KILL_SEED={seed}");
    (rounds, seed)
}

#[test]
fn acknowledged_messages_survive_kills_once_each() {
    let (rounds, seed) = rounds_and_seed(ROUNDS_DEFAULT);
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut all: Vec<Sent> = Vec::new();
    let mut server = Server::start(&data);
    for round in 0..rounds {
        let sent = Mutex::new(Sent::default());
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (server, sent, is_over) = (&server, &sent, &is_over);
                scope.spawn(move || send(server, round, client, seed, sent, is_over));
            }
            std::thread::sleep(Duration::from_millis(random.random_range(5..400)));
            // SIGKILL, while requests are under way.
            let id = server.process.id().to_string();
            assert!(
                std::process::Command::new("kill").args(["-9", &id]).status().unwrap().success()
            );
            std::thread::sleep(Duration::from_millis(20));
            is_over.store(true, Ordering::Relaxed);
        });
        server.process.wait().unwrap();
        server = Server::start(&data);
        let mut sent = sent.into_inner().unwrap();
        check(&server, &sent);
        // As SDKs do, clients send again what they got no answer for; it must not count twice.
        for batch in std::mem::take(&mut sent.unanswered) {
            post(&server, &batch).unwrap();
            let ids = batch["batch"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| m["messageId"].as_str().unwrap().to_owned());
            sent.acknowledged.extend(ids);
        }
        check(&server, &sent);
        all.push(sent);
    }
    all.iter().for_each(|sent| check(&server, sent));
    let n: usize = all.iter().map(|sent| sent.acknowledged.len()).sum();
    println!("{n} messages acknowledged over {rounds} kills, each there once");
    assert!(n as u64 > rounds, "hardly anything was acknowledged");
}

fn send(
    server: &Server,
    round: u64,
    client: u64,
    seed: u64,
    sent: &Mutex<Sent>,
    is_over: &AtomicBool,
) {
    let mut random = StdRng::seed_from_u64(seed ^ (round << 8) ^ client);
    let mut n = 0;
    while !is_over.load(Ordering::Relaxed) {
        let messages: Vec<Value> = (0..random.random_range(1..20))
            .map(|_| {
                n += 1;
                json!({
                    "type": "track", "messageId": format!("{round}-{client}-{n}"),
                    "userId": format!("r{round}-u{}", random.random_range(0..USERS_PER_ROUND)),
                    "event": "Product Viewed", "properties": { "sku": format!("i{}", random.random_range(0..50)) },
                })
            })
            .collect();
        let batch = json!({ "writeKey": "key", "batch": messages });
        let answer = post(server, &batch);
        let mut sent = sent.lock().unwrap();
        for message in &messages {
            let text = |key: &str| message[key].as_str().unwrap().to_owned();
            sent.users.insert(text("messageId"), text("userId"));
            if answer.is_some() {
                sent.acknowledged.insert(text("messageId"));
            }
        }
        if answer.is_none() {
            sent.unanswered.push(batch);
        }
    }
}

fn post(server: &Server, batch: &Value) -> Option<()> {
    let answer =
        server.agent.post(format!("{}/v1/batch", server.base)).send(batch.to_string()).ok()?;
    assert_eq!(answer.status(), 200);
    Some(())
}

fn check(server: &Server, sent: &Sent) {
    let users: BTreeSet<&String> = sent.users.values().collect();
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    for user in users {
        for id in server.event_ids(user) {
            assert_eq!(sent.users.get(&id), Some(user), "event {id} is not {user}'s");
            *found.entry(id).or_default() += 1;
        }
    }
    for id in &sent.acknowledged {
        assert_eq!(found.get(id), Some(&1), "message {id} was acknowledged");
    }
    if let Some((id, n)) = found.iter().find(|(_, n)| **n != 1) {
        panic!("message {id} is there {n} times");
    }
}
