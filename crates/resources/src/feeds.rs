//! Catalog files that are fetched from an address again and again.

use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use catalog::{Format, ImportOptions};
use connectors::Outgoing;
use domain::{Feed, FeedFormat, grouped};
use engine::installation::Actor;
use engine::{
    Cancelled, ConfigChange, ConfirmedRemovals, Engine, Expected, Resource, Scheduled, ScheduledRun,
};
use fs_err::{self as fs, File};
use serde::Serialize;
use uuid::Uuid;
use web::App;
use web::error::ApiError;
use web::jobs::{Job, JobControl, JobFile};
use web::workspaces::{RequestedWorkspace, WorkspaceHandle};

use crate::catalog::{Cancellable, import_error, put_in_force};
use crate::configuration::{parse_named, put_resource, remove_resource};
use crate::progress::Progress;
use crate::scheduled_runs::{Done, FindEngine, ScheduledWork, once, run_recorded};
use crate::{Revised, unknown_resource};

/// A feed with its runs.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct FeedReport {
    /// The feed.
    #[serde(flatten)]
    pub feed: Feed,
    /// The last run that ended; none before the first one.
    pub last_run: Option<ScheduledRun>,
    /// The job that fetches it, while it waits or runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
}

impl FeedReport {
    fn new(app: &App, engine: &Engine, feed: Feed, last_run: Option<ScheduledRun>) -> Self {
        let once = once(Scheduled::Feeds, &feed.name);
        let job = app.jobs.find_once(engine.id(), &once);
        Self { feed, last_run, job }
    }
}

/// The feeds of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
) -> Result<Vec<FeedReport>, ApiError> {
    let app = Arc::clone(app);
    let list = move |engine: &Engine| {
        let mut runs = engine.scheduled_runs(Scheduled::Feeds)?;
        let feeds = engine.config().feeds.clone().into_iter();
        let report = |feed: Feed| {
            let last_run = runs.remove(&feed.name);
            FeedReport::new(&app, engine, feed, last_run)
        };
        Ok(feeds.map(report).collect())
    };
    workspace.run(list).await
}

/// A feed.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn read(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<Revised<FeedReport>, ApiError> {
    let app = Arc::clone(app);
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let feed = config.feed(&name).cloned().ok_or_else(|| unknown(engine, &name))?;
        let last_run = engine.scheduled_runs(Scheduled::Feeds)?.remove(&name);
        let revision = revisions.revision(&Resource::Feed(name));
        Ok(Revised { value: FeedReport::new(&app, engine, feed, last_run), revision })
    };
    workspace.run(read).await
}

/// Reads a feed from JSON, with or without its name, which must not be another one.
///
/// # Errors
/// If it is none.
pub fn parse(name: &str, body: &[u8]) -> Result<Feed, ApiError> {
    parse_named("feed", "name", name, body, &["last_run", "job"], |feed: &Feed| &feed.name)
}

/// Makes or replaces a feed. The answer has it as it is stored, and whether it is new.
///
/// # Errors
/// If it does not fit the workspace, or the revision is another than expected.
pub async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    feed: Feed,
    expected: Expected,
) -> Result<(Revised<Feed>, bool), ApiError> {
    let change = ConfigChange::put_feed(&feed);
    put_resource(app, workspace, change, expected, |_| feed).await
}

/// Removes a feed. The catalog stays as it is.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    expected: Expected,
) -> Result<(), ApiError> {
    remove_resource(app, workspace, ConfigChange::RemoveFeed { name }, expected).await
}

/// Fetches a feed now, as a job whose result is a [`ScheduledRun`]. Where one is under way, by a
/// caller or by the server, it is that job. `confirmed` allows this run to remove more than an
/// import may.
///
/// # Errors
/// 404 where there is none of the name; 429 where too many jobs wait.
pub async fn start(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    confirmed: ConfirmedRemovals,
    started_by: Actor,
) -> Result<Job, ApiError> {
    let (app, handle) = (Arc::clone(app), workspace.handle().clone());
    let of_work = handle.clone();
    let start = move |engine: &Engine| {
        let config = engine.config();
        let feed = config.feed(&name).cloned().ok_or_else(|| unknown(engine, &name))?;
        let folder = app.installation.data.job_files_folder();
        let work = move |control: &JobControl| {
            let find_engine = || Ok(handle.blocking().engine()?);
            take(&find_engine, &folder, &feed, &confirmed, control)
        };
        scheduled_work(name, of_work).start(&app, started_by, work)
    };
    workspace.run(start).await
}

/// Fetches a feed that is due, as a job that callers can cancel, on a thread of the server. Nothing
/// is done where a job of a caller fetches it.
///
/// # Errors
/// If it is not the catalog then. The record says so.
pub fn run_due(app: &Arc<App>, handle: &WorkspaceHandle, name: &str) -> Result<(), ApiError> {
    let Some(feed) = handle.blocking().engine()?.config().feed(name).cloned() else {
        return Ok(());
    };
    let confirmed = ConfirmedRemovals::default();
    let folder = app.installation.data.job_files_folder();
    let work = |control: &JobControl| {
        let find_engine = || Ok(handle.blocking().engine()?);
        take(&find_engine, &folder, &feed, &confirmed, control)
    };
    scheduled_work(name.to_owned(), handle.clone()).run_due(app, work)
}

fn scheduled_work(name: String, workspace: WorkspaceHandle) -> ScheduledWork {
    ScheduledWork { what: Scheduled::Feeds, name, workspace }
}

/// Fetches a feed where no server runs, with its file in `folder` meanwhile, and records the run.
///
/// # Errors
/// If there is none of the name, or the file is not the catalog then. The record says so.
pub fn run_here(
    find_engine: &FindEngine<'_>,
    folder: &Path,
    name: &str,
    confirmed: &ConfirmedRemovals,
    progress: &dyn Progress,
) -> Result<ScheduledRun, ApiError> {
    let engine = find_engine()?;
    let feed = engine.config().feed(name).cloned().ok_or_else(|| unknown(&engine, name))?;
    let work = || take(find_engine, folder, &feed, confirmed, progress);
    run_recorded(Scheduled::Feeds, name, find_engine, progress, work)
}

/// Fetches the file and makes it the catalog where it differs.
fn take(
    find_engine: &FindEngine<'_>,
    folder: &Path,
    feed: &Feed,
    confirmed: &ConfirmedRemovals,
    control: &dyn Progress,
) -> Result<Done, ApiError> {
    let outgoing = find_engine()?.outgoing().cloned();
    let outgoing = outgoing.ok_or_else(|| failed("nothing is fetched from here"))?;
    let file = fetch(&outgoing, folder, feed, control)?;
    put_file(&*find_engine()?, feed, &file, confirmed, control)
}

/// Fetches the file. Nobody waits for it to close the workspace. The file is removed when it is
/// dropped.
fn fetch(
    outgoing: &Outgoing,
    folder: &Path,
    feed: &Feed,
    control: &dyn Progress,
) -> Result<JobFile, ApiError> {
    fs::create_dir_all(folder).map_err(failed)?;
    let path = folder.join(format!("{}.feed", Uuid::new_v4()));
    let file = JobFile { path, name: String::new(), media_type: "" };
    control.tell(0.0, "the file is fetched".to_owned());
    let mut writer = BufWriter::new(File::create_new(&file.path).map_err(failed)?);
    let go_on = || !control.is_cancelled();
    outgoing.download(&feed.url, &mut writer, &go_on).map_err(failed)?;
    writer.flush().map_err(failed)?;
    Ok(file)
}

fn failed(what: impl std::fmt::Display) -> ApiError {
    ApiError::unavailable(format!("feed: {what}"))
}

/// Makes the file the catalog where it differs.
fn put_file(
    engine: &Engine,
    feed: &Feed,
    file: &JobFile,
    confirmed: &ConfirmedRemovals,
    control: &dyn Progress,
) -> Result<Done, ApiError> {
    control.tell(0.2, "the file is read".to_owned());
    if engine.config().feed(&feed.name) != Some(feed) {
        return Err(failed("it was changed or removed while its file was fetched"));
    }
    let options = ImportOptions {
        catalog: feed.catalog.clone(),
        skip_invalid: feed.skip_invalid,
        allow_bad_cells: feed.allow_bad_cells,
        ..ImportOptions::default()
    };
    let reader = BufReader::new(File::open(&file.path).map_err(failed)?);
    let read = engine.read_catalog(Cancellable { reader, control }, format(feed.format), &options);
    let (items, report) = read.map_err(import_error)?;
    let (n_rows, n_skipped) = (report.n_items, report.n_invalid);
    let done = |outcome: String| Done { outcome, n_rows, n_skipped };
    if engine.compare_with_catalog(&items).is_empty() {
        return Ok(done("unchanged".to_owned()));
    }
    let imported = put_in_force(engine, Ok((items, report)), confirmed, &|n_done, n_all| {
        let doing = format!("{} of {} items are written", grouped(n_done), grouped(n_all));
        control.tell(0.3 + 0.7 * n_done as f64 / n_all.max(1) as f64, doing);
        if control.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    })?;
    let changes = imported.changes;
    Ok(done(format!(
        "version {}: {} new, {} changed, {} withdrawn",
        imported.catalog_version,
        grouped(changes.n_new),
        grouped(changes.n_changed),
        grouped(changes.n_withdrawn)
    )))
}

fn format(format: FeedFormat) -> Format {
    match format {
        FeedFormat::Csv => Format::Csv,
        FeedFormat::Jsonl => Format::JsonLines,
        FeedFormat::GoogleMerchant => Format::GoogleMerchant,
    }
}

fn unknown(engine: &Engine, name: &str) -> ApiError {
    let config = engine.config();
    let names: Vec<&str> = config.feeds.iter().map(|feed| feed.name.as_str()).collect();
    unknown_resource("feed", name, &names)
}
