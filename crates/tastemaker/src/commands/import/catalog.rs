//! `tastemaker import catalog`.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use catalog::import::{ImportError, parse_confirm, parse_type};
use catalog::{CatalogChanges, Format, ImportOptions, ImportReport, read_file};
use domain::PropertyType;
use engine::{CatalogPreview, ConfirmedRemovals, Engine};
use fs_err as fs;

use super::{Place, open};
use crate::terminal::{self, counted};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// A .csv, .tsv or .jsonl file with a column item_id, or the .xml of a Google Merchant feed
    file: PathBuf,
    /// The catalog of products that the file is
    #[arg(long, value_name = "NAME", default_value = "items")]
    catalog: String,
    #[command(flatten)]
    place: Place,
    /// Create the workspace if it is missing, also beside others
    #[arg(long)]
    create: bool,
    /// The type of a column, such as price=double (int, double, string, boolean, timestamp, set,
    /// image, imageList); by default the type in the current catalog, for a new column one that
    /// fits its values
    #[arg(long = "type", value_name = "COLUMN=TYPE", value_parser = parse_type)]
    types: Vec<(String, PropertyType)>,
    /// Skip invalid rows instead of refusing the file
    #[arg(long)]
    skip_invalid: bool,
    /// Import cells that do not fit the type of their column as empty instead of refusing the file
    #[arg(long)]
    allow_bad_cells: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The number of items that the import may withdraw; a tenth of the catalog by default
    #[arg(long, value_name = "ITEMS", value_parser = parse_confirm)]
    confirm: Option<u64>,
    /// A property that the import may drop though a scenario, a segmentation or a trait uses it;
    /// may be repeated
    #[arg(long, value_name = "PROPERTY")]
    drop: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let name = args.file.to_string_lossy();
    let Some(format) = Format::from_name(&name) else {
        bail!("{name}: the name must end in .csv, .tsv, .jsonl or .xml")
    };
    let options = ImportOptions {
        types: args.types.iter().cloned().collect(),
        skip_invalid: args.skip_invalid,
        allow_bad_cells: args.allow_bad_cells,
        catalog: Some(args.catalog.clone()),
        ..ImportOptions::default()
    };
    let confirmed = ConfirmedRemovals { n_withdrawn: args.confirm, dropped: args.drop.clone() };
    let file = || fs::File::open(&args.file);
    // Columns have the types of the existing catalog. A new workspace is created only after the
    // file is found to be valid.
    let known = args.place.open_if_exists()?;
    if args.dry_run {
        let preview = match &known {
            Some(opened) => opened.engine.preview_catalog(file, format, &options, &confirmed),
            None => read_file(file()?, format, &options).map(|(_, report)| preview_of_new(report)),
        };
        print_preview(&preview.or_else(|error| explain(error, args))?, args.place.json)?;
        return Ok(());
    }
    let read = match &known {
        Some(opened) => opened.engine.read_catalog(file()?, format, &options),
        None => read_file(file()?, format, &options),
    };
    let (file, report) = read.or_else(|error| explain(error, args))?;
    let opened = match known {
        Some(opened) => opened,
        None => open(&args.place, args.create)?,
    };
    let bar = terminal::bar("importing the catalog", "items", report.n_items, args.place.json);
    let imported = opened.engine.import_catalog(file, &confirmed, &|done, _| {
        bar.set_position(done);
        Ok(())
    });
    bar.finish_and_clear();
    let changes = imported.with_context(|| format!("cannot import {name}"))?;
    if args.place.json {
        let version = opened.engine.counts().catalog_version;
        println!(
            "{}",
            serde_json::json!({ "report": report, "changes": changes, "catalog_version": version })
        );
    } else {
        print_report(&report);
        print_changes(&changes);
        print_imported(&opened.engine, report.n_items);
    }
    Ok(())
}

/// Prints the report of a file that is refused for its rows, and returns the error.
fn explain<T>(error: ImportError, args: &Args) -> Result<T> {
    if let ImportError::Rows(report) = &error {
        match args.place.json {
            true => println!("{}", serde_json::to_string_pretty(report)?),
            false => print_report(report),
        }
    }
    Err(error).with_context(|| format!("cannot import {}", args.file.display()))
}

fn print_imported(engine: &Engine, n_items: u64) {
    let versions = engine.catalog_versions();
    let version = versions.first().map_or(0, |current| current.version);
    println!("Catalog version {version} has {}.", counted(n_items, "item", "items"));
    if let Some(previous) = versions.get(1) {
        println!("`tastemaker catalog --activate {0}` goes back to version {0}.", previous.version);
    }
    for problem in engine.problems() {
        println!("{problem}");
    }
}

/// Previews a file for a workspace that does not exist.
fn preview_of_new(report: ImportReport) -> CatalogPreview {
    let changes = CatalogChanges { n_new: report.n_items, ..CatalogChanges::default() };
    CatalogPreview {
        report,
        changes,
        examples: catalog::ChangeExamples::default(),
        scenarios: Vec::new(),
        refused: Vec::new(),
    }
}

fn print_preview(preview: &CatalogPreview, is_json: bool) -> Result<()> {
    if is_json {
        println!("{}", serde_json::to_string_pretty(preview)?);
        return Ok(());
    }
    print_report(&preview.report);
    print_changes(&preview.changes);
    preview.scenarios.iter().for_each(|unfit| println!("{unfit}"));
    match &preview.refused[..] {
        [] => println!("Nothing was changed; without --dry-run the file replaces the catalog."),
        refused => refused.iter().for_each(|why| println!("The file would be refused: {why}")),
    }
    Ok(())
}

fn print_changes(changes: &CatalogChanges) {
    let counts = [
        ("new", changes.n_new),
        ("changed", changes.n_changed),
        ("unchanged", changes.n_unchanged),
        ("withdrawn", changes.n_withdrawn),
    ];
    let rows: Vec<Vec<String>> =
        counts.iter().map(|(what, n)| vec![(*what).to_owned(), terminal::grouped(*n)]).collect();
    println!("{}", terminal::table(&["items", "count"], &rows));
    if changes.n_before == 0 {
        return;
    }
    for change in &changes.properties {
        let name = &change.name;
        match (change.from, change.to) {
            (None, Some(to)) => println!("property {name:?}: new ({to})"),
            (Some(from), Some(to)) => println!("property {name:?}: changes from {from} to {to}"),
            (Some(_), None) => println!("property {name:?}: dropped, since it is not in the file"),
            (None, None) => {}
        }
    }
}

pub(super) fn print_report(report: &ImportReport) {
    let columns: Vec<Vec<String>> = report
        .columns
        .iter()
        .map(|column| vec![column.name.clone(), column.type_.to_string()])
        .collect();
    if !columns.is_empty() {
        println!("{}", terminal::table(&["property", "type"], &columns));
    }
    if report.errors.is_empty() {
        return;
    }
    let reasons: Vec<Vec<String>> = report
        .reasons
        .iter()
        .map(|(reason, count)| vec![reason.clone(), terminal::grouped(*count)])
        .collect();
    println!("{}", terminal::table(&["invalid rows and cells", "count"], &reasons));
    for error in &report.errors {
        println!("  row {}: {}: {}", error.row, error.reason, error.detail);
    }
}
