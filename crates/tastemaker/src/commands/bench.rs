//! `tastemaker bench`: figures of this machine, each beside a reference in the same run.

mod ingest;
mod load;
mod scale;

use anyhow::Result;
use clap::Subcommand;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Acknowledged messages a second over HTTP, beside the same server parsing and discarding
    Ingest(ingest::Args),
    /// Fit, lists for every user and requests over HTTP at a size of your choice, on simulated histories
    Scale(scale::Args),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Ingest(args) => ingest::run(args),
        Command::Scale(args) => scale::run(args),
    }
}
