//! Protection against requests that pages of others make a browser send with its cookie.

use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::auth::is_same;

/// The header for the CSRF token of scripts.
pub const CSRF_HEADER: &str = "x-csrf-token";

/// The CSRF token of a session. It follows from the session's own token, so it is kept nowhere, and
/// does not give the session away.
pub fn csrf_token(session_token: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(session_token.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(b"csrf");
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The CSRF token that the header of a request shows; forms show theirs in a field.
pub(super) fn shown_csrf_token(headers: &HeaderMap) -> Option<&str> {
    headers.get(CSRF_HEADER)?.to_str().ok()
}

/// Whether a text is the CSRF token of a session.
pub(super) fn is_csrf_token(shown: &str, session_token: &str) -> bool {
    is_same(shown, &csrf_token(session_token))
}

/// Whether a request comes from a page of this server, or from no page, as far as the browser says.
pub(super) fn is_from_own_page(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let text = |name| headers.get(name).map(|value: &header::HeaderValue| value.to_str());
    match (text(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(Ok(origin)), Some(Ok(host))) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority == host)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_page_of_another_site_is_told_by_what_the_browser_says() {
        let is_own = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            is_from_own_page(&headers.collect())
        };
        assert!(is_own(&[]), "a program says nothing");
        assert!(is_own(&[("host", "a.example:80"), ("origin", "http://a.example:80")]));
        for origin in ["http://b.example:80", "http://a.example", "null", "a.example:80"] {
            assert!(!is_own(&[("host", "a.example:80"), ("origin", origin)]), "{origin}");
        }
        assert!(!is_own(&[("origin", "http://a.example")]), "it cannot be compared");
        // A proxy may write another host.
        assert!(is_own(&[
            ("host", "inner"),
            ("origin", "https://a"),
            ("sec-fetch-site", "same-origin")
        ]));
        for site in ["cross-site", "same-site", ""] {
            assert!(!is_own(&[("sec-fetch-site", site)]), "{site}");
        }
    }
}
