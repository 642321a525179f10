//! What the commands of feeds and of scheduled exports share: they are run by a terminal as the
//! server runs them when they are due.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use engine::{DataFolder, Engine, EngineOptions, ScheduledRun};
use indicatif::ProgressBar;
use resources::progress::Progress;
use web::error::ApiError;

use super::Place;
use crate::configuration;
use crate::settings::Settings;
use crate::terminal;

/// Where something is run, and by which settings it reaches other places.
#[derive(clap::Args)]
pub(crate) struct RunPlace {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The settings file of the server, which says which networks may be reached
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// A workspace that reaches other places.
pub(crate) struct Connected {
    // Dropped in this order: the engine before the lock.
    engine: Arc<Engine>,
    data: DataFolder,
}

impl RunPlace {
    pub(crate) fn open(&self) -> Result<Connected> {
        let settings: Settings =
            self.config.as_deref().map(configuration::read).transpose()?.unwrap_or_default();
        let outgoing = Some(settings.destinations.connect()?);
        let opened = self.place.open_with(&EngineOptions { outgoing, ..Default::default() })?;
        let (engine, data) = opened.into_parts();
        Ok(Connected { engine: Arc::new(engine), data })
    }
}

impl Connected {
    pub(crate) fn find_engine(&self) -> Result<Arc<Engine>, ApiError> {
        Ok(Arc::clone(&self.engine))
    }

    /// The folder of files that are there only meanwhile.
    pub(crate) fn folder(&self) -> PathBuf {
        self.data.job_files_folder()
    }
}

/// A bar in the terminal.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(is_json: bool) -> Self {
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

/// An error of a resource, in a terminal.
pub(crate) fn failed(error: ApiError) -> anyhow::Error {
    anyhow!(error.message)
}

pub(crate) fn print_run(run: &ScheduledRun, is_json: bool) -> Result<()> {
    match is_json {
        true => println!("{}", serde_json::to_string_pretty(run)?),
        false => println!("{}", describe_run(Some(run))),
    }
    Ok(())
}

/// The last run, in words.
pub(crate) fn describe_run(run: Option<&ScheduledRun>) -> String {
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
