//! `POST /api/workspaces/{workspace}/training` starts a training run, `GET` shows the model in use
//! and the last run, `GET .../{id}` one run. `GET .../models` lists all recorded runs, `GET
//! .../models/{version}/samples` shows what one would change for ten people, `POST
//! .../models/{version}/activate` goes back to an earlier model.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use engine::TrainingRun;
use resources::model_samples::{self, ModelSamples};
use resources::training::{self, ActivatedModel, CurrentTraining, Models};
use serde::Deserialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::jobs::accepted;

/// Starts a training run as a job.
///
/// Starts a run as a job and answers at once with both, which have one id. A workspace has one run
/// at a time.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/training",
    responses((status = 202, description = "Started", body = training::StartedTraining)),
)]
pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Result<impl IntoResponse, ApiError> {
    let started = training::start(&app, &workspace, caller.actor).await?;
    Ok(accepted(workspace.id(), started.job.id, started))
}

/// Shows the model in use and the last run.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/training",
    responses((status = 200, description = "Done", body = CurrentTraining)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
) -> Result<Json<CurrentTraining>, ApiError> {
    Ok(Json(training::read(&workspace).await?))
}

/// Shows how far a training run is, or how it ended.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/training/{id}",
    responses((status = 200, description = "Done", body = TrainingRun)),
)]
pub(super) async fn read_run(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<TrainingRun>, ApiError> {
    Ok(Json(training::read_run(&workspace, id).await?))
}

/// Lists the training runs that are recorded.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/models",
    responses((status = 200, description = "Done", body = Models)),
)]
pub(super) async fn models(Workspace(workspace): Workspace) -> Result<Json<Models>, ApiError> {
    Ok(Json(training::models(&workspace).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SamplesQuery {
    /// The version of the model of the lists before. By default that of the model in use, or of
    /// the one before it where the model in use is the one in the path.
    against: Option<String>,
}

/// Shows the lists of ten people by two models.
///
/// The lists before are those of the model `against`, the lists after those of the model in the
/// path. Both follow from what the people did until now. The people are the same as long as that
/// is: some with long and some with short histories. Only models whose artifact is on disk can be
/// compared (`is_on_disk` in the list of models), one pair at a time.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/models/{version}/samples",
    params(SamplesQuery),
    responses((status = 200, description = "Done", body = ModelSamples)),
)]
pub(super) async fn samples(
    Workspace(workspace): Workspace,
    Path((_, version)): Path<(String, String)>,
    Parameters(SamplesQuery { against }): Parameters<SamplesQuery>,
) -> Result<Json<ModelSamples>, ApiError> {
    Ok(Json(model_samples::read(&workspace, version, against).await?))
}

/// Goes back to the model of an earlier run.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/models/{version}/activate",
    responses((status = 200, description = "Done", body = ActivatedModel)),
)]
pub(super) async fn activate(
    Workspace(workspace): Workspace,
    Path((_, version)): Path<(String, String)>,
) -> Result<Json<ActivatedModel>, ApiError> {
    Ok(Json(training::activate(&workspace, version).await?))
}
