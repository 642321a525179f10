//! `GET` and `POST /api/workspaces`; `GET` and `DELETE /api/workspaces/{workspace}`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::{TraitDefinition, WorkspaceId};
use engine::{Counts, Engine, Health, Training};
use resources::lifecycle::{self, NewWorkspace, RemovedWorkspace};
use serde::{Deserialize, Serialize};

use super::body::Body;
use super::revision::revised;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

/// Lists the workspaces that the caller may see.
#[utoipa::path(
    get,
    path = "/api/workspaces",
    responses((status = 200, description = "Done", body = ShownWorkspaces)),
)]
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ShownWorkspaces>, ApiError> {
    let _turn = app.admission.administrators_account().take_question_turn().await?;
    let show = move |engines: &[Arc<Engine>]| {
        let covered = engines.iter().filter(|engine| caller.grant.covers(engine.id().as_str()));
        covered.map(|engine| ShownWorkspace::new(engine)).collect()
    };
    let workspaces = app.workspaces.look_at_all(show).await?;
    Ok(Json(ShownWorkspaces { workspaces }))
}

/// Shows a workspace.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}",
    responses((status = 200, description = "Done", body = ShownWorkspace)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
) -> Result<Json<ShownWorkspace>, ApiError> {
    workspace.ask(|engine| Ok(Json(ShownWorkspace::new(engine)))).await
}

/// A workspace at a glance. Tokens and keys are not shown.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ShownWorkspace {
    /// The id.
    #[schema(value_type = String)]
    id: WorkspaceId,
    /// A name for people.
    name: Option<String>,
    /// Whether it takes messages and answers.
    ready: bool,
    sources: Vec<NamedSource>,
    traits: Vec<TraitDefinition>,
    /// The sizes of its state.
    counts: Counts,
    /// The record of the model in use.
    training: Option<Training>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct NamedSource {
    name: String,
    enabled: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ShownWorkspaces {
    workspaces: Vec<ShownWorkspace>,
}

impl ShownWorkspace {
    fn new(engine: &Engine) -> Self {
        let config = engine.config();
        let sources = config
            .sources
            .iter()
            .map(|source| NamedSource { name: source.name.clone(), enabled: source.enabled });
        Self {
            id: config.id.clone(),
            name: config.name.clone(),
            ready: engine.health() == Health::Ready,
            sources: sources.collect(),
            traits: config.traits.clone(),
            counts: engine.counts(),
            training: engine.training(),
        }
    }
}

/// Makes an empty workspace.
///
/// Creates an empty workspace, which is served from now on.
#[utoipa::path(
    post,
    path = "/api/workspaces",
    request_body = NewWorkspace,
    responses((status = 201, description = "Made", body = ShownWorkspace)),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Body(new): Body<NewWorkspace>,
) -> Result<Response, ApiError> {
    let location = format!("/api/workspaces/{}", new.id);
    let made = lifecycle::create(&app, new, ShownWorkspace::new).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], revised(made)).into_response())
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Removal {
    confirm: Option<String>,
}

/// Removes a workspace.
///
/// Closes the workspace and moves its folder to the trash of the data folder.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}",
    params(Removal),
    responses((status = 200, description = "Done", body = RemovedWorkspace)),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Parameters(Removal { confirm }): Parameters<Removal>,
) -> Result<Json<RemovedWorkspace>, ApiError> {
    Ok(Json(lifecycle::remove(&app, &id, confirm.as_deref()).await?))
}
