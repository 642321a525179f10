//! `GET /api/account`: who calls. `PUT .../password`: another password for the own account. `DELETE
//! .../sessions`: signs out everywhere.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use engine::installation::{Change, PasswordHash, SecretHash, make_secret, verify_password};
use serde::Deserialize;
use serde_json::{Value, json};

use super::actor_json;
use super::body::Body;
use super::session::with_session;
use resources::installation::{change, own_session};
use web::App;
use web::access::{Caller, csrf_token, session_cookie};
use web::admission::Origin;
use web::error::ApiError;

/// A caller with an API key has no session.
pub(super) async fn read(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Json<Value> {
    let session = caller.session.as_ref().map(|session| {
        let now = app.access.now();
        let installation = app.access.installation();
        let n = installation.look(|state| state.sessions.of(&session.email, now).count());
        json!({
            "csrf_token": csrf_token(&session.token),
            "opened_at": session.opened_at.to_string(),
            "expires_at": session.expires_at.to_string(),
            "sessions": n,
        })
    });
    Json(json!({
        "caller": actor_json(&caller.actor),
        "role": caller.grant.role,
        "workspaces": caller.grant.workspaces,
        "session": session,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Passwords {
    current: String,
    new: String,
}

/// All sessions of the account end; the answer has a new one.
pub(super) async fn set_password(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Extension(caller): Extension<Caller>,
    Body(Passwords { current, new }): Body<Passwords>,
) -> Result<Response, ApiError> {
    let email = own_session(&caller)?.email.clone();
    app.access.passwords.take_account(&email)?;
    let look_up = |email: &str| {
        let accounts = app.access.installation();
        accounts.look(|state| state.accounts.get(email).map(|account| account.password.clone()))
    };
    let expected = look_up(&email);
    let hash = move || match verify_password(&current, expected.as_ref()) {
        true => PasswordHash::new(&new).map_err(ApiError::invalid),
        false => Err(ApiError::invalid("current: this is not the password of the account")),
    };
    let password = app.access.passwords.hash(hash).await??;
    change(&app, &caller, Change::SetPassword { email: email.clone(), password }).await?;
    let token = make_secret().map_err(|error| ApiError::unavailable(error.to_string()))?;
    let open = Change::OpenSession { email: email.clone(), token: SecretHash::of(&token) };
    change(&app, &caller, open).await?;
    Ok(with_session(&email, &token, origin.is_https))
}

pub(super) async fn end_sessions(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    let email = own_session(&caller)?.email.clone();
    change(&app, &caller, Change::EndSessions { email }).await?;
    let cookie = [(header::SET_COOKIE, session_cookie(None, origin.is_https))];
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}
