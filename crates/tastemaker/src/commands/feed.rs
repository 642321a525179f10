//! `tastemaker feed`: catalog files that are fetched again and again are listed, made, fetched and
//! removed where no server runs.

use anyhow::{Result, bail};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use domain::{Feed, FeedFormat, ITEMS_CATALOG};
use engine::{ConfigChange, ConfirmedRemovals, Expected, Scheduled, ScheduledRun};
use resources::feeds;
use serde_json::{Value, json};

use super::scheduled::{Bar, RunPlace, describe_run, failed, print_run};
use super::{OpenWorkspace, Place};
use crate::terminal;

#[derive(ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the feeds with their last runs
    List(List),
    /// Show a feed with its last run
    Show(Named),
    /// Make a feed, or replace the one of this name
    Put(Put),
    /// Fetch a feed now, and make the file the catalog where it differs
    Run(Run),
    /// Remove a feed; the catalog stays as it is
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
    GoogleMerchant,
}

#[derive(ClapArgs)]
struct Put {
    /// The name, of a-z, 0-9 and '_'
    name: String,
    /// The address of the file
    url: String,
    /// The form of the file
    format: Format,
    /// The time between two runs, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    every_minutes: u32,
    /// The catalog of products that the file is; items if not given
    #[arg(long, value_name = "NAME")]
    catalog: Option<String>,
    /// Leave wrong rows out instead of refusing the file
    #[arg(long)]
    skip_invalid: bool,
    /// Take cells that do not fit the type of their column as empty instead of refusing the file
    #[arg(long)]
    allow_bad_cells: bool,
    /// Do not fetch it for the time being
    #[arg(long)]
    paused: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(ClapArgs)]
struct Run {
    /// The name
    name: String,
    /// The number of items that the file may withdraw; a tenth of the catalog by default
    #[arg(long, value_name = "ITEMS")]
    confirm: Option<u64>,
    /// A property in use that the file may drop; may be repeated
    #[arg(long, value_name = "PROPERTY")]
    drop: Vec<String>,
    #[command(flatten)]
    place: RunPlace,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Show(args) => show(args),
        Command::Put(args) => put(args),
        Command::Run(args) => fetch(args),
        Command::Remove(args) => remove(args),
    }
}

fn list(args: &List) -> Result<()> {
    let opened = args.place.open()?;
    let (config, runs) = (opened.engine.config(), opened.engine.scheduled_runs(Scheduled::Feeds)?);
    if args.place.json {
        let feeds: Vec<Value> =
            config.feeds.iter().map(|feed| as_json(feed, runs.get(&feed.name))).collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "feeds": feeds }))?);
        return Ok(());
    }
    if config.feeds.is_empty() {
        println!("There are no feeds.");
        return Ok(());
    }
    let row = |feed: &Feed| {
        let every = match feed.paused {
            true => "paused".to_owned(),
            false => format!("{} min", feed.every_minutes),
        };
        vec![feed.name.clone(), every, feed.url.clone(), describe_run(runs.get(&feed.name))]
    };
    let rows: Vec<Vec<String>> = config.feeds.iter().map(row).collect();
    println!("{}", terminal::table(&["name", "every", "address", "last run"], &rows));
    Ok(())
}

fn as_json(feed: &Feed, run: Option<&ScheduledRun>) -> Value {
    let mut shown = json!(feed);
    shown["last_run"] = json!(run);
    shown
}

fn show(args: &Named) -> Result<()> {
    let opened = args.place.open()?;
    let feed = find(&opened, &args.name)?;
    let runs = opened.engine.scheduled_runs(Scheduled::Feeds)?;
    let run = runs.get(&args.name);
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&as_json(&feed, run))?);
        return Ok(());
    }
    let rows = [
        ("address", feed.url.clone()),
        ("format", json!(feed.format).as_str().unwrap_or_default().to_owned()),
        ("every", format!("{} min", feed.every_minutes)),
        ("catalog", feed.catalog.clone().unwrap_or_else(|| ITEMS_CATALOG.to_owned())),
        ("wrong rows", if feed.skip_invalid { "left out" } else { "refuse the file" }.to_owned()),
        ("bad cells", if feed.allow_bad_cells { "empty" } else { "refuse the file" }.to_owned()),
        ("paused", if feed.paused { "yes" } else { "no" }.to_owned()),
        ("last run", describe_run(run)),
    ];
    let rows = rows.map(|(what, value)| vec![what.to_owned(), value]);
    println!("{}", terminal::table(&[&feed.name, ""], &rows));
    Ok(())
}

fn find(opened: &OpenWorkspace, name: &str) -> Result<Feed> {
    let config = opened.engine.config();
    let Some(feed) = config.feed(name) else {
        let names: Vec<&str> = config.feeds.iter().map(|feed| feed.name.as_str()).collect();
        bail!("no feed {name:?}; there are: {}", names.join(", "))
    };
    Ok(feed.clone())
}

fn put(args: &Put) -> Result<()> {
    let opened = args.place.open()?;
    let feed = Feed {
        name: args.name.clone(),
        url: args.url.clone(),
        format: match args.format {
            Format::Csv => FeedFormat::Csv,
            Format::Jsonl => FeedFormat::Jsonl,
            Format::GoogleMerchant => FeedFormat::GoogleMerchant,
        },
        every_minutes: args.every_minutes,
        catalog: args.catalog.clone(),
        skip_invalid: args.skip_invalid,
        allow_bad_cells: args.allow_bad_cells,
        paused: args.paused,
    };
    opened.engine.change_config(ConfigChange::put_feed(&feed), Expected::Anything)?;
    println!("The feed {:?} is there. A running server fetches it when it is due.", feed.name);
    Ok(())
}

fn fetch(args: &Run) -> Result<()> {
    let connected = args.place.open()?;
    let confirmed = ConfirmedRemovals { n_withdrawn: args.confirm, dropped: args.drop.clone() };
    let is_json = args.place.place.json;
    let bar = Bar::new(is_json);
    let find_engine = || connected.find_engine();
    let run = feeds::run_here(&find_engine, &connected.folder(), &args.name, &confirmed, &bar);
    drop(bar);
    print_run(&run.map_err(failed)?, is_json)
}

fn remove(args: &Named) -> Result<()> {
    let opened = args.place.open()?;
    let change = ConfigChange::RemoveFeed { name: args.name.clone() };
    opened.engine.change_config(change, Expected::Present)?;
    println!("The feed {:?} is removed. The catalog stays as it is.", args.name);
    Ok(())
}
