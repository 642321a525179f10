//! `POST /1/upload` and `POST /1/delete/profiles.json`: events and profiles in the form of
//! CleverTap's upload API. Each record becomes a message and goes the way of all messages; the
//! answer has CleverTap's form.

mod deletion;
mod record;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::message::MESSAGE_BYTES_MAX;
use domain::{Arrival, Envelope, Rejection, RejectionReason, WorkspaceId};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use self::record::Refusal;
use super::{Checked, read_body, source, submit_as_made};
use web::App;
use web::admission::{Key, Origin};
use web::error::{ApiError, ErrorKind};
use web::slow_requests::OfWorkspace;
use web::workspaces::{ActiveSource, WorkspaceHandle, WorkspaceSource};

/// The largest body, in bytes.
const UPLOAD_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The most records of one call.
const RECORDS_MAX: usize = 1_000;
/// How many calls of one account may be under way at once.
const CALLS_PER_ACCOUNT_MAX: usize = 15;
/// Names the source: its write key.
const ACCOUNT_HEADER: &str = "x-clevertap-account-id";
/// A bearer token of the source, or its write key again where it has no bearer tokens.
const PASSCODE_HEADER: &str = "x-clevertap-passcode";

pub(super) fn routes() -> Router<Arc<App>> {
    let calls = Arc::new(CallsUnderWay::default());
    let upload = move |State(app): State<Arc<App>>, request: Request| async move {
        match handle_upload(&app, &calls, request).await {
            Ok((workspace, answer)) => {
                let mut response = Json(answer).into_response();
                response.extensions_mut().insert(OfWorkspace(workspace));
                response
            }
            Err(error) => in_form_of_upload(error),
        }
    };
    let delete = |State(app): State<Arc<App>>, request: Request| async move {
        match handle_deletion(&app, request).await {
            Ok((workspace, answer)) => {
                let mut response = Json(answer).into_response();
                response.extensions_mut().insert(OfWorkspace(workspace));
                response
            }
            Err(error) => in_form_of_upload(error),
        }
    };
    // Not the only path below this word: there may be a workspace of the name.
    Router::new().route("/1/upload", post(upload)).route("/1/delete/profiles.json", post(delete))
}

async fn handle_upload(
    app: &Arc<App>,
    calls: &Arc<CallsUnderWay>,
    request: Request,
) -> Result<(WorkspaceId, Value), ApiError> {
    let (parts, body) = request.into_parts();
    let origin = Origin::from_request(&parts.headers, &parts.extensions, &app.settings.callers);
    let (workspace, source) = match find_account(app, &parts.headers) {
        Ok(found) => found,
        Err(error) => {
            if !error.is_unavailable() {
                app.admission.refuse(&origin).await;
            }
            return Err(error);
        }
    };
    let _call = calls.begin((workspace.id().clone(), source.name.clone()))?;
    let body = read_body(body, UPLOAD_BYTES_MAX).await?;
    let _room = app.admission.make_room_for(body.len()).await;
    let _permit = app.admission.admit(&origin, Key::Public(&source.write_key))?;
    let arrival = Arrival {
        received_at: app.installation.options.clock.now(),
        source: &source.name,
        peer_ip: None,
    };
    let records = read_records(&body)?;
    app.admission.take_messages(workspace.id(), &source, records.len())?;
    let answer = submit_records(&workspace, &source, records, &arrival).await?;
    Ok((workspace.id().clone(), answer))
}

async fn handle_deletion(app: &App, request: Request) -> Result<(WorkspaceId, Value), ApiError> {
    let (parts, body) = request.into_parts();
    let origin = Origin::from_request(&parts.headers, &parts.extensions, &app.settings.callers);
    let found = find_account(app, &parts.headers).and_then(|found| {
        deletion::check_passcode(has_bearer(&parts.headers))?;
        Ok(found)
    });
    let (workspace, source) = match found {
        Ok(found) => found,
        Err(error) => {
            if !error.is_unavailable() {
                app.admission.refuse(&origin).await;
            }
            return Err(error);
        }
    };
    let body = read_body(body, MESSAGE_BYTES_MAX).await?;
    let _permit = app.admission.admit(&origin, Key::Public(&source.write_key))?;
    let answer = deletion::begin(&workspace, deletion::read(&body)?).await?;
    Ok((workspace.id().clone(), answer))
}

/// Whether the passcode is a token, and not the write key again.
fn has_bearer(headers: &HeaderMap) -> bool {
    headers.get(PASSCODE_HEADER) != headers.get(ACCOUNT_HEADER)
}

/// The source that the headers name.
fn find_account(app: &App, headers: &HeaderMap) -> Result<WorkspaceSource, ApiError> {
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.filter(|value| !value.is_empty()).ok_or_else(|| {
            ApiError::new(ErrorKind::UnknownSource, format!("the header {name} is missing"))
        })
    };
    let (account, passcode) = (text(ACCOUNT_HEADER)?, text(PASSCODE_HEADER)?);
    source::find_by_key(app, account, (passcode != account).then_some(passcode))
}

fn read_records(body: &[u8]) -> Result<Vec<&RawValue>, ApiError> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow)]
        d: Vec<&'a RawValue>,
    }
    let wrong = |why: &str| {
        let message =
            format!("the body must be a JSON object whose member d is an array of records{why}");
        ApiError::bad_request(message)
    };
    // A struct would also be read from an array.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(wrong(""));
    }
    let wire: Wire<'_> =
        serde_json::from_slice(body).map_err(|error| wrong(&format!(": {error}")))?;
    match wire.d.len() {
        1..=RECORDS_MAX => Ok(wire.d),
        0 => Err(ApiError::bad_request("d holds no records")),
        n => Err(ApiError::bad_request(format!(
            "{n} records in one call, the limit is {RECORDS_MAX}"
        ))),
    }
}

/// Submits what becomes of the records; the answer says which of them were refused.
async fn submit_records(
    workspace: &WorkspaceHandle,
    source: &ActiveSource,
    records: Vec<&RawValue>,
    arrival: &Arrival<'_>,
) -> Result<Value, ApiError> {
    let n_records = records.len();
    let (mut checked, mut unprocessed) = (Vec::with_capacity(n_records), Vec::new());
    for raw in records {
        let (result, refusal) = check(raw.get(), source, arrival);
        checked.push(result);
        if let Some(Refusal { code, error }) = refusal {
            let record = serde_json::from_str(raw.get()).unwrap_or(Value::Null);
            unprocessed
                .push(json!({ "status": "fail", "code": code, "error": error, "record": record }));
        }
    }
    submit_as_made(workspace, checked.into_iter(), false).await?;
    let status = match unprocessed.len() {
        0 => "success",
        n if n == n_records => "fail",
        _ => "partial",
    };
    Ok(json!({
        "status": status,
        "processed": n_records - unprocessed.len(),
        "unprocessed": unprocessed,
    }))
}

/// The message that a record becomes, before its form is checked; none where it is refused.
pub fn message_of_upload(text: &str) -> Option<Value> {
    record::to_message(text, "web").ok()
}

/// What becomes of a record, and why it is refused.
fn check(text: &str, source: &ActiveSource, arrival: &Arrival<'_>) -> (Checked, Option<Refusal>) {
    match record::to_message(text, arrival.source) {
        Ok(message) => {
            let text = message.to_string();
            let checked = source.check_message(&text, None, &Envelope::default(), arrival);
            let refusal = checked.as_ref().err().map(|rejection| Refusal::of(rejection));
            (checked.map(Box::new), refusal)
        }
        Err(refusal) => {
            let rejection = Rejection {
                reason: RejectionReason::BadRequest,
                detail: refusal.error.clone(),
                source: arrival.source.to_owned(),
                message_id: None,
                type_: None,
                received_at: arrival.received_at,
                excerpt: Rejection::cut_excerpt(text),
                violations: Vec::new(),
            };
            (Err(Box::new(rejection)), Some(refusal))
        }
    }
}

/// An error of the whole call, with its status and headers.
fn in_form_of_upload(error: ApiError) -> Response {
    let message = error.message.clone();
    let (parts, _) = error.into_response().into_parts();
    let body = json!({ "status": "fail", "error": message, "code": parts.status.as_u16() });
    let mut response = (parts.status, Json(body)).into_response();
    if parts.status == StatusCode::TOO_MANY_REQUESTS
        || parts.status == StatusCode::SERVICE_UNAVAILABLE
    {
        response.headers_mut().extend(parts.headers.into_iter().filter(|(name, _)| {
            name.as_ref().is_some_and(|name| name == axum::http::header::RETRY_AFTER)
        }));
    }
    response
}

/// The id of a workspace and the name of one of its sources.
type AccountId = (WorkspaceId, String);

/// How many calls of each account are under way; an account without any has no row.
#[derive(Default)]
struct CallsUnderWay(Mutex<FxHashMap<AccountId, usize>>);

/// A call that counts as under way as long as this lives.
struct CallUnderWay {
    calls: Arc<CallsUnderWay>,
    account: AccountId,
}

impl CallsUnderWay {
    fn begin(self: &Arc<Self>, account: AccountId) -> Result<CallUnderWay, ApiError> {
        let mut calls = self.0.lock();
        let n = calls.get(&account).copied().unwrap_or(0);
        if n >= CALLS_PER_ACCOUNT_MAX {
            return Err(ApiError::too_many_requests("Too many concurrent requests"));
        }
        calls.insert(account.clone(), n + 1);
        Ok(CallUnderWay { calls: Arc::clone(self), account })
    }
}

impl Drop for CallUnderWay {
    fn drop(&mut self) {
        let mut calls = self.calls.0.lock();
        if let Some(n) = calls.get_mut(&self.account) {
            *n -= 1;
            if *n == 0 {
                calls.remove(&self.account);
            }
        }
    }
}
