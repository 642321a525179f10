//! What the commands of feeds and of scheduled exports share: they are listed, shown and removed in
//! one way, and run by a terminal as the server runs them when they are due.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use domain::WorkspaceConfig;
use engine::{ConfigChange, DataFolder, Engine, EngineOptions, Expected, Scheduled, ScheduledRun};
use indicatif::ProgressBar;
use resources::FindEngine;
use resources::progress::Progress;
use serde::Serialize;
use serde_json::{Value, json};
use web::error::ApiError;

use super::Place;
use crate::configuration;
use crate::settings::Settings;
use crate::terminal;

/// What is done again and again, as it is listed, shown and removed.
pub(crate) trait Repeated: Serialize + Sized {
    /// The word for one of them.
    const WORD: &'static str;
    /// The sentence where there are none.
    const NONE: &'static str;
    /// The sentence behind "is removed".
    const STAYS: &'static str;
    /// Which of the records has their last runs.
    const SCHEDULED: Scheduled;
    /// The columns of the list between the name and the last run.
    const COLUMNS: &'static [&'static str];

    /// Those of a workspace.
    fn all(config: &WorkspaceConfig) -> &[Self];
    /// The name.
    fn name(&self) -> &str;
    /// The values of the columns.
    fn cells(&self) -> Vec<String>;
    /// What is shown of one, each with its label.
    fn details(&self) -> Vec<(&'static str, String)>;
    /// The change that removes the one of a name.
    fn removal(name: String) -> ConfigChange;
}

#[derive(clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
pub(crate) struct Named {
    /// The name
    name: String,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn list<R: Repeated>(args: &List) -> Result<()> {
    let opened = args.place.open()?;
    let (config, runs) = (opened.engine.config(), opened.engine.scheduled_runs(R::SCHEDULED)?);
    let all = R::all(&config).iter();
    if args.place.json {
        let all: Vec<Value> = all.map(|one| as_json(one, runs.get(one.name()))).collect();
        println!("{}", serde_json::to_string_pretty(&json!({ format!("{}s", R::WORD): all }))?);
        return Ok(());
    }
    let row = |one: &R| {
        let run = describe_run(runs.get(one.name()));
        [vec![one.name().to_owned()], one.cells(), vec![run]].concat()
    };
    let rows: Vec<Vec<String>> = all.map(row).collect();
    if rows.is_empty() {
        println!("{}", R::NONE);
        return Ok(());
    }
    println!("{}", terminal::table(&[&["name"][..], R::COLUMNS, &["last run"]].concat(), &rows));
    Ok(())
}

pub(crate) fn show<R: Repeated>(args: &Named) -> Result<()> {
    let opened = args.place.open()?;
    let config = opened.engine.config();
    let Some(one) = R::all(&config).iter().find(|one| one.name() == args.name) else {
        let names: Vec<&str> = R::all(&config).iter().map(R::name).collect();
        bail!("no {} {:?}; there are: {}", R::WORD, args.name, names.join(", "))
    };
    let runs = opened.engine.scheduled_runs(R::SCHEDULED)?;
    let run = runs.get(&args.name);
    if args.place.json {
        println!("{}", serde_json::to_string_pretty(&as_json(one, run))?);
        return Ok(());
    }
    let mut rows = one.details();
    rows.push(("last run", describe_run(run)));
    let rows: Vec<_> = rows.into_iter().map(|(what, value)| vec![what.to_owned(), value]).collect();
    println!("{}", terminal::table(&[one.name(), ""], &rows));
    Ok(())
}

pub(crate) fn remove<R: Repeated>(args: &Named) -> Result<()> {
    let opened = args.place.open()?;
    opened.engine.change_config(R::removal(args.name.clone()), Expected::Present)?;
    let text = format!("The {} {:?} is removed. {}", R::WORD, args.name, R::STAYS);
    terminal::print_done(args.place.json, &json!({ "removed": args.name }), &text)
}

/// Does a run with a bar, and prints what has come of it.
pub(crate) fn run(
    place: &RunPlace,
    run: impl FnOnce(&FindEngine<'_>, &Path, &dyn Progress) -> Result<ScheduledRun, ApiError>,
) -> Result<()> {
    let connected = place.open()?;
    let is_json = place.place.json;
    let bar = Bar::new(is_json);
    let run = run(&|| connected.find_engine(), &connected.folder(), &bar);
    drop(bar);
    let run = run.map_err(|error| anyhow!(error.message))?;
    terminal::print_done(is_json, &run, &describe_run(Some(&run)))
}

/// How often something is done, with the unit; not at all where it is paused.
pub(crate) fn describe_pace(every: u32, unit: &str, is_paused: bool) -> String {
    if is_paused { "paused".to_owned() } else { format!("{every} {unit}") }
}

fn as_json(one: &impl Serialize, run: Option<&ScheduledRun>) -> Value {
    let mut shown = json!(one);
    shown["last_run"] = json!(run);
    shown
}

/// Where something is run, and by which settings it reaches other places.
#[derive(clap::Args)]
pub(crate) struct RunPlace {
    #[command(flatten)]
    place: Place,
    /// The settings file of the server, which says which networks may be reached
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// A workspace that reaches other places.
struct Connected {
    // Dropped in this order: the engine before the lock.
    engine: Arc<Engine>,
    data: DataFolder,
}

impl RunPlace {
    fn open(&self) -> Result<Connected> {
        let settings: Settings =
            self.config.as_deref().map(configuration::read).transpose()?.unwrap_or_default();
        let outgoing = Some(settings.destinations.connect()?);
        let opened = self.place.open_with(&EngineOptions { outgoing, ..Default::default() })?;
        let (engine, data) = opened.into_parts();
        Ok(Connected { engine: Arc::new(engine), data })
    }
}

impl Connected {
    fn find_engine(&self) -> Result<Arc<Engine>, ApiError> {
        Ok(Arc::clone(&self.engine))
    }

    /// The folder of files that are there only meanwhile.
    fn folder(&self) -> PathBuf {
        self.data.job_files_folder()
    }
}

/// A bar in the terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(is_json: bool) -> Self {
        Self(terminal::share_bar("", is_json))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn tell(&self, share: f64, doing: String) {
        self.0.set_message(doing);
        terminal::set_share(&self.0, share);
    }

    fn is_cancelled(&self) -> bool {
        false
    }

    fn check(&self) -> Result<(), ApiError> {
        Ok(())
    }
}

/// The last run, in words.
fn describe_run(run: Option<&ScheduledRun>) -> String {
    let Some(run) = run else { return "not yet".to_owned() };
    if let Some(error) = &run.error {
        return format!("failed at {}: {error}", run.ended_at);
    }
    let skipped = match run.n_skipped {
        0 => String::new(),
        n => format!(", {} left out", terminal::grouped(n)),
    };
    let outcome = run.outcome.as_deref().unwrap_or_default();
    let rows = terminal::counted(run.n_rows, "row", "rows");
    format!("{}: {rows}{skipped}; {outcome}", run.ended_at)
}
