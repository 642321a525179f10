//! A legitimate client: tracking calls with the write key, recommendations signed with the private
//! token.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::{ITEMS, Options, USERS};
use crate::http::{Answer, Connection, Signer, basic, post, sign};
use crate::process::{PRIVATE_TOKEN, WRITE_KEY};

/// The outcome of a request with a correct answer.
pub(super) const RIGHT: &str = "200 right";
/// The number of connections that take turns.
const CONNECTIONS: u32 = 16;
/// One of this many requests uses a new connection.
const FRESH_ONE_IN: u32 = 4;
/// The time after which a request is abandoned.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sends requests at a steady rate. Returns the outcome of each, and its latency since it was due.
pub(super) async fn run(
    address: SocketAddr,
    options: &Options,
    until: Instant,
) -> Result<Vec<(String, Duration)>> {
    let gap = Duration::from_secs(1) / options.rate;
    let started = Instant::now();
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|turn| tokio::spawn(take_turns(address, turn, gap, started, until)))
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.extend(task.await?);
    }
    Ok(answers)
}

async fn take_turns(
    address: SocketAddr,
    turn: u32,
    gap: Duration,
    started: Instant,
    until: Instant,
) -> Vec<(String, Duration)> {
    let (mut kept, mut answers) = (None, Vec::new());
    for n in (turn..).step_by(CONNECTIONS as usize) {
        let due = started + gap * n;
        if due >= until {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        let (request, is_right) = make_request(n);
        let outcome = tokio::time::timeout(TIMEOUT, send(address, &mut kept, n, &request)).await;
        let outcome = match outcome {
            Err(_) => {
                kept = None;
                "timeout".to_owned()
            }
            Ok(Err(error)) => error.kind().to_string(),
            Ok(Ok(answer)) if is_right(&answer) => RIGHT.to_owned(),
            Ok(Ok(answer)) => answer.status.to_string(),
        };
        answers.push((outcome, due.elapsed()));
    }
    answers
}

/// Sends on the open connection. Opens a new one where the server has closed it meanwhile, as
/// clients do.
async fn send(
    address: SocketAddr,
    kept: &mut Option<Connection>,
    n: u32,
    request: &[u8],
) -> io::Result<Answer> {
    if n % FRESH_ONE_IN == 1 {
        return Connection::open(address, None).await?.send(request).await;
    }
    if let Some(mut connection) = kept.take()
        && let Ok(answer) = connection.send(request).await
    {
        *kept = Some(connection).filter(|_| !answer.closes);
        return Ok(answer);
    }
    let mut connection = Connection::open(address, None).await?;
    let answer = connection.send(request).await?;
    *kept = Some(connection).filter(|_| !answer.closes);
    Ok(answer)
}

/// The n-th request, with a check for its answer.
fn make_request(n: u32) -> (Vec<u8>, fn(&Answer) -> bool) {
    let user = n as usize * 13 % USERS;
    if n.is_multiple_of(2) {
        let item = n as usize * 7 % ITEMS;
        let body = json!({
            "userId": format!("u{user}"), "event": "Product Viewed", "messageId": format!("honest-{n}"),
            "properties": { "sku": format!("i{item}") },
        });
        (post("/v1/track", &basic(WRITE_KEY), &body.to_string()), |answer| answer.status == 200)
    } else {
        let target = format!("/shop/recomms/users/u{user}/items/");
        let request = post(&sign(&target, PRIVATE_TOKEN, Signer::Private), "", r#"{"count":5}"#);
        (request, |answer| answer.status == 200 && names_items(&answer.body))
    }
}

fn names_items(body: &[u8]) -> bool {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    body["recomms"].as_array().is_some_and(|items| items.len() == 5)
}
