//! People's data: regulations that were asked for, their receipts, and who is suppressed.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Timestamp, WorkspaceId};
use engine::{
    Engine, ExternalIdType, NewRegulation, Receipt, Regulation, RegulationError, RegulationResult,
    RegulationStatus, RegulationStep, RegulationType, RemovedFiles, Surroundings,
};
use fs_err as fs;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::App;
use web::error::ApiError;
use web::jobs::{Job, JobControl, JobKind, JobOutcome, JobState, NewJob};
use web::workspaces::RequestedWorkspace;

/// How long a deletion waits for exports under way to end.
const EXPORT_END_TIME_MAX: Duration = Duration::from_secs(10);
const EXPORT_LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// A regulation that is asked for.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedRegulation {
    /// What is asked for.
    #[serde(rename = "type")]
    pub type_: RegulationType,
    /// User ids, each of a person, who is meant with all ids that the profile has.
    #[serde(default)]
    pub user_ids: Vec<String>,
    /// Anonymous ids, each of a person.
    #[serde(default)]
    pub anonymous_ids: Vec<String>,
    /// Ids of the types that identity rules know, each of a person.
    #[serde(default)]
    pub external_ids: Vec<AskedId>,
}

/// An id with its type.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskedId {
    /// The type, such as email.
    #[serde(rename = "type")]
    pub type_: String,
    /// The id.
    pub id: String,
}

/// A regulation and where it stands.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownRegulation {
    /// The id; its job has the same.
    pub id: Uuid,
    /// What is asked for.
    #[serde(rename = "type")]
    pub type_: RegulationType,
    /// Where it stands.
    pub status: RegulationStatus,
    /// How many people were named.
    pub people: u32,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it ended; none while it is under way.
    pub finished_at: Option<Timestamp>,
    /// What was removed where, once it has ended; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// The regulations of a workspace.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Regulations {
    /// The latest first.
    pub regulations: Vec<ShownRegulation>,
    /// How many people are suppressed.
    pub suppressed_people: usize,
    /// Messages, calls and imports of suppressed people that were refused since the workspace was
    /// opened.
    pub refused: u64,
}

/// Whether new data with an id is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Suppression {
    /// The id.
    pub id: String,
    /// Whether it is refused, as an id of whichever type and with white space around it too.
    pub suppressed: bool,
}

/// The regulations of a workspace.
///
/// # Errors
/// If the workspace is closed.
pub async fn list(workspace: &RequestedWorkspace) -> Result<Regulations, ApiError> {
    let list = |engine: &Engine| {
        let regulations = engine.regulations().into_iter();
        Ok(Regulations {
            regulations: regulations.map(|regulation| shown(regulation, None)).collect(),
            suppressed_people: engine.n_suppressed(),
            refused: engine.n_refused_of_suppressed(),
        })
    };
    workspace.run(list).await
}

/// A regulation, with its receipt once it has ended.
///
/// # Errors
/// 404 where there is none of the id.
pub async fn read(workspace: &RequestedWorkspace, id: &str) -> Result<ShownRegulation, ApiError> {
    let unknown = ApiError::not_found(format!(
        "there is no regulation {id:?}: GET /api/workspaces/{}/regulations lists them",
        workspace.id()
    ));
    let Ok(id) = id.parse::<Uuid>() else { return Err(unknown) };
    let find = move |engine: &Engine| Ok(engine.regulation(id)?);
    let found = workspace.run(find).await?;
    found.map(|(regulation, receipt)| shown(regulation, receipt)).ok_or(unknown)
}

/// Takes a regulation, which a thread of the server does soon.
///
/// # Errors
/// 400 for ids that nobody can have, or too many; 503 where the journal does not take it.
pub async fn create(
    workspace: &RequestedWorkspace,
    asked: AskedRegulation,
) -> Result<ShownRegulation, ApiError> {
    let new = checked(asked)?;
    workspace.run(move |engine| begin(engine, &new)).await
}

/// The regulation that is asked for, with ids that people can have.
///
/// # Errors
/// 400 where a number or an id is wrong.
pub fn checked(asked: AskedRegulation) -> Result<NewRegulation, ApiError> {
    let AskedRegulation { type_, user_ids, anonymous_ids, external_ids } = asked;
    let mut new = NewRegulation { type_, user_ids, anonymous_ids, other_ids: Vec::new() };
    for (n, AskedId { type_, id }) in external_ids.into_iter().enumerate() {
        match ExternalIdType::from_word(&type_) {
            Some(ExternalIdType::UserId) => new.user_ids.push(id),
            Some(ExternalIdType::AnonymousId) => new.anonymous_ids.push(id),
            Some(declared) => new.other_ids.push((declared, id)),
            None => {
                let what = format!(
                    "external_ids[{n}].type is {type_:?}, and no type of ids can have this name: \
                     name user_id, anonymous_id, or a type of the identity rules, such as email"
                );
                return Err(ApiError::invalid(what).at(format!("/external_ids/{n}/type")));
            }
        }
    }
    new.check().map_err(|what| ApiError::invalid(format!("the regulation {what}")))?;
    Ok(new)
}

/// Takes a checked regulation.
///
/// # Errors
/// If the journal does not take it.
pub fn begin(engine: &Engine, new: &NewRegulation) -> Result<ShownRegulation, ApiError> {
    let refused = |what| ApiError::invalid(format!("the regulation {what}"));
    engine.check_types(new).map_err(refused)?;
    let id = engine.begin_regulation(new)?;
    let found = engine.regulation(id)?;
    let (regulation, receipt) = found.ok_or_else(ApiError::internal)?;
    Ok(shown(regulation, receipt))
}

/// Whether new data with an id is refused.
///
/// # Errors
/// If the workspace is closed.
pub async fn suppression(
    workspace: &RequestedWorkspace,
    id: String,
) -> Result<Suppression, ApiError> {
    let look = move |engine: &Engine| Ok(Suppression { suppressed: engine.is_suppressed(&id), id });
    workspace.run(look).await
}

/// Does the regulations of a workspace that are not at their end: those of the next pass, each as
/// a job. Returns whether there was one.
///
/// # Errors
/// If the pass could not be done now.
pub fn run_pending(app: &App, engine: &Arc<Engine>) -> Result<bool, RegulationError> {
    let is_done = engine.end_lost_regulations()? > 0;
    let ids = engine.next_pass()?;
    if ids.is_empty() {
        return Ok(is_done);
    }
    let new =
        |id: &Uuid| NewJob { id: *id, ..NewJob::of_server(engine.id().clone(), JobKind::Privacy) };
    let done = app.jobs.attend_all(ids.iter().map(new).collect(), |controls| {
        let done = run(app, engine, &ids, controls);
        (ids.iter().map(|id| job_outcome(&done, *id)).collect(), done)
    });
    done.map(|_| true)
}

/// How the job of a regulation ends.
fn job_outcome(
    done: &Result<Vec<RegulationResult>, RegulationError>,
    id: Uuid,
) -> Result<JobOutcome, ApiError> {
    let unavailable = |error: &RegulationError| Err(ApiError::unavailable(error.to_string()));
    let own = done.as_ref().map(|results| results.iter().find(|(of, _)| *of == id));
    match own {
        Ok(Some((_, Ok(receipt)))) => Ok(JobOutcome::of(receipt)),
        Ok(Some((_, Err(error)))) | Err(error) => unavailable(error),
        Ok(None) => Err(ApiError::internal()),
    }
}

fn run(
    app: &App,
    engine: &Engine,
    ids: &[Uuid],
    controls: &[JobControl],
) -> Result<Vec<RegulationResult>, RegulationError> {
    let data = &app.installation.data;
    let drafts = data.drafts_folder(engine.id());
    let told = Cell::new(-1.0);
    let around = Surroundings {
        remove_files: &|| {
            let exports = remove_job_files(app, engine.id())?;
            Ok(RemovedFiles { exports, uploads: remove_files_in(&drafts)? })
        },
        folders: vec![drafts.clone(), data.job_files_folder(), data.installation_folder()],
        note: &|step| {
            let (share, doing) = (step.share(), describe(step));
            // Every block of the journal is noted.
            if (share - told.get()).abs() >= 0.005 {
                told.set(share);
                controls.iter().for_each(|control| control.tell(share, doing));
            }
        },
        is_interrupted: &|| controls.iter().any(JobControl::is_cancelled),
    };
    engine.run_regulations(ids, &around)
}

/// Removes the exports of a workspace, those also that are being made, and returns their number.
fn remove_job_files(app: &App, workspace: &WorkspaceId) -> io::Result<u64> {
    let exports = app.jobs.list(workspace).into_iter();
    let running =
        exports.filter(|job| job.kind == JobKind::Export && job.state == JobState::Running);
    let (began, mut n_without_file) = (Instant::now(), 0);
    for Job { id, .. } in running {
        app.jobs.cancel(workspace, id);
        loop {
            match app.jobs.find(workspace, id).map(|job| job.state) {
                Some(JobState::Waiting | JobState::Running) => {}
                // It was done in this moment: its file is dropped below.
                Some(JobState::Done) => break,
                Some(JobState::Failed | JobState::Cancelled) | None => {
                    n_without_file += 1;
                    break;
                }
            }
            if began.elapsed() > EXPORT_END_TIME_MAX {
                return Err(io::Error::other("an export that was cancelled has not ended yet"));
            }
            std::thread::sleep(EXPORT_LOOK_INTERVAL);
        }
    }
    Ok(app.jobs.drop_files(workspace) + n_without_file)
}

/// What is being done.
fn describe(step: RegulationStep) -> &'static str {
    match step {
        RegulationStep::Suppressing => "New data is refused from now on",
        RegulationStep::Deleting => {
            "Profiles, histories, lists and deliveries are deleted; deliveries rest"
        }
        RegulationStep::PurgingStore => "The files of the store are written anew",
        RegulationStep::ErasingJournal(_) => {
            "The journal is written anew where it tells of these people"
        }
        RegulationStep::Searching(_) => "Every file is searched",
        RegulationStep::Forwarding => "Destinations are told",
    }
}

/// Removes the files below a folder, with the folders that they are in, and returns their number.
///
/// # Errors
/// The file system's.
pub fn remove_files_in(folder: &Path) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut n_removed = 0;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            n_removed += remove_files_in(&entry.path())?;
            fs::remove_dir(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
            n_removed += 1;
        }
    }
    Ok(n_removed)
}

fn shown(regulation: Regulation, receipt: Option<Receipt>) -> ShownRegulation {
    let Regulation { id, type_, n_people, requested_at, status, finished_at } = regulation;
    ShownRegulation { id, type_, status, people: n_people, requested_at, finished_at, receipt }
}
