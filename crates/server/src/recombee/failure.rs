//! Errors in the form of the recommender API: `{"statusCode", "error"}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use web::error::{ApiError, ErrorKind, say_when_to_retry};

/// A failed call.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Failure {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { status: kind.recommender_status(), message: message.into() }
    }

    /// A parameter is wrong.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// The caller is not authenticated.
    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthenticated, message)
    }

    /// The caller may not.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, message)
    }

    /// Something is missing, or the address leads nowhere.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// The body or batch is over its limit.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::TooLarge, message)
    }

    /// The body of the answer, alone or in a batch.
    pub(super) fn body(&self) -> Value {
        json!({ "statusCode": self.status.as_u16(), "error": self.message })
    }
}

impl<E> From<E> for Failure
where
    ApiError: From<E>,
{
    fn from(error: E) -> Self {
        let error = ApiError::from(error);
        Self::new(error.kind, error.message)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        say_when_to_retry(&mut response);
        response
    }
}
