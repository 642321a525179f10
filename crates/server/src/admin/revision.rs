//! Revisions of resources in headers: `ETag` in answers, `If-Match` and `If-None-Match` in
//! requests.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use engine::Expected;
use resources::Revised;
use serde::Serialize;

use web::error::{ApiError, etag};

/// Answers with a resource and its revision.
pub(super) fn revised<T: Serialize>(Revised { value, revision }: Revised<T>) -> Response {
    ([(header::ETAG, etag(revision))], Json(value)).into_response()
}

/// The revision that a change expects of its resource. A request without these headers expects
/// nothing: it overwrites any revision.
pub(super) struct Expectation(pub(super) Expected);

impl<S: Send + Sync> FromRequestParts<S> for Expectation {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let if_match = read_header(&parts.headers, header::IF_MATCH)?;
        let if_none_match = read_header(&parts.headers, header::IF_NONE_MATCH)?;
        Ok(Self(match (if_match, if_none_match) {
            (None, None) => Expected::Anything,
            (Some("*"), None) => Expected::Present,
            (Some(etag), None) => Expected::Revision(parse_etag(etag)?),
            (None, Some("*")) => Expected::Absent,
            (None, Some(other)) => {
                return Err(ApiError::invalid(format!(
                    "If-None-Match is {other:?}, it must be *: then the resource is made only if there is none"
                )));
            }
            (Some(_), Some(_)) => {
                return Err(ApiError::invalid("send If-Match or If-None-Match, not both"));
            }
        }))
    }
}

fn read_header(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(&name).iter();
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(ApiError::invalid(format!("{name} comes twice: send it once, with one ETag")));
    }
    let text = |value: &HeaderValue| value.to_str().ok().map(str::trim).map(str::to_owned);
    match first {
        None => Ok(None),
        Some(value) if text(value).is_some() => Ok(value.to_str().ok().map(str::trim)),
        Some(_) => Err(ApiError::invalid(format!("{name} is no text"))),
    }
}

fn parse_etag(etag: &str) -> Result<u64, ApiError> {
    let digits = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        ApiError::invalid(format!(
            "If-Match is {etag:?}, it must be the ETag of an earlier answer as it came, such as \"17\", or *"
        ))
    })
}
