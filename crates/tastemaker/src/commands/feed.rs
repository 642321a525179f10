//! `tastemaker feed`: catalog files that are fetched again and again are listed, made, fetched and
//! removed where no server runs.

use anyhow::Result;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use domain::{Feed, FeedFormat, ITEMS_CATALOG, WorkspaceConfig};
use engine::{ConfigChange, ConfirmedRemovals, Expected, Scheduled};
use resources::feeds;
use serde_json::json;

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
        Command::List(args) => scheduled::list::<Feed>(args),
        Command::Show(args) => scheduled::show::<Feed>(args),
        Command::Put(args) => put(args),
        Command::Run(args) => scheduled::run(&args.place, |find_engine, folder, progress| {
            let Run { confirm, drop, .. } = args;
            let confirmed = ConfirmedRemovals { n_withdrawn: *confirm, dropped: drop.clone() };
            feeds::run_here(find_engine, folder, &args.name, &confirmed, progress)
        }),
        Command::Remove(args) => scheduled::remove::<Feed>(args),
    }
}

impl Repeated for Feed {
    const WORD: &'static str = "feed";
    const NONE: &'static str = "There are no feeds.";
    const STAYS: &'static str = "The catalog stays as it is.";
    const SCHEDULED: Scheduled = Scheduled::Feeds;
    const COLUMNS: &'static [&'static str] = &["every", "address"];

    fn all(config: &WorkspaceConfig) -> &[Self] {
        &config.feeds
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn cells(&self) -> Vec<String> {
        vec![describe_pace(self.every_minutes, "min", self.paused), self.url.clone()]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("address", self.url.clone()),
            ("format", json!(self.format).as_str().unwrap_or_default().to_owned()),
            ("every", format!("{} min", self.every_minutes)),
            ("catalog", self.catalog.clone().unwrap_or_else(|| ITEMS_CATALOG.to_owned())),
            (
                "wrong rows",
                if self.skip_invalid { "left out" } else { "refuse the file" }.to_owned(),
            ),
            (
                "bad cells",
                if self.allow_bad_cells { "empty" } else { "refuse the file" }.to_owned(),
            ),
            ("paused", if self.paused { "yes" } else { "no" }.to_owned()),
        ]
    }

    fn removal(name: String) -> ConfigChange {
        ConfigChange::RemoveFeed { name }
    }
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
    let text =
        format!("The feed {:?} is there. A running server fetches it when it is due.", feed.name);
    print_done(args.place.json, &feed, &text)
}
