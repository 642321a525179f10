//! Every way in which a request fails: one table of codes and statuses, one JSON form.

use std::any::Any;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use engine::{EngineError, QueryError, SubmitError};
use serde_json::json;

/// How long a client that is told to come back should wait, in seconds.
const RETRY_AFTER_S: u32 = 1;

/// A failed request: `{"error": {"code", "message"}}`.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    code: &'static str,
    pub(crate) message: String,
    detail: Option<serde_json::Value>,
    /// The present revision of the resource that the request would have changed.
    etag: Option<HeaderValue>,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), detail: None, etag: None }
    }

    /// 400: a parameter or a body is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "validation_error", message)
    }

    /// 400: the request is too large or no JSON.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 401: the caller did not show who it is, or is nobody known.
    pub(crate) fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// 403: the caller is known and may not.
    pub(crate) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path takes another method")
    }

    /// 409: the state of the workspace stands against it.
    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 412: the resource is not as the caller expects; `etag` says how it is.
    pub(crate) fn precondition_failed(message: impl Into<String>, etag: Option<HeaderValue>) -> Self {
        Self { etag, ..Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", message) }
    }

    /// 429: come back soon.
    pub(crate) fn too_many_requests(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message)
    }

    /// 422: the file of an import is wrong; `detail` is the report.
    pub(crate) fn import(message: impl Into<String>, detail: serde_json::Value) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "import_refused", message).with_detail(detail)
    }

    /// The same with what programs read of it.
    pub(crate) fn with_detail(self, detail: serde_json::Value) -> Self {
        Self { detail: Some(detail), ..self }
    }

    /// 503: come back later.
    pub(crate) fn is_unavailable(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    fn internal() -> Self {
        let message = "something went wrong in the server; its log says what, under this request-id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::QueueFull { .. } => Self::too_many_requests(error.to_string()),
            SubmitError::TooLarge(_) => Self::bad_request(error.to_string()),
            SubmitError::Journal(_) | SubmitError::Fold(_) | SubmitError::Stopping => {
                Self::unavailable(error.to_string())
            }
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Submit(error) => error.into(),
            error @ EngineError::TrainingCancelled(_) => Self::unavailable(error.to_string()),
            error @ EngineError::NoSuchCatalog { .. } => Self::not_found(error.to_string()),
            EngineError::Query(error) => error.into(),
            other => {
                tracing::error!(error = other.full_text(), "a query failed");
                Self::internal()
            }
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::NoSuchProperty { .. } | QueryError::Segmentation { .. } => {
                Self::invalid(error.to_string())
            }
            QueryError::Store(_) => {
                tracing::error!(error = EngineError::from(error).full_text(), "a query failed");
                Self::internal()
            }
        }
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
        let mut body = json!({ "error": { "code": self.code, "message": self.message } });
        if let Some(detail) = self.detail {
            body["error"]["detail"] = detail;
        }
        let mut response = (self.status, Json(body)).into_response();
        say_when_to_retry(&mut response);
        if let Some(etag) = self.etag {
            response.headers_mut().insert(ETAG, etag);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Basic realm=\"tastemaker\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

/// Whoever is told to come back is told when.
pub(crate) fn say_when_to_retry(response: &mut Response) {
    if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, RETRY_AFTER_S.into());
        headers.insert("x-ratelimit-reset", RETRY_AFTER_S.into());
    }
}

/// Layers below the handlers answer in text or not at all: the client gets the same form as for every other error.
pub(crate) fn as_json(response: Response) -> Response {
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|type_| type_.as_bytes().starts_with(b"application/json"));
    match response.status() {
        status if !(status.is_client_error() || status.is_server_error()) || is_json => response,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let message = "the body's content-encoding is not supported: send gzip or none";
            ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", message).into_response()
        }
        StatusCode::REQUEST_TIMEOUT => {
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the request took too long")
                .into_response()
        }
        status => {
            ApiError::new(status, "refused", status.canonical_reason().unwrap_or("refused")).into_response()
        }
    }
}

/// A panic is a defect; the client gets the same form as for every other error.
pub(crate) fn panic_response(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!(panic = text, "a handler panicked");
    ApiError::internal().into_response()
}
