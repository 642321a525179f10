//! Work that is done again and again, such as exports: when it was done last, and what is due.

use std::collections::BTreeMap;

use domain::{ScheduledExport, Timestamp};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::{Engine, EngineError};

/// The rest after a run that failed, in milliseconds.
const RETRY_MS: i64 = 10 * 60 * 1_000;
/// The record of how far logs are exported, in the folder of the workspace.
const POSITIONS: &str = "export_positions.json";
const MINUTE_MS: i64 = 60 * 1_000;

/// What is done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduled {
    /// Scheduled exports.
    Exports,
    /// Feeds of the catalog.
    Feeds,
}

/// The last run of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ScheduledRun {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The number of rows that were written or read.
    pub n_rows: u64,
    /// The number of rows that were left out, since they were wrong.
    #[serde(default)]
    pub n_skipped: u64,
    /// What became of them, in words.
    pub outcome: Option<String>,
    /// What went wrong; none where nothing did.
    pub error: Option<String>,
}

impl Scheduled {
    /// The record of the last runs, in the folder of the workspace.
    fn record(self) -> &'static str {
        match self {
            Self::Exports => "exports.json",
            Self::Feeds => "feeds.json",
        }
    }
}

impl Engine {
    /// The name of each, with the time between two runs in milliseconds, and whether it is paused.
    fn schedule(&self, what: Scheduled) -> Vec<(String, i64, bool)> {
        let config = self.config();
        match what {
            Scheduled::Exports => {
                let exports = config.exports.iter();
                let ms = |hours: u32| i64::from(hours) * 60 * MINUTE_MS;
                exports.map(|one| (one.name.clone(), ms(one.every_hours), one.paused)).collect()
            }
            Scheduled::Feeds => {
                let feeds = config.feeds.iter();
                let ms = |minutes: u32| i64::from(minutes) * MINUTE_MS;
                feeds.map(|one| (one.name.clone(), ms(one.every_minutes), one.paused)).collect()
            }
        }
    }

    /// The last runs, by name.
    ///
    /// # Errors
    /// If their record cannot be read.
    pub fn scheduled_runs(
        &self,
        what: Scheduled,
    ) -> Result<BTreeMap<String, ScheduledRun>, EngineError> {
        match fs::read(self.folder().join(what.record())) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            // One that is not whole, or of a later build, says nothing.
            text => Ok(serde_json::from_slice(&text?).unwrap_or_default()),
        }
    }

    /// Records a run, and forgets those of what is gone.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub fn record_scheduled_run(
        &self,
        what: Scheduled,
        name: &str,
        run: ScheduledRun,
    ) -> Result<(), EngineError> {
        let _one_at_a_time = self.schedule_lock.lock();
        let mut runs = self.scheduled_runs(what)?;
        runs.insert(name.to_owned(), run);
        let schedule = self.schedule(what);
        runs.retain(|name, _| schedule.iter().any(|(known, ..)| known == name));
        self.write_record(what.record(), &runs)
    }

    /// Up to which offset of the journal a log is exported; none before its first run. It begins
    /// anew where other changes are exported, or into another place.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn export_position(&self, export: &ScheduledExport) -> Result<Option<u64>, EngineError> {
        Ok(self.export_positions()?.get(&position_key(export)).copied())
    }

    fn export_positions(&self) -> Result<BTreeMap<String, u64>, EngineError> {
        match fs::read(self.folder().join(POSITIONS)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            text => Ok(serde_json::from_slice(&text?).unwrap_or_default()),
        }
    }

    /// Records up to which offset a log is exported, and forgets exports that are gone.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub fn record_export_position(
        &self,
        export: &ScheduledExport,
        next: u64,
    ) -> Result<(), EngineError> {
        let _one_at_a_time = self.schedule_lock.lock();
        let mut positions = self.export_positions()?;
        positions.insert(position_key(export), next);
        let config = self.config();
        let known: Vec<String> = config.exports.iter().map(position_key).collect();
        positions.retain(|key, _| known.contains(key));
        self.write_record(POSITIONS, &positions)
    }

    /// The names of those that are due: once in each of their periods, and some minutes after a run
    /// that failed.
    ///
    /// # Errors
    /// If the record of their runs cannot be read.
    pub fn due(&self, what: Scheduled) -> Result<Vec<String>, EngineError> {
        let mut schedule = self.schedule(what);
        schedule.retain(|(.., is_paused)| !is_paused);
        if schedule.is_empty() {
            return Ok(Vec::new());
        }
        let (now, runs) = (self.now(), self.scheduled_runs(what)?);
        let is_due = |every_ms: i64, run: Option<&ScheduledRun>| {
            let Some(run) = run else { return true };
            let period = |at: Timestamp| at.0.div_euclid(every_ms);
            match run.error {
                Some(_) => now.0 - run.ended_at.0 >= RETRY_MS,
                None => period(now) > period(run.started_at),
            }
        };
        let due = schedule.into_iter().filter(|(name, every, _)| is_due(*every, runs.get(name)));
        Ok(due.map(|(name, ..)| name).collect())
    }
}

/// Names a log in the record of positions. None of the three has a slash.
fn position_key(export: &ScheduledExport) -> String {
    format!("{}/{}/{}", export.name, export.what.word(), export.into)
}
