//! `tastemaker bench`: figures of this machine, each beside a reference in the same run.

mod ingest;

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
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let Command::Ingest(args) = &args.command;
    ingest::run(args)
}
