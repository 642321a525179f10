//! Changes of what belongs to the installation: accounts, invitations, sessions, API keys.

use std::sync::Arc;

use engine::installation::{Actor, Change};
use web::App;
use web::access::{Caller, CallerSession};
use web::error::{ApiError, ErrorKind};

/// Changes what belongs to the installation, in the name of the caller.
///
/// # Errors
/// If the change is refused, or the journal does not take it.
pub async fn change(app: &Arc<App>, caller: &Caller, change: Change) -> Result<(), ApiError> {
    change_as(app, caller.actor.clone(), change).await
}

/// Changes what belongs to the installation, on a thread that may wait.
///
/// # Errors
/// As [`change`].
pub async fn change_as(app: &Arc<App>, actor: Actor, change: Change) -> Result<(), ApiError> {
    let app = Arc::clone(app);
    let change = move || app.access.installation().change(app.access.now(), &actor, change);
    Ok(tokio::task::spawn_blocking(change).await??)
}

/// The session of a caller who has signed in.
///
/// # Errors
/// 403 for API keys.
pub fn own_session(caller: &Caller) -> Result<&CallerSession, ApiError> {
    caller.session.as_ref().ok_or_else(|| {
        let message = "this is for people who have signed in, not for API keys";
        ApiError::new(ErrorKind::Forbidden, message)
    })
}
