//! The address by which the reader of a page has reached this server, for code that they copy.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use web::admission::Origin;

/// The host and scheme of this server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// With its port.
    pub(crate) host: String,
    pub(crate) is_https: bool,
}

impl Server {
    /// `https://tastemaker.example`.
    pub(crate) fn base_url(&self) -> String {
        format!("{}://{}", if self.is_https { "https" } else { "http" }, self.host)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Server {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let is_plain = |host: &&str| {
            host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
        };
        // It stands in code that somebody runs.
        let host = host.filter(is_plain).unwrap_or("localhost").to_owned();
        let is_https = parts.extensions.get::<Origin>().is_some_and(|origin| origin.is_https);
        Ok(Self { host, is_https })
    }
}
