//! Opens workspaces as the settings and the bootstrap file ask: at start, and again while the server runs.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use arc_swap::ArcSwapOption;
use domain::WorkspaceId;
use engine::{BackgroundThread, DataFolder, Engine, EngineOptions, Health, Signals};
use server::{App, Workspaces};

use crate::bootstrap::{Bootstrap, configs_asked_for, configure_each};
use crate::{files, terminal};

/// The shortest time between two attempts to open a workspace again. It doubles with each attempt.
const REOPEN_INTERVAL_MIN: Duration = Duration::from_secs(1);
/// The longest time between two attempts; one that stays open for so long after an attempt begins with the shortest again.
const REOPEN_INTERVAL_MAX: Duration = Duration::from_secs(60);
/// A workspace that takes nothing still answers queries: it is closed and opened again once its file systems have so much room, in bytes.
const ROOM_BYTES_MIN: u64 = 16 * 1_024 * 1_024;

/// What opens the workspaces of a data folder.
pub(crate) struct Opener {
    pub(crate) data: Arc<DataFolder>,
    pub(crate) options: EngineOptions,
    /// As it was read last.
    pub(crate) bootstrap: ArcSwapOption<Bootstrap>,
}

impl Opener {
    /// Opens a workspace with what its journal says.
    pub(crate) fn open(&self, id: &WorkspaceId) -> Result<Arc<Engine>> {
        // What is damaged may also make a library panic.
        let opened =
            catch_unwind(AssertUnwindSafe(|| open_workspace_with(&self.data, id, &self.options, false)));
        let engine = opened
            .unwrap_or_else(|_| Err(anyhow!("cannot open workspace {id}: a panic, which the log shows")))?;
        Ok(Arc::new(engine))
    }

    /// Opens a workspace that is closed, beside those that are open.
    fn open_again(&self, id: &WorkspaceId, workspaces: &Workspaces) -> Result<()> {
        let engine = self.open(id)?;
        let mut engines = workspaces.engines();
        engines.push(Arc::clone(&engine));
        let configs = configs_asked_for(self.bootstrap.load().as_deref(), &engines)?;
        configure_each(&engines[engines.len() - 1..], &configs[configs.len() - 1..]);
        workspaces.open(engine);
        Ok(())
    }
}

/// Opens workspaces again that are closed, or that take nothing any more, without a restart of the server.
pub(crate) fn start_reopener(app: &Arc<App>, opener: &Arc<Opener>) -> Result<BackgroundThread> {
    let (app, opener) = (Arc::clone(app), Arc::clone(opener));
    let mut attempts = Attempts::new();
    let reopen = move |signals: &Signals| reopen_each(app.workspaces(), &opener, &mut attempts, signals);
    Ok(BackgroundThread::repeat("reopener", REOPEN_INTERVAL_MIN, reopen)?)
}

/// The last attempts, by workspace.
type Attempts = BTreeMap<WorkspaceId, Attempt>;

struct Attempt {
    next: Instant,
    interval: Duration,
    /// The workspace as it was, which keeps its files until the requests that began with it have ended.
    closing: Weak<Engine>,
}

fn reopen_each(workspaces: &Workspaces, opener: &Opener, attempts: &mut Attempts, signals: &Signals) {
    attempts.retain(|_, attempt| {
        attempt.closing.strong_count() > 0 || attempt.next.elapsed() < REOPEN_INTERVAL_MAX
    });
    for engine in workspaces.each_engine() {
        let Health::Broken(why) = engine.health() else { continue };
        let has_chance = is_due(attempts, engine.id()) && has_room(&engine);
        // A training run keeps it for minutes; meanwhile it answers queries.
        if signals.is_stopping() || !has_chance || engine.is_training() {
            continue;
        }
        tracing::warn!(workspace = %engine.id(), why, "a workspace takes nothing any more and is opened again");
        let why = format!(
            "it took nothing any more and is being opened again, once requests under way have ended: {why}"
        );
        workspaces.close(engine.id(), &why);
        engine.stop();
        let attempt = attempts.entry(engine.id().clone()).or_insert_with(Attempt::first);
        attempt.closing = Arc::downgrade(&engine);
    }
    for (id, _) in workspaces.closed() {
        if signals.is_stopping() || !is_due(attempts, &id) {
            continue;
        }
        let attempt = attempts.entry(id.clone()).or_insert_with(Attempt::first);
        if attempt.closing.strong_count() > 0 {
            continue;
        }
        let opened = opener.open_again(&id, workspaces);
        attempt.interval = (attempt.interval * 2).min(REOPEN_INTERVAL_MAX);
        attempt.next = Instant::now() + attempt.interval;
        match opened {
            Ok(()) => tracing::info!(workspace = %id, "a workspace is served again"),
            Err(error) => {
                let why = format!("{error:#}");
                let next_s = attempt.interval.as_secs();
                tracing::error!(workspace = %id, why, next_s, "a workspace is not served; it is tried again");
                workspaces.close(&id, &why);
            }
        }
    }
}

impl Attempt {
    fn first() -> Self {
        Self { next: Instant::now(), interval: REOPEN_INTERVAL_MIN, closing: Weak::new() }
    }
}

fn is_due(attempts: &Attempts, id: &WorkspaceId) -> bool {
    attempts.get(id).is_none_or(|attempt| Instant::now() >= attempt.next)
}

/// Whether opening it again has a chance; where that cannot be found out, opening it will tell.
fn has_room(engine: &Engine) -> bool {
    engine
        .folders()
        .iter()
        .all(|folder| files::room_bytes(folder).is_none_or(|n_bytes| n_bytes >= ROOM_BYTES_MIN))
}

/// Opens a workspace with a bar where the journal has to be replayed.
pub(crate) fn open_workspace(data: &DataFolder, id: &WorkspaceId, quiet: bool) -> Result<Engine> {
    open_workspace_with(data, id, &EngineOptions::default(), quiet)
}

fn open_workspace_with(
    data: &DataFolder,
    id: &WorkspaceId,
    options: &EngineOptions,
    quiet: bool,
) -> Result<Engine> {
    let bar = OnceCell::new();
    let progress = |done, total| {
        bar.get_or_init(|| terminal::bar("replaying the journal", "entries", total, quiet))
            .set_position(done);
    };
    let engine = data.open_workspace_with(id, options, &progress);
    let engine = engine.with_context(|| format!("cannot open workspace {id}"))?;
    if let Some(bar) = bar.get() {
        bar.finish();
    }
    Ok(engine)
}
