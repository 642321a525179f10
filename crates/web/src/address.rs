//! Addresses of callers: the one behind proxies, and the network that counts as one caller.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The caller behind trusted proxies. Each hop names the one before it, so the walk goes back from
/// the last hop as long as the naming hops are trusted. A text that is no address ends it. So no
/// address that a caller made up counts.
pub(crate) fn find_caller(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let values = headers.get_all("x-forwarded-for").iter();
    let hops = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).rev();
    let mut caller = peer;
    for hop in hops {
        if !is_among(caller, trusted) {
            break;
        }
        let Some(address) = parse_hop(hop) else { break };
        caller = address;
    }
    caller
}

/// Whether an address is in one of the networks.
pub(crate) fn is_among(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// The address of a hop, which may have a port.
fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let without_port = || text.parse::<SocketAddr>().ok().map(|hop| hop.ip());
    let in_brackets =
        || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    let address = text.parse::<IpAddr>().ok().or_else(without_port).or_else(in_brackets);
    address.map(|address| address.to_canonical())
}

/// The network that counts as one caller: a site with IPv6 has 64 bits, and each of its requests
/// may come from another address.
pub(crate) fn caller_network(address: IpAddr) -> IpAddr {
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
    fn a_caller_behind_a_trusted_proxy_is_the_last_hop_that_is_none() {
        let trusted = ["10.0.0.0/24", "fd00::/8"].map(|network| network.parse().unwrap());
        let of = |peer: &str, headers: &[&[u8]]| {
            let values = headers.iter().map(|value| {
                ("x-forwarded-for".parse().unwrap(), HeaderValue::from_bytes(value).unwrap())
            });
            find_caller(peer.parse().unwrap(), &HeaderMap::from_iter(values), &trusted).to_string()
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
