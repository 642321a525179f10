//! Exports that are made again and again: where they go, and when each was made last.

use std::collections::BTreeMap;

use connectors::{EXPORT_KINDS, ExportPlace};
use domain::{Timestamp, WorkspaceConfig};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::delivery::open_settings;
use crate::{Engine, EngineError};

/// The record of the last runs, in the folder of the workspace.
const RECORD: &str = "exports.json";
/// The rest after a run that failed, in milliseconds.
const RETRY_MS: i64 = 10 * 60 * 1_000;
const HOUR_MS: i64 = 3_600 * 1_000;

/// The last run of a scheduled export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ExportRun {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Where the rows are.
    pub place: Option<String>,
    /// The number of rows.
    pub n_rows: u64,
    /// What went wrong; none where all rows are there.
    pub error: Option<String>,
}

/// Checks that scheduled exports go to destinations that have a place for them.
///
/// # Errors
/// The first mistake, in words.
pub(crate) fn check_exports(config: &WorkspaceConfig) -> Result<(), String> {
    for export in &config.exports {
        let destination = config.destination(&export.into);
        let kind = destination.and_then(|destination| destination.kind.as_deref());
        let kind = kind.unwrap_or_default();
        if !EXPORT_KINDS.contains(&kind) {
            return Err(format!(
                "export {:?}: into names the destination {:?} of kind {kind:?}, and exports go to \
                 one of kind {}",
                export.name,
                export.into,
                EXPORT_KINDS.join(" or ")
            ));
        }
    }
    Ok(())
}

impl Engine {
    /// The place of a destination for exports.
    ///
    /// # Errors
    /// If it has none, its settings are wrong, or nothing leaves this engine.
    pub fn export_place(&self, destination: &str) -> Result<ExportPlace, String> {
        let config = self.config();
        let found = config.destination(destination);
        let found = found.ok_or_else(|| format!("there is no destination {destination:?}"))?;
        let outgoing = self.outgoing.as_ref().ok_or("nothing is sent from here")?;
        let settings = open_settings(self.instance_key.as_deref(), self.id(), found)?;
        let kind = found.kind.as_deref().unwrap_or_default();
        let place = ExportPlace::of_settings(kind, &settings, outgoing);
        place.map_err(|error| format!("destination {destination:?}: {error}"))
    }

    /// The last runs of scheduled exports, by name.
    ///
    /// # Errors
    /// If their record cannot be read.
    pub fn export_runs(&self) -> Result<BTreeMap<String, ExportRun>, EngineError> {
        match fs::read(self.folder().join(RECORD)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            // One that is not whole, or of a later build, says nothing.
            text => Ok(serde_json::from_slice(&text?).unwrap_or_default()),
        }
    }

    /// Records a run, and forgets those of exports that are gone.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub fn record_export_run(&self, name: &str, run: ExportRun) -> Result<(), EngineError> {
        let _one_at_a_time = self.export_record_lock.lock();
        let mut runs = self.export_runs()?;
        runs.insert(name.to_owned(), run);
        let config = self.config();
        runs.retain(|name, _| config.export(name).is_some());
        self.write_record(RECORD, &runs)
    }

    /// The names of the scheduled exports that are due: once in each of their periods, and some
    /// minutes after a run that failed.
    ///
    /// # Errors
    /// If the record of their runs cannot be read.
    pub fn due_exports(&self) -> Result<Vec<String>, EngineError> {
        let (config, now) = (self.config(), self.now());
        let exports = config.exports.iter().filter(|export| !export.paused);
        let mut exports = exports.peekable();
        if exports.peek().is_none() {
            return Ok(Vec::new());
        }
        let runs = self.export_runs()?;
        let is_due = |every_hours: u32, run: Option<&ExportRun>| {
            let Some(run) = run else { return true };
            let period = |at: Timestamp| at.0.div_euclid(i64::from(every_hours) * HOUR_MS);
            match run.error {
                Some(_) => now.0 - run.ended_at.0 >= RETRY_MS,
                None => period(now) > period(run.started_at),
            }
        };
        let due = exports.filter(|export| is_due(export.every_hours, runs.get(&export.name)));
        Ok(due.map(|export| export.name.clone()).collect())
    }
}
