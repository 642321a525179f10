//! The commands, one file each, and what several of them share.

pub(crate) mod bench;
pub(crate) mod demo;
pub(crate) mod evaluate;
pub(crate) mod import;
pub(crate) mod models;
pub(crate) mod offline;
pub(crate) mod recommend;
pub(crate) mod serve;
pub(crate) mod train;
pub(crate) mod traits;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use domain::WorkspaceId;
use engine::{DataFolder, Engine};
use tempfile::NamedTempFile;

use crate::files;
use crate::service::open_workspace;

/// A file beside `out` that takes its name when it is whole and is gone if it never is.
fn part_of(out: &Path) -> Result<NamedTempFile> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = tempfile::Builder::new().prefix(".tastemaker-").tempfile_in(folder).and_then(|part| {
        part.as_file().set_permissions(files::permissions_of_output())?;
        Ok(part)
    });
    part.with_context(|| format!("cannot write in {}", folder.display()))
}

/// Which workspace a command works on, and how it speaks.
#[derive(Args)]
pub(crate) struct Place {
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The workspace
    #[arg(long, value_name = "ID")]
    workspace: WorkspaceId,
    /// Print JSON, for scripts
    #[arg(long)]
    pub(crate) json: bool,
}

/// A workspace that is open, with the lock on its folder.
pub(crate) struct Opened {
    // Dropped in this order: the engine before the lock.
    pub(crate) engine: Engine,
    _data: DataFolder,
}

impl Place {
    /// Opens a workspace that is there.
    pub(crate) fn open(&self) -> Result<Opened> {
        if !self.data.is_dir() {
            bail!("there is no data folder {}: `tastemaker import` makes one", self.data.display());
        }
        let data = DataFolder::open(&self.data)?;
        let known = data.workspaces()?;
        if !known.contains(&self.workspace) {
            let names: Vec<&str> = known.iter().map(WorkspaceId::as_str).collect();
            let there_are = if names.is_empty() {
                "there is none".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            bail!("no workspace {} in {}; {there_are}", self.workspace, self.data.display());
        }
        self.open_in(data)
    }

    /// Opens a workspace, making it where it is missing; true where it is new.
    pub(crate) fn open_or_make(&self) -> Result<(Opened, bool)> {
        let data = DataFolder::open(&self.data)?;
        let is_new = !data.workspaces()?.contains(&self.workspace);
        Ok((self.open_in(data)?, is_new))
    }

    fn open_in(&self, data: DataFolder) -> Result<Opened> {
        Ok(Opened { engine: open_workspace(&data, &self.workspace, self.json)?, _data: data })
    }
}
