//! `tastemaker journey`: journeys are listed, shown as text and simulated where no server runs.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use clap::{Args as ClapArgs, Subcommand};
use domain::Journey;
use engine::Engine;
use resources::journeys::{self, JourneyReport};
use serde_json::json;

use super::Place;
use crate::terminal;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the journeys with how many people are inside
    List(List),
    /// Show a journey as text, one node a line
    Show(Show),
    /// Say what a journey would have done in the last 30 days
    Simulate(Simulate),
}

#[derive(ClapArgs)]
struct List {
    #[command(flatten)]
    place: Place,
}

#[derive(ClapArgs)]
struct Show {
    /// The key of the journey
    key: String,
    #[command(flatten)]
    place: Place,
}

#[derive(ClapArgs)]
struct Simulate {
    /// The key of a journey of the workspace
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    key: Option<String>,
    /// A JSON file of a journey that need not be in the workspace
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Show(args) => show(args),
        Command::Simulate(args) => simulate(args),
    }
}

fn list(args: &List) -> Result<()> {
    let opened = args.place.open()?;
    let journeys = journeys::list_with(&opened.engine);
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&json!({ "journeys": journeys }))?);
        return Ok(());
    }
    if journeys.is_empty() {
        println!("There are no journeys.");
        return Ok(());
    }
    let row = |report: &JourneyReport| {
        let JourneyReport { journey, version, inside } = report;
        let status = format!("{:?}", journey.status).to_lowercase();
        vec![journey.key.clone(), status, version.to_string(), terminal::grouped(*inside)]
    };
    let rows: Vec<Vec<String>> = journeys.iter().map(row).collect();
    println!("{}", terminal::table(&["key", "status", "version", "inside"], &rows));
    Ok(())
}

fn show(args: &Show) -> Result<()> {
    let opened = args.place.open()?;
    let journey = find(&opened.engine, &args.key)?;
    match args.place.json {
        true => println!("{}", serde_json::to_string_pretty(&journey)?),
        false => print!("{}", journey.to_text()),
    }
    Ok(())
}

fn simulate(args: &Simulate) -> Result<()> {
    let opened = args.place.open()?;
    let journey = match (&args.key, &args.file) {
        (Some(key), _) => find(&opened.engine, key)?,
        (None, Some(file)) => serde_json::from_str(&fs_err::read_to_string(file)?)
            .map_err(|error| anyhow!("{}: {error}", file.display()))?,
        (None, None) => bail!("name a journey, or a file of one"),
    };
    let report = match journeys::simulate_with(&opened.engine, journey) {
        Ok(report) => report,
        Err(error) => bail!("{}", error.message),
    };
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    let (simulated, profiles) =
        (terminal::grouped(report.simulated), terminal::grouped(report.profiles));
    println!(
        "From {} to {}, of {simulated} of {profiles} profiles: {} would have entered, {} would be \
         inside.",
        report.from,
        report.until,
        terminal::grouped(report.entered),
        terminal::grouped(report.inside),
    );
    for (campaign, n) in &report.messages {
        println!("{} messages of {campaign}", terminal::grouped(*n));
    }
    for (why, n) in &report.left {
        println!("{} would have left: {why}", terminal::grouped(*n));
    }
    let row = |node: &journeys::JourneyNodeStatistics| {
        let ways = |counts: &std::collections::BTreeMap<String, u64>| {
            let ways = counts.iter().map(|(way, n)| format!("{way} {}", terminal::grouped(*n)));
            ways.collect::<Vec<_>>().join(", ")
        };
        let [entered, waiting] = [node.entered, node.waiting].map(terminal::grouped);
        vec![node.node.clone(), entered, ways(&node.moved), waiting]
    };
    let rows: Vec<Vec<String>> = report.nodes.iter().map(row).collect();
    println!("{}", terminal::table(&["node", "entered", "left by", "at it"], &rows));
    Ok(())
}

fn find(engine: &Engine, key: &str) -> Result<Journey> {
    let config = engine.config();
    if let Some(journey) = config.journey(key) {
        return Ok(journey.clone());
    }
    let keys: Vec<&str> = config.journeys.iter().map(|one| one.key.as_str()).collect();
    let known = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
    bail!("there is no journey {key:?}; there are: {known}")
}
