//! Training runs and the models that they have made.

use std::sync::Arc;

use engine::installation::Actor;
use engine::{
    BegunTraining, Engine, EngineError, Training, TrainingError, TrainingOptions, TrainingRun,
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;
use web::App;
use web::error::{ApiError, Classify};
use web::jobs::{Attended, Job, JobControl, JobKind, JobOutcome, NewJob};
use web::workspaces::RequestedWorkspace;

use crate::blend::BlendPart;

/// A training run that was started.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct StartedTraining {
    /// The run as it began.
    pub run: TrainingRun,
    /// Its job, which has the same id.
    pub job: Job,
}

/// The model in use, and the last run.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct CurrentTraining {
    /// The record of the run that made the model in use; none where there is no model.
    pub training: Option<Training>,
    /// The run under way, or the last one since the server started.
    pub run: Option<TrainingRun>,
}

/// The recorded runs.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Models {
    /// The version of the model in use.
    pub active: Option<String>,
    /// The runs, newest first, also those whose model was refused.
    pub models: Vec<ShownModel>,
}

impl Models {
    /// The model with which another one is compared where nobody names one: the model in use, or
    /// where that is `version` itself, the latest one before it whose artifact is on disk.
    pub fn to_compare_with(&self, version: &str) -> Option<&str> {
        if let Some(active) = self.active.as_deref().filter(|active| *active != version) {
            return Some(active);
        }
        let named = |model: &&ShownModel| model.training.version == version;
        let offset = self.models.iter().find(named).map_or(0, |model| model.training.offset);
        let mut others = self.models.iter().filter(|model| model.is_on_disk && !named(model));
        let earlier = others.clone().find(|model| model.training.offset < offset);
        earlier.or_else(|| others.next()).map(|model| model.training.version.as_str())
    }
}

/// A recorded run, with its model in plain words.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ShownModel {
    /// The record of the run.
    #[serde(flatten)]
    pub training: Training,
    /// What the model is made of, the largest part first.
    pub blend: Vec<BlendPart>,
    /// Whether its artifact is on disk, so that its lists can be compared with those of another.
    pub is_on_disk: bool,
}

/// An activated model.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ActivatedModel {
    /// The record of the run that made it.
    pub training: Training,
}

/// Starts a training run as a job. A workspace has one run at a time.
///
/// # Errors
/// 409 where a run is under way, its id in the report, or there is nothing to learn from; 429 where
/// too many jobs wait.
pub async fn start(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    started_by: Actor,
) -> Result<StartedTraining, ApiError> {
    let (app, handle) = (Arc::clone(app), workspace.handle().clone());
    let options = **app.training.load();
    let start = move |engine: &Engine| {
        let begun = engine.begin_training().map_err(begin_error)?;
        let run = begun.run().clone();
        let new = NewJob {
            id: run.id,
            ..NewJob::new(engine.id().clone(), JobKind::Training, started_by)
        };
        let work = move |control: &JobControl| {
            let engine = handle.blocking().engine()?;
            outcome(&train(engine, begun, options, control), control)
        };
        Ok(StartedTraining { run, job: app.jobs.start(new, work)? })
    };
    workspace.run(start).await
}

/// Does a run that is due, as a job that callers can cancel, on a thread of the server.
///
/// # Errors
/// As [`Engine::begin_training`] and [`Engine::train_begun`].
pub fn run_due(
    app: &App,
    engine: &Arc<Engine>,
    options: TrainingOptions,
) -> Result<Training, EngineError> {
    let begun = engine.begin_training()?;
    let id = begun.run().id;
    let new = NewJob { id, ..NewJob::of_server(engine.id().clone(), JobKind::Training) };
    app.jobs.attend(new, |control| {
        let trained = train(Arc::clone(engine), begun, options, control);
        Attended { ended: outcome(&trained, control), value: trained }
    })
}

fn train(
    engine: Arc<Engine>,
    begun: BegunTraining,
    options: TrainingOptions,
    control: &JobControl,
) -> Result<Training, EngineError> {
    engine.train_begun(begun, options, &|share| {
        control.tell(share, "searches for the best model, and trains it");
        if control.is_cancelled() { Err(engine::Cancelled) } else { Ok(()) }
    })
}

/// How the job of a run ends.
fn outcome(
    trained: &Result<Training, EngineError>,
    control: &JobControl,
) -> Result<JobOutcome, ApiError> {
    match trained {
        Ok(training) => Ok(JobOutcome::of(training)),
        Err(EngineError::Training(error @ TrainingError::Cancelled(_))) => {
            control.check()?;
            Err(error.into())
        }
        Err(error) => Err(error.into()),
    }
}

fn begin_error(error: EngineError) -> ApiError {
    match error {
        EngineError::Training(error @ TrainingError::AlreadyRunning { id, .. }) => {
            let message = format!("{error}; GET this path with /{id} to see how far it is");
            ApiError::new(error.kind(), message).with_detail(json!({ "id": id }))
        }
        error => error.into(),
    }
}

/// The model in use, and the last run.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn read(workspace: &RequestedWorkspace) -> Result<CurrentTraining, ApiError> {
    let read = |engine: &Engine| {
        Ok(CurrentTraining { training: engine.training(), run: engine.last_training_run() })
    };
    workspace.run(read).await
}

/// A run of this process.
///
/// # Errors
/// 404 where the id is unknown.
pub async fn read_run(workspace: &RequestedWorkspace, id: String) -> Result<TrainingRun, ApiError> {
    let known = id.parse::<Uuid>().ok();
    let run = workspace.run(move |engine| Ok(known.and_then(|id| engine.training_run(id)))).await?;
    let unknown = || {
        format!(
            "there is no training run {id:?} since the server started; its model may be among the models"
        )
    };
    run.ok_or_else(|| ApiError::not_found(unknown()))
}

/// All recorded runs.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn models(workspace: &RequestedWorkspace) -> Result<Models, ApiError> {
    workspace.run(list).await
}

pub(crate) fn list(engine: &Engine) -> Result<Models, ApiError> {
    let active = engine.training().map(|training| training.version);
    let on_disk = engine.models_on_disk()?;
    let models = engine.trainings().into_iter().map(|training| ShownModel {
        blend: BlendPart::all(&training.search.parameters.components, &training.search.shares),
        is_on_disk: on_disk.contains(&training.version),
        training,
    });
    Ok(Models { active, models: models.collect() })
}

/// Goes back to the model of an earlier run.
///
/// # Errors
/// 404 where there is none of the version.
pub async fn activate(
    workspace: &RequestedWorkspace,
    version: String,
) -> Result<ActivatedModel, ApiError> {
    let activate =
        move |engine: &Engine| Ok(ActivatedModel { training: engine.activate_model(&version)? });
    workspace.run(activate).await
}
