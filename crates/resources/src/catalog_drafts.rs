//! Files that somebody has uploaded and not imported yet: below the data folder, for a day, each in
//! a folder of its own with what the latest look at it has shown.

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use catalog::Format;
use domain::WorkspaceId;
use engine::CatalogPreview;
use fs_err::{self as fs, File};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use uuid::Uuid;
use web::App;
use web::error::ApiError;
use web::jobs::{Job, Once};
use web::workspaces::RequestedWorkspace;

use crate::catalog::{Options, Source, preview_file};

/// How long a draft is kept, in hours: until the next upload after that.
pub const DRAFT_HOURS_KEPT: u64 = 24;
/// The most drafts of a workspace. One more takes the place of the oldest.
pub const DRAFTS_MAX: usize = 4;

/// An uploaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The id.
    pub id: Uuid,
    /// Its format, by the name that it was uploaded with.
    pub format: Format,
    folder: PathBuf,
}

impl Draft {
    fn path(&self) -> PathBuf {
        self.folder.join(file_name(self.format))
    }

    fn preview_path(&self) -> PathBuf {
        self.folder.join("preview.json")
    }
}

impl Source for Draft {
    fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(BufReader::new(File::open(self.path())?)))
    }

    fn held_bytes(&self) -> usize {
        0
    }

    fn once(&self) -> Option<Once> {
        Some(once(self.id))
    }

    fn discard(self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::debug!(%error, "an imported draft stays for now");
        }
    }
}

/// A draft is imported once.
fn once(id: Uuid) -> Once {
    Once::Done(format!("import of draft {id}"))
}

/// The job that imports a draft, or has; none as long as nobody has asked for it.
pub fn job_of(app: &App, workspace: &WorkspaceId, id: &str) -> Option<Job> {
    app.jobs.find_once(workspace, &once(id.parse().ok()?))
}

/// A draft that is being uploaded. The file is removed if this is dropped before its end.
pub struct Upload {
    draft: Draft,
    file: File,
    is_whole: bool,
}

impl Upload {
    /// Begins a draft, and removes those that are too old or too many.
    ///
    /// # Errors
    /// 400 for the name of a file of an unknown format; 503 where the folder cannot be used.
    pub async fn begin(
        app: &Arc<App>,
        workspace: &WorkspaceId,
        name: &str,
    ) -> Result<Self, ApiError> {
        let Some(format) = Format::from_name(name) else {
            let message = format!(
                "{name:?} is no file of items: choose one that ends with .csv, .tsv, .jsonl or \
                 .ndjson"
            );
            return Err(ApiError::invalid(message).at("/file"));
        };
        let folder = app.installation.data.drafts_folder(workspace);
        let begin = move || {
            fs::create_dir_all(&folder)?;
            remove_old(&folder)?;
            let id = Uuid::now_v7();
            let draft = Draft { id, format, folder: folder.join(id.to_string()) };
            fs::create_dir(&draft.folder)?;
            let file = File::create_new(draft.path())?;
            Ok(Self { draft, file, is_whole: false })
        };
        spawn_blocking(begin).await?.map_err(unusable)
    }

    /// Writes a part of the file.
    ///
    /// # Errors
    /// 503 where the disk does not take it.
    pub async fn write(
        mut self,
        part: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<Self, ApiError> {
        let write = move || self.file.write_all(part.as_ref()).map(|()| self);
        spawn_blocking(write).await?.map_err(unusable)
    }

    /// Ends the upload.
    pub fn end(mut self) -> Draft {
        self.is_whole = true;
        self.draft.clone()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_whole
            && let Err(error) = fs::remove_dir_all(&self.draft.folder)
        {
            tracing::debug!(%error, "a part of an upload stays for now");
        }
    }
}

/// Finds a draft of a workspace.
///
/// # Errors
/// 404 where there is none of the id.
pub async fn find(app: &Arc<App>, workspace: &WorkspaceId, id: &str) -> Result<Draft, ApiError> {
    let missing = || {
        ApiError::not_found(format!(
            "the uploaded file is gone: files wait for {DRAFT_HOURS_KEPT} hours, and {DRAFTS_MAX} \
             at most; upload it again"
        ))
    };
    let id: Uuid = id.parse().map_err(|_| missing())?;
    let folder = app.installation.data.drafts_folder(workspace);
    let find = move || {
        let formats = [Format::Csv, Format::JsonLines, Format::GoogleMerchant].into_iter();
        let mut drafts =
            formats.map(|format| Draft { id, format, folder: folder.join(id.to_string()) });
        drafts.find(|draft| draft.path().exists())
    };
    spawn_blocking(find).await?.ok_or_else(missing)
}

/// What the latest look at a draft has shown.
#[derive(Serialize, Deserialize)]
struct KeptPreview {
    options: Options,
    /// The version that it was compared with.
    catalog_version: u32,
    preview: CatalogPreview,
}

/// Shows what importing a draft would change, with no removal confirmed. Its file is read again
/// only where the options or the version in force are others than the last time.
///
/// # Errors
/// As those of [`crate::catalog::preview`].
pub async fn preview(
    workspace: &RequestedWorkspace,
    draft: &Draft,
    options: &Options,
) -> Result<CatalogPreview, ApiError> {
    let (draft, options) = (draft.clone(), options.unconfirmed());
    let preview = move |engine: &engine::Engine| {
        let catalog_version = engine.counts().catalog_version;
        let path = draft.preview_path();
        let kept = fs::read(&path).ok();
        let kept = kept.and_then(|kept| serde_json::from_slice::<KeptPreview>(&kept).ok());
        let is_of_now =
            |kept: &KeptPreview| kept.options == options && kept.catalog_version == catalog_version;
        if let Some(kept) = kept.filter(is_of_now) {
            return Ok(kept.preview);
        }
        let preview = preview_file(engine, &draft, draft.format, &options)?;
        let kept = KeptPreview { options, catalog_version, preview };
        let json = domain::json::to_value(&kept).to_string();
        // Whoever looks next reads the file again.
        if let Err(error) = fs::write(path, json) {
            tracing::debug!(%error, "the preview of a draft is not kept");
        }
        Ok(kept.preview)
    };
    workspace.run(preview).await
}

/// Removes the drafts of a workspace that is removed.
pub(crate) fn remove_all(app: &App, workspace: &WorkspaceId) {
    let folder = app.installation.data.drafts_folder(workspace);
    if folder.exists()
        && let Err(error) = fs::remove_dir_all(folder)
    {
        tracing::warn!(%error, %workspace, "the drafts of a removed workspace stay");
    }
}

fn file_name(format: Format) -> &'static str {
    match format {
        Format::Csv => "items.csv",
        Format::JsonLines => "items.jsonl",
        Format::GoogleMerchant => "items.xml",
    }
}

/// Makes room for one more.
fn remove_old(folder: &Path) -> std::io::Result<()> {
    let mut drafts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        drafts.push((entry.metadata()?.modified()?, entry.path()));
    }
    drafts.sort();
    let n_too_many = (drafts.len() + 1).saturating_sub(DRAFTS_MAX);
    let kept = Duration::from_secs(DRAFT_HOURS_KEPT * 3_600);
    for (n, (at, path)) in drafts.into_iter().enumerate() {
        let is_old = SystemTime::now().duration_since(at).is_ok_and(|age| age > kept);
        if n < n_too_many || is_old {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

fn unusable(error: std::io::Error) -> ApiError {
    ApiError::unavailable(format!("the uploaded file cannot be kept: {error}"))
}
