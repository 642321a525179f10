//! `tastemaker import interactions`. The file is read twice: checked whole, then imported, so that
//! a wrong row imports nothing.

mod file;
mod parquet;
mod row;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, bail};
use catalog::import::describe_invalid;
use domain::Interaction;
use engine::ImportedInteractions;
use fs_err as fs;
use serde_json::json;

pub(crate) use self::file::InteractionFile;
use self::row::COLUMNS;
use super::{Place, open};
use crate::terminal::{self, counted, grouped};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A .csv, .tsv, .jsonl or .parquet file with the columns user_id and item_id; timestamp (ISO
    /// 8601 or Unix, not beyond tomorrow), kind (view, purchase, rating, cart, bookmark, portion)
    /// and value (rating -1 to 1, portion 0 to 1, amount) may be missing
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Create the workspace if it is missing, also beside others
    #[arg(long)]
    create: bool,
    /// Skip invalid rows instead of refusing the file
    #[arg(long)]
    skip_invalid: bool,
}

/// The number of interactions that are submitted at once.
const CHUNK: usize = 20_000;
/// The most invalid rows that are shown; all are counted.
const ERRORS_SHOWN_MAX: usize = 20;

pub(crate) fn run(args: &Args) -> Result<()> {
    let file = InteractionFile::open(&args.file)?;
    let checked = check(&file, args)?;
    if checked.n_invalid > 0 && !args.skip_invalid {
        bail!(
            "{}: {}: correct the file, or skip invalid rows (--skip-invalid)",
            args.file.display(),
            describe_invalid(checked.n_invalid, checked.n_rows)
        );
    }
    let opened = open(&args.place, args.create)?;
    let bar = terminal::bar("importing", "interactions", checked.n_rows, args.place.json);
    let mut imported = ImportedInteractions::default();
    let mut hand_over = |chunk: Vec<Interaction>| -> Result<()> {
        let own = opened.engine.import_interactions(chunk)?;
        imported.added += own.added;
        imported.already_there += own.already_there;
        imported.suppressed += own.suppressed;
        Ok(())
    };
    let mut chunk = Vec::with_capacity(CHUNK);
    file.each_row(|n, row| {
        bar.set_position(n);
        chunk.extend(row.ok());
        if chunk.len() == CHUNK { hand_over(std::mem::take(&mut chunk)) } else { Ok(()) }
    })?;
    hand_over(chunk)?;
    bar.finish_and_clear();
    if args.place.json {
        let output = json!({
            "rows": checked.n_rows,
            "added": imported.added,
            "already_there": imported.already_there,
            "suppressed": imported.suppressed,
            "invalid": checked.n_invalid,
            "unknown_columns": file.unknown,
        });
        println!("{output}");
    } else {
        let mut output =
            format!("Added {}", counted(imported.added, "interaction", "interactions"));
        for (n, what) in [
            (imported.already_there, "already there"),
            (imported.suppressed, "of suppressed people"),
            (checked.n_invalid, "invalid and skipped"),
        ] {
            if n > 0 {
                output += &format!(", {} {what}", grouped(n));
            }
        }
        println!("{output}.");
    }
    Ok(())
}

struct FileCheck {
    n_rows: u64,
    n_invalid: u64,
}

/// Reads the file once and reports its invalid rows.
fn check(file: &InteractionFile, args: &Args) -> Result<FileCheck> {
    if !file.unknown.is_empty() && !args.place.json {
        eprintln!(
            "ignored unknown columns: {} (known: {})",
            file.unknown.join(", "),
            COLUMNS.join(", ")
        );
    }
    let bytes = fs::metadata(&args.file)?.len();
    let bar = terminal::bar("checking the file", "bytes", bytes, args.place.json);
    let mut checked = FileCheck { n_rows: 0, n_invalid: 0 };
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    let mut shown = Vec::new();
    file.each_row(|n, row| {
        checked.n_rows = n;
        if let Err((line, reason, detail)) = row {
            checked.n_invalid += 1;
            *reasons.entry(reason.to_owned()).or_default() += 1;
            if shown.len() < ERRORS_SHOWN_MAX {
                shown.push((line, reason, detail));
            }
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    if args.place.json {
        if checked.n_invalid > 0 && !args.skip_invalid {
            let errors: Vec<_> = shown
                .iter()
                .map(|(row, reason, detail)| json!({ "row": row, "reason": reason, "detail": detail }))
                .collect();
            println!(
                "{}",
                json!({ "rows": checked.n_rows, "invalid": checked.n_invalid, "reasons": reasons, "errors": errors })
            );
        }
    } else if checked.n_invalid > 0 {
        let rows: Vec<_> =
            reasons.iter().map(|(reason, n)| vec![reason.clone(), terminal::grouped(*n)]).collect();
        println!("{}", terminal::table(&["invalid rows", "count"], &rows));
        for (line, reason, detail) in shown {
            println!("  row {line}: {reason}: {detail}");
        }
    }
    Ok(checked)
}
