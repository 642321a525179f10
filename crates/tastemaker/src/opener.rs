//! Opens workspaces as the settings and the bootstrap file ask: at start, and again while the
//! server runs.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use arc_swap::ArcSwapOption;
use domain::WorkspaceId;
use engine::{DataFolder, Engine, EngineOptions};
use web::Workspaces;

use crate::bootstrap::{Bootstrap, configure_each, merge_configs};
use crate::terminal;

/// Opens the workspaces of a data folder.
pub(crate) struct Opener {
    pub(crate) data: Arc<DataFolder>,
    pub(crate) options: EngineOptions,
    /// As it was read last.
    pub(crate) bootstrap: ArcSwapOption<Bootstrap>,
}

impl Opener {
    /// Opens a workspace with what its journal says.
    pub(crate) fn open(&self, id: &WorkspaceId) -> Result<Arc<Engine>> {
        // Damaged data may also make a library panic.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            open_workspace_with(&self.data, id, &self.options, false)
        }));
        let engine = opened.unwrap_or_else(|_| {
            Err(anyhow!("cannot open workspace {id}: a panic, which the log shows"))
        })?;
        Ok(Arc::new(engine))
    }

    /// Opens a workspace that is closed, beside those that are open.
    pub(crate) fn open_again(&self, id: &WorkspaceId, workspaces: &Workspaces) -> Result<()> {
        let engine = self.open(id)?;
        let mut engines = workspaces.engines();
        engines.push(Arc::clone(&engine));
        let configs = merge_configs(self.bootstrap.load().as_deref(), &engines)?;
        let (own, config) = (&engines[engines.len() - 1..], &configs[configs.len() - 1..]);
        configure_each(self.data.installation(), own, config);
        workspaces.open(engine);
        Ok(())
    }
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
