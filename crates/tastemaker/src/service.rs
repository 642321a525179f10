//! A running server: open workspaces and the routers on one port.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use arc_swap::ArcSwapOption;
use domain::WorkspaceId;
use engine::{DataFolder, Engine, EngineError, EngineOptions, MemoryBudget, SystemClock};
use web::{App, ConnectionLimits, Installation, Listener, Workspaces};

use crate::bootstrap::{Bootstrap, configure_each, merge_configs};
use crate::opener::Opener;
use crate::settings::Settings;

/// The least memory for what is read from the store of one workspace, in bytes.
const STORE_CACHE_BYTES_MIN: u64 = 2 * 1_024 * 1_024;

/// Everything that is open.
pub(crate) struct Service {
    pub(crate) app: Arc<App>,
    pub(crate) opener: Arc<Opener>,
}

impl Service {
    /// Opens a data folder with all its workspaces and those of the bootstrap file.
    pub(crate) fn open(
        folder: &Path,
        bootstrap: Option<Bootstrap>,
        settings: &Settings,
    ) -> Result<Self> {
        let server_settings = settings.server_settings()?;
        let data = Arc::new(DataFolder::open(folder)?);
        let mut ids = data.workspaces()?;
        let asked = bootstrap.iter().flat_map(|bootstrap| &bootstrap.workspaces);
        ids.extend(asked.map(|workspace| workspace.id.clone()));
        ids.sort();
        ids.dedup();
        let outgoing = settings.destinations.connect()?;
        let options = EngineOptions {
            memory: MemoryBudget::new(settings.limits.cache_bytes_max),
            store_cache_bytes: (settings.limits.store_cache_bytes_max / ids.len().max(1) as u64)
                .max(STORE_CACHE_BYTES_MIN),
            opens_without_model: true,
            clock: Arc::new(SystemClock),
            archive: settings.retention.archive(&outgoing)?,
            outgoing: Some(outgoing),
            instance_key: None,
        };
        let opener =
            Opener { data, options, bootstrap: ArcSwapOption::new(bootstrap.map(Arc::new)) };
        let (engines, closed) = open_each(&opener, &ids)?;
        // All of it is checked before any of it is journalled: a file that is refused leaves
        // everything as it was.
        let bootstrap = opener.bootstrap.load_full();
        let configs = merge_configs(bootstrap.as_deref(), &engines)?;
        if let Some(bootstrap) = &bootstrap {
            bootstrap.apply(&opener.data)?;
        }
        configure_each(opener.data.installation(), &engines, &configs);
        let workspaces = Workspaces::new(engines);
        closed.iter().for_each(|(id, why)| workspaces.close(id, why));
        for folder in opener.data.list_stray_folders()? {
            let why =
                format!("folder {} is named like no workspace: move it away", folder.display());
            tracing::error!(why, "a folder is not served");
            workspaces.report_stray_folder(
                &folder.file_name().unwrap_or_default().to_string_lossy(),
                &why,
            );
        }
        let metrics = web::install_metrics()?;
        let installation =
            Installation { data: Arc::clone(&opener.data), options: opener.options.clone() };
        let app = App::new(server_settings, workspaces, installation, metrics);
        Ok(Self { app: Arc::new(app), opener: Arc::new(opener) })
    }

    /// How many workspaces there are, open or closed.
    pub(crate) fn n_workspaces(&self) -> usize {
        self.engines().len() + self.app.workspaces().closed().len()
    }

    /// Whether workspaces may be created over the admin API.
    pub(crate) fn has_administrators(&self) -> bool {
        self.opener.data.installation().look(|state| state.n_owners()) > 0
    }

    /// The workspaces that are open, by name.
    pub(crate) fn engines(&self) -> Vec<Arc<Engine>> {
        self.app.workspaces().engines()
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
        let routes = server::routes(&self.app).merge(console::routes(&self.app));
        let router = web::layered(Arc::clone(&self.app), routes);
        let connections = Arc::clone(&self.app.connections);
        web::serve(router, listeners, limits, connections, stop, deadline).await;
    }

    /// Finishes what waits for the journals and closes everything.
    pub(crate) fn close(self) {
        std::thread::scope(|scope| {
            for engine in self.engines() {
                scope.spawn(move || engine.stop());
            }
        });
        drop(self);
    }
}

/// Opens workspaces each by itself: those that are open, and those that cannot be opened, with the
/// reason.
///
/// # Errors
/// If there are workspaces, none of them can be opened, and nothing that is in the way may pass:
/// somebody has to mend one, which most ways to do so need the folder for.
fn open_each(opener: &Opener, ids: &[WorkspaceId]) -> Result<(Vec<Arc<Engine>>, Closed)> {
    let (mut engines, mut closed, mut may_pass) = (Vec::new(), Closed::new(), false);
    for id in ids {
        match opener.open(id) {
            Ok(engine) => engines.push(engine),
            Err(error) => {
                may_pass |= error.downcast_ref::<EngineError>().is_some_and(EngineError::may_pass);
                let why = format!("{error:#}");
                tracing::error!(workspace = %id, why, "a workspace is not served; it is tried again");
                closed.push((id.clone(), why));
            }
        }
    }
    match closed.first() {
        Some((_, why)) if engines.is_empty() && !may_pass => bail!("{why}"),
        _ => Ok((engines, closed)),
    }
}

/// The workspaces that cannot be opened, with their errors.
type Closed = Vec<(WorkspaceId, String)>;
