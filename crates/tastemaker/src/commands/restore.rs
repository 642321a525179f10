//! `tastemaker restore`.

use std::path::PathBuf;

use anyhow::Result;
use domain::WorkspaceId;

use super::backup::{Bars, workspace_table};
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder of a backup
    backup: PathBuf,
    /// The data folder to create; it must be missing or empty
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Restore only this workspace, also into a data folder that has others; its own folder must be
    /// missing
    #[arg(long, value_name = "ID")]
    workspace: Option<WorkspaceId>,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let bars = Bars::new("checking and copying", args.json);
    let report = engine::restore(&args.backup, &args.data, args.workspace.as_ref(), &|progress| {
        bars.show(progress)
    })?;
    bars.clear();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    println!("{}", workspace_table(&report.workspaces));
    println!(
        "Restored {} bytes to {}; the answers are the same as at the time of the backup.",
        terminal::grouped(report.bytes),
        args.data.display()
    );
    Ok(())
}
