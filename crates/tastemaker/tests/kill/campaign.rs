//! A real server that sends campaigns is killed again and again: over a channel that goes once at
//! most nobody gets two, over one that goes once at least nobody is left out, and what the report
//! counts agrees with what the receivers have noted themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::process::Server;
use super::rounds_and_seed;

const ROUNDS_DEFAULT: u64 = 5;
/// People for each round: a hundred kills have ten thousand.
const PEOPLE_PER_ROUND: u64 = 100;
/// How long a server lives, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 100..600;
/// Messages of a channel in a second, so that there is something to send in every round.
const RATE: u64 = PEOPLE_PER_ROUND * 1_000 / 350;
/// Every so many people the receivers refuse.
const REFUSED_EVERY: u64 = 40;
/// How long what was left may take at the end.
const DRAIN_MAX: Duration = Duration::from_secs(300);

/// The channels, each with a campaign of its name: whether it goes once at most.
const CHANNELS: [(&str, bool); 3] = [("hook", false), ("hook_once", true), ("mail", true)];

/// What a receiver has noted, in order.
#[derive(Default)]
struct Log {
    taken: Vec<String>,
    refused: Vec<String>,
}

/// What was received, by channel; of `told` the names of events with the ids of their messages.
#[derive(Default)]
struct Receiver {
    logs: Mutex<BTreeMap<String, Log>>,
    told: Mutex<BTreeSet<(String, String, String)>>,
}

impl Receiver {
    /// Notes a message to a person, and says whether it is taken.
    fn take(&self, channel: &str, user: &str) -> bool {
        let n: u64 = user.trim_start_matches('u').parse().unwrap();
        let is_taken = !n.is_multiple_of(REFUSED_EVERY);
        let mut logs = self.logs.lock().unwrap();
        let log = logs.entry(channel.to_owned()).or_default();
        let noted = if is_taken { &mut log.taken } else { &mut log.refused };
        noted.push(user.to_owned());
        is_taken
    }
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    Path(channel): Path<String>,
    body: Bytes,
) -> StatusCode {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if channel == "told" {
        let of = text(&message["properties"]["campaign"]);
        let told = (of, text(&message["event"]), text(&message["messageId"]));
        receiver.told.lock().unwrap().insert(told);
        return StatusCode::OK;
    }
    // A webhook without mappings gets what is told of the other channels' messages too.
    if message["event"] != "Campaign Message" {
        return StatusCode::OK;
    }
    match receiver.take(&channel, &text(&message["userId"])) {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// One connection of a mail server.
async fn take_mails(stream: TcpStream, receiver: Arc<Receiver>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 sink\r\n").await?;
    let mut user = String::new();
    while let Some(line) = lines.next_line().await? {
        let command = line.to_ascii_uppercase();
        let answer = if command.starts_with("DATA") {
            write.write_all(b"354 go on\r\n").await?;
            while lines.next_line().await?.as_deref().is_some_and(|line| line != ".") {}
            match receiver.take("mail", &user) {
                true => "250 taken",
                false => "554 5.7.1 refused",
            }
        } else if let Some(to) = line.strip_prefix("RCPT TO:<") {
            user = to.split('@').next().unwrap_or_default().to_owned();
            "250 known"
        } else if command.starts_with("QUIT") {
            write.write_all(b"221 bye\r\n").await?;
            break;
        } else {
            "250 done"
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// Starts the receivers of webhooks and of mails.
fn start_receivers(
    runtime: &tokio::runtime::Runtime,
    receiver: &Arc<Receiver>,
) -> (SocketAddr, SocketAddr) {
    let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (hooks, mails) = (bind(), bind());
    let addresses = (hooks.local_addr().unwrap(), mails.local_addr().unwrap());
    let router = axum::Router::new()
        .route("/{channel}", axum::routing::post(receive))
        .with_state(Arc::clone(receiver));
    runtime.spawn(async move { axum::serve(hooks, router).await });
    let receiver = Arc::clone(receiver);
    runtime.spawn(async move {
        while let Ok((stream, _)) = mails.accept().await {
            tokio::spawn(take_mails(stream, Arc::clone(&receiver)));
        }
    });
    addresses
}

fn admin(server: &Server, method: &str, path: &str, body: &Value) -> Value {
    let url = format!("{}/api/workspaces/shop/{path}", server.base);
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", "Bearer admin")
        .body(if body.is_null() { String::new() } else { body.to_string() })
        .unwrap();
    let mut answer = server.agent.run(request).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert!(answer.status().is_success(), "{method} {path}: {} {text}", answer.status());
    serde_json::from_str(&text).unwrap_or_default()
}

fn add_people(server: &Server, n_people: u64) {
    let people: Vec<Value> = (0..n_people)
        .map(|n| {
            json!({ "type": "identify", "userId": format!("u{n}"),
                "traits": { "email": format!("u{n}@shop.example") } })
        })
        .collect();
    for batch in people.chunks(500) {
        let body = json!({ "writeKey": "key", "batch": batch }).to_string();
        let answer = server.agent.post(format!("{}/v1/batch", server.base)).send(body);
        assert_eq!(answer.unwrap().status(), 200);
    }
}

/// Adds the channels, one destination that is told what becomes of messages, and the campaigns.
fn begin(server: &Server, hooks: SocketAddr, mails: SocketAddr) {
    let told = json!({ "kind": "webhook", "settings": { "url": format!("http://{hooks}/told") },
        "rules": { "sources": ["campaign"] } });
    admin(server, "PUT", "destinations/told", &told);
    for (channel, is_once) in CHANNELS {
        let mut delivery = json!({ "requests_per_second": RATE });
        let (kind, settings, mappings) = match channel {
            "mail" => {
                let field = |name: &str| json!({ "@path": format!("$.properties.{name}") });
                let fields = json!({ "to": field("to"), "subject": field("subject"),
                    "text": field("subject") });
                let settings = json!({ "host": "127.0.0.1", "port": mails.port(),
                    "security": "none", "from": "news@shop.example" });
                let mapping = json!({ "name": "Campaigns", "action": "send_email",
                    "trigger": "event = \"Campaign Message\"", "fields": fields });
                ("email", settings, json!([mapping]))
            }
            _ => {
                let once = if is_once { "once_at_most" } else { "once_at_least" };
                delivery["after_crash"] = once.into();
                let settings = json!({ "url": format!("http://{hooks}/{channel}") });
                ("webhook", settings, Value::Null)
            }
        };
        let destination = json!({ "kind": kind, "settings": settings, "mappings": mappings,
            "delivery": delivery, "rules": { "sources": ["campaign"] } });
        admin(server, "PUT", &format!("destinations/{channel}"), &destination);
        let campaign = json!({ "status": "running", "channel": channel,
            "start": { "type": "at", "at": "2026-01-01T00:00:00Z" },
            "content": { "to": "{{ profile.traits.email }}", "subject": "Hello" } });
        admin(server, "PUT", &format!("campaigns/{channel}"), &campaign);
    }
}

/// The numbers of a report: given to the channel, taken, refused, unknown.
fn counts(server: &Server, campaign: &str) -> [u64; 4] {
    let report = admin(server, "GET", &format!("campaigns/{campaign}"), &Value::Null);
    let results = &report["results"];
    let number = |name: &str| results[name].as_u64().unwrap();
    let failed = results["failed"].as_object().unwrap().values();
    let failed = failed.map(|n| n.as_u64().unwrap()).sum();
    [number("sent"), number("handed_over"), failed, number("unknown")]
}

#[test]
fn nobody_gets_two_messages_and_nobody_is_left_out_as_the_channel_says() {
    let (rounds, seed) = rounds_and_seed(ROUNDS_DEFAULT);
    let mut random = StdRng::seed_from_u64(seed);
    let n_people = rounds * PEOPLE_PER_ROUND;
    let receiver = Arc::new(Receiver::default());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (hooks, mails) = start_receivers(&runtime, &receiver);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let settings =
        "[destinations]\nallowed_networks = [\"127.0.0.0/8\"]\n[training]\nenabled = false\n";
    fs_err::write(data.with_extension("settings.toml"), settings).unwrap();

    let mut server = Server::start(&data);
    add_people(&server, n_people);
    begin(&server, hooks, mails);
    for round in 0..rounds {
        std::thread::sleep(Duration::from_millis(random.random_range(LIFE_MS)));
        let id = server.process.id().to_string();
        assert!(std::process::Command::new("kill").args(["-9", &id]).status().unwrap().success());
        server.process.wait().unwrap();
        if round % 5 == 4 {
            fs_err::remove_dir_all(data.join("workspaces/shop/store")).unwrap();
        }
        server = Server::start(&data);
    }
    let started = Instant::now();
    for (channel, is_once) in CHANNELS {
        let counted = loop {
            let counted @ [sent, taken, failed, unknown] = counts(&server, channel);
            if sent == n_people && taken + failed + unknown == n_people {
                break counted;
            }
            assert!(started.elapsed() < DRAIN_MAX, "{channel}: {counted:?} of {n_people}");
            std::thread::sleep(Duration::from_millis(50));
        };
        check(&receiver, channel, is_once, n_people, counted);
    }
    // What everything else is told is told once for each message, and late.
    let expected: u64 = CHANNELS.iter().map(|(channel, _)| counts(&server, channel)[1]).sum();
    let n_told = || {
        let told = receiver.told.lock().unwrap();
        told.iter().filter(|(_, event, _)| event == "Notification Sent").count() as u64
    };
    while n_told() < expected {
        assert!(started.elapsed() < DRAIN_MAX, "{} of {expected} are told", n_told());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(n_told(), expected);
}

fn check(
    receiver: &Receiver,
    channel: &str,
    is_once: bool,
    n_people: u64,
    [_, taken, failed, unknown]: [u64; 4],
) {
    let mut logs = receiver.logs.lock().unwrap();
    let log = logs.remove(channel).unwrap_or_default();
    let distinct = |users: &[String]| users.iter().collect::<BTreeSet<_>>().len() as u64;
    let (n_taken, n_refused) = (distinct(&log.taken), distinct(&log.refused));
    println!(
        "{channel}: {} messages to {n_taken} people and {n_refused} who refuse; the report has \
         {taken} taken, {failed} failed, {unknown} unknown",
        log.taken.len() + log.refused.len()
    );
    match is_once {
        true => {
            assert_eq!(log.taken.len() as u64, n_taken, "{channel}: somebody got two");
            assert_eq!(log.refused.len() as u64, n_refused, "{channel}: somebody was asked twice");
            assert!(taken <= n_taken && failed <= n_refused, "{channel}: more than there were");
            let undecided = (n_taken - taken) + (n_refused - failed);
            assert!(undecided <= unknown, "{channel}: {undecided} are not known to be unknown");
        }
        false => {
            assert_eq!(n_taken + n_refused, n_people, "{channel}: somebody is left out");
            assert_eq!((taken, failed, unknown), (n_taken, n_refused, 0), "{channel}");
        }
    }
}
