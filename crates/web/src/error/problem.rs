//! Errors in the form of RFC 9457.

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiError;

/// The media type of problems.
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// An error in the form of RFC 9457.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// A reference to what is written about errors of this kind.
    #[serde(rename = "type")]
    pub type_: String,
    /// The kind of error, in a few words.
    pub title: &'static str,
    /// The HTTP status of the answer.
    pub status: u16,
    /// What went wrong, where, and the way out.
    pub detail: String,
    /// The id of the request, as a URN. The header `request-id` and the lines of the log have it
    /// too. An error that a job keeps has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The kind of error, for programs.
    pub code: &'static str,
    /// The place of the mistake in the body, as a JSON pointer (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// The query parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What programs read of it, by the kind of error: the report of an import, or the training run
    /// that goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub report: Option<serde_json::Value>,
}

impl From<&ApiError> for Problem {
    fn from(error: &ApiError) -> Self {
        let code = error.kind.code();
        Self {
            type_: format!("/api/docs#error-{code}"),
            title: error.kind.title(),
            status: error.kind.status().as_u16(),
            detail: error.message.clone(),
            instance: None,
            code,
            pointer: error.pointer.clone(),
            parameter: error.parameter.clone(),
            report: error.detail.as_deref().cloned(),
        }
    }
}

/// Shows the error of an answer as a problem. The headers stay.
pub(crate) fn as_problem(response: Response, request_id: &str) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut problem = match response.extensions().get::<ApiError>() {
        Some(error) => Problem::from(error),
        // A layer refused it for a reason that the status tells.
        None => {
            let title = status.canonical_reason().unwrap_or("Refused");
            Problem {
                type_: "about:blank".to_owned(),
                title,
                status: status.as_u16(),
                detail: title.to_owned(),
                instance: None,
                code: "refused",
                pointer: None,
                parameter: None,
                report: None,
            }
        }
    };
    problem.instance = Some(format!("urn:uuid:{request_id}"));
    let body = serde_json::to_vec(&problem).expect("a problem is JSON");
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
    Response::from_parts(parts, body.into())
}
