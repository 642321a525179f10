//! `GET` and `POST /api/invitations`; `DELETE .../{email}`. `POST .../accept`: whoever was invited
//! chooses a password. The secret of an invitation is shown once, in the answer that made it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use resources::accounts::{self, MadeInvitation, NewInvitation, ShownInvitation};
use serde::{Deserialize, Serialize};
use web::App;
use web::access::Caller;
use web::admission::Origin;
use web::error::ApiError;

use super::body::Body;

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Invitations {
    invitations: Vec<ShownInvitation>,
}

/// Lists the open invitations.
#[utoipa::path(
    get,
    path = "/api/invitations",
    responses((status = 200, description = "Done", body = Invitations)),
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Invitations> {
    Json(Invitations { invitations: accounts::invitations(&app) })
}

/// Invites somebody.
#[utoipa::path(
    post,
    path = "/api/invitations",
    request_body = NewInvitation,
    responses((status = 201, description = "Made", body = MadeInvitation)),
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<NewInvitation>,
) -> Result<(StatusCode, Json<MadeInvitation>), ApiError> {
    Ok((StatusCode::CREATED, Json(accounts::invite(&app, &caller, new).await?)))
}

/// Withdraws an invitation.
#[utoipa::path(
    delete,
    path = "/api/invitations/{email}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
) -> Result<StatusCode, ApiError> {
    accounts::withdraw(&app, &caller, email).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Acceptance {
    token: String,
    password: String,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Accepted {
    email: String,
}

/// Accepts an invitation by choosing a password.
///
/// The account is there, or has the password, when the answer comes.
#[utoipa::path(
    post,
    path = "/api/invitations/accept",
    request_body = Acceptance,
    responses((status = 200, description = "Done", body = Accepted)),
)]
pub(super) async fn accept(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Body(Acceptance { token, password }): Body<Acceptance>,
) -> Result<Json<Accepted>, ApiError> {
    Ok(Json(Accepted { email: accounts::accept(&app, &origin, &token, password).await? }))
}
