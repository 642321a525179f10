//! `tastemaker retention`: cuts what is older than a workspace keeps it, without a server.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use connectors::{Outgoing, OutgoingOptions};
use domain::Timestamp;
use engine::{Archive, EngineOptions, JournalPart, RetentionPlan, RetentionRun};

use super::Place;
use crate::terminal::{counted, grouped, print_done};

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Say what would be cut, and cut nothing
    #[arg(long)]
    dry_run: bool,
    /// Copy segments into this folder before they are cut
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let archive = args.archive.as_ref().map(|folder| {
        let outgoing = Arc::new(Outgoing::new(&OutgoingOptions::default())?);
        Ok::<_, anyhow::Error>(Arc::new(Archive::in_folder(folder, &outgoing)))
    });
    let archive = archive.transpose()?;
    let opened = args.place.open_with(&EngineOptions { archive, ..EngineOptions::default() })?;
    if args.dry_run {
        let plan = opened.engine.plan_retention(None)?;
        return print_done(args.place.json, &plan, &describe_plan(&plan));
    }
    let run = opened.engine.run_retention(&|_| Ok(()))?;
    print_done(args.place.json, &run, &describe_run(&run))
}

fn describe_plan(plan: &RetentionPlan) -> String {
    let first = plan.first_at.map_or_else(String::new, |at: Timestamp| format!(", since {at}"));
    let mut text = format!("The journal has {}{first}.", describe_part(&plan.journal));
    text += &match (plan.days, plan.cut.segments) {
        (None, _) => " The workspace keeps it for ever: `retention.days` is not set.".to_owned(),
        (Some(days), 0) => {
            format!(
                " Nothing that could be cut is older than {}.",
                counted(days.into(), "day", "days")
            )
        }
        (Some(days), _) => format!(
            " {} that are older than {} would be cut.",
            describe_part(&plan.cut),
            counted(days.into(), "day", "days")
        ),
    };
    if let Some(held) = &plan.held_back {
        text += &format!("\nHeld back from entry {} on: {}.", grouped(held.offset), held.why);
    }
    text
}

fn describe_run(run: &RetentionRun) -> String {
    let mut text = match (run.cut.segments, &run.not_cut) {
        (0, Some(why)) => format!("Nothing was cut: {why}."),
        (0, None) => "Nothing was old enough to be cut.".to_owned(),
        _ => format!(
            "{} were cut; the journal begins at entry {}.",
            describe_part(&run.cut),
            grouped(run.cut.end)
        ),
    };
    if let Some(held) = &run.held_back {
        text += &format!("\nHeld back from entry {} on: {}.", grouped(held.offset), held.why);
    }
    text
}

fn describe_part(part: &JournalPart) -> String {
    format!(
        "{} in {} of {} bytes",
        counted(part.end - part.start, "entry", "entries"),
        counted(part.segments, "segment", "segments"),
        grouped(part.bytes)
    )
}
