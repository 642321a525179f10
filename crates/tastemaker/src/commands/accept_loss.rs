//! `tastemaker accept-loss`: continues without the entries that a journal has lost.

use std::path::PathBuf;

use anyhow::{Result, bail};
use domain::WorkspaceId;
use engine::{LockedFolder, Loss};

use crate::terminal::{self, counted};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data folder; no server may be using it
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The workspace whose journal has lost entries
    #[arg(long, value_name = "ID", required_unless_present = "installation")]
    workspace: Option<WorkspaceId>,
    /// The journal of the installation, which holds the admin token
    #[arg(long, conflicts_with = "workspace")]
    installation: bool,
    /// Give up the lost entries; without this option nothing is changed
    #[arg(long)]
    yes: bool,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.data.is_dir() {
        bail!("there is no data folder {}", args.data.display());
    }
    let locked = LockedFolder::lock(&args.data)?;
    let workspace = args.workspace.as_ref();
    let loss = locked.assess_loss(workspace)?;
    let journal =
        workspace.map_or_else(|| "The installation".to_owned(), |id| format!("Workspace {id}"));
    if loss.is_nothing() {
        return print_result(
            args,
            &loss,
            &format!(
                "{journal} has lost nothing: all entries below {} are there.",
                loss.journal_end()
            ),
        );
    }
    let lost = describe(&journal, &loss);
    if !args.yes {
        if !args.json {
            println!("{lost}");
        }
        bail!(
            "nothing was changed: restore a backup, or add --yes to continue without the lost entries"
        );
    }
    locked.accept_loss(workspace, &loss)?;
    print_result(
        args,
        &loss,
        &format!("{lost}\nAccepted: the next start continues from entry {}.", loss.journal_end()),
    )
}

fn describe(journal: &str, loss: &Loss) -> String {
    let (end, acknowledged) = (loss.journal_end(), loss.acknowledged);
    let mut text = if end < acknowledged {
        format!(
            "{journal} has lost {}, {end} to {}; {} before them remain.",
            counted(acknowledged - end, "entry", "entries"),
            acknowledged - 1,
            terminal::grouped(end)
        )
    } else {
        format!("{journal} has {}.", counted(end, "entry", "entries"))
    };
    if loss.is_record_unreadable {
        text += " The end-of-log record is unreadable, so more may be lost than is known.";
    }
    if loss.store_position.is_some_and(|position| position > end) {
        text += " The store has applied lost entries; it will be rebuilt from the journal.";
    }
    text
}

fn print_result(args: &Args, loss: &Loss, text: &str) -> Result<()> {
    if args.json {
        let output = serde_json::json!({
            "journal_end": loss.journal_end(),
            "acknowledged": loss.acknowledged,
            "store_position": loss.store_position,
            "record_unreadable": loss.is_record_unreadable,
            "accepted": args.yes && !loss.is_nothing(),
        });
        println!("{}", serde_json::to_string_pretty(&output)?);
    } else {
        println!("{text}");
    }
    Ok(())
}
