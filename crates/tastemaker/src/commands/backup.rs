//! `tastemaker backup`, and the bars that `restore` has too.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use anyhow::{Result, bail};
use engine::{BackedUpWorkspace, BackupProgress};
use indicatif::ProgressBar;

use crate::terminal::{self, counted, grouped};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data folder; a server may be using it
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The folder of the backup; an earlier backup there is updated
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let bars = Bars::new("copying", args.json);
    let report = engine::back_up(&args.data, &args.to, &|progress| bars.show(progress))?;
    bars.clear();
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", workspace_table(&report.workspaces));
        let (to, bytes, copied) =
            (args.to.display(), grouped(report.bytes), grouped(report.copied_bytes));
        match report.copied_bytes == report.bytes {
            true => println!("Backed up {bytes} bytes to {to}."),
            false => {
                println!(
                    "Updated the backup in {to}: it has {bytes} bytes, {copied} of them copied now."
                )
            }
        }
    }
    if report.failed.is_empty() {
        return Ok(());
    }
    let lines = report.failed.iter().map(|failed| {
        let kept = failed.kept_entries.map_or_else(
            || "the backup has nothing of it".to_owned(),
            |entries| {
                format!(
                    "the backup keeps its earlier copy of {}",
                    counted(entries, "entry", "entries")
                )
            },
        );
        format!("{}: {}; {kept}", failed.id, failed.problem)
    });
    bail!("not everything was backed up\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Prints the content of a backup as a table.
pub(super) fn workspace_table(workspaces: &[BackedUpWorkspace]) -> String {
    let rows: Vec<Vec<String>> = workspaces
        .iter()
        .map(|workspace| {
            let numbers =
                [workspace.entries, workspace.segments, workspace.models, workspace.sample_users];
            std::iter::once(workspace.id.to_string())
                .chain(numbers.map(terminal::grouped))
                .collect()
        })
        .collect();
    terminal::table(&["workspace", "entries", "segments", "models", "users to compare"], &rows)
}

/// One bar at a time: copying, then for each workspace folding and digesting.
pub(super) struct Bars {
    copying: &'static str,
    quiet: bool,
    stage: Cell<usize>,
    bar: RefCell<Option<ProgressBar>>,
}

impl Bars {
    pub(super) fn new(copying: &'static str, quiet: bool) -> Self {
        Self { copying, quiet, stage: Cell::new(0), bar: RefCell::new(None) }
    }

    pub(super) fn show(&self, progress: BackupProgress<'_>) {
        let (stage, what, unit, done, total) = match progress {
            BackupProgress::Copy(done, total) => (1, self.copying, "bytes", done, total),
            BackupProgress::Fold(_, done, total) => {
                (2, "applying the copy", "entries", done, total)
            }
            BackupProgress::Digest(_, done) => (3, "hashing the store", "pairs", done, done),
        };
        if self.stage.replace(stage) != stage {
            self.clear();
            *self.bar.borrow_mut() = Some(terminal::bar(what, unit, total, self.quiet));
        }
        if let Some(bar) = self.bar.borrow().as_ref() {
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }
}
