//! The CSRF token of forms. The gate reads it from a header, which forms cannot send: it is taken
//! from where they can, and the handler sees the form without it.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use web::access::CSRF_HEADER;
use web::error::ApiError;

use crate::ui::form::CSRF_FIELD;

/// The largest form, in bytes. Files are not sent as one.
const FORM_BYTES_MAX: usize = 1_024 * 1_024;

/// Where in a form with files the token is looked for, in bytes: it is the first part.
const FIRST_PART_BYTES_MAX: usize = 1_024;

/// Moves the token from the field of a form into the header.
pub(crate) async fn show_token(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let is = |wanted: &[u8]| {
        media_type.is_some_and(|media_type| media_type.as_bytes().starts_with(wanted))
    };
    let moved = if is(b"application/x-www-form-urlencoded") {
        from_body(request).await
    } else if is(b"multipart/form-data") {
        from_first_part(request).await
    } else {
        Ok(request)
    };
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

async fn from_first_part(request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let mut chunks = body.into_data_stream();
    let mut first = Vec::new();
    while first.len() < FIRST_PART_BYTES_MAX && take_first_part(&first).is_none() {
        let Some(chunk) = chunks.next().await else { break };
        let cut_short = |_| ApiError::bad_request("the form ended before its file did");
        first.extend_from_slice(&chunk.map_err(cut_short)?);
    }
    if let Some((token, rest)) = take_first_part(&first) {
        show(&mut parts.headers, Some(token));
        let n_taken = first.len() - rest.len();
        let length = parts.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if let Some(left) = length.and_then(|length| length.checked_sub(n_taken)) {
            parts.headers.insert(header::CONTENT_LENGTH, left.into());
        }
        first.drain(..n_taken);
    }
    let body = stream::iter([Ok(Bytes::from(first))]).chain(chunks);
    Ok(Request::from_parts(parts, Body::from_stream(body)))
}

/// The token that is the first part of a form with files, and the form without it. None where the
/// first part is another, or is not there as a whole.
fn take_first_part(form: &[u8]) -> Option<(&str, &[u8])> {
    let find = |bytes: &[u8], wanted: &[u8]| {
        bytes.windows(wanted.len()).position(|window| window == wanted)
    };
    let delimiter = &form[..find(form, b"\r\n")?];
    let value_at = find(form, b"\r\n\r\n")? + 4;
    let headers = std::str::from_utf8(&form[..value_at]).ok()?;
    if !headers.contains(&format!("; name=\"{CSRF_FIELD}\"\r\n")) {
        return None;
    }
    let end = find(&form[value_at..], &[b"\r\n".as_slice(), delimiter].concat())?;
    let token = std::str::from_utf8(&form[value_at..value_at + end]).ok()?;
    Some((token, &form[value_at + end + 2..]))
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

    #[test]
    fn the_token_leaves_a_form_with_files() {
        let part = |name: &str, value: &str| {
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let file = part("file", "csrf_token") + "--x--\r\n";
        let form = part("csrf_token", "abc") + &file;
        assert_eq!(take_first_part(form.as_bytes()), Some(("abc", file.as_bytes())));
        let mut without = (0..part("csrf_token", "abc").len() + 2).map(|n| &form.as_bytes()[..n]);
        assert!(without.all(|beginning| take_first_part(beginning).is_none()));
        assert_eq!(take_first_part(file.as_bytes()), None, "it is no first part of that name");
        let late = part("name", "a") + &form;
        assert_eq!(take_first_part(late.as_bytes()), None);
    }
}
