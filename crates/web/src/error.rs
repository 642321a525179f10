//! Every way in which a request fails: one table of statuses and codes (`kind.rs`). The admin API
//! shows errors as problems (`problem.rs`), the other APIs in a JSON form of their own.

mod classify;
mod kind;
mod problem;

use std::any::Any;
use std::num::NonZeroU16;

use axum::Json;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::http::header::{ALLOW, CONTENT_TYPE, ETAG, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde_json::json;

pub use self::classify::Classify;
pub use self::kind::ErrorKind;
pub(crate) use self::problem::as_problem;
pub use self::problem::{PROBLEM_MEDIA_TYPE, Problem};

/// How long a client that is told to come back should wait, in seconds.
const RETRY_AFTER_S: u32 = 1;

/// A failed request. Answers that no layer shows in another form have `{"error": {"code",
/// "message"}}`.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// The row of the table of codes and statuses.
    pub kind: ErrorKind,
    /// What went wrong, where, and the way out.
    pub message: String,
    /// The place of the mistake in the body, as a JSON pointer (RFC 6901): `/filter`.
    pub pointer: Option<String>,
    /// The query parameter that is wrong.
    pub parameter: Option<String>,
    detail: Option<Box<serde_json::Value>>,
    /// The present revision of the resource that the request would have changed.
    revision: Option<u64>,
    /// How long to wait, in seconds, where that is known.
    retry_after_s: Option<NonZeroU16>,
}

impl ApiError {
    /// An error of a kind, which the table in `error/kind.rs` gives a status and a code.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            pointer: None,
            parameter: None,
            detail: None,
            revision: None,
            retry_after_s: None,
        }
    }

    /// The same, with the place of the mistake in the body, as a JSON pointer.
    pub fn at(self, pointer: impl Into<String>) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, ..self }
    }

    /// The same, with the query parameter that is wrong.
    pub fn of_parameter(self, name: impl Into<String>) -> Self {
        Self { parameter: Some(name.into()), pointer: None, ..self }
    }

    /// A parameter or a body is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// The request is too large or no JSON.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadRequest, message)
    }

    /// The caller is not authenticated.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthenticated, message)
    }

    /// Something is missing, or the path leads nowhere.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// The resource that must not exist does.
    pub fn precondition_failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Changed, message)
    }

    /// Come back soon.
    pub fn too_many_requests(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::TooManyRequests, message)
    }

    /// The same, with how long to wait, in seconds.
    pub fn retry_after(self, seconds: u16) -> Self {
        Self { retry_after_s: NonZeroU16::new(seconds), ..self }
    }

    /// The file of an import is wrong; `detail` is the report.
    pub fn import(message: impl Into<String>, detail: serde_json::Value) -> Self {
        Self::new(ErrorKind::ImportRefused, message).with_detail(detail)
    }

    /// The same with what programs read of it.
    pub fn with_detail(self, detail: serde_json::Value) -> Self {
        Self { detail: Some(Box::new(detail)), ..self }
    }

    /// What programs read of it, such as the report of a refused file.
    pub fn detail(&self) -> Option<&serde_json::Value> {
        self.detail.as_deref()
    }

    /// Whether the client is told to come back later.
    pub fn is_unavailable(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }

    /// Come back later.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// The cause is in the log: it is no business of the caller.
    pub fn internal() -> Self {
        let message =
            "something went wrong in the server; its log says what, under this request-id";
        Self::new(ErrorKind::Internal, message)
    }
}

/// The `ETag` of a revision.
pub fn etag(revision: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{revision}\"")).expect("digits in quotes are a header value")
}

impl<E: Classify> From<E> for ApiError {
    fn from(error: E) -> Self {
        let kind = error.kind();
        if kind == ErrorKind::Internal {
            tracing::error!(error = engine::describe_error(&error), "a query failed");
            return Self::internal();
        }
        let revision = error.revision();
        Self { revision, ..Self::new(kind, error.to_string()) }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(error: BytesRejection) -> Self {
        Self::bad_request(error.body_text())
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        tracing::error!(%error, "a task failed");
        Self::internal()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": { "code": self.kind.code(), "message": self.message } });
        if let Some(detail) = &self.detail {
            body["error"]["detail"] = (**detail).clone();
        }
        let mut response = (self.kind.status(), Json(body)).into_response();
        say_when_to_retry(&mut response);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, seconds.get().into());
            response.headers_mut().insert("x-ratelimit-reset", seconds.get().into());
        }
        if let Some(revision) = self.revision {
            response.headers_mut().insert(ETAG, etag(revision));
        }
        if self.kind.status() == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Basic realm=\"tastemaker\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        // For front ends with a form of their own.
        response.extensions_mut().insert(self);
        response
    }
}

/// Adds `Retry-After` to answers that ask the caller to come back.
pub fn say_when_to_retry(response: &mut Response) {
    if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
    {
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, RETRY_AFTER_S.into());
        headers.insert("x-ratelimit-reset", RETRY_AFTER_S.into());
    }
}

/// Layers below the handlers answer in text or not at all: the client gets the same form as for
/// every other error. Pages stay as they are.
pub(crate) fn as_json(response: Response) -> Response {
    let is_made_by_handler = response.headers().get(CONTENT_TYPE).is_some_and(|media_type| {
        let media_type = media_type.as_bytes();
        media_type.starts_with(b"application/json") || media_type.starts_with(b"text/html")
    });
    match response.status() {
        status if !(status.is_client_error() || status.is_server_error()) || is_made_by_handler => {
            response
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let message = "the body's content-encoding is not supported: send gzip or none";
            ApiError::new(ErrorKind::UnsupportedEncoding, message).into_response()
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            let allowed = response.headers().get(ALLOW).cloned();
            let methods = allowed.as_ref().and_then(|methods| methods.to_str().ok());
            let methods = methods.unwrap_or("another method").replace(',', ", ");
            let message = format!("this path takes {methods}");
            let mut response = ApiError::new(ErrorKind::MethodNotAllowed, message).into_response();
            response.headers_mut().extend(allowed.map(|allowed| (ALLOW, allowed)));
            response
        }
        // Of the requests that reach no handler only those whose path cannot be read.
        StatusCode::BAD_REQUEST => ApiError::bad_request(
            "the path cannot be read: what is percent-encoded must be UTF-8, and a number where the \
             path has one",
        )
        .into_response(),
        StatusCode::REQUEST_TIMEOUT => {
            ApiError::new(ErrorKind::Timeout, "the request took too long").into_response()
        }
        status => {
            let message = status.canonical_reason().unwrap_or("refused");
            let body = json!({ "error": { "code": "refused", "message": message } });
            let mut response = (status, Json(body)).into_response();
            say_when_to_retry(&mut response);
            response
        }
    }
}

/// A panic is a defect; the client gets the same form as for every other error.
pub fn panic_response(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = text, "a handler panicked");
    ApiError::internal().into_response()
}
