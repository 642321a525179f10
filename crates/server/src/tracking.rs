//! The tracking API: messages come in.
//!
//! Compatible paths answer 200 for messages that are rejected, since senders retry on anything
//! else; what was rejected and why is in the workspace's rejections. With `X-Tastemaker-Strict: 1`
//! the answer has every message's outcome, and 400 where any was rejected.

mod batch;
mod browser;
mod in_app;
mod oauth;
mod single;
mod source;
mod twilio;
mod upload;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::message::MESSAGE_BYTES_MAX;
use domain::{Message, MessageType, Rejection};
use engine::{Entry, Outcome};
use serde_json::{Value, json};

use web::App;
use web::admission::{Key, Origin, Permit};
use web::error::ApiError;
use web::slow_requests::OfWorkspace;
use web::workspaces::{WorkspaceHandle, WorkspaceSource};

pub use batch::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX};
pub(crate) use browser::routes as browser_routes;
pub(crate) use in_app::{page_routes as in_app_page_routes, stream_routes as in_app_stream_routes};
pub use upload::message_of_upload;

/// Messages of one request are submitted when they have grown to this, in bytes.
const SUBMIT_BYTES: usize = 2 * 1_024 * 1_024;
const STRICT_HEADER: &str = "x-tastemaker-strict";

pub(crate) fn routes() -> Router<Arc<App>> {
    let batch = |State(app), request| handle_batch(app, request);
    // The browser library sends metrics about itself, which are not used.
    let browser_metrics = || async { Json(json!({ "success": true })) };
    let routes = Router::new()
        .route("/v1/batch", post(batch))
        .route("/v1/b", post(batch))
        // The library for Java posts to this path.
        .route("/v1/import", post(batch))
        .route("/v1/import/", post(batch))
        .route("/v1/m", post(browser_metrics))
        .merge(in_app::report_routes())
        .merge(oauth::routes())
        .merge(twilio::routes())
        .merge(upload::routes());
    MessageType::ALL.into_iter().fold(routes, |routes, type_| {
        let single = move |State(app), request| handle_single(app, request, type_);
        // The browser library posts to the first letter.
        let (path, letter) =
            (format!("/v1/{}", type_.word()), format!("/v1/{}", &type_.word()[..1]));
        routes.route(&path, post(single)).route(&letter, post(single))
    })
}

/// Batches are checked as always and go nowhere.
pub(crate) fn discarding_routes() -> Router<Arc<App>> {
    let batch = |State(app): State<Arc<App>>, request| async move {
        let (call, body) = Call::read(&app, request, BATCH_BYTES_MAX).await?;
        let wire = batch::read(&body)?;
        let ((_, source), _permit) = call.enter(&app, wire.write_key().as_deref()).await?;
        let n_good = batch::check(&wire, &source, &call.arrival(&source.name))
            .filter(|checked| checked.is_ok())
            .count();
        Ok::<_, ApiError>(Json(json!({ "success": true, "messages": n_good })))
    };
    Router::new().route("/v1/batch", post(batch))
}

async fn handle_single(
    app: Arc<App>,
    request: Request,
    type_: MessageType,
) -> Result<Response, ApiError> {
    let (call, body) = Call::read(&app, request, MESSAGE_BYTES_MAX).await?;
    let ((workspace, source), _permit) =
        call.enter(&app, single::write_key(&body)?.as_deref()).await?;
    app.admission.take_messages(workspace.id(), &source, 1)?;
    let checked = single::parse(&body, type_, &source, &call.arrival(&source.name))?;
    Ok(submit_messages(&workspace, std::iter::once(checked), call.is_strict()).await)
}

async fn handle_batch(app: Arc<App>, request: Request) -> Result<Response, ApiError> {
    let (call, body) = Call::read(&app, request, BATCH_BYTES_MAX).await?;
    let _room = app.admission.make_room_for(body.len()).await;
    let wire = batch::read(&body)?;
    let ((workspace, source), _permit) = call.enter(&app, wire.write_key().as_deref()).await?;
    app.admission.take_messages(workspace.id(), &source, wire.n_messages())?;
    let arrival = call.arrival(&source.name);
    Ok(submit_messages(&workspace, batch::check(&wire, &source, &arrival), call.is_strict()).await)
}

/// A request without its body.
struct Call {
    headers: HeaderMap,
    origin: Origin,
    received_at: domain::Timestamp,
}

impl Call {
    /// Reads a body up to its limit, which counts after decompression. A key in the headers is
    /// checked before; one in the body can only be checked after.
    async fn read(
        app: &App,
        request: Request,
        body_bytes_max: usize,
    ) -> Result<(Self, Bytes), ApiError> {
        let (parts, body) = request.into_parts();
        let origin = Origin::from_request(&parts.headers, &parts.extensions, &app.settings.callers);
        let call = Self {
            headers: parts.headers,
            origin,
            received_at: app.installation.options.clock.now(),
        };
        if let Err(error) = source::check_headers(app, &call.headers) {
            return Err(call.refuse(app, error).await);
        }
        Ok((call, read_body(body, body_bytes_max).await?))
    }

    /// The workspace and the source of the request, which counts as under way from now on.
    async fn enter(
        &self,
        app: &App,
        body_key: Option<&str>,
    ) -> Result<(WorkspaceSource, Permit), ApiError> {
        match source::find_source(app, &self.headers, body_key) {
            Ok(found) => {
                let permit = app.admission.admit(&self.origin, Key::Public(&found.1.write_key))?;
                Ok((found, permit))
            }
            Err(error) => Err(self.refuse(app, error).await),
        }
    }

    /// A caller with a wrong key has to wait. A closed workspace is not the sender's fault.
    async fn refuse(&self, app: &App, error: ApiError) -> ApiError {
        if !error.is_unavailable() {
            app.admission.refuse(&self.origin).await;
        }
        error
    }

    fn arrival<'a>(&self, source: &'a str) -> domain::Arrival<'a> {
        domain::Arrival { received_at: self.received_at, source, peer_ip: self.origin.address }
    }

    fn is_strict(&self) -> bool {
        self.headers.get(STRICT_HEADER).is_some_and(|value| value == "1" || value == "true")
    }
}

async fn read_body(body: Body, bytes_max: usize) -> Result<Bytes, ApiError> {
    axum::body::to_bytes(body, bytes_max).await.map_err(|error| {
        let is_too_large =
            std::iter::successors(std::error::Error::source(&error), |error| error.source())
                .any(|error| error.to_string().contains("length limit"));
        if is_too_large {
            ApiError::bad_request(format!("the body is over the limit of {bytes_max} bytes"))
        } else {
            ApiError::bad_request(format!("the body cannot be read: {error}"))
        }
    })
}

/// A message, or why it was not taken.
pub(crate) type Checked = Result<Box<Message>, Box<Rejection>>;

/// Submits messages and rejections, and answers when all of it is durable and applied. The answer
/// says which workspace it is of.
async fn submit_messages(
    workspace: &WorkspaceHandle,
    checked: impl Iterator<Item = Checked> + Send,
    is_strict: bool,
) -> Response {
    let submitted = submit_as_made(workspace, checked, is_strict).await;
    let mut response = submitted.into_response();
    response.extensions_mut().insert(OfWorkspace(workspace.id().clone()));
    response
}

/// Messages are made as they are submitted: a small body may unfold into many that share a large
/// context.
async fn submit_as_made(
    workspace: &WorkspaceHandle,
    mut checked: impl Iterator<Item = Checked> + Send,
    is_strict: bool,
) -> Result<Response, ApiError> {
    let (mut n_accepted, mut n_rejected) = (0, 0);
    let (mut told, mut outcomes) = (Vec::new(), Vec::new());
    loop {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for checked in checked.by_ref() {
            if is_strict {
                told.push(describe_result(&checked));
            }
            entries.push(match checked {
                Ok(message) => {
                    n_accepted += 1;
                    bytes += message.text_bytes();
                    Entry::Message(message)
                }
                Err(rejection) => {
                    n_rejected += 1;
                    bytes += rejection.excerpt.len();
                    Entry::Rejected(rejection)
                }
            });
            if bytes >= SUBMIT_BYTES {
                break;
            }
        }
        if entries.is_empty() {
            break;
        }
        outcomes.extend(workspace.submit::<ApiError>(entries).await?);
    }
    metrics::counter!("tracking_messages_total", "outcome" => "accepted").increment(n_accepted);
    metrics::counter!("tracking_messages_total", "outcome" => "rejected").increment(n_rejected);
    if !is_strict {
        return Ok(Json(json!({ "success": true })).into_response());
    }
    for (told, outcome) in told.iter_mut().zip(outcomes) {
        match outcome {
            Outcome::Duplicate => told["status"] = "duplicate".into(),
            // The message counts; what could not be made of it is in the rejections.
            Outcome::AppliedInPart => told["applied_in_part"] = true.into(),
            Outcome::Suppressed => told["status"] = "suppressed".into(),
            _ => {}
        }
    }
    let status = if n_rejected == 0 { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    Ok((status, Json(json!({ "success": n_rejected == 0, "messages": told }))).into_response())
}

fn describe_result(checked: &Checked) -> Value {
    match checked {
        Ok(message) => json!({ "message_id": message.message_id, "status": "accepted" }),
        Err(rejection) => json!({
            "message_id": rejection.message_id,
            "status": "rejected",
            "reason": rejection.reason.code(),
            "detail": rejection.detail,
        }),
    }
}
