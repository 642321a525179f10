//! `tastemaker bench ingest`. Clients and server share this machine's cores, so only the ratio of
//! the two measurements is meaningful.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use domain::{Source, WorkspaceConfig, WorkspaceId};
use engine::DataFolder;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::{p50_and_p99, serve};
use crate::opener::open_workspace;
use crate::service::Service;
use crate::settings::Settings;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The number of connections
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=256))]
    pub(super) connections: u64,
    /// The number of messages in a batch
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(super) batch: u64,
    /// The length of each measurement in seconds
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(super) seconds: u64,
    /// The number of rounds, each of which measures both
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(super) rounds: u64,
    /// Print JSON, for scripts
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) const WRITE_KEY: &str = "bench-write-key";
/// Users and items that the messages are about.
const USERS: u64 = 20_000;
const ITEMS: u64 = 5_000;

/// One measurement.
pub(super) struct Measurement {
    pub(super) messages_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("tastemaker-bench-").tempdir()?;
    prepare(folder.path())?;
    let mut settings = Settings::default();
    settings.training.enabled = false;
    let service = Service::open(folder.path(), None, &settings)?;
    let runtime = Runtime::new()?;
    let (real, discarding) = runtime.block_on(async {
        let real = serve(server::router(Arc::clone(&service.app))).await?;
        let discarding = serve(server::discarding_router(Arc::clone(&service.app))).await?;
        anyhow::Ok((real, discarding))
    })?;
    let next_message = Arc::new(AtomicU64::new(0));
    let (mut of_real, mut of_discarding) = (Vec::new(), Vec::new());
    let bar = terminal::bar("measuring", "rounds", args.rounds, args.json);
    for _ in 0..args.rounds {
        of_discarding.push(runtime.block_on(measure(args, discarding, &next_message))?);
        of_real.push(runtime.block_on(measure(args, real, &next_message))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let counts = service.engines()[0].counts();
    runtime.shutdown_background();
    service.close();
    report(args, &of_real, &of_discarding, counts.journal_entries)
}

fn report(
    args: &Args,
    real: &[Measurement],
    discarding: &[Measurement],
    n_entries: u64,
) -> Result<()> {
    let mut ratios: Vec<f64> = real
        .iter()
        .zip(discarding)
        .map(|(real, other)| real.messages_per_s / other.messages_per_s)
        .collect();
    let ratio = median(&mut ratios);
    let of = |all: &[Measurement], figure: fn(&Measurement) -> f64| {
        median(&mut all.iter().map(figure).collect::<Vec<_>>())
    };
    let figures =
        |all| (of(all, |m| m.messages_per_s), of(all, |m| m.p50_ms), of(all, |m| m.p99_ms));
    let (real, discarding) = (figures(real), figures(discarding));
    if args.json {
        let of = |(rate, p50, p99): (f64, f64, f64)| json!({ "messages_per_s": rate, "p50_ms": p50, "p99_ms": p99 });
        println!(
            "{}",
            json!({ "acknowledged": of(real), "parsed_and_discarded": of(discarding), "ratio": ratio })
        );
        return Ok(());
    }
    let row = |name: &str, (rate, p50, p99): (f64, f64, f64)| {
        vec![
            name.to_owned(),
            terminal::grouped(rate as u64),
            format!("{p50:.1}"),
            format!("{p99:.1}"),
        ]
    };
    let rows =
        [row("acknowledged: durable and applied", real), row("parsed and discarded", discarding)];
    println!("{}", terminal::table(&["batches", "messages/s", "p50 ms", "p99 ms"], &rows));
    println!(
        "ratio {:.0} %, medians of {} rounds of {} s, {} connections, batches of {}; {} entries in the journal",
        100.0 * ratio,
        args.rounds,
        args.seconds,
        args.connections,
        args.batch,
        terminal::grouped(n_entries)
    );
    Ok(())
}

pub(super) fn median(figures: &mut [f64]) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

pub(super) fn prepare(folder: &std::path::Path) -> Result<()> {
    let data = DataFolder::open(folder)?;
    let id = WorkspaceId::new("bench")?;
    let source = Source {
        name: "bench".to_owned(),
        write_key: WRITE_KEY.to_owned(),
        bearer_tokens: Vec::new(),
        enabled: true,
        earlier_key: None,
    };
    let config = WorkspaceConfig { sources: vec![source], ..WorkspaceConfig::empty(id.clone()) };
    Ok(open_workspace(&data, &id, true)?.configure_as(&config)?)
}

/// Sends batches over all connections for the time of one measurement.
pub(super) async fn measure(
    args: &Args,
    address: SocketAddr,
    next_message: &Arc<AtomicU64>,
) -> Result<Measurement> {
    let started = Instant::now();
    let until = started + Duration::from_secs(args.seconds);
    let n_messages = args.batch;
    let connections: Vec<_> = (0..args.connections)
        .map(|_| tokio::spawn(send_until(address, n_messages, until, Arc::clone(next_message))))
        .collect();
    let mut latencies_ms = Vec::new();
    for connection in connections {
        latencies_ms.extend(connection.await??);
    }
    let seconds = started.elapsed().as_secs_f64();
    let messages_per_s = (latencies_ms.len() as u64 * n_messages) as f64 / seconds;
    let (p50_ms, p99_ms) = p50_and_p99(latencies_ms)?;
    Ok(Measurement { messages_per_s, p50_ms, p99_ms })
}

/// A client that costs little, since it shares the cores with what is measured: requests are
/// written as text, answers read by length.
async fn send_until(
    address: SocketAddr,
    n_messages: u64,
    until: Instant,
    next_message: Arc<AtomicU64>,
) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut latencies_ms = Vec::new();
    let mut answer = vec![0; 4_096];
    while Instant::now() < until {
        let body = batch_body(next_message.fetch_add(n_messages, Ordering::Relaxed), n_messages);
        let head = format!(
            "POST /v1/batch HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let sent = Instant::now();
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        // The answer is small and comes in one piece or in two; it ends with the end of its JSON.
        let mut len = 0;
        loop {
            let n = stream.read(&mut answer[len..]).await?;
            ensure!(n > 0, "the server closed the connection");
            len += n;
            if answer[..len].ends_with(b"}") {
                break;
            }
        }
        ensure!(
            answer.starts_with(b"HTTP/1.1 200"),
            "the server answered {}",
            String::from_utf8_lossy(&answer[..len])
        );
        latencies_ms.push(sent.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(latencies_ms)
}

fn batch_body(first: u64, n_messages: u64) -> String {
    let messages: Vec<String> = (first..first + n_messages).map(message).collect();
    format!(r#"{{"writeKey":"{WRITE_KEY}","batch":[{}],"sentAt":null}}"#, messages.join(","))
}

/// A message as a shop's server-side library sends it.
pub(super) fn message(n: u64) -> String {
    let (user, item) = (mixed(n) % USERS, mixed(n + 1) % ITEMS);
    format!(
        r#"{{"type":"track","messageId":"node-next-{n}-b6e4a9c2-5b1f-4d7e","userId":"user-{user}","event":"Product Viewed","timestamp":"2026-01-0{}T12:{:02}:{:02}.{:03}Z","context":{{"library":{{"name":"analytics-node","version":"3.1.0"}}}},"properties":{{"product_id":"item-{item}","sku":"SKU-{item}","name":"Article number {item}","category":"Category {}","price":{}.95,"currency":"EUR","position":{}}},"integrations":{{}}}}"#,
        1 + n % 9,
        n / 60 % 60,
        n % 60,
        n % 1_000,
        item % 40,
        item % 300,
        n % 20
    )
}

/// Numbers without a pattern (the finalizer of SplitMix64).
fn mixed(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    n ^ (n >> 31)
}
