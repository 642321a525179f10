//! The form of answers: the codes of errors that clients of this API know, and entity tags.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sha2::{Digest, Sha256};

use web::error::{ApiError, ErrorKind};

/// How many bytes of the hash of an answer tell it from others.
const TAG_BYTES: usize = 16;

/// Gives errors the codes of this API, and answers to GET an entity tag: who has an answer with
/// that tag gets 304 in place of it.
pub(super) async fn in_form_of_api(request: Request, next: Next) -> Response {
    let known = (request.method() == Method::GET).then(|| request.headers().clone());
    let response = next.run(request).await;
    if let Some(error) = response.extensions().get::<ApiError>().cloned() {
        return with_code(response, &error);
    }
    match known.filter(|_| response.status() == StatusCode::OK) {
        Some(headers) => tagged(response, &headers).await,
        None => response,
    }
}

fn with_code(response: Response, error: &ApiError) -> Response {
    let code = match error.kind {
        ErrorKind::BadRequest | ErrorKind::TooLarge => "invalid_request_error",
        ErrorKind::TooManyRequests => "rate_limit_error",
        other => other.code(),
    };
    let body = Json(json!({ "error": { "code": code, "message": error.message } }));
    let mut answer = (response.status(), body).into_response();
    let others = response.headers().iter();
    for (name, value) in others.filter(|(name, _)| **name != CONTENT_LENGTH) {
        answer.headers_mut().insert(name, value.clone());
    }
    answer.extensions_mut().insert(error.clone());
    answer
}

async fn tagged(response: Response, asked: &HeaderMap) -> Response {
    let (mut parts, body) = response.into_parts();
    // The handlers have made it whole.
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return ApiError::internal().into_response();
    };
    let hash = Sha256::digest(&bytes);
    let digits: String = hash[..TAG_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{digits}\"");
    let is_known = asked.get_all(IF_NONE_MATCH).iter().any(|value| names(value, &tag));
    parts.headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (ETAG, tag)));
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(CONTENT_LENGTH);
        parts.headers.remove(CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether an `If-None-Match` names the tag.
fn names(value: &HeaderValue, tag: &str) -> bool {
    let tags = value.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.map(|named| named.strip_prefix("W/").unwrap_or(named))
        .any(|named| named == "*" || named == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_named_among_others_weak_or_strong() {
        let value = |text: &'static str| HeaderValue::from_static(text);
        assert!(names(&value("\"a\", W/\"b\""), "\"b\""));
        assert!(names(&value("*"), "\"b\""));
        assert!(!names(&value("\"a\""), "\"b\""));
    }
}
