//! `GET` and `POST /api/invitations`; `DELETE .../{email}`. `POST .../accept`: whoever was invited
//! chooses a password. The secret of an invitation is shown once, in the answer that made it.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::{Grant, Role, WorkspaceId};
use engine::installation::{
    Actor, Change, Invitation, PasswordHash, SecretHash, make_secret, normalize_email,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::actor_json;
use super::body::Body;
use resources::installation::{change, change_as};
use web::App;
use web::access::Caller;
use web::admission::Origin;
use web::error::{ApiError, ErrorKind};

pub(super) async fn list(State(app): State<Arc<App>>) -> Json<Value> {
    let now = app.access.now();
    let invitations = app.access.installation().look(|state| {
        let open = state.invitations.iter().filter(|(_, own)| own.expires_at() > now);
        let open = open.map(|(email, own)| {
            let mut shown = invitation_json(email, own);
            shown["is_reset"] = state.accounts.contains_key(email).into();
            shown
        });
        open.collect::<Vec<Value>>()
    });
    Json(json!({ "invitations": invitations }))
}

fn invitation_json(email: &str, invitation: &Invitation) -> Value {
    json!({
        "email": email,
        "role": invitation.grant.role,
        "workspaces": invitation.grant.workspaces,
        "created_at": invitation.created_at.to_string(),
        "created_by": actor_json(&invitation.created_by),
        "expires_at": invitation.expires_at().to_string(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInvitation {
    email: String,
    role: Role,
    workspaces: Option<BTreeSet<WorkspaceId>>,
}

/// An earlier invitation for the same address is no longer valid.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Body(NewInvitation { email, role, workspaces }): Body<NewInvitation>,
) -> Result<Response, ApiError> {
    let email = normalize_email(&email).map_err(ApiError::invalid)?;
    let is_known =
        |email: &str| app.access.installation().look(|state| state.accounts.contains_key(email));
    if is_known(&email) {
        let message = format!(
            "account {email:?} exists already; POST /api/accounts/{email}/reset makes a link for another password"
        );
        return Err(ApiError::new(ErrorKind::AlreadyExists, message));
    }
    invite(&app, &caller, email, Grant { role, workspaces }).await
}

/// Makes an invitation, and shows its secret.
pub(super) async fn invite(
    app: &Arc<App>,
    caller: &Caller,
    email: String,
    grant: Grant,
) -> Result<Response, ApiError> {
    let secret = make_secret().map_err(|error| ApiError::unavailable(error.to_string()))?;
    let token = SecretHash::of(&secret);
    change(app, caller, Change::Invite { email: email.clone(), grant, token }).await?;
    let now = app.access.now();
    let shown = app.access.installation().look(|state| {
        let found = state.find_invitation(token, now);
        found.map(|(email, invitation)| invitation_json(email, invitation))
    });
    // Somebody may have made another one meanwhile.
    let mut shown = shown.unwrap_or_else(|| json!({ "email": email }));
    shown["token"] = secret.into();
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(email): Path<String>,
) -> Result<StatusCode, ApiError> {
    change(&app, &caller, Change::WithdrawInvitation { email }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Acceptance {
    token: String,
    password: String,
}

/// The account is there, or has the password, when the answer comes.
pub(super) async fn accept(
    State(app): State<Arc<App>>,
    Extension(origin): Extension<Origin>,
    Body(Acceptance { token, password }): Body<Acceptance>,
) -> Result<Json<Value>, ApiError> {
    app.access.passwords.take_address(&origin)?;
    let (token, now) = (SecretHash::of(&token), app.access.now());
    let invited = app.access.installation().look(|state| {
        let found = state.find_invitation(token, now);
        found.map(|(email, _)| email.to_owned())
    });
    let email = invited.ok_or(engine::installation::InstallationError::NotInvited)?;
    let hash = move || PasswordHash::new(&password).map_err(ApiError::invalid);
    let password = app.access.passwords.hash(hash).await??;
    let actor = Actor::Account { email: email.clone() };
    let accept = Change::AcceptInvitation { email: email.clone(), token, password };
    change_as(&app, actor, accept).await?;
    Ok(Json(json!({ "email": email })))
}
