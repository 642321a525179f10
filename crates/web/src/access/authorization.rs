//! The one place where a call is let through, and noted for the audit.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::WorkspaceId;
use engine::installation::{Actor, Change, Deed, DeedOutcome, SecretHash};
use percent_encoding::percent_decode_str;
use tracing::Instrument;

use super::Access;
use super::call::{Audited, Call, Requirement};
use super::caller::Caller;
use super::cross_site::{is_csrf_token, is_from_own_page, shown_csrf_token};
use crate::admission::Origin;
use crate::error::{ApiError, ErrorKind};

/// The largest body of a call that anybody may make, in bytes.
const OPEN_BODY_BYTES_MAX: usize = 8 * 1_024;

/// Calls that are let through by the rows of a table.
#[derive(Clone)]
pub struct Gate {
    /// What callers are known by.
    pub access: Arc<Access>,
    /// The rows; a call without one is answered 405.
    pub calls: &'static [Call],
}

/// Of an answer: the call only showed what it would do, so that nothing is to be noted.
#[derive(Debug, Clone, Copy)]
pub struct NothingDone;

/// Of an answer that is no 201: the name of what was made, for the audit.
#[derive(Debug, Clone)]
pub struct MadeResource(pub String);

/// Lets a call through whose caller may do it, with the [`Caller`] among its extensions. Whoever
/// has signed in or shows a key is admitted whatever the load.
pub async fn authorize(
    State(gate): State<Gate>,
    path: MatchedPath,
    parameters: RawPathParams,
    mut request: Request,
    next: Next,
) -> Response {
    let Gate { access, calls } = gate;
    let Some(call) = Call::find(calls, request.method(), path.as_str()) else {
        return method_not_allowed(calls, path.as_str());
    };
    let headers = request.headers();
    let origin = Origin::from_request(headers, request.extensions(), &access.callers);
    if call.requirement == Requirement::Nothing {
        // Links to what anybody may read stand on pages of others, and in mails.
        if call.method != "GET" && !is_from_own_page(headers) {
            return from_another_site().into_response();
        }
        request.extensions_mut().insert(origin);
        return match read_short(request).await {
            Ok(request) => next.run(request).await,
            Err(error) => error.into_response(),
        };
    }
    let caller = match Caller::identify(access.installation(), headers, access.now()) {
        Ok(caller) => caller,
        Err(why) => {
            access.admission.refuse(&origin).await;
            return unauthenticated(&why);
        }
    };
    origin.trust();
    note_use(&access, &caller);
    let workspace = parameters.iter().find(|(name, _)| *name == "workspace");
    let workspace = workspace.map(|(_, id)| id.to_owned());
    let resource = parameters.iter().find(|(name, _)| *name != "workspace");
    let resource = resource.map(|(_, name)| name.to_owned());
    let refusal = check(call, &caller, workspace.as_deref(), headers).err();
    let actor = caller.actor.clone();
    request.extensions_mut().insert(origin);
    request.extensions_mut().insert(caller);
    if call.audited == Audited::Not {
        return match refusal {
            None => next.run(request).await,
            Some(error) => error.into_response(),
        };
    }
    // A task of its own: what is done is noted, also where the caller leaves meanwhile.
    let work = async move {
        let response = match refusal {
            None => next.run(request).await,
            Some(error) => error.into_response(),
        };
        if let Some(deed) = deed_of(call, workspace.as_deref(), resource, &response) {
            note(&access, actor, deed).await;
        }
        response
    };
    match tokio::spawn(work.in_current_span()).await {
        Ok(response) => response,
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// Reads the body of a call that anybody may make: it takes no more than an address and a password.
async fn read_short(request: Request) -> Result<Request, ApiError> {
    let (parts, body) = request.into_parts();
    match to_bytes(body, OPEN_BODY_BYTES_MAX).await {
        Ok(bytes) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Err(_) => Err(ApiError::bad_request(format!(
            "the body cannot be read, or is over {OPEN_BODY_BYTES_MAX} bytes"
        ))),
    }
}

/// Whether a caller may do a call.
fn check(
    call: &Call,
    caller: &Caller,
    workspace: Option<&str>,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    let role = caller.grant.role;
    if let Requirement::Right(right) = call.requirement
        && !role.has(right)
    {
        let least = right.least_role();
        let or_above = if least == domain::Role::Owner { "" } else { " or one with more rights" };
        return Err(forbidden(format!("this takes the role {least}{or_above}, yours is {role}")));
    }
    if let Some(workspace) = workspace
        && !caller.grant.covers(workspace)
    {
        let named = caller.grant.workspaces.iter().flatten().map(WorkspaceId::as_str);
        let named = domain::listed(&named.collect::<Vec<_>>(), "and");
        return Err(forbidden(format!("your role {role} is limited to the workspaces {named}")));
    }
    match &caller.session {
        Some(session) if call.audited != Audited::Not => {
            if !is_from_own_page(headers) {
                return Err(from_another_site());
            }
            let shown = shown_csrf_token(headers);
            match shown.is_some_and(|shown| is_csrf_token(shown, &session.token)) {
                true => Ok(()),
                false => Err(forbidden(
                    "this was sent from a page of another session: load the page again, and repeat it. \
                     Scripts send the csrf_token of their sign-in in the header X-CSRF-Token"
                        .to_owned(),
                )),
            }
        }
        _ => Ok(()),
    }
}

/// The record of a call that has its answer; none where the change is a record itself, or nothing
/// was to be done.
fn deed_of(
    call: &Call,
    workspace: Option<&str>,
    resource: Option<String>,
    response: &Response,
) -> Option<Deed> {
    let outcome = match response.status() {
        status if status.is_client_error() => DeedOutcome::Refused,
        status if status.is_server_error() => DeedOutcome::Failed,
        _ => DeedOutcome::Done,
    };
    let action = match call.audited {
        Audited::Not => return None,
        Audited::Change(_) if outcome == DeedOutcome::Done => return None,
        Audited::Call(action) | Audited::Change(action) => action,
    };
    if response.extensions().get::<NothingDone>().is_some() {
        return None;
    }
    Some(Deed {
        action: action.to_owned(),
        resource: resource.or_else(|| name_of_new(response)),
        // What is no id of a workspace is not kept: anybody could write anything.
        workspace: workspace.and_then(|id| WorkspaceId::new(id).ok()),
        outcome,
    })
}

/// The name of the resource that a call has made: as its handler says, or by the header `Location`
/// of what is new. A form is answered with a `Location` that only leads on.
fn name_of_new(response: &Response) -> Option<String> {
    if let Some(MadeResource(name)) = response.extensions().get() {
        return Some(name.clone());
    }
    if response.status() != StatusCode::CREATED {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let (_, name) = location.rsplit_once('/')?;
    Some(percent_decode_str(name).decode_utf8_lossy().into_owned())
}

/// Writes a record down before the caller has the answer.
async fn note(access: &Arc<Access>, actor: Actor, deed: Deed) {
    let access = Arc::clone(access);
    let note = move || {
        let Deed { action, outcome, .. } = &deed;
        tracing::info!(by = ?actor, action, outcome = outcome.word(), "a call changed something");
        access.installation().note(access.now(), &actor, deed)
    };
    match tokio::task::spawn_blocking(note).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            metrics::counter!("audit_failures_total").increment(1);
            tracing::error!(error = engine::describe_error(&error), "the audit misses a record");
        }
        Err(error) => tracing::error!(%error, "a task failed"),
    }
}

/// Writes the use of a session down, now and then. Nobody waits for it.
fn note_use(access: &Arc<Access>, caller: &Caller) {
    let Some(session) = caller.session.as_ref().filter(|session| session.is_use_due) else {
        return;
    };
    let (access, actor) = (Arc::clone(access), caller.actor.clone());
    let change = Change::UseSession { token: SecretHash::of(&session.token) };
    tokio::task::spawn_blocking(move || {
        let noted = access.installation().change(access.now(), &actor, change);
        if let Err(error) = noted {
            tracing::warn!(
                error = engine::describe_error(&error),
                "the use of a session is not noted"
            );
        }
    });
}

/// 405, with the methods of the rows of a path.
fn method_not_allowed(calls: &'static [Call], path: &str) -> Response {
    let methods = Call::methods(calls, path).collect::<Vec<_>>().join(",");
    let mut response = StatusCode::METHOD_NOT_ALLOWED.into_response();
    if let (false, Ok(methods)) = (methods.is_empty(), HeaderValue::try_from(&methods)) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

fn forbidden(message: String) -> ApiError {
    ApiError::new(ErrorKind::Forbidden, message)
}

fn from_another_site() -> ApiError {
    forbidden("the request comes from a page of another site".to_owned())
}

/// 401. Browsers would open a window of their own for the scheme that other APIs have.
fn unauthenticated(why: &impl ToString) -> Response {
    let mut response = ApiError::unauthenticated(why.to_string()).into_response();
    debug_assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let scheme = HeaderValue::from_static("Bearer realm=\"tastemaker\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    response
}
