//! The caller's own account.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{Role, Timestamp, WorkspaceId};
use engine::installation::{Change, PasswordHash, SecretHash, verify_password};
use serde::Serialize;
use web::App;
use web::access::{Caller, Who, csrf_token};
use web::error::ApiError;

use crate::installation::{change, own_session};
use crate::shown::new_secret;

/// Who calls.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OwnAccount {
    /// The account, or the key.
    pub caller: Who,
    /// What it may do.
    pub role: Role,
    /// The workspaces that it is limited to; none where it is not.
    #[schema(value_type = Option<Vec<String>>)]
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
    /// The session, of a caller who has signed in.
    pub session: Option<OwnSession>,
}

/// The session of the caller.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OwnSession {
    /// What changes need beside the cookie.
    pub csrf_token: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// How many sessions the account has, with this one.
    pub sessions: usize,
}

/// The caller.
pub fn read(app: &App, caller: &Caller) -> OwnAccount {
    let session = caller.session.as_ref().map(|session| {
        let now = app.access.now();
        let installation = app.access.installation();
        OwnSession {
            csrf_token: csrf_token(&session.token),
            opened_at: session.opened_at,
            expires_at: session.expires_at,
            sessions: installation.look(|state| state.sessions.of(&session.email, now).count()),
        }
    });
    OwnAccount {
        caller: Who::from(&caller.actor),
        role: caller.grant.role,
        workspaces: caller.grant.workspaces.clone(),
        session,
    }
}

/// A session that begins.
pub struct NewSession {
    /// The account.
    pub email: String,
    /// The token for the cookie: a secret.
    pub token: String,
}

/// Gives the own account another password. All its sessions end; a new one begins.
///
/// # Errors
/// If the present password is another, the new one is not taken, or too many were tried.
pub async fn set_password(
    app: &Arc<App>,
    caller: &Caller,
    current: String,
    new: String,
) -> Result<NewSession, ApiError> {
    let email = own_session(caller)?.email.clone();
    app.access.passwords.take_account(&email)?;
    let expected = app.access.installation().look(|state| {
        let account = state.accounts.get(&email);
        account.map(|account| account.password.clone())
    });
    let hash = move || match verify_password(&current, expected.as_ref()) {
        true => PasswordHash::new(&new).map_err(|what| ApiError::invalid(what).at("/new")),
        false => {
            let message = "current: this is not the password of the account";
            Err(ApiError::invalid(message).at("/current"))
        }
    };
    let password = app.access.passwords.hash(hash).await??;
    change(app, caller, Change::SetPassword { email: email.clone(), password }).await?;
    let token = new_secret()?;
    let open = Change::OpenSession { email: email.clone(), token: SecretHash::of(&token) };
    change(app, caller, open).await?;
    Ok(NewSession { email, token })
}

/// Ends the session of the caller.
///
/// # Errors
/// 403 for API keys.
pub async fn sign_out(app: &Arc<App>, caller: &Caller) -> Result<(), ApiError> {
    let token = SecretHash::of(&own_session(caller)?.token);
    change(app, caller, Change::EndSession { token }).await
}

/// Ends all sessions of the caller's account.
///
/// # Errors
/// 403 for API keys.
pub async fn sign_out_everywhere(app: &Arc<App>, caller: &Caller) -> Result<(), ApiError> {
    let email = own_session(caller)?.email.clone();
    change(app, caller, Change::EndSessions { email }).await
}
