//! Replays: a span of the journal, filtered, once more to a destination or into another workspace,
//! as a job. What it is doing is journalled, so that one that was cancelled goes on.

mod catalog;
mod new_workspace;
mod preview;
mod run;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{MessageType, Right, Timestamp};
use engine::{Engine, MessageFilter, Replay, Span};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::App;
use web::access::Caller;
use web::error::{ApiError, ErrorKind};
use web::jobs::{Job, JobControl, JobKind, JobOutcome, JobState, NewJob, Once};
use web::workspaces::{RequestedWorkspace, Workspace};

pub use self::preview::{ReplayExample, ReplayPreview};
use self::run::{RealTime, Run, To};
use crate::destinations;
use crate::places::Place;

/// The messages of a replay that are sent in a second, without a request.
pub const REPLAY_RATE_DEFAULT: u32 = 1_000;
/// The most messages of a replay that are sent in a second.
pub const REPLAY_RATE_MAX: u32 = 100_000;
/// The most names of one filter.
pub const FILTER_NAMES_MAX: usize = 100;

/// A replay that is asked for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReplay {
    /// The destination that gets the messages. Either this or a workspace is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The workspace that takes the messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Makes that workspace first, with the names of the sources and new write keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub create_workspace: bool,
    /// Takes the catalog along before the messages: the items that are available now, with their
    /// properties, become the catalog of that workspace; series and groups go with them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub catalog: bool,
    /// The source in that workspace for messages whose own source it does not have. Without it
    /// they keep the name of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The beginning: an offset or a time of arrival; without it that of the journal, or behind
    /// the last reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Place>,
    /// The end, which is not included; the present one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Place>,
    /// Only these types; all without.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub types: BTreeSet<MessageType>,
    /// Only events, pages and screens of these names; up to 100.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub events: BTreeSet<String>,
    /// Only messages of these sources; up to 100.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sources: BTreeSet<String>,
    /// Only messages that have one of these as their user id or anonymous id; up to 100.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub users: BTreeSet<String>,
    /// The most messages in a second, up to 100,000; 1,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_second: Option<u32>,
    /// Only counts what would be sent, with examples.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// A replay and how far it came.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownReplay {
    /// Its id.
    pub id: Uuid,
    /// What was asked for.
    pub request: NewReplay,
    /// `running`, `stopped` (it can go on) or `done`.
    pub state: &'static str,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub noted_at: Timestamp,
    /// The offset of the first entry of the span.
    pub from: u64,
    /// The offset behind the last entry of the span.
    pub until: u64,
    /// The offset of the first entry that it has not passed.
    pub reached: u64,
    /// The messages that were replayed.
    pub replayed: u64,
    /// The job that is at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<Uuid>,
}

/// The result of a replay.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Replayed {
    /// The id of the replay.
    pub id: Uuid,
    /// The messages that were replayed, also before it went on.
    pub replayed: u64,
    /// Messages that the workspace had taken before.
    pub duplicates: u64,
    /// The items that were taken along.
    pub items: u64,
}

impl NewReplay {
    fn check(&self) -> Result<(), ApiError> {
        let wrong = |what: String, at: &str| Err(ApiError::invalid(what).at(format!("/{at}")));
        match (&self.destination, &self.workspace) {
            (Some(_), None) | (None, Some(_)) => {}
            (None, None) => {
                let what = "name the destination or the workspace that gets the messages";
                return wrong(what.to_owned(), "destination");
            }
            (Some(_), Some(_)) => {
                let what = "name either a destination or a workspace";
                return wrong(what.to_owned(), "workspace");
            }
        }
        for (field, is_set) in [
            ("create_workspace", self.create_workspace),
            ("catalog", self.catalog),
            ("source", self.source.is_some()),
        ] {
            if is_set && self.workspace.is_none() {
                return wrong(format!("{field} goes with a workspace"), field);
            }
        }
        if self.create_workspace && self.source.is_some() {
            let what = "a new workspace has all sources of the messages: leave source out";
            return wrong(what.to_owned(), "source");
        }
        for (field, place) in [("from", &self.from), ("until", &self.until)] {
            place.as_ref().map(|place| place.parse(field)).transpose()?;
        }
        let filters =
            [("events", &self.events), ("sources", &self.sources), ("users", &self.users)];
        for (name, filter) in filters {
            if filter.len() > FILTER_NAMES_MAX {
                let n = filter.len();
                let what = format!("{name} has {n} names, it may have {FILTER_NAMES_MAX}");
                return wrong(what, name);
            }
        }
        match self.messages_per_second {
            Some(rate) if !(1..=REPLAY_RATE_MAX).contains(&rate) => {
                let what = format!(
                    "messages_per_second is {rate}, it must be from 1 to {REPLAY_RATE_MAX}"
                );
                wrong(what, "messages_per_second")
            }
            _ => Ok(()),
        }
    }

    fn find_span(&self, engine: &Engine) -> Result<Span, ApiError> {
        let from = self.from.as_ref().map(|place| place.parse("from")).transpose()?;
        let until = self.until.as_ref().map(|place| place.parse("until")).transpose()?;
        let filter = MessageFilter {
            types: self.types.clone(),
            events: self.events.clone(),
            sources: self.sources.clone(),
            users: self.users.clone(),
        };
        Ok(engine.find_span(from, until, filter)?)
    }

    /// The workspace that it makes, for the audit.
    pub fn made_workspace(&self) -> Option<String> {
        self.workspace.clone().filter(|_| self.create_workspace && !self.dry_run)
    }

    /// What there is one of at a time.
    fn once(&self) -> Once {
        let (kind, name) = match (&self.destination, &self.workspace) {
            (Some(name), _) => ("destination", name.as_str()),
            (None, name) => ("workspace", name.as_deref().unwrap_or_default()),
        };
        Once::UnderWay(format!("replay to {kind} {name}"))
    }
}

/// The replays of a workspace, the latest first.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
) -> Result<Vec<ShownReplay>, ApiError> {
    let replays = workspace.ask(|engine| Ok(engine.replays())).await?;
    let jobs = app.jobs.list(workspace.id());
    let is_under_way = |job: &&Job| {
        job.kind == JobKind::Replay && matches!(job.state, JobState::Waiting | JobState::Running)
    };
    let under_way: Vec<Uuid> = jobs.iter().filter(is_under_way).map(|job| job.id).collect();
    Ok(replays.into_iter().map(|replay| ShownReplay::new(replay, &under_way)).collect())
}

/// Starts a replay as a job, or counts what it would send. The result of the job is a
/// [`Replayed`], or a [`ReplayPreview`].
///
/// # Errors
/// 400 for a wrong request, 403 where the caller may not change or make the other workspace, 404
/// for an unknown destination or workspace, 409 where a replay to the same place is under way, or
/// there is a workspace that is to be made.
pub async fn start(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    request: NewReplay,
) -> Result<Job, ApiError> {
    request.check()?;
    if request.create_workspace {
        new_workspace::check(app, caller, &request)?;
        match request.dry_run {
            true => return start_preview(app, workspace, caller, request),
            false => new_workspace::make(app, workspace, &request).await?,
        }
    }
    let to = check_target(app, workspace, caller, &request)?;
    if request.dry_run {
        return start_preview(app, workspace, caller, request);
    }
    check_free(app, workspace, &request)?;
    let asked = request.clone();
    let id = Uuid::new_v4();
    let span = workspace
        .run(move |engine| {
            let span = asked.find_span(engine)?;
            let json = serde_json::to_string(&asked).expect("a request is plain JSON");
            engine.start_replay(id, asked.destination, json, &span).map_err(replay_error)?;
            Ok(span)
        })
        .await?;
    let reached = span.from;
    start_job(app, workspace, caller, Run::new(id, &request, to, span, reached), request.once())
}

/// Goes on with a replay that was stopped.
///
/// # Errors
/// 404 where there is none of the id, 409 where it is done or under way; as [`start`].
pub async fn go_on(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    id: &str,
) -> Result<Job, ApiError> {
    let unknown = || ApiError::not_found(format!("there is no replay {id:?}"));
    let id: Uuid = id.parse().map_err(|_| unknown())?;
    let replay = workspace.ask(move |engine| Ok(engine.replay(id))).await?.ok_or_else(unknown)?;
    if replay.is_done {
        let message = "the replay has come to its end: start another one";
        return Err(ApiError::new(ErrorKind::JobUnderWay, message));
    }
    let request = read_request(&replay);
    let to = check_target(app, workspace, caller, &request)?;
    check_free(app, workspace, &request)?;
    let asked = request.clone();
    let found = workspace.run(move |engine| asked.find_span(engine)).await?;
    let span = Span { from: replay.from, until: replay.until, ..found };
    let run = Run::new(id, &request, to, span, replay.reached);
    start_job(app, workspace, caller, run, request.once())
}

fn check_free(
    app: &App,
    workspace: &RequestedWorkspace,
    request: &NewReplay,
) -> Result<(), ApiError> {
    match app.jobs.find_once(workspace.id(), &request.once()) {
        None => Ok(()),
        Some(job) => {
            let id = job.id;
            let message = format!("a replay to the same place is under way: job {id}");
            Err(ApiError::new(ErrorKind::JobUnderWay, message))
        }
    }
}

/// Finds who gets the messages.
fn check_target(
    app: &App,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    request: &NewReplay,
) -> Result<To, ApiError> {
    request.check()?;
    if let Some(name) = &request.destination {
        let config = workspace.config()?;
        let found = destinations::find(&config, name)?.ok_or_else(|| {
            let what = "our own engine has the messages: apply its mappings to the past instead";
            ApiError::invalid(what).at("/destination".to_owned())
        })?;
        if !found.enabled && !request.dry_run {
            let what = format!("destination {name:?} is off: turn it on first");
            return Err(ApiError::invalid(what).at("/destination".to_owned()));
        }
        return Ok(To::Destination(name.clone()));
    }
    let name = request.workspace.as_deref().unwrap_or_default();
    if name == workspace.id().as_str() {
        let what = "a workspace has its own messages: name another one";
        return Err(ApiError::invalid(what).at("/workspace".to_owned()));
    }
    let may_change = caller.grant.role.has(Right::ChangeWorkspace) && caller.grant.covers(name);
    if !may_change {
        let message = format!("it takes the right to change workspace {name:?}");
        return Err(ApiError::new(ErrorKind::Forbidden, message));
    }
    let Workspace(other) = Workspace::find(app, name)?;
    let sources = other.config()?;
    if let Some(source) = &request.source
        && sources.source(source).is_none()
    {
        let what = format!("workspace {name:?} has no source {source:?}");
        return Err(ApiError::invalid(what).at("/source".to_owned()));
    }
    Ok(To::Workspace {
        handle: other.handle().clone(),
        source: request.source.clone(),
        takes_catalog: request.catalog,
    })
}

fn start_job(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    run: Run,
    once: Once,
) -> Result<Job, ApiError> {
    let handle = workspace.handle().clone();
    let new = NewJob::new(workspace.id().clone(), JobKind::Replay, caller.actor.clone());
    // A replay and its job have one id, as long as it is the first.
    let id = if app.jobs.find(workspace.id(), run.id).is_none() { run.id } else { new.id };
    let new = NewJob { id, once: Some(once), ..new };
    let work = move |control: &JobControl| {
        let replayed =
            run.run(control, &RealTime::begin(), &|| Ok(handle.blocking().engine()?))?;
        Ok(JobOutcome::of(&replayed))
    };
    app.jobs.start(new, work)
}

fn start_preview(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    request: NewReplay,
) -> Result<Job, ApiError> {
    let handle = workspace.handle().clone();
    let new = NewJob::new(workspace.id().clone(), JobKind::Replay, caller.actor.clone());
    let work = move |control: &JobControl| {
        let preview = preview::count(&request, control, &|| Ok(handle.blocking().engine()?))?;
        Ok(JobOutcome::of(&preview))
    };
    app.jobs.start(new, work)
}

fn read_request(replay: &Replay) -> NewReplay {
    let read = serde_json::from_str(&replay.request).unwrap_or_default();
    NewReplay { destination: replay.destination.clone(), ..read }
}

fn replay_error(error: engine::ReplayError) -> ApiError {
    match error {
        engine::ReplayError::Refused(refusal) => refusal.into(),
        engine::ReplayError::Submit(error) => error.into(),
    }
}

impl ShownReplay {
    fn new(replay: Replay, under_way: &[Uuid]) -> Self {
        let job = under_way.contains(&replay.id).then_some(replay.id);
        let state = match (replay.is_done, job) {
            (true, _) => "done",
            (false, Some(_)) => "running",
            (false, None) => "stopped",
        };
        Self {
            id: replay.id,
            request: read_request(&replay),
            state,
            started_at: replay.started_at,
            noted_at: replay.noted_at,
            from: replay.from,
            until: replay.until,
            reached: replay.reached,
            replayed: replay.replayed,
            job,
        }
    }
}
