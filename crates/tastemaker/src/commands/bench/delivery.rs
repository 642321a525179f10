//! `tastemaker bench delivery`. Senders, server and receiver share this machine's cores: the ratio
//! is meaningful, and the throughput is a lower bound.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use domain::{Arrival, Destination, Envelope, WorkspaceId, check_message};
use engine::{ConfigChange, DataFolder, Engine, Entry, Expected};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{ingest, serve};
use crate::opener::open_workspace;
use crate::service::Service;
use crate::settings::Settings;
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The number of messages of the throughput measurement
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..=10_000_000))]
    messages: u64,
    /// The length of each measurement of ingestion in seconds
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// The number of rounds, each of which measures ingestion without and with destinations
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    rounds: u64,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// The messages of a request.
const BATCH: u64 = 100;
/// The destinations that read beside ingestion.
const DESTINATIONS: usize = 3;
/// The longest wait for the receiver.
const WAIT_MAX: Duration = Duration::from_secs(600);

pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = Runtime::new()?;
    let received = Arc::new(AtomicU64::new(0));
    let receiver = runtime
        .block_on(serve(Router::new().fallback(receive).with_state(Arc::clone(&received))))?;
    let folder = tempfile::Builder::new().prefix("tastemaker-bench-").tempdir()?;
    prepare(args, folder.path(), &runtime, receiver)?;
    let service = Service::open(folder.path(), None, &settings()?)?;
    let throughput = measure_throughput(args, &received)?;
    let ingestion = measure_ingestion(args, &service, &runtime, receiver, &received)?;
    runtime.shutdown_background();
    service.close();
    report(args, throughput, &ingestion)
}

/// Counts the messages of a request without reading them.
async fn receive(State(received): State<Arc<AtomicU64>>, body: Bytes) {
    let n = body.windows(12).filter(|window| window == b"\"messageId\":").count();
    received.fetch_add(n as u64, Ordering::Relaxed);
}

fn settings() -> Result<Settings> {
    let mut settings = Settings::default();
    settings.training.enabled = false;
    settings.destinations.allowed_networks = vec!["127.0.0.0/8".parse()?];
    Ok(settings)
}

fn webhook(n: usize, receiver: SocketAddr) -> Destination {
    let settings = json!({ "url": format!("http://{receiver}/"), "batch_size": BATCH });
    let settings: BTreeMap<String, Value> =
        serde_json::from_value(settings).expect("an object of settings");
    Destination { settings, ..Destination::new(&format!("webhook-{n}"), Some("webhook")) }
}

fn put(engine: &Engine, destination: &Destination) -> Result<()> {
    let change = ConfigChange::put_destination(destination);
    Ok(engine.change_config(change, Expected::Anything)?)
}

/// Makes a workspace with a destination and messages that it has not got.
fn prepare(args: &Args, folder: &Path, runtime: &Runtime, receiver: SocketAddr) -> Result<()> {
    ingest::prepare(folder)?;
    // Opened as commands do, which deliver nothing.
    let data = DataFolder::open(folder)?;
    let engine = open_workspace(&data, &WorkspaceId::new("bench")?, true)?;
    put(&engine, &webhook(0, receiver))?;
    let bar = terminal::bar("preparing", "messages", args.messages, args.json);
    for first in (0..args.messages).step_by(BATCH as usize) {
        let messages = (first..first + BATCH).map(|n| message(&engine, n)).collect();
        runtime.block_on(engine.submit(messages))?;
        bar.inc(BATCH);
    }
    bar.finish_and_clear();
    Ok(())
}

/// How many messages the destination takes in a second, from when it begins.
fn measure_throughput(args: &Args, received: &AtomicU64) -> Result<f64> {
    let bar = terminal::bar("delivering", "messages", args.messages, args.json);
    let started = Instant::now();
    while received.load(Ordering::Relaxed) < args.messages {
        ensure!(started.elapsed() < WAIT_MAX, "the receiver did not get the messages in time");
        bar.set_position(received.load(Ordering::Relaxed));
        std::thread::sleep(Duration::from_millis(2));
    }
    bar.finish_and_clear();
    Ok(args.messages as f64 / started.elapsed().as_secs_f64())
}

fn message(engine: &Engine, n: u64) -> Entry {
    let arrival = Arrival { received_at: engine.now(), source: "bench", peer_ip: None };
    let checked = check_message(&ingest::message(n), None, &Envelope::default(), &arrival);
    Entry::Message(Box::new(checked.expect("the message has the right form")))
}

/// What was measured of ingestion, in messages a second: medians.
struct Ingestion {
    alone: f64,
    beside: f64,
    /// What one of the destinations that read meanwhile got.
    delivered: f64,
}

/// Measures ingestion without destinations, and while some read.
fn measure_ingestion(
    args: &Args,
    service: &Service,
    runtime: &Runtime,
    receiver: SocketAddr,
    received: &AtomicU64,
) -> Result<Ingestion> {
    let address = runtime.block_on(serve(server::router(Arc::clone(&service.app))))?;
    let engine = Arc::clone(service.engines().first().context("there is a workspace")?);
    let sending = ingest::Args {
        connections: 8,
        batch: BATCH,
        seconds: args.seconds,
        rounds: args.rounds,
        json: args.json,
    };
    engine.change_config(
        ConfigChange::RemoveDestination { name: webhook(0, receiver).name },
        Expected::Anything,
    )?;
    let next_message = Arc::new(AtomicU64::new(args.messages));
    let measure = || -> Result<f64> {
        let measured = runtime.block_on(ingest::measure(&sending, address, &next_message))?;
        Ok(measured.messages_per_s)
    };
    let (mut alone, mut beside, mut delivered) = (Vec::new(), Vec::new(), Vec::new());
    let bar = terminal::bar("measuring", "rounds", args.rounds, args.json);
    for _ in 0..args.rounds {
        alone.push(measure()?);
        for n in 0..DESTINATIONS {
            put(&engine, &webhook(n, receiver))?;
        }
        let (n_before, began) = (received.load(Ordering::Relaxed), Instant::now());
        beside.push(measure()?);
        let n = received.load(Ordering::Relaxed) - n_before;
        delivered.push(n as f64 / DESTINATIONS as f64 / began.elapsed().as_secs_f64());
        for n in 0..DESTINATIONS {
            let name = webhook(n, receiver).name;
            engine.change_config(ConfigChange::RemoveDestination { name }, Expected::Anything)?;
        }
        // The readers end before the next measurement.
        std::thread::sleep(Duration::from_secs(5));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Ingestion {
        alone: ingest::median(&mut alone),
        beside: ingest::median(&mut beside),
        delivered: ingest::median(&mut delivered),
    })
}

fn report(args: &Args, throughput: f64, ingestion: &Ingestion) -> Result<()> {
    let Ingestion { alone, beside, delivered } = *ingestion;
    let ratio = beside / alone;
    if args.json {
        println!(
            "{}",
            json!({ "delivered_per_s": throughput, "ingested_per_s": alone,
                    "ingested_beside_destinations_per_s": beside,
                    "delivered_to_each_meanwhile_per_s": delivered, "ratio": ratio })
        );
        return Ok(());
    }
    let row = |name: &str, rate: f64| vec![name.to_owned(), terminal::grouped(rate as u64)];
    let rows = [
        row("delivered to one webhook", throughput),
        row("ingested without destinations", alone),
        row(&format!("ingested while {DESTINATIONS} destinations read"), beside),
        row("delivered to each meanwhile", delivered),
    ];
    println!("{}", terminal::table(&["", "messages/s"], &rows));
    println!(
        "ingestion keeps {:.0} %; medians of {} rounds of {} s, requests of {BATCH} messages, {} delivered",
        100.0 * ratio,
        args.rounds,
        args.seconds,
        terminal::grouped(args.messages)
    );
    Ok(())
}
