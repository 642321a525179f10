//! `tastemaker bench`: measurements on this machine, each beside a reference in the same run.

mod calls;
mod console;
mod delivery;
mod holds;
mod ingest;
mod load;
mod mapping;
mod scale;
mod simulation;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, ensure};
use axum::Router;
use clap::Subcommand;
use tokio::net::TcpListener;

use crate::settings::Settings;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Messages acknowledged per second over HTTP, beside a server that parses and discards them
    Ingest(ingest::Args),
    /// Latency of recommender API calls with filters and boosters over HTTP, beside that of empty
    /// requests
    Calls(calls::Args),
    /// First bytes of every page of the console, beside empty requests, and what ingestion loses
    /// while somebody looks at them
    Console(console::Args),
    /// Messages that a webhook destination takes per second, and what ingestion loses while three
    /// destinations read
    Delivery(delivery::Args),
    /// What mappings cost a message on one core, beside reading it as JSON
    Mapping(mapping::Args),
    /// Model fit, lists for every user and HTTP requests, on simulated histories of any size
    Scale(scale::Args),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Calls(args) => calls::run(args),
        Command::Console(args) => console::run(args),
        Command::Delivery(args) => delivery::run(args),
        Command::Ingest(args) => ingest::run(args),
        Command::Mapping(args) => mapping::run(args),
        Command::Scale(args) => scale::run(args),
    }
}

/// Serves on a free port of this machine.
async fn serve(router: Router) -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let (settings, never) = (Settings::default(), std::future::pending());
    let limits = settings.connections(1);
    let deadline = move || settings.shutdown.deadline();
    let listener = web::Listener { socket: listener, tls: None };
    let connections = Arc::default();
    tokio::spawn(web::serve(router, vec![listener], limits, connections, never, deadline));
    Ok(address)
}

/// The median of latencies, and the latency that 99 of 100 do not exceed.
fn p50_and_p99(latencies_ms: Vec<f64>) -> Result<(f64, f64)> {
    let [p50, p99] = quantiles(latencies_ms, [0.5, 0.99])?;
    Ok((p50, p99))
}

/// The latencies that these shares of them do not exceed.
fn quantiles<const N: usize>(mut latencies_ms: Vec<f64>, shares: [f64; N]) -> Result<[f64; N]> {
    ensure!(!latencies_ms.is_empty(), "no request was answered");
    latencies_ms.sort_unstable_by(f64::total_cmp);
    Ok(shares.map(|share| latencies_ms[((latencies_ms.len() - 1) as f64 * share) as usize]))
}
