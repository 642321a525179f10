//! Errors in the form of the recommender API: `{"statusCode", "error"}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use engine::{
    BudgetError, EngineError, ExpressionError, ListError, QueryError, RecommendationError, Refusal,
    ReqlError, ReqlErrorKind, SubmitError,
};
use serde_json::{Value, json};

use crate::error::{ApiError, say_when_to_retry};
use crate::workspaces::NotOpen;

/// A failed call.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Failure {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// 400: a parameter is wrong.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401: nobody knows who calls.
    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403: the caller may not.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404: something is missing, or the address leads nowhere.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 413: the body or batch is over its limit.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// 500: a defect.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong in the server; its log says what")
    }

    /// The body of the answer, alone or in a batch.
    pub(super) fn body(&self) -> Value {
        json!({ "statusCode": self.status.as_u16(), "error": self.message })
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::AlreadyExists(message) => Self::new(StatusCode::CONFLICT, message),
            Refusal::NotFound(message) => Self::not_found(message),
            Refusal::Invalid(message) => Self::invalid(message),
            Refusal::Changed { what, .. } => Self::new(StatusCode::CONFLICT, format!("{what} was changed")),
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self { status: error.status, message: error.message }
    }
}

impl From<NotOpen> for Failure {
    fn from(why: NotOpen) -> Self {
        ApiError::from(why).into()
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::TooLarge(_) => Self::too_large(error.to_string()),
            error => ApiError::from(error).into(),
        }
    }
}

impl From<ReqlError> for Failure {
    fn from(error: ReqlError) -> Self {
        match error.kind {
            ReqlErrorKind::UnknownProperty => Self::not_found(error.to_string()),
            _ => Self::invalid(error.to_string()),
        }
    }
}

impl From<ExpressionError> for Failure {
    fn from(error: ExpressionError) -> Self {
        match error {
            ExpressionError::Reql(error) => error.into(),
            ExpressionError::TooSlow => Self::invalid(error.to_string()),
            ExpressionError::Budget(error) => error.into(),
        }
    }
}

impl From<BudgetError> for Failure {
    fn from(error: BudgetError) -> Self {
        let status = match error {
            BudgetError::AnswerTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BudgetError::ComputingUsedUp { .. } => StatusCode::TOO_MANY_REQUESTS,
            BudgetError::CallerLeft | BudgetError::Stopping | BudgetError::WorkspaceClosed => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, error.to_string())
    }
}

impl From<RecommendationError> for Failure {
    fn from(error: RecommendationError) -> Self {
        match error {
            RecommendationError::List(error) => error.into(),
            RecommendationError::ContinuedElsewhere(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            RecommendationError::Submit(error) => error.into(),
        }
    }
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Invalid(what) => Self::invalid(what),
            ListError::NotFound(what) => Self::not_found(what),
            ListError::Expression { .. } => Self::invalid(error.to_string()),
            ListError::IndexNotReady => Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            ListError::Budget(error) => error.into(),
            ListError::Query(error) => error.into(),
        }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Submit(error) => error.into(),
            error => ApiError::from(error).into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        say_when_to_retry(&mut response);
        response
    }
}
