//! `tastemaker import locations`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use catalog::import::{ImportError, parse_type};
use catalog::{Format, ImportOptions};
use domain::{PropertyType, check_catalog_name};
use fs_err as fs;

use super::Place;
use super::catalog::print_report;
use crate::terminal::{self, counted};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The name of the catalog, of a-z, 0-9 and '_'
    name: String,
    /// A .csv, .tsv or .jsonl file with the columns location_id, latitude and longitude
    file: PathBuf,
    #[command(flatten)]
    place: Place,
    /// The type of a column, such as area=double; by default the type that it has, for a new column
    /// one that fits its values
    #[arg(long = "type", value_name = "COLUMN=TYPE", value_parser = parse_type)]
    types: Vec<(String, PropertyType)>,
    /// Skip invalid rows instead of refusing the file
    #[arg(long)]
    skip_invalid: bool,
    /// Import cells that do not fit the type of their column as empty instead of refusing the file
    #[arg(long)]
    allow_bad_cells: bool,
    /// Say whether the file would be taken, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if let Err(what) = check_catalog_name(&args.name) {
        bail!("{}: {what}", args.name);
    }
    let name = args.file.to_string_lossy();
    let Some(format) = Format::from_name(&name).filter(|format| *format != Format::GoogleMerchant)
    else {
        bail!("{name}: the name must end in .csv, .tsv or .jsonl")
    };
    let options = ImportOptions {
        types: args.types.iter().cloned().collect(),
        skip_invalid: args.skip_invalid,
        allow_bad_cells: args.allow_bad_cells,
        ..ImportOptions::default()
    };
    let engine = args.place.open()?;
    let engine = &engine.engine;
    let read = engine.read_locations(&args.name, fs::File::open(&args.file)?, format, options);
    if let Err(ImportError::Rows(report)) = &read {
        match args.place.json {
            true => println!("{}", serde_json::to_string_pretty(report)?),
            false => print_report(report),
        }
    }
    let (file, report) = read.with_context(|| format!("cannot import {name}"))?;
    if !args.dry_run {
        let bar = terminal::bar("importing", "locations", report.n_items, args.place.json);
        let imported = engine.import_locations(&args.name, file, &|done, _| {
            bar.set_position(done);
            Ok(())
        });
        bar.finish_and_clear();
        imported.with_context(|| format!("cannot import {name}"))?;
    }
    if args.place.json {
        let done = serde_json::json!({ "report": report, "dry_run": args.dry_run });
        println!("{}", serde_json::to_string_pretty(&done)?);
        return Ok(());
    }
    print_report(&report);
    let locations = counted(report.n_items, "location", "locations");
    match args.dry_run {
        true => println!("Nothing was changed; without --dry-run the file is {:?}.", args.name),
        false => println!("The catalog {:?} has {locations}.", args.name),
    }
    Ok(())
}
