//! The CSRF token of forms. The gate reads it from a header, which forms cannot send: it is taken
//! from where they can, and the handler sees the form without it.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use web::access::CSRF_HEADER;
use web::error::ApiError;

use crate::ui::form::CSRF_FIELD;

/// The largest form, in bytes. Files are not sent as one.
const FORM_BYTES_MAX: usize = 1_024 * 1_024;

/// Moves the token from the field of a form into the header; from the query where the body is a
/// file.
pub(crate) async fn show_token(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let is_form = media_type.is_some_and(|media_type| {
        media_type.as_bytes().starts_with(b"application/x-www-form-urlencoded")
    });
    let moved = if is_form { from_body(request).await } else { Ok(from_query(request)) };
    match moved {
        Ok(request) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

async fn from_body(request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let bytes = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| {
        ApiError::bad_request(format!("the form cannot be read, or is over {FORM_BYTES_MAX} bytes"))
    })?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| ApiError::bad_request("the form is no UTF-8"))?;
    let (token, rest) = take_token(text);
    show(&mut parts.headers, token);
    parts.headers.insert(header::CONTENT_LENGTH, rest.len().into());
    Ok(Request::from_parts(parts, Body::from(rest)))
}

fn from_query(request: Request) -> Request {
    let (mut parts, body) = request.into_parts();
    if let Some(query) = parts.uri.query() {
        let (token, rest) = take_token(query);
        show(&mut parts.headers, token);
        let path = parts.uri.path();
        let target = if rest.is_empty() { path.to_owned() } else { format!("{path}?{rest}") };
        let mut uri = parts.uri.clone().into_parts();
        if let Ok(target) = PathAndQuery::try_from(target) {
            uri.path_and_query = Some(target);
        }
        if let Ok(uri) = Uri::from_parts(uri) {
            parts.uri = uri;
        }
    }
    Request::from_parts(parts, body)
}

/// The token among the pairs of a form, and the pairs without it. The token is hexadecimal, so that
/// nothing of it is encoded.
fn take_token(pairs: &str) -> (Option<&str>, String) {
    let mut token = None;
    let mut others = Vec::new();
    for pair in pairs.split('&') {
        match pair.split_once('=') {
            Some((CSRF_FIELD, value)) => token = Some(value),
            _ => others.push(pair),
        }
    }
    (token, others.join("&"))
}

fn show(headers: &mut axum::http::HeaderMap, token: Option<&str>) {
    if let Some(Ok(token)) = token.map(HeaderValue::from_str) {
        headers.insert(CSRF_HEADER, token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_leaves_the_form() {
        assert_eq!(take_token("a=1&csrf_token=abc&b=%26"), (Some("abc"), "a=1&b=%26".to_owned()));
        assert_eq!(take_token("csrf_token=abc"), (Some("abc"), String::new()));
        assert_eq!(
            take_token("x_csrf_token=abc&csrf_token"),
            (None, "x_csrf_token=abc&csrf_token".to_owned())
        );
    }
}
