//! Hostile connections beside an honest client.

mod honest;
mod hostile;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::http::{Connection, Signer, bearer, post, request, sign};
use crate::process::{ADMIN_TOKEN, Launch, PRIVATE_TOKEN};
use hostile::KindCounts;

/// The latency within which an honest answer is in time.
const IN_TIME: Duration = Duration::from_millis(100);
/// The least share of honest requests with a correct answer in time.
const SHARE_IN_TIME_MIN: f64 = 0.99;
/// The world: users, items, and the text of each item, in bytes, so that lists with properties are
/// large.
const USERS: usize = 200;
const ITEMS: usize = 1_000;
const ITEM_TEXT_BYTES: usize = 500;

/// Parameters of a siege.
#[derive(Debug, Clone)]
pub struct Options {
    /// The duration, in seconds.
    pub seconds: u64,
    /// The number of concurrent hostile connections of all kinds.
    pub connections: usize,
    /// The honest client's requests per second.
    pub rate: u32,
    /// Whether hostile connections come from the honest client's address, and not from others.
    pub same_address: bool,
    /// The seed of all random choices.
    pub seed: u64,
}

/// The results of a siege.
#[derive(Debug)]
pub struct Report {
    /// The number of honest requests.
    pub requests: usize,
    /// Honest requests by outcome: `200 right`, another status, `timeout`, or the error of the
    /// connection.
    pub outcomes: BTreeMap<String, usize>,
    /// Honest requests with a correct answer.
    pub right: usize,
    /// Honest requests with a correct answer within 100 ms.
    pub in_time: usize,
    /// Latencies of correct answers, from the due time of the request to the complete answer,
    /// ascending.
    pub latencies: Vec<Duration>,
    /// The time from SIGTERM to the end of the server, with the hostile connections still open.
    pub ended_within: Duration,
    /// Memory of the server before the siege and at its end, in bytes.
    resident_bytes: (u64, u64),
    kinds: Vec<(&'static str, KindCounts)>,
}

impl Report {
    /// Whether 99 % of the honest requests got a correct answer within 100 ms.
    pub fn passes(&self) -> bool {
        self.in_time as f64 >= SHARE_IN_TIME_MIN * self.requests as f64
    }

    /// A quantile of the latencies; `share` is from 0 to 1.
    pub fn quantile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share).ceil() as usize).copied().unwrap_or_default()
    }
}

/// Starts a server and besieges it.
///
/// # Errors
///
/// When the server cannot be started or set up, or ends before it is asked to, or too late.
pub async fn run(launch: &Launch, options: &Options) -> Result<Report> {
    let server = launch.start().await?;
    fill(&server).await.context("the world cannot be set up")?;
    let before = server.resident_bytes()?;
    let until = Instant::now() + Duration::from_secs(options.seconds);
    let (kinds, besiegers) = hostile::start(server.address, options, until);
    let answers = honest::run(server.address, options, until).await?;
    let after = server.resident_bytes().context("the server did not survive")?;
    ensure!(
        server.is_ready().await,
        "the server is not ready after the siege\n{}",
        server.end_of_log()
    );
    // Now, since from here on every connection is refused.
    let kinds = kinds.iter().map(|(kind, tally)| (*kind, tally.read())).collect();
    let ended_within = server.stop().await?;
    besiegers.iter().for_each(tokio::task::JoinHandle::abort);

    let mut outcomes = BTreeMap::new();
    let mut latencies = Vec::new();
    for (outcome, latency) in &answers {
        *outcomes.entry(outcome.clone()).or_default() += 1;
        if outcome == honest::RIGHT {
            latencies.push(*latency);
        }
    }
    latencies.sort_unstable();
    let in_time = latencies.iter().filter(|latency| **latency <= IN_TIME).count();
    let resident_bytes = (before, after);
    let (requests, right) = (answers.len(), latencies.len());
    Ok(Report {
        requests,
        outcomes,
        right,
        in_time,
        latencies,
        ended_within,
        resident_bytes,
        kinds,
    })
}

/// Puts items with texts and some views into the workspace.
async fn fill(server: &crate::process::Server) -> Result<()> {
    let mut connection = Connection::open(server.address, None).await?;
    let text = "x".repeat(ITEM_TEXT_BYTES);
    let rows: String = (0..ITEMS).map(|n| format!("i{n},{},{text}\n", n % 100)).collect();
    let headers = format!("content-type: text/csv\r\n{}", bearer(ADMIN_TOKEN));
    let file = format!("item_id,price,description\n{rows}");
    let import = request("POST", "/api/workspaces/shop/catalog", &headers, &file);
    let answer = connection.send(&import).await?;
    ensure!(answer.status == 200, "the catalog: {}", String::from_utf8_lossy(&answer.body));
    let views = (0..USERS * 10).map(|n| {
        let (user, item) = (n % USERS, n * 7 % ITEMS);
        let params = json!({
            "userId": format!("u{user}"), "itemId": format!("i{item}"), "timestamp": 1_600_000_000 + n,
            "cascadeCreate": true,
        });
        json!({ "method": "POST", "path": "/detailviews/", "params": params })
    });
    let body = json!({ "requests": views.collect::<Vec<_>>() }).to_string();
    let batch = post(&sign("/shop/batch/", PRIVATE_TOKEN, Signer::Private), "", &body);
    let answer = connection.send(&batch).await?;
    ensure!(answer.status == 200, "the views: {}", String::from_utf8_lossy(&answer.body));
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<16} {:>11} {:>9} {:>9}  answers",
            "hostile", "connections", "refused", "closed"
        )?;
        for (kind, KindCounts { connections, refused, closed, answers }) in &self.kinds {
            writeln!(f, "{kind:<16} {connections:>11} {refused:>9} {closed:>9}  {answers}")?;
        }
        let outcomes: Vec<String> =
            self.outcomes.iter().map(|(outcome, n)| format!("{outcome}: {n}")).collect();
        let ms = |share| self.quantile(share).as_secs_f64() * 1_000.0;
        let mib = |bytes: u64| bytes / (1_024 * 1_024);
        writeln!(f, "honest: {} requests ({})", self.requests, outcomes.join(", "))?;
        writeln!(
            f,
            "right answers: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            ms(0.5),
            ms(0.99),
            ms(1.0)
        )?;
        let share = 100.0 * self.in_time as f64 / self.requests.max(1) as f64;
        writeln!(f, "right within {} ms: {share:.2} %", IN_TIME.as_millis())?;
        let (before, after) = self.resident_bytes;
        writeln!(
            f,
            "memory of the server: {} MiB before, {} MiB at the end",
            mib(before),
            mib(after)
        )?;
        write!(f, "ended {:.1} s after SIGTERM", self.ended_within.as_secs_f64())
    }
}
