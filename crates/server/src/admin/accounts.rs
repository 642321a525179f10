//! `GET /api/accounts`; `PATCH` and `DELETE .../{email}`: the accounts of people. `POST
//! .../{email}/reset`: a link for another password.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use resources::accounts::{self, AccountPatch, MadeInvitation, ShownAccount};
use serde::Serialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;

use super::body::Body;

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Accounts {
    accounts: Vec<ShownAccount>,
}

/// Lists the accounts.
#[utoipa::path(
    get,
    path = "/api/accounts",
    responses((status = 200, description = "Done", body = Accounts)),
)]
pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Accounts> {
    Json(Accounts { accounts: accounts::list(&app) })
}

/// Changes the role, the workspaces or the state of an account.
///
/// The sessions of the account end.
#[utoipa::path(
    patch,
    path = "/api/accounts/{email}",
    request_body = AccountPatch,
    responses((status = 200, description = "Done", body = ShownAccount)),
)]
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
    Body(patch): Body<AccountPatch>,
) -> Result<Json<ShownAccount>, ApiError> {
    Ok(Json(accounts::update(&app, &caller, email, patch).await?))
}

/// Removes an account.
#[utoipa::path(
    delete,
    path = "/api/accounts/{email}",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
) -> Result<StatusCode, ApiError> {
    accounts::delete(&app, &caller, email).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes an invitation to choose another password.
///
/// The present password stays valid until the invitation is accepted.
#[utoipa::path(
    post,
    path = "/api/accounts/{email}/reset",
    responses((status = 201, description = "Made", body = MadeInvitation)),
)]
pub(super) async fn reset(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
) -> Result<(StatusCode, Json<MadeInvitation>), ApiError> {
    Ok((StatusCode::CREATED, Json(accounts::reset(&app, &caller, email).await?)))
}
