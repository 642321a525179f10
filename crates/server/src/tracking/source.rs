//! Finds the source of a request, in the three forms that libraries use.

use axum::http::HeaderMap;
use domain::Source;

use web::App;
use web::auth::{Credentials, is_same};
use web::error::{ApiError, ErrorKind};
use web::oauth;
use web::workspaces::{KeyOwner, WorkspaceSource};

/// The workspace and source of a write key, from the HTTP Basic user or else from the body. A
/// bearer token comes beside a key in the body; where a source has bearer tokens, nothing else will
/// do.
pub(super) fn find_source(
    app: &App,
    headers: &HeaderMap,
    body_key: Option<&str>,
) -> Result<WorkspaceSource, ApiError> {
    let credentials = Credentials::from_headers(headers);
    let (key, bearer) = match &credentials {
        Credentials::BasicUser(key) => (Some(key.as_str()), None),
        Credentials::Bearer(token) => (body_key, Some(token.as_str())),
        Credentials::None => (body_key, None),
        Credentials::Malformed => return Err(malformed()),
    };
    let Some(key) = key else {
        let message = "no write key: send it as writeKey in the body or as the user of HTTP Basic";
        return Err(ApiError::new(ErrorKind::UnknownSource, message));
    };
    find_by_key(app, key, bearer)
}

/// The workspace and source of a write key, where the bearer token beside it is right.
pub(super) fn find_by_key(
    app: &App,
    key: &str,
    bearer: Option<&str>,
) -> Result<WorkspaceSource, ApiError> {
    let found = find_owner(app, key)?;
    check_bearer(app, &found, bearer)?;
    check_enabled(&found.1)?;
    Ok(found)
}

fn check_bearer(
    app: &App,
    (workspace, source): &WorkspaceSource,
    bearer: Option<&str>,
) -> Result<(), ApiError> {
    let is_allowed = match bearer {
        Some(token) => {
            let is_good = |oauth| {
                let client_id = oauth::client_id(workspace.id(), &source.name);
                oauth::is_good_token(oauth, &client_id, token, app.access.now())
            };
            source.bearer_tokens.iter().any(|known| is_same(known, token))
                || source.oauth.as_ref().is_some_and(is_good)
        }
        None => !source.needs_bearer(),
    };
    if is_allowed {
        return Ok(());
    }
    let why = match (&source.oauth, source.bearer_tokens.is_empty()) {
        (None, true) => "has no bearer tokens",
        (None, false) => "takes messages with one of its bearer tokens only",
        (Some(_), _) => {
            "does not know this bearer token, or its time is over: ask for one at /token"
        }
    };
    let message = format!("source {:?} {why}", source.name);
    Err(ApiError::new(ErrorKind::UnknownSource, message))
}

/// The workspace and source that a page with this write key would send to.
///
/// # Errors
/// 404 if no source has the key, 403 if its source takes no messages from pages.
pub(super) fn find_for_browser(app: &App, key: &str) -> Result<WorkspaceSource, ApiError> {
    let found = find_owner(app, key).map_err(|error| match error.kind {
        ErrorKind::UnknownSource => ApiError::not_found(error.message),
        _ => error,
    })?;
    if found.1.needs_bearer() {
        let message = format!(
            "source {:?} takes messages with one of its bearer tokens only, which belong in no page",
            found.1.name
        );
        return Err(ApiError::new(ErrorKind::Forbidden, message));
    }
    check_enabled(&found.1)?;
    Ok(found)
}

fn find_owner(app: &App, key: &str) -> Result<WorkspaceSource, ApiError> {
    match app.workspaces.owner(key) {
        KeyOwner::Source(found) if found.1.takes_key(key, app.access.now()) => Ok(found),
        KeyOwner::Source((_, source)) => {
            let message = format!(
                "this is an earlier write key of source {:?}, whose time is over: send the new one",
                source.name
            );
            Err(ApiError::new(ErrorKind::UnknownSource, message))
        }
        KeyOwner::Closed => Err(ApiError::unavailable(
            "the workspace of this write key is closed and tried again from time to time",
        )),
        // A sender that is told otherwise would throw its messages away.
        KeyOwner::PerhapsClosed => Err(ApiError::unavailable(
            "no open workspace has this write key, and there is one that could not be opened",
        )),
        KeyOwner::Nobody => {
            Err(ApiError::new(ErrorKind::UnknownSource, "no source has this write key"))
        }
    }
}

fn check_enabled(source: &Source) -> Result<(), ApiError> {
    if source.enabled {
        return Ok(());
    }
    let message = format!("source {:?} is switched off", source.name);
    Err(ApiError::new(ErrorKind::SourceDisabled, message))
}

/// Checks what the headers alone say, before the body is read.
///
/// # Errors
/// If the headers name no source, or one that takes no messages from this caller. Headers
/// without a key say nothing.
pub(super) fn check_headers(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    match Credentials::from_headers(headers) {
        Credentials::BasicUser(_) => find_source(app, headers, None).map(|_| ()),
        Credentials::Malformed => Err(malformed()),
        Credentials::None | Credentials::Bearer(_) => Ok(()),
    }
}

fn malformed() -> ApiError {
    ApiError::new(
        ErrorKind::UnknownSource,
        "the Authorization header is neither HTTP Basic nor Bearer",
    )
}
