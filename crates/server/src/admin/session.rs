//! `POST /api/session` signs in, `DELETE` signs out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};

use super::body::Body;
use resources::account;
use web::App;
use web::access::{Caller, csrf_token, session_cookie, sign_in};
use web::admission::Origin;
use web::error::ApiError;

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    email: String,
    password: String,
}

/// Signs in.
///
/// Sets the cookie of the session. The answer has the CSRF token, which changes need beside it.
#[utoipa::path(
    post,
    path = "/api/session",
    request_body = Credentials,
    responses((status = 200, description = "Done", body = SignedIn)),
)]
pub(super) async fn open(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Body(Credentials { email, password }): Body<Credentials>,
) -> Result<Response, ApiError> {
    let (email, token) = sign_in(&app.access, &origin, &email, password).await?;
    origin.trust();
    Ok(with_session(&email, &token, origin.is_https))
}

/// Who has signed in.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct SignedIn {
    email: String,
    /// What calls that change something need beside the cookie, in the header `X-CSRF-Token`.
    csrf_token: String,
}

/// The answer to whoever has a new session.
pub(super) fn with_session(email: &str, token: &str, is_https: bool) -> Response {
    let cookie = [(header::SET_COOKIE, session_cookie(Some(token), is_https))];
    let body = SignedIn { email: email.to_owned(), csrf_token: csrf_token(token) };
    (cookie, Json(body)).into_response()
}

/// Signs out.
#[utoipa::path(
    delete,
    path = "/api/session",
    responses((status = 204, description = "Done")),
)]
pub(super) async fn end(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    account::sign_out(&app, &caller).await?;
    let cookie = [(header::SET_COOKIE, session_cookie(None, origin.is_https))];
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}
