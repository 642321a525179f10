//! A running server: open workspaces and the routers on one port.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use domain::WorkspaceId;
use engine::{DataFolder, Engine, EngineOptions, MemoryBudget};
use server::{App, ConnectionLimits, Listener};

use crate::bootstrap::{Bootstrap, configs_asked_for, configure_each};
use crate::settings::Settings;
use crate::terminal;

/// The least memory for what is read from the store of one workspace, in bytes.
const STORE_CACHE_BYTES_MIN: u64 = 2 * 1_024 * 1_024;

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
        let options = EngineOptions {
            memory: MemoryBudget::new(settings.limits.cache_bytes_max),
            store_cache_bytes: (settings.limits.store_cache_bytes_max / ids.len().max(1) as u64)
                .max(STORE_CACHE_BYTES_MIN),
            opens_without_model: true,
        };
        let (engines, mut failed) = open_each(&data, &ids, &options)?;
        for folder in data.stray_folders()? {
            let why = format!("folder {} is named like no workspace: move it away", folder.display());
            tracing::error!(why, "a folder is not served");
            failed.push((folder.file_name().unwrap_or_default().to_string_lossy().into_owned(), why));
        }
        // All of it is checked before any of it is journalled: a file that is refused leaves everything as it was.
        let configs = configs_asked_for(bootstrap, &engines)?;
        if let Some(bootstrap) = bootstrap {
            bootstrap.apply(&data)?;
        }
        configure_each(&engines, &configs);
        let metrics = server::install_metrics()?;
        let app = App::new(settings.of_server(), engines.clone(), data.admin_token_hash(), metrics)
            .with_failed(failed);
        Ok(Self { app: Arc::new(app), engines, data })
    }

    /// Serves until `stop` resolves, then lets requests under way finish within the deadline.
    pub(crate) async fn serve(
        &self,
        listeners: Vec<Listener>,
        limits: ConnectionLimits,
        deadline: impl Fn() -> Duration,
        stop: impl Future<Output = ()>,
    ) {
        let stop = async {
            stop.await;
            self.app.start_stopping();
        };
        let router = server::router(Arc::clone(&self.app));
        server::serve(router, listeners, limits, stop, deadline).await;
    }

    /// Finishes what waits for the journals and closes everything.
    pub(crate) fn close(self) {
        std::thread::scope(|scope| {
            for engine in &self.engines {
                scope.spawn(|| engine.stop());
            }
        });
        drop(self.app);
        drop(self.engines);
        drop(self.data);
    }
}

/// Opens workspaces each by itself: those that are open, and those that cannot be opened, with the reason.
///
/// # Errors
/// Where there are workspaces, and none of them can be opened.
fn open_each(
    data: &DataFolder,
    ids: &[WorkspaceId],
    options: &EngineOptions,
) -> Result<(Vec<Arc<Engine>>, Failed)> {
    let (mut engines, mut failed) = (Vec::new(), Failed::new());
    for id in ids {
        // What is damaged may also make a library panic.
        let opened = catch_unwind(AssertUnwindSafe(|| open_workspace_with(data, id, options, false)));
        let why = match opened {
            Ok(Ok(engine)) => {
                engines.push(Arc::new(engine));
                continue;
            }
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("cannot open workspace {id}: a panic, which the log shows"),
        };
        tracing::error!(workspace = %id, why, "a workspace is not served; mend it and restart the server");
        failed.push((id.to_string(), why));
    }
    match failed.first() {
        Some((_, why)) if engines.is_empty() => bail!("{why}"),
        _ => Ok((engines, failed)),
    }
}

/// What cannot be opened, by the name of its folder, and why.
type Failed = Vec<(String, String)>;

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
    let bar = std::cell::OnceCell::new();
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
