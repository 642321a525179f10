//! `tastemaker export`: exports that are made again and again are listed, configured, made and
//! removed where no server runs.

use anyhow::Result;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use domain::{ExportFormat, Exportable, ScheduledExport, WorkspaceConfig};
use engine::{ConfigChange, Expected, Scheduled};
use resources::exports::scheduled as exports;

use super::Place;
use super::scheduled::{self, List, Named, Repeated, RunPlace, describe_pace};
use crate::terminal::print_done;

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
    /// The key of the one audience or trait that is exported
    #[arg(long, value_name = "KEY")]
    only: Option<String>,
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
        Command::List(args) => scheduled::list::<ScheduledExport>(args),
        Command::Show(args) => scheduled::show::<ScheduledExport>(args),
        Command::Put(args) => put(args),
        Command::Run(args) => scheduled::run(&args.place, |find_engine, folder, progress| {
            exports::run_here(find_engine, folder, &args.name, progress)
        }),
        Command::Remove(args) => scheduled::remove::<ScheduledExport>(args),
    }
}

impl Repeated for ScheduledExport {
    const WORD: &'static str = "export";
    const NONE: &'static str = "There are no scheduled exports.";
    const STAYS: &'static str = "What it has made stays.";
    const SCHEDULED: Scheduled = Scheduled::Exports;
    const COLUMNS: &'static [&'static str] = &["what", "every", "into"];

    fn all(config: &WorkspaceConfig) -> &[Self] {
        &config.exports
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn cells(&self) -> Vec<String> {
        let what = match &self.only {
            Some(only) => format!("{} of {only}", self.what.word()),
            None => self.what.word().to_owned(),
        };
        vec![what, describe_pace(self.every_hours, "h", self.paused), self.into.clone()]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("what", self.what.word().to_owned()),
            ("only", self.only.clone().unwrap_or_else(|| "all".to_owned())),
            ("format", self.format.extension().to_owned()),
            ("into", self.into.clone()),
            ("every", format!("{} h", self.every_hours)),
            ("paused", if self.paused { "yes" } else { "no" }.to_owned()),
        ]
    }

    fn removal(name: String) -> ConfigChange {
        ConfigChange::RemoveExport { name }
    }
}

fn put(args: &Put) -> Result<()> {
    let opened = args.place.open()?;
    let export = ScheduledExport {
        name: args.name.clone(),
        what: args.what,
        only: args.only.clone(),
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
    let text =
        format!("The export {:?} is there. A running server makes it when it is due.", export.name);
    print_done(args.place.json, &export, &text)
}
