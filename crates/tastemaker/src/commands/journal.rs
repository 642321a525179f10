//! `tastemaker journal`: prints the entries of a workspace's journal.

use std::io::Write;
use std::ops::ControlFlow;

use anyhow::{Result, bail};
use engine::{InspectedEntry, inspect_journal};
use serde_json::json;

use super::Place;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print entries, also while a server uses the folder; tokens and keys are not printed in full
    Inspect(InspectArgs),
}

#[derive(clap::Args)]
struct InspectArgs {
    #[command(flatten)]
    place: Place,
    /// Begin with the entry of this offset
    #[arg(long, value_name = "OFFSET", default_value_t = 0)]
    from: u64,
    /// Print at most so many entries
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Inspect(args) => inspect(args),
    }
}

fn inspect(args: &InspectArgs) -> Result<()> {
    args.place.require_data_folder()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut n_printed, mut printed) = (0, Ok(()));
    let Place { data, workspace, json } = &args.place;
    let end = inspect_journal(data, workspace, args.from, &mut |inspected| {
        if args.limit.is_some_and(|limit| n_printed >= limit) {
            return ControlFlow::Break(());
        }
        n_printed += 1;
        let line = if *json { json_line(&inspected) } else { line(&inspected) };
        printed = writeln!(out, "{line}");
        if printed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    printed.and_then(|()| out.flush())?;
    if let Some(end) = end? {
        if args.from > end {
            bail!("--from {} is beyond the end of the journal, at offset {end}", args.from);
        }
        eprintln!("The journal ends at offset {end}.");
    }
    Ok(())
}

fn line(InspectedEntry { offset, entry, .. }: &InspectedEntry) -> String {
    match entry {
        Ok(entry) => {
            let time = entry.time().map_or("-".to_owned(), |time| time.to_string());
            let line =
                format!("{offset:>8}  {time:<24}  {:<17}  {}", entry.kind(), entry.summary());
            line.trim_end().to_owned()
        }
        Err(error) => format!("{offset:>8}  {:<24}  {:<17}  {error}", "-", "unreadable"),
    }
}

fn json_line(InspectedEntry { offset, written_by, entry }: &InspectedEntry) -> String {
    let output = match entry {
        Ok(entry) => json!({
            "offset": offset,
            "written_by": written_by,
            "time": entry.time().map(|time| time.to_string()),
            "kind": entry.kind(),
            "fields": entry.fields(),
        }),
        Err(error) => {
            json!({ "offset": offset, "written_by": written_by, "error": error.to_string() })
        }
    };
    output.to_string()
}
