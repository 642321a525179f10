//! `tastemaker verify`: checks a data folder for damage.

use std::cell::OnceCell;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use domain::WorkspaceId;
use engine::{LockedFolder, Verification, VerifyProgress};
use indicatif::ProgressBar;

use crate::terminal::{self, counted};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The data folder; no server may be using it
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Check only this workspace
    #[arg(long, value_name = "ID")]
    workspace: Option<WorkspaceId>,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.data.is_dir() {
        bail!("there is no data folder {}", args.data.display());
    }
    let locked = LockedFolder::lock(&args.data)?;
    let mut ids = locked.workspaces()?;
    if let Some(id) = &args.workspace {
        if !ids.contains(id) {
            bail!("no workspace {id} in {}, and no record of one", args.data.display());
        }
        ids.retain(|other| other == id);
    }
    let mut found = Vec::new();
    if args.workspace.is_none() {
        found.push(locked.verify_installation(&|_| {}).context("cannot check the installation")?);
    }
    for id in &ids {
        let bars = Bars {
            journal: OnceCell::new(),
            fold: OnceCell::new(),
            store: OnceCell::new(),
            quiet: args.json,
        };
        let verified = locked.verify_workspace(id, &|progress| bars.show(progress));
        found.push(verified.with_context(|| format!("cannot check workspace {id}"))?);
        bars.clear();
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "checked": found }))?);
    } else {
        let header = ["", "entries", "segments", "bytes", "pairs compared", "models", "problems"];
        println!("{}", terminal::table(&header, &found.iter().map(row).collect::<Vec<_>>()));
        for (name, problem) in
            found.iter().flat_map(|one| one.problems.iter().map(|problem| (name(one), problem)))
        {
            println!("{name}: {problem}.");
        }
    }
    let n_problems: usize = found.iter().map(|one| one.problems.len()).sum();
    match n_problems {
        0 => Ok(()),
        n => bail!("{} in {}", counted(n as u64, "problem", "problems"), args.data.display()),
    }
}

fn name(found: &Verification) -> String {
    found.workspace.as_ref().map_or_else(|| "(installation)".to_owned(), WorkspaceId::to_string)
}

fn row(found: &Verification) -> Vec<String> {
    let numbers = [found.entries, found.segments, found.bytes, found.pairs, found.models];
    let mut cells = vec![name(found)];
    cells.extend(numbers.map(terminal::grouped));
    cells.push(found.problems.len().to_string());
    cells
}

/// A bar for each part of the check of a workspace.
struct Bars {
    journal: OnceCell<ProgressBar>,
    fold: OnceCell<ProgressBar>,
    store: OnceCell<ProgressBar>,
    quiet: bool,
}

impl Bars {
    fn show(&self, progress: VerifyProgress) {
        let (cell, what, unit, done, total) = match progress {
            VerifyProgress::Journal(done, total) => {
                (&self.journal, "reading the journal", "bytes", done, total)
            }
            VerifyProgress::Fold(done, total) => {
                (&self.fold, "applying it anew", "entries", done, total)
            }
            VerifyProgress::Store(done) => {
                (&self.store, "comparing the store", "pairs", done, done)
            }
        };
        let bar = cell.get_or_init(|| terminal::bar(what, unit, total, self.quiet));
        bar.set_length(total);
        bar.set_position(done);
    }

    fn clear(&self) {
        [&self.journal, &self.fold, &self.store]
            .into_iter()
            .filter_map(OnceCell::get)
            .for_each(ProgressBar::finish_and_clear);
    }
}
