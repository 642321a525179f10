//! The origin of a request: the address of the caller, also behind proxies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::header::HOST;
use axum::http::{Extensions, HeaderMap};

use super::CallerLimits;
use crate::address::{caller_network, find_caller, is_among};
use crate::connections::{Connection, OverTls};

/// Where a request comes from.
#[derive(Clone)]
pub struct Origin {
    /// The caller's; none where there is no network, as in tests of the router.
    pub address: Option<IpAddr>,
    /// Whether the caller speaks TLS, with this server or with a trusted proxy.
    pub is_https: bool,
    pub(super) connection: Option<Arc<Connection>>,
}

impl Origin {
    /// Where a request comes from, by its connection and its proxies.
    pub fn from_request(
        headers: &HeaderMap,
        extensions: &Extensions,
        limits: &CallerLimits,
    ) -> Self {
        let peer = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(peer)| peer.ip().to_canonical());
        let address = peer.map(|peer| find_caller(peer, headers, &limits.trusted_proxies));
        let is_trusted = |peer: IpAddr| is_among(peer, &limits.trusted_proxies);
        let said = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        let is_https =
            extensions.get::<OverTls>().is_some() || said && peer.is_some_and(is_trusted);
        Self { address, is_https, connection: extensions.get::<Arc<Connection>>().cloned() }
    }

    /// The address, or the network of an address that has one of its own: IPv6 is counted by /64.
    pub fn network(&self) -> Option<IpAddr> {
        self.address.map(caller_network)
    }

    /// The address under which the caller reaches this server: `https://shop.example`.
    pub fn base_url(&self, headers: &HeaderMap) -> String {
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.filter(|host| !host.is_empty() && host.bytes().all(is_host));
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{}", host.unwrap_or("localhost"))
    }

    /// The caller has shown a key that is known.
    pub fn trust(&self) {
        self.connection.iter().for_each(|connection| connection.trust());
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_scheme_is_believed_of_trusted_proxies_only() {
        let limits = CallerLimits {
            trusted_proxies: vec!["10.0.0.0/24".parse().unwrap()],
            ..CallerLimits::default()
        };
        let is_https = |peer: &str, headers: &[(&'static str, &'static str)], over_tls: bool| {
            let mut extensions = Extensions::new();
            extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
            if over_tls {
                extensions.insert(OverTls);
            }
            let headers = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            Origin::from_request(&headers.collect(), &extensions, &limits).is_https
        };
        let said = [("x-forwarded-proto", "https")];
        assert!(is_https("10.0.0.9", &said, false));
        assert!(!is_https("3.3.3.3", &said, false));
        assert!(!is_https("10.0.0.9", &[("x-forwarded-proto", "http")], false));
        assert!(is_https("3.3.3.3", &[], true));
    }
}
