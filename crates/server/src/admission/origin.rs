//! The origin of a request: the address of the caller, also behind proxies.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use ipnet::IpNet;

use super::CallerLimits;
use crate::connections::{Connection, OverTls};

/// Where a request comes from.
#[derive(Clone)]
pub(crate) struct Origin {
    /// The caller's; none where there is no network, as in tests of the router.
    pub(crate) address: Option<IpAddr>,
    /// Whether the caller speaks TLS, with this server or with a trusted proxy.
    pub(crate) is_https: bool,
    pub(super) connection: Option<Arc<Connection>>,
}

impl Origin {
    pub(crate) fn from_request(
        headers: &HeaderMap,
        extensions: &Extensions,
        limits: &CallerLimits,
    ) -> Self {
        let peer = extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(peer)| peer.ip().to_canonical());
        let address = peer.map(|peer| caller_behind(peer, headers, &limits.trusted_proxies));
        let is_trusted = |peer: IpAddr| is_among(peer, &limits.trusted_proxies);
        let said = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        let is_https =
            extensions.get::<OverTls>().is_some() || said && peer.is_some_and(is_trusted);
        Self { address, is_https, connection: extensions.get::<Arc<Connection>>().cloned() }
    }

    pub(crate) fn network(&self) -> Option<IpAddr> {
        self.address.map(network_of)
    }

    /// The caller has shown a key that is known.
    pub(crate) fn trust(&self) {
        self.connection.iter().for_each(|connection| connection.trust());
    }
}

/// The caller behind trusted proxies. Each hop names the one before it, so the walk goes back from
/// the last hop as long as the naming hops are trusted. A text that is no address ends it. So no
/// address that a caller made up counts.
fn caller_behind(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let values = headers.get_all("x-forwarded-for").iter();
    let hops = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).rev();
    let mut caller = peer;
    for hop in hops {
        if !is_among(caller, trusted) {
            break;
        }
        let Some(address) = address_of(hop) else { break };
        caller = address;
    }
    caller
}

fn is_among(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// The address of a hop, which may have a port.
fn address_of(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let without_port = || text.parse::<SocketAddr>().ok().map(|hop| hop.ip());
    let in_brackets =
        || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let address = text.parse::<IpAddr>().ok().or_else(without_port).or_else(in_brackets);
    address.map(|address| address.to_canonical())
}

/// The network that counts as one caller: a site with IPv6 has 64 bits, and each of its requests
/// may come from another address.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
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

    #[test]
    fn a_caller_behind_a_trusted_proxy_is_the_last_hop_that_is_none() {
        let trusted = ["10.0.0.0/24", "fd00::/8"].map(|network| network.parse().unwrap());
        let of = |peer: &str, headers: &[&[u8]]| {
            let values = headers.iter().map(|value| {
                ("x-forwarded-for".parse().unwrap(), HeaderValue::from_bytes(value).unwrap())
            });
            caller_behind(peer.parse().unwrap(), &HeaderMap::from_iter(values), &trusted)
                .to_string()
        };
        assert_eq!(of("10.0.0.9", &[b"1.1.1.1, 2.2.2.2, 10.0.0.8"]), "2.2.2.2");
        assert_eq!(of("10.0.0.9", &[b"1.1.1.1", b"2.2.2.2,10.0.0.8"]), "2.2.2.2");
        assert_eq!(of("3.3.3.3", &[b"1.1.1.1"]), "3.3.3.3", "anybody can write a header");
        // A made-up address stands before that of the proxy, or alone.
        for made_up in [&b"nonsense"[..], b"", b"1.1.1.1, unknown", b"1.1.1.1\xff", b"1.1.1.1:x"] {
            assert_eq!(of("10.0.0.9", &[made_up, b"2.2.2.2"]), "2.2.2.2");
            assert_eq!(of("10.0.0.9", &[made_up, b"10.0.0.8"]), "10.0.0.8");
            assert_eq!(of("10.0.0.9", &[made_up]), "10.0.0.9");
        }
        assert_eq!(of("10.0.0.9", &[]), "10.0.0.9");
        for (hop, address) in [
            ("1.2.3.4:4711", "1.2.3.4"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ] {
            assert_eq!(of("fd00::1", &[hop.as_bytes()]), address);
        }
    }
}
