//! `tastemaker export`: exports that are made again and again are listed, configured, made and
//! removed where no server runs.

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use domain::{ExportFormat, Exportable, ScheduledExport};
use engine::{ConfigChange, Expected, Scheduled, ScheduledRun};
use resources::exports::scheduled;
use serde_json::{Value, json};

use super::Place;
use super::scheduled::{Bar, RunPlace, describe_run, failed, print_run};
use crate::terminal;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the scheduled exports with their last runs
    List(List),
    /// Show a scheduled export with its last run
    Show(Named),
    /// Make a scheduled export, or replace the one of this name
    Put(Put),
    /// Make the files of a scheduled export now
    Run(Run),
    /// Remove a scheduled export; what it has made stays
    Remove(Named),
}

#[derive(ClapArgs)]
struct List {
    #[command(flatten)]
    place: Place,
}

#[derive(ClapArgs)]
struct Named {
    /// The name
    name: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
    Parquet,
}

#[derive(ClapArgs)]
struct Put {
    /// The name, of a-z, 0-9 and '_': that of the folder of the files, or of the table
    name: String,
    /// What is exported, such as people
    #[arg(value_parser = parse_what)]
    what: Exportable,
    /// The destination into whose folder, bucket or database it goes
    into: String,
    /// The form of the files
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    format: Format,
    /// The time between two runs, in hours
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    every_hours: u32,
    /// Do not make it for the time being
    #[arg(long)]
    paused: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(ClapArgs)]
struct Run {
    /// The name
    name: String,
    #[command(flatten)]
    place: RunPlace,
}

fn parse_what(word: &str) -> Result<Exportable, String> {
    let found = Exportable::ALL.into_iter().find(|what| what.word() == word);
    let words = Exportable::ALL.map(Exportable::word);
    found.ok_or_else(|| format!("it must be one of {}", words.join(", ")))
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Show(args) => show(args),
        Command::Put(args) => put(args),
        Command::Run(args) => make(args),
        Command::Remove(args) => remove(args),
    }
}

fn list(args: &List) -> Result<()> {
    let opened = args.place.open()?;
    let config = opened.engine.config();
    let runs = opened.engine.scheduled_runs(Scheduled::Exports)?;
    if args.place.json {
        let exports: Vec<Value> =
            config.exports.iter().map(|one| as_json(one, runs.get(&one.name))).collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "exports": exports }))?);
        return Ok(());
    }
    if config.exports.is_empty() {
        println!("There are no scheduled exports.");
        return Ok(());
    }
    let row = |export: &ScheduledExport| {
        let every = match export.paused {
            true => "paused".to_owned(),
            false => format!("{} h", export.every_hours),
        };
        let what = export.what.word().to_owned();
        let run = describe_run(runs.get(&export.name));
        vec![export.name.clone(), what, every, export.into.clone(), run]
    };
    let rows: Vec<Vec<String>> = config.exports.iter().map(row).collect();
    println!("{}", terminal::table(&["name", "what", "every", "into", "last run"], &rows));
    Ok(())
}

fn as_json(export: &ScheduledExport, run: Option<&ScheduledRun>) -> Value {
    let mut shown = json!(export);
    shown["last_run"] = json!(run);
    shown
}

fn show(args: &Named) -> Result<()> {
    let opened = args.place.open()?;
    let config = opened.engine.config();
    let Some(export) = config.export(&args.name) else {
        let names: Vec<&str> = config.exports.iter().map(|one| one.name.as_str()).collect();
        bail!("no export {:?}; there are: {}", args.name, names.join(", "))
    };
    let runs = opened.engine.scheduled_runs(Scheduled::Exports)?;
    let run = runs.get(&args.name);
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&as_json(export, run))?);
        return Ok(());
    }
    let rows = [
        ("what", export.what.word().to_owned()),
        ("format", export.format.extension().to_owned()),
        ("into", export.into.clone()),
        ("every", format!("{} h", export.every_hours)),
        ("paused", if export.paused { "yes" } else { "no" }.to_owned()),
        ("last run", describe_run(run)),
    ];
    let rows = rows.map(|(what, value)| vec![what.to_owned(), value]);
    println!("{}", terminal::table(&[&export.name, ""], &rows));
    Ok(())
}

fn put(args: &Put) -> Result<()> {
    let opened = args.place.open()?;
    let export = ScheduledExport {
        name: args.name.clone(),
        what: args.what,
        format: match args.format {
            Format::Csv => ExportFormat::Csv,
            Format::Jsonl => ExportFormat::Jsonl,
            Format::Parquet => ExportFormat::Parquet,
        },
        into: args.into.clone(),
        every_hours: args.every_hours,
        paused: args.paused,
    };
    opened.engine.change_config(ConfigChange::put_export(&export), Expected::Anything)?;
    println!("The export {:?} is there. A running server makes it when it is due.", export.name);
    Ok(())
}

fn make(args: &Run) -> Result<()> {
    let connected = args.place.open()?;
    let is_json = args.place.place.json;
    let bar = Bar::new(is_json);
    let find_engine = || connected.find_engine();
    let run = scheduled::run_here(&find_engine, &connected.folder(), &args.name, &bar);
    drop(bar);
    print_run(&run.map_err(failed)?, is_json)
}

fn remove(args: &Named) -> Result<()> {
    let opened = args.place.open()?;
    let change = ConfigChange::RemoveExport { name: args.name.clone() };
    opened.engine.change_config(change, Expected::Present)?;
    println!("The export {:?} is removed. What it has made stays.", args.name);
    Ok(())
}
