//! Which addresses may be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses that are not of the public internet may be reached.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NetworkPolicy {
    /// Networks that the operator allows.
    pub allowed: Vec<IpNet>,
}

/// Which addresses a client reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The public internet and allowed networks.
    PublicAndAllowed,
    /// Allowed networks only.
    AllowedOnly,
}

impl NetworkPolicy {
    fn allows(&self, address: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(&address.to_canonical()))
    }

    pub(super) fn check(&self, address: IpAddr, reach: Reach) -> Result<(), String> {
        match reach {
            _ if self.allows(address) => Ok(()),
            Reach::PublicAndAllowed if is_public(address) => Ok(()),
            Reach::PublicAndAllowed => Err(format!(
                "{address} is no address of the public internet: the operator can allow its \
                 network in destinations.allowed_networks"
            )),
            Reach::AllowedOnly => Err(format!(
                "{address} is reached over https only: the operator can allow http to its network \
                 in destinations.allowed_networks"
            )),
        }
    }
}

/// Whether an address is one of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    let is_protocol = (a, b, c) == (192, 0, 0);
    let is_relay = (a, b, c) == (192, 88, 99);
    let is_benchmark = a == 198 && (18..20).contains(&b);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || is_shared
        || is_protocol
        || is_relay
        || is_benchmark
        || a == 0
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Translated IPv4, and 6to4: as public as the address within.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, ORCHID, documentation and other special blocks.
        [0x2001, second, ..] if second < 0x200 => false,
        [0x2001, 0xdb8, ..] | [0x3fff, ..] => false,
        // Global unicast.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// Resolves names to the addresses that may be reached.
pub(super) struct GuardedResolver {
    pub(super) policy: NetworkPolicy,
    pub(super) reach: Reach,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, reach) = (self.policy.clone(), self.reach);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (mut reachable, mut refused) = (Vec::<SocketAddr>::new(), None);
            for address in found {
                match policy.check(address.ip(), reach) {
                    Ok(()) => reachable.push(address),
                    Err(why) => refused = Some(why),
                }
            }
            match refused {
                Some(why) if reachable.is_empty() => Err(Refused(why).into()),
                _ => Ok(Box::new(reachable.into_iter()) as Addrs),
            }
        })
    }
}

/// An address that may not be reached.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refused(pub(super) String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        let policy = NetworkPolicy::default();
        let is_reached =
            |address: &str| policy.check(address.parse().unwrap(), Reach::PublicAndAllowed).is_ok();
        for address in ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"] {
            assert!(is_reached(address), "{address}");
        }
        for address in [
            "127.0.0.1",
            "127.8.9.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "203.0.113.1",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "64:ff9b::a00:1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::1",
            "2002:c0a8:101::",
            "2001:db8::1",
            "2001::1",
            "100::1",
            "::7f00:1",
        ] {
            assert!(!is_reached(address), "{address}");
        }
    }

    #[test]
    fn allowed_networks_are_reached_and_others_only_over_tls() {
        let policy = NetworkPolicy { allowed: vec!["10.0.0.0/8".parse().unwrap()] };
        let check = |address: &str, reach| policy.check(address.parse().unwrap(), reach);
        assert_eq!(check("10.9.8.7", Reach::PublicAndAllowed), Ok(()));
        assert_eq!(check("::ffff:10.9.8.7", Reach::AllowedOnly), Ok(()));
        assert!(check("192.168.1.1", Reach::PublicAndAllowed).is_err());
        assert!(check("8.8.8.8", Reach::AllowedOnly).unwrap_err().contains("https only"));
    }
}
