//! The commands, one file each, and their shared options.

pub(crate) mod accept_loss;
pub(crate) mod accounts;
pub(crate) mod audience;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod campaign;
pub(crate) mod catalog;
pub(crate) mod computed_trait;
pub(crate) mod demo;
pub(crate) mod dry_run;
pub(crate) mod evaluate;
pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod feed;
pub(crate) mod import;
pub(crate) mod journal;
pub(crate) mod journey;
pub(crate) mod mapping;
pub(crate) mod models;
pub(crate) mod offline;
pub(crate) mod privacy;
pub(crate) mod recommend;
pub(crate) mod replay;
pub(crate) mod restore;
pub(crate) mod retention;
pub(crate) mod scheduled;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod tail;
pub(crate) mod train;
pub(crate) mod traits;
pub(crate) mod vapid_keys;
pub(crate) mod verify;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use domain::{SyncSettings, WorkspaceId};
use engine::{DataFolder, Engine, EngineOptions};
use tempfile::NamedTempFile;

use crate::configuration;
use crate::files;
use crate::opener::open_workspace;

/// Creates a temporary file beside `out`. It is renamed to `out` when it is complete, and removed
/// otherwise.
fn create_part_file(out: &Path) -> Result<NamedTempFile> {
    let folder =
        out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part =
        tempfile::Builder::new().prefix(".tastemaker-").tempfile_in(folder).and_then(|part| {
            part.as_file().set_permissions(files::permissions_of_output())?;
            Ok(part)
        });
    part.with_context(|| format!("cannot write in {}", folder.display()))
}

/// Reads from a JSON file to which destinations a value goes, and how.
fn read_sync(path: &Path) -> Result<SyncSettings> {
    let text = fs_err::read_to_string(path)?;
    serde_json::from_str(&text).with_context(|| format!("cannot use {}", path.display()))
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
pub(crate) struct OpenWorkspace {
    // Dropped in this order: the engine before the lock.
    pub(crate) engine: Engine,
    data: DataFolder,
}

impl OpenWorkspace {
    /// The engine, which goes before the lock.
    pub(crate) fn into_parts(self) -> (Engine, DataFolder) {
        (self.engine, self.data)
    }
}

impl Place {
    /// Opens an existing workspace.
    pub(crate) fn open(&self) -> Result<OpenWorkspace> {
        self.require_data_folder()?;
        let data = DataFolder::open(&self.data)?;
        let known = data.workspaces()?;
        if !known.contains(&self.workspace) {
            bail!(self.describe_unknown(&known));
        }
        self.open_in(data)
    }

    /// Opens an existing workspace with options, such as a client by which others are reached.
    pub(crate) fn open_with(&self, options: &EngineOptions) -> Result<OpenWorkspace> {
        self.require_data_folder()?;
        let data = DataFolder::open(&self.data)?;
        let known = data.workspaces()?;
        if !known.contains(&self.workspace) {
            bail!(self.describe_unknown(&known));
        }
        let engine = data.open_workspace_with(&self.workspace, options, &|_, _| {})?;
        Ok(OpenWorkspace { engine, data })
    }

    /// Fails if there is no data folder.
    pub(crate) fn require_data_folder(&self) -> Result<()> {
        if !self.data.is_dir() {
            bail!(
                "there is no data folder {}: `tastemaker import` creates one",
                self.data.display()
            );
        }
        Ok(())
    }

    /// Opens a workspace; none if it does not exist.
    pub(crate) fn open_if_exists(&self) -> Result<Option<OpenWorkspace>> {
        if !self.data.is_dir() {
            return Ok(None);
        }
        let data = DataFolder::open(&self.data)?;
        match data.workspaces()?.contains(&self.workspace) {
            true => self.open_in(data).map(Some),
            false => Ok(None),
        }
    }

    /// Opens a workspace, and creates it if it is missing; returns whether it is new. In a folder
    /// with other workspaces, it is created only if it `may_create`: its id may be a mistyped one.
    pub(crate) fn open_or_create(&self, may_create: bool) -> Result<(OpenWorkspace, bool)> {
        let data = DataFolder::open(&self.data)?;
        let known = data.workspaces()?;
        let is_new = !known.contains(&self.workspace);
        if is_new && !may_create && !known.is_empty() {
            bail!("{} (--create creates it)", self.describe_unknown(&known));
        }
        Ok((self.open_in(data)?, is_new))
    }

    /// Describes that the workspace is unknown, with the nearest id.
    fn describe_unknown(&self, known: &[WorkspaceId]) -> String {
        let names: Vec<&str> = known.iter().map(WorkspaceId::as_str).collect();
        let id = self.workspace.as_str();
        let there_are = match configuration::nearest(id, &names) {
            Some(name) => format!("did you mean {name}?"),
            None if names.is_empty() => "there is none".to_owned(),
            None => format!("there are: {}", names.join(", ")),
        };
        format!("no workspace {id} in {}; {there_are}", self.data.display())
    }

    fn open_in(&self, data: DataFolder) -> Result<OpenWorkspace> {
        Ok(OpenWorkspace { engine: open_workspace(&data, &self.workspace, self.json)?, data })
    }
}
