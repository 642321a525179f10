//! Addresses to listen on, as people write them.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};

use serde::{Deserialize, Deserializer};

/// `HOST:PORT`, where the host may be a name; `PORT` alone is of this machine only, `:PORT` of all
/// its networks.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    let port = |digits: &str| {
        let port = digits.parse::<u16>();
        port.map_err(|_| format!("{digits:?} is no port: it is a number up to {}", u16::MAX))
    };
    match text.rsplit_once(':') {
        None if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('.') => {
            Ok((Ipv4Addr::LOCALHOST, port(text)?).into())
        }
        None => Err(format!("{text:?} has no port: write {text}:8080")),
        Some(("", digits)) => Ok((Ipv4Addr::UNSPECIFIED, port(digits)?).into()),
        Some((host, digits)) => {
            port(digits)?;
            let found = text.to_socket_addrs().ok().and_then(|mut found| found.next());
            found.ok_or_else(|| {
                format!("there is no address {host:?} on this machine or in its network")
            })
        }
    }
}

/// Reads an address of a settings file.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SocketAddr, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// The same where there may be none.
pub(crate) fn deserialize_some<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        let read = ["8090", ":8090", "127.0.0.1:8090", "localhost:8090", "[::1]:8090", "0.0.0.0:0"];
        for text in read {
            let address = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(address.port() == 8090 || text.ends_with(":0"), "{text}: {address}");
        }
        assert!(parse("8090").is_ok_and(|address| address.ip().is_loopback()));
        assert!(parse(":8090").is_ok_and(|address| address.ip().is_unspecified()));
        let wrong =
            ["", "localhost", "127.0.0.1", "99999", ":x", "localhost:", "::1", "no such host:80"];
        let errors = wrong.map(|text| format!("{text:?}: {}", parse(text).expect_err(text)));
        insta::assert_snapshot!(errors.join("\n"));
    }
}
