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

#[derive(Serialize)]
pub(super) struct Accounts {
    accounts: Vec<ShownAccount>,
}

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Accounts> {
    Json(Accounts { accounts: accounts::list(&app) })
}

/// The sessions of the account end.
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
    Body(patch): Body<AccountPatch>,
) -> Result<Json<ShownAccount>, ApiError> {
    Ok(Json(accounts::update(&app, &caller, email, patch).await?))
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
) -> Result<StatusCode, ApiError> {
    accounts::delete(&app, &caller, email).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The present password stays valid until the invitation is accepted.
pub(super) async fn reset(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
) -> Result<(StatusCode, Json<MadeInvitation>), ApiError> {
    Ok((StatusCode::CREATED, Json(accounts::reset(&app, &caller, email).await?)))
}
