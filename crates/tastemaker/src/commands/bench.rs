//! `tastemaker bench`: figures of this machine, each beside a reference in the same run.

mod calls;
mod ingest;
mod load;
mod scale;
mod simulation;

use std::net::SocketAddr;

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
    /// Acknowledged messages a second over HTTP, beside the same server parsing and discarding
    Ingest(ingest::Args),
    /// Calls of the recommender API with filters and boosters over HTTP, beside a request for nothing
    Calls(calls::Args),
    /// Fit, lists for every user and requests over HTTP at a size of your choice, on simulated histories
    Scale(scale::Args),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Calls(args) => calls::run(args),
        Command::Ingest(args) => ingest::run(args),
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
    let listener = server::Listener { socket: listener, tls: None };
    tokio::spawn(server::serve(router, vec![listener], limits, never, deadline));
    Ok(address)
}

/// The middle one of latencies, and the one that 99 of 100 do not exceed.
fn p50_and_p99(mut latencies_ms: Vec<f64>) -> Result<(f64, f64)> {
    ensure!(!latencies_ms.is_empty(), "no request was answered");
    latencies_ms.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| latencies_ms[((latencies_ms.len() - 1) as f64 * share) as usize];
    Ok((at(0.5), at(0.99)))
}
