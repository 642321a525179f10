//! The commands, one file each, and what several of them share.

pub(crate) mod accept_loss;
pub(crate) mod accounts;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod catalog;
pub(crate) mod demo;
pub(crate) mod dry_run;
pub(crate) mod evaluate;
pub(crate) mod events;
pub(crate) mod import;
pub(crate) mod journal;
pub(crate) mod models;
pub(crate) mod offline;
pub(crate) mod recommend;
pub(crate) mod restore;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod train;
pub(crate) mod traits;
pub(crate) mod verify;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use domain::WorkspaceId;
use engine::{DataFolder, Engine};
use tempfile::NamedTempFile;

use crate::configuration;
use crate::files;
use crate::opener::open_workspace;

/// A file beside `out` that takes its name when it is whole and is gone if it never is.
fn part_of(out: &Path) -> Result<NamedTempFile> {
    let folder =
        out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part =
        tempfile::Builder::new().prefix(".tastemaker-").tempfile_in(folder).and_then(|part| {
            part.as_file().set_permissions(files::permissions_of_output())?;
            Ok(part)
        });
    part.with_context(|| format!("cannot write in {}", folder.display()))
}

/// Options that all commands share: data folder, workspace, output.
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
            bail!(
                "there is no data folder {}: `tastemaker import` creates one",
                self.data.display()
            );
        }
        let data = DataFolder::open(&self.data)?;
        let known = data.workspaces()?;
        if !known.contains(&self.workspace) {
            bail!(self.not_among(&known));
        }
        self.open_in(data)
    }

    /// Opens a workspace; none where it is not there.
    pub(crate) fn open_if_there(&self) -> Result<Option<Opened>> {
        if !self.data.is_dir() {
            return Ok(None);
        }
        let data = DataFolder::open(&self.data)?;
        match data.workspaces()?.contains(&self.workspace) {
            true => self.open_in(data).map(Some),
            false => Ok(None),
        }
    }

    /// Opens a workspace, making it where it is missing; true where it is new. Beside others it is
    /// made only when that is meant, since a new one may be an old one with a typing error.
    pub(crate) fn open_or_make(&self, is_meant: bool) -> Result<(Opened, bool)> {
        let data = DataFolder::open(&self.data)?;
        let known = data.workspaces()?;
        let is_new = !known.contains(&self.workspace);
        if is_new && !is_meant && !known.is_empty() {
            bail!("{} (--create creates it)", self.not_among(&known));
        }
        Ok((self.open_in(data)?, is_new))
    }

    /// The error for an unknown workspace, with the nearest name.
    fn not_among(&self, known: &[WorkspaceId]) -> String {
        let names: Vec<&str> = known.iter().map(WorkspaceId::as_str).collect();
        let id = self.workspace.as_str();
        let there_are = match configuration::nearest(id, &names) {
            Some(name) => format!("did you mean {name}?"),
            None if names.is_empty() => "there is none".to_owned(),
            None => format!("there are: {}", names.join(", ")),
        };
        format!("no workspace {id} in {}; {there_are}", self.data.display())
    }

    fn open_in(&self, data: DataFolder) -> Result<Opened> {
        Ok(Opened { engine: open_workspace(&data, &self.workspace, self.json)?, _data: data })
    }
}
