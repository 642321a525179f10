//! `GET /api/account`: who calls. `PUT .../password`: another password for the own account. `DELETE
//! .../sessions`: signs out everywhere.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use resources::account::{self, NewSession, OwnAccount};
use serde::Deserialize;
use web::App;
use web::access::{Caller, session_cookie};
use web::admission::Origin;
use web::error::ApiError;

use super::body::Body;
use super::session::with_session;

/// Tells who calls.
///
/// A caller with an API key has no session.
#[utoipa::path(
    get,
    path = "/api/account",
    responses((status = 200, description = "Done", body = OwnAccount)),
)]
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Json<OwnAccount> {
    Json(account::read(&app, &caller))
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Passwords {
    current: String,
    new: String,
}

/// Sets another password for the caller's account.
///
/// All sessions of the account end; the answer has a new one.
#[utoipa::path(
    put,
    path = "/api/account/password",
    request_body = Passwords,
    responses((status = 200, description = "Done", body = super::session::SignedIn)),
)]
pub(super) async fn set_password(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Extension(caller): Extension<Caller>,
    Body(Passwords { current, new }): Body<Passwords>,
) -> Result<Response, ApiError> {
    let NewSession { email, token } = account::set_password(&app, &caller, current, new).await?;
    Ok(with_session(&email, &token, origin.is_https))
}

/// Signs the caller out everywhere.
#[utoipa::path(
    delete,
    path = "/api/account/sessions",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn end_sessions(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    account::sign_out_everywhere(&app, &caller).await?;
    let cookie = [(header::SET_COOKIE, session_cookie(None, origin.is_https))];
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}
