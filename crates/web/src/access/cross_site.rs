//! Protection against requests that pages of others make a browser send with its cookie.

use std::net::{IpAddr, SocketAddr};

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

/// Whether a request names its host by an address, or as this machine. A name may be one that a
/// page of others points here, to act as if it were ours (DNS rebinding).
pub fn is_host_an_address(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_local = |name: &str| name.eq_ignore_ascii_case("localhost");
    host.parse::<SocketAddr>().is_ok()
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
        || is_local(host.rsplit_once(':').map_or(host, |(name, _)| name))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_host_that_is_a_name_is_told_from_an_address() {
        let is_address = |host: &'static str| {
            is_host_an_address(&HeaderMap::from_iter([(
                header::HOST,
                HeaderValue::from_static(host),
            )]))
        };
        for host in ["127.0.0.1:8080", "127.0.0.1", "[::1]:80", "[::1]", "localhost:1", "LOCALHOST"]
        {
            assert!(is_address(host), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example", "", ":80"]
        {
            assert!(!is_address(host), "{host}");
        }
        assert!(!is_host_an_address(&HeaderMap::new()));
    }

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
