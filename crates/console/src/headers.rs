//! The headers of all answers of the console: what a page may load, and who may frame it.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Nothing from elsewhere, and neither scripts nor styles inside pages. Pictures of items come from
/// this host too.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// As above, for pages that show a mail in a frame of its own, which takes over the policy of its
/// page: mails have their styles inside.
const MAIL_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Marks the answer that shows a mail in a sandboxed frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShowsMail;

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// A middleware for every route of the console. An answer that says nothing about caching is not
/// kept: pages hold data about people.
pub async fn set(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let shows_mail = response.extensions().get::<ShowsMail>().is_some();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if shows_mail {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_POLICY));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert_with(|| HeaderValue::from_static("private, no-store"));
    response
}
