//! SIGHUP: the settings, the bootstrap file and the certificate are read anew while the server
//! runs. All of it is read and checked before any of it takes effect, so a file with a mistake
//! leaves everything as it was.

use std::path::Path;
use std::slice;
use std::sync::Arc;

use anyhow::Result;
use arc_swap::ArcSwap;
use domain::{WorkspaceConfig, WorkspaceId};
use tracing_subscriber::EnvFilter;
use web::Tls;

use crate::bootstrap::{Bootstrap, check_write_keys, configure_each, merge_configs};
use crate::service::Service;
use crate::settings::Settings;
use crate::tls::TlsFiles;

/// The settings in force; others take their place when they are reloaded.
pub(crate) type LiveSettings = Arc<ArcSwap<Settings>>;

/// Puts another filter of the log in force.
pub(crate) type SetFilter = Box<dyn Fn(EnvFilter) -> Result<()>>;

/// The files that a running server reads again.
pub(crate) struct Reload<'s> {
    /// Reads and checks the settings as at the start.
    pub(crate) read_settings: &'s dyn Fn() -> Result<Settings>,
    pub(crate) bootstrap: Option<&'s Path>,
    /// Whether the bootstrap file removes what it does not name.
    pub(crate) prunes: bool,
    pub(crate) service: &'s Service,
    /// The files of the certificate, and the one in use.
    pub(crate) tls: Option<(TlsFiles, Tls)>,
    pub(crate) settings: LiveSettings,
    pub(crate) set_filter: SetFilter,
}

impl Reload<'_> {
    /// Reads everything anew; the log says what came of it.
    pub(crate) fn run(&self) {
        match self.reload() {
            Ok(()) => tracing::info!("settings, bootstrap file and certificate were read anew"),
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "nothing was reloaded; everything stays as it was"
                );
            }
        }
    }

    fn reload(&self) -> Result<()> {
        let asked = (self.read_settings)()?;
        let filter = asked.log.filter()?;
        let bootstrap =
            self.bootstrap.map(|path| Bootstrap::read(path, self.prunes)).transpose()?;
        let app = &self.service.app;
        let configuring = app.configuring.lock();
        let engines = app.workspaces().engines();
        let configs = merge_configs(bootstrap.as_ref(), &engines)?;
        let is_there = |id: &WorkspaceId| app.workspaces().knows(id);
        let new: Vec<WorkspaceConfig> =
            bootstrap.iter().flat_map(|bootstrap| bootstrap.new_workspaces(is_there)).collect();
        check_write_keys(configs.iter().chain(&new))?;
        let certificate =
            self.tls.as_ref().map(|(files, tls)| anyhow::Ok((tls, files.read()?))).transpose()?;

        // The only step from here on that can fail comes first.
        if let Some(bootstrap) = &bootstrap {
            bootstrap.apply(&self.service.opener.data)?;
        }
        (self.set_filter)(filter)?;
        // Workspaces that are opened later, again or for the first time, get what it asks for as
        // well.
        self.service.opener.bootstrap.store(bootstrap.map(Arc::new));
        let installation = self.service.opener.data.installation();
        configure_each(installation, &engines, &configs);
        new.iter().for_each(|config| self.make(config));
        app.reload(asked.training.options());
        drop(configuring);
        if let Some((tls, config)) = certificate {
            tls.store(config);
        }
        let in_force = self.settings.load_full();
        for key in in_force.waiting_for_restart(&asked) {
            tracing::warn!(key, "a setting has changed that takes effect with a restart only");
        }
        self.settings.store(Arc::new(in_force.with_reloadable_from(asked)));
        Ok(())
    }

    /// Makes a workspace that the bootstrap file names and that was not there.
    fn make(&self, config: &WorkspaceConfig) {
        let (id, workspaces) = (&config.id, self.service.app.workspaces());
        match self.service.opener.open(id) {
            Ok(engine) => {
                let (own, config) = (slice::from_ref(&engine), slice::from_ref(config));
                configure_each(self.service.opener.data.installation(), own, config);
                workspaces.open(engine);
                tracing::info!(workspace = %id, "a workspace of the bootstrap file is new, and served from now on");
            }
            Err(error) => {
                let why = format!("{error:#}");
                tracing::error!(workspace = %id, why, "a workspace is not served; it is tried again");
                workspaces.close(id, &why);
            }
        }
    }
}
