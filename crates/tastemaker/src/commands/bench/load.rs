//! Requests over HTTP from a client that costs little, since it shares the cores with what is
//! measured.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::p50_and_p99;

/// The result of a load.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(super) struct Load {
    pub(super) requests_per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// The share of the cores' time that the host of a virtual machine took meanwhile; none if it
    /// is unknown.
    pub(super) stolen_share: Option<f64>,
}

/// The n-th request of a load, head and body.
pub(super) type Requests = Arc<dyn Fn(u64) -> String + Send + Sync>;

/// A request for what is at a path.
pub(super) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\n{AUTHORIZATION}\r\n")
}

/// A request that sends JSON to a path.
pub(super) fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// Picks a number below `n_choices` for the request `n`, so that requests in a row differ.
pub(super) fn pick(n: u64, n_choices: u32) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % u64::from(n_choices)
}

/// Requests from several connections for a while: as many as get through, or `rate` a second in
/// all, each sent at its time whether or not earlier ones were answered late, with its latency
/// counted from that time.
pub(super) async fn run(
    address: SocketAddr,
    connections: u32,
    rate: Option<f64>,
    seconds: u64,
    requests: Requests,
) -> Result<Load> {
    let before = cpu_times();
    let started = Instant::now();
    let until = started + Duration::from_secs(seconds);
    let gap = rate.map(|rate| Duration::from_secs_f64(f64::from(connections) / rate));
    let tasks: Vec<_> = (0..connections)
        .map(|n| {
            let turn = (u64::from(n), connections);
            tokio::spawn(connection(address, turn, gap, started, until, Arc::clone(&requests)))
        })
        .collect();
    let mut latencies_ms = Vec::new();
    for task in tasks {
        latencies_ms.extend(task.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    let requests_per_s = latencies_ms.len() as f64 / seconds;
    let (p50_ms, p99_ms) = p50_and_p99(latencies_ms)?;
    let stolen_share =
        before.zip(cpu_times()).map(|((stolen_before, all_before), (stolen, all))| {
            stolen.saturating_sub(stolen_before) as f64
                / all.saturating_sub(all_before).max(1) as f64
        });
    Ok(Load { requests_per_s, p50_ms, p99_ms, stolen_share })
}

/// The ticks of all cores that the host took, and all of them (`proc_stat(5)`: the eighth is
/// "steal").
fn cpu_times() -> Option<(u64, u64)> {
    let text = fs_err::read_to_string("/proc/stat").ok()?;
    let times =
        text.lines().next()?.split_whitespace().skip(1).map(|time| time.parse::<u64>().ok());
    let times: Vec<u64> = times.collect::<Option<_>>()?;
    Some((*times.get(7)?, times.iter().take(8).sum()))
}

async fn connection(
    address: SocketAddr,
    (first, connections): (u64, u32),
    gap: Option<Duration>,
    started: Instant,
    until: Instant,
    requests: Requests,
) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies_ms, mut answer) = (Vec::new(), Vec::new());
    // Connections take turns.
    let mut next = started + gap.unwrap_or_default().mul_f64(first as f64 / f64::from(connections));
    let mut n = first << 32;
    loop {
        let sent = match gap {
            Some(gap) => {
                let sent = next;
                next += gap;
                tokio::time::sleep_until(sent.into()).await;
                sent
            }
            None => Instant::now(),
        };
        if sent >= until {
            return Ok(latencies_ms);
        }
        let request = requests(n);
        n += 1;
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream, &mut answer).await?;
        latencies_ms.push(sent.elapsed().as_secs_f64() * 1_000.0);
    }
}

/// Sends requests one after the other over one connection: the time to the first byte of each
/// answer, in milliseconds.
pub(super) async fn time_first_bytes(
    address: SocketAddr,
    n: u64,
    requests: &(dyn Fn(u64) -> String + Send + Sync),
) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut latencies_ms, mut answer) = (Vec::new(), Vec::new());
    for n in 0..n {
        let request = requests(n);
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let first = read_answer(&mut stream, &mut answer).await?;
        latencies_ms.push((first - sent).as_secs_f64() * 1_000.0);
    }
    Ok(latencies_ms)
}

/// The admin token of the benchmark's own server.
pub(super) const ADMIN_TOKEN: &str = "bench";
const AUTHORIZATION: &str = "authorization: Bearer bench\r\n";

/// Reads one answer whole: the head, then as many bytes as it says. The time of its first byte.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<Instant> {
    answer.clear();
    let mut room = [0; 16_384];
    let (mut end, mut first) = (None, None);
    while end.is_none_or(|end| answer.len() < end) {
        let n = stream.read(&mut room).await?;
        ensure!(n > 0, "the server closed the connection");
        first.get_or_insert_with(Instant::now);
        answer.extend_from_slice(&room[..n]);
        if end.is_none()
            && let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n")
        {
            let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
            // A search that finds one alone redirects to it.
            ensure!(
                ["200", "303"].iter().any(|status| text.starts_with(&format!("http/1.1 {status}"))),
                "the server answered {}",
                String::from_utf8_lossy(answer)
            );
            let length =
                text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            end = Some(
                head + 4 + length.and_then(|length| length.trim().parse().ok()).unwrap_or(0usize),
            );
        }
    }
    first.context("the answer is empty")
}
