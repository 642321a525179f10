//! A running server: open workspaces, the routers on one port, and the reconciler that trains.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use domain::{WorkspaceConfig, WorkspaceId};
use engine::{DataFolder, Engine};
use server::{App, ConnectionLimits, Tls};
use tokio::net::TcpListener;

use crate::bootstrap::{Bootstrap, check_write_keys, configure, with_scenarios_of};
use crate::settings::{Settings, Shutdown, Training};
use crate::terminal;

/// How often the reconciler looks whether a workspace is due.
const TRAINING_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// How often search indexes and filters follow what has changed: half of the second within which it can be found.
const REFRESH_INTERVAL: Duration = Duration::from_millis(500);
/// How often a stopping server looks whether the reconciler has ended.
const STOP_POLL_INTERVAL: Duration = Duration::from_millis(20);
/// After a run the reconciler rests this many times as long as it took.
const TRAINING_REST_FACTOR: u32 = 3;

/// Everything that is open.
pub(crate) struct Service {
    pub(crate) app: Arc<App>,
    pub(crate) engines: Vec<Arc<Engine>>,
    pub(crate) data: DataFolder,
}

impl Service {
    /// Opens a data folder with all its workspaces and those of the bootstrap file.
    pub(crate) fn open(folder: &Path, bootstrap: Option<&Bootstrap>, settings: &Settings) -> Result<Self> {
        let data = DataFolder::open(folder)?;
        let mut ids = data.workspaces()?;
        if let Some(bootstrap) = bootstrap {
            ids.extend(bootstrap.workspaces.iter().map(|workspace| workspace.id.clone()));
        }
        ids.sort();
        ids.dedup();
        let engines: Vec<Arc<Engine>> =
            ids.iter().map(|id| Ok(Arc::new(open_workspace(&data, id, false)?))).collect::<Result<_>>()?;
        // All of it is checked before any of it is journalled: a file that is refused leaves everything as it was.
        let asked_for = |engine: &Engine| {
            let asked = bootstrap
                .and_then(|bootstrap| bootstrap.workspaces.iter().find(|config| config.id == *engine.id()));
            let in_force = (*engine.config()).clone();
            match asked {
                None => Ok(in_force),
                Some(asked) => with_scenarios_of(asked, in_force),
            }
        };
        let configs =
            engines.iter().map(|engine| asked_for(engine)).collect::<Result<Vec<WorkspaceConfig>>>()?;
        check_write_keys(&configs)?;
        if let Some(bootstrap) = bootstrap {
            bootstrap.apply(&data)?;
        }
        for (engine, config) in engines.iter().zip(&configs) {
            configure(engine, config)?;
        }
        let metrics = server::install_metrics()?;
        let app = App::new(settings.of_server(), engines.clone(), data.admin_token_hash(), metrics);
        Ok(Self { app: Arc::new(app), engines, data })
    }

    /// Serves until `stop` resolves, then lets requests under way finish within the deadline.
    pub(crate) async fn serve(
        &self,
        listener: TcpListener,
        tls: Option<Tls>,
        limits: ConnectionLimits,
        shutdown: &Shutdown,
        stop: impl Future<Output = ()>,
    ) {
        let stop = async {
            stop.await;
            self.app.start_stopping();
        };
        let router = server::router(Arc::clone(&self.app));
        server::serve(router, listener, tls, limits, stop, shutdown.deadline()).await;
    }

    /// Finishes what waits for the journals and closes everything.
    pub(crate) fn close(self) {
        for engine in &self.engines {
            engine.stop();
        }
        drop(self.app);
        drop(self.engines);
        drop(self.data);
    }
}

/// Opens a workspace with a bar where the journal has to be replayed.
pub(crate) fn open_workspace(data: &DataFolder, id: &WorkspaceId, quiet: bool) -> Result<Engine> {
    let bar = std::cell::OnceCell::new();
    let progress = |done, total| {
        bar.get_or_init(|| terminal::bar("replaying the journal", "entries", total, quiet))
            .set_position(done);
    };
    let engine = data.open_workspace(id, &progress).with_context(|| format!("cannot open workspace {id}"))?;
    if let Some(bar) = bar.get() {
        bar.finish();
    }
    Ok(engine)
}

/// Trains each workspace when it is due, beside the traffic.
pub(crate) struct Trainer {
    is_stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Trainer {
    pub(crate) fn start(engines: &[Arc<Engine>], settings: &Training) -> Result<Self> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        if !settings.enabled {
            return Ok(Self { is_stopping, thread: None });
        }
        let (engines, settings, stop) = (engines.to_vec(), settings.clone(), Arc::clone(&is_stopping));
        let run = move || reconcile(&engines, &settings, &stop);
        let thread = std::thread::Builder::new().name("trainer".to_owned()).spawn(run)?;
        Ok(Self { is_stopping, thread: Some(thread) })
    }

    /// Gives a run under way until the deadline; it can be given up, since the next start finds that one is due.
    pub(crate) fn stop(mut self, shutdown: &Shutdown) {
        self.is_stopping.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else { return };
        thread.thread().unpark();
        let until = Instant::now() + shutdown.deadline();
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(STOP_POLL_INTERVAL);
        }
    }
}

/// Refreshes what workspaces keep of their items for lists, filters and searches.
pub(crate) struct Refresher {
    is_stopping: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Refresher {
    pub(crate) fn start(engines: &[Arc<Engine>]) -> Result<Self> {
        let is_stopping = Arc::new(AtomicBool::new(false));
        let (engines, stop) = (engines.to_vec(), Arc::clone(&is_stopping));
        let run = move || {
            while !stop.load(Ordering::Relaxed) {
                engines.iter().for_each(|engine| engine.refresh());
                std::thread::park_timeout(REFRESH_INTERVAL);
            }
        };
        let thread = std::thread::Builder::new().name("refresher".to_owned()).spawn(run)?;
        Ok(Self { is_stopping, thread })
    }

    /// Whatever is under way can be given up: it is in memory.
    pub(crate) fn stop(self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
    }
}

fn reconcile(engines: &[Arc<Engine>], settings: &Training, is_stopping: &AtomicBool) {
    let mut next_allowed = vec![Instant::now(); engines.len()];
    while !is_stopping.load(Ordering::Relaxed) {
        for (engine, next_allowed) in engines.iter().zip(&mut next_allowed) {
            if Instant::now() < *next_allowed
                || !engine.is_training_due(settings.new_share, settings.interval_max_s)
            {
                continue;
            }
            let started = Instant::now();
            if let Err(error) = engine.train(settings.options(), &|_| {}) {
                tracing::error!(workspace = %engine.id(), error = error.full_text(), "training failed");
            }
            let rest =
                (started.elapsed() * TRAINING_REST_FACTOR).max(Duration::from_secs(settings.interval_min_s));
            *next_allowed = Instant::now() + rest;
        }
        std::thread::park_timeout(TRAINING_CHECK_INTERVAL);
    }
}
