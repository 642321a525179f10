//! `GET /api/destination_kinds`, `GET /api/workspaces/{workspace}/destinations`; `GET`, `PUT` and
//! `DELETE .../destinations/{name}`; `POST .../try` and `.../check`, `GET .../delivery`, `GET
//! .../dead_letters` and `.../dead_letters/{offset}/{mapping}`, `POST .../dead_letters/retry` and
//! `.../dead_letters/drop`: where messages go, what mappings make of them there, and what became of
//! them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use resources::destinations::{
    self, ChangedLetters, CheckedDestination, DeadLetterPage, DeadLettersQuery, DestinationChange,
    LetterChoice, LetterName, MappingTrial, ShownDelivery, ShownDestination, ShownKind,
    TriedMessage, WholeDeadLetter,
};
use serde::Serialize;
use web::App;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::Upload;
use super::body::Body;
use super::revision::{Expectation, revised};

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Destinations {
    destinations: Vec<ShownDestination>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct DestinationKinds {
    kinds: Vec<ShownKind>,
}

/// Lists the kinds of destinations, with their settings.
#[utoipa::path(
    get,
    path = "/api/destination_kinds",
    responses((status = 200, description = "Done", body = DestinationKinds)),
)]
pub(super) async fn kinds() -> Json<DestinationKinds> {
    Json(DestinationKinds { kinds: destinations::kinds() })
}

/// Lists the destinations.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/destinations",
    responses((status = 200, description = "Done", body = Destinations)),
)]
pub(super) async fn list(Workspace(workspace): Workspace) -> Result<Json<Destinations>, ApiError> {
    Ok(Json(Destinations { destinations: destinations::list(&workspace)? }))
}

/// Shows a destination with its mappings.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/destinations/{name}",
    responses((status = 200, description = "Done", body = ShownDestination)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    Ok(revised(destinations::read(&workspace, name).await?))
}

/// Adds a destination, or changes it.
///
/// It gets the messages that come from then on. Mappings and rules that are changed hold for the
/// messages behind the change, also while earlier ones wait.
#[utoipa::path(
    put,
    path = "/api/workspaces/{workspace}/destinations/{name}",
    request_body = DestinationChange,
    responses((status = 200, description = "Done", body = ShownDestination)),
)]
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
    Upload(workspace, Body(change)): Upload<Body<DestinationChange>>,
) -> Result<Response, ApiError> {
    Ok(revised(destinations::put(&app, &workspace, name, change, expected).await?))
}

/// Removes a destination.
///
/// What waits for it and its dead letters are gone with it. Our own engine has its defaults again.
#[utoipa::path(
    delete,
    path = "/api/workspaces/{workspace}/destinations/{name}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Expectation(expected): Expectation,
) -> Result<StatusCode, ApiError> {
    destinations::delete(&app, &workspace, name, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries the connection to a destination.
///
/// Says whether it answers and takes the credentials. Sends no messages.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/destinations/{name}/check",
    responses((status = 200, description = "Done", body = CheckedDestination)),
)]
pub(super) async fn check(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<CheckedDestination>, ApiError> {
    Ok(Json(destinations::check(&workspace, name).await?))
}

/// Says how delivery to a destination is doing.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/destinations/{name}/delivery",
    responses((status = 200, description = "Done", body = ShownDelivery)),
)]
pub(super) async fn delivery(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Json<ShownDelivery>, ApiError> {
    Ok(Json(destinations::delivery(&workspace, name).await?))
}

/// Lists the dead letters of a destination.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/destinations/{name}/dead_letters",
    params(DeadLettersQuery),
    responses((status = 200, description = "Done", body = DeadLetterPage)),
)]
pub(super) async fn dead_letters(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(query): Parameters<DeadLettersQuery>,
) -> Result<Json<DeadLetterPage>, ApiError> {
    Ok(Json(destinations::dead_letters(&workspace, name, query).await?))
}

/// Shows a dead letter with its message.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/destinations/{name}/dead_letters/{offset}/{mapping}",
    responses((status = 200, description = "Done", body = WholeDeadLetter)),
)]
pub(super) async fn dead_letter(
    Workspace(workspace): Workspace,
    Path((_, name, offset, mapping)): Path<(String, String, u64, String)>,
) -> Result<Json<WholeDeadLetter>, ApiError> {
    let letter = LetterName { offset, mapping };
    Ok(Json(destinations::dead_letter(&workspace, name, letter).await?))
}

/// Sends dead letters anew.
///
/// By the present mappings; the message of one of them may be replaced.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/destinations/{name}/dead_letters/retry",
    request_body = LetterChoice,
    responses((status = 200, description = "Done", body = ChangedLetters)),
)]
pub(super) async fn retry_letters(
    Path((_, name)): Path<(String, String)>,
    Upload(workspace, Body(choice)): Upload<Body<LetterChoice>>,
) -> Result<Json<ChangedLetters>, ApiError> {
    Ok(Json(destinations::retry_letters(&workspace, name, choice).await?))
}

/// Drops dead letters.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/destinations/{name}/dead_letters/drop",
    request_body = LetterChoice,
    responses((status = 200, description = "Done", body = ChangedLetters)),
)]
pub(super) async fn drop_letters(
    Path((_, name)): Path<(String, String)>,
    Upload(workspace, Body(choice)): Upload<Body<LetterChoice>>,
) -> Result<Json<ChangedLetters>, ApiError> {
    Ok(Json(destinations::drop_letters(&workspace, name, choice).await?))
}

/// Tries a message.
///
/// Says what each mapping would make of it. Changes nothing.
#[utoipa::path(
    post,
    path = "/api/workspaces/{workspace}/destinations/{name}/try",
    request_body = MappingTrial,
    responses((status = 200, description = "Done", body = TriedMessage)),
)]
pub(super) async fn try_message(
    Path((_, name)): Path<(String, String)>,
    Upload(workspace, Body(trial)): Upload<Body<MappingTrial>>,
) -> Result<Json<TriedMessage>, ApiError> {
    Ok(Json(destinations::try_message(&workspace, name, trial).await?))
}
