//! `tastemaker import catalog`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use catalog::import::ImportError;
use catalog::{Format, ImportOptions, ImportReport, read_file};
use domain::PropertyType;
use fs_err as fs;

use super::{Place, open};
use crate::terminal;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A .csv or .jsonl file with a column item_id
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// Make the workspace where it is missing, also beside others
    #[arg(long)]
    create: bool,
    /// The type of a column, such as price=double; the others are inferred (int, double, string, boolean, timestamp, set)
    #[arg(long = "type", value_name = "COLUMN=TYPE", value_parser = parse_type)]
    types: Vec<(String, PropertyType)>,
    /// Leave wrong rows out instead of refusing the file
    #[arg(long)]
    skip_invalid: bool,
}

fn parse_type(text: &str) -> Result<(String, PropertyType), String> {
    let (column, type_) = text.split_once('=').ok_or("write it as COLUMN=TYPE")?;
    Ok((column.to_owned(), type_.parse()?))
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let name = args.file.to_string_lossy();
    let Some(format) = Format::of_name(&name) else { bail!("{name}: the name must end in .csv or .jsonl") };
    let options =
        ImportOptions { types: args.types.iter().cloned().collect(), skip_invalid: args.skip_invalid };
    let read = read_file(fs::File::open(&args.file)?, format, &options);
    let (file, report) = match read {
        Ok(read) => read,
        Err(ImportError::Rows(report)) => {
            if args.place.json {
                println!("{}", serde_json::to_string_pretty(&report)?);
            } else {
                print_report(&report);
            }
            let ImportReport { n_invalid, n_rows, .. } = *report;
            bail!(
                "{name}: {n_invalid} of {n_rows} rows are wrong, nothing was imported; --skip-invalid leaves them out"
            );
        }
        Err(error) => return Err(error).with_context(|| format!("cannot import {name}")),
    };
    let opened = open(&args.place, args.create)?;
    let bar = terminal::bar("importing the catalog", "items", report.n_items, args.place.json);
    opened.engine.import_catalog(file, &|done, _| bar.set_position(done))?;
    bar.finish_and_clear();
    let version = opened.engine.counts().catalog_version;
    if args.place.json {
        println!("{}", serde_json::json!({ "report": report, "catalog_version": version }));
    } else {
        print_report(&report);
        println!("{} items are version {version} of the catalog.", terminal::grouped(report.n_items));
    }
    Ok(())
}

fn print_report(report: &ImportReport) {
    let columns: Vec<Vec<String>> =
        report.columns.iter().map(|column| vec![column.name.clone(), column.type_.to_string()]).collect();
    if !columns.is_empty() {
        println!("{}", terminal::table(&["property", "type"], &columns));
    }
    if report.n_invalid == 0 {
        return;
    }
    let reasons: Vec<Vec<String>> = report
        .reasons
        .iter()
        .map(|(reason, count)| vec![reason.clone(), terminal::grouped(*count)])
        .collect();
    println!("{}", terminal::table(&["wrong rows", "count"], &reasons));
    for error in &report.errors {
        println!("  row {}: {}: {}", error.row, error.reason, error.detail);
    }
}
