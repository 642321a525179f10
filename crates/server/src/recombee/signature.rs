//! Signatures of the recommender API: a parameter of the address signs all others (HMAC-SHA1).

use domain::{Timestamp, TokenKind, WorkspaceConfig};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::failure::Failure;

/// A request target with a server's signature, as clients make it.
pub fn sign_target(target: &str, private_token: &str, now: Timestamp) -> String {
    let join = if target.contains('?') { '&' } else { '?' };
    let signed = format!("{target}{join}hmac_timestamp={}", now.0 / 1_000);
    let sign = compute_mac(&signed, private_token).finalize().into_bytes();
    let sign: String = sign.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{signed}&hmac_sign={sign}")
}

fn compute_mac(text: &str, token: &str) -> Hmac<Sha1> {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("keys of any length are taken");
    mac.update(text.as_bytes());
    mac
}

/// How far the time of a signature may be from now, in seconds, either way.
const LIFETIME_S: f64 = 30.0;

/// The kind of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// A server: everything.
    Private,
    /// A browser: what browsers may do.
    Public,
}

/// The signer of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signer<'c> {
    pub(super) caller: Caller,
    /// The token that the call was signed with.
    pub(super) token: &'c str,
}

/// Checks the signature of a request target as it came, such as
/// `/shop/items/1?hmac_timestamp=1700000000&hmac_sign=...`.
pub(super) fn verify<'c>(
    target: &str,
    config: &'c WorkspaceConfig,
    now: Timestamp,
) -> Result<Signer<'c>, Failure> {
    let schemes = [
        ("hmac_", Caller::Private, TokenKind::Private),
        ("frontend_", Caller::Public, TokenKind::Public),
    ];
    for (prefix, caller, kind) in schemes {
        let Some((signed, sign)) = without_parameter(target, &format!("{prefix}sign=")) else {
            continue;
        };
        let mut tokens = config.secrets(kind).peekable();
        if tokens.peek().is_none() {
            let what = format!("{}_token", kind.word());
            return Err(Failure::unauthorized(format!("database {} has no {what}", config.id)));
        }
        let Some(token) = tokens.find(|token| is_signed(&signed, sign, token)) else {
            return Err(Failure::unauthorized("Invalid HMAC signature"));
        };
        let (_, query) = signed.split_once('?').unwrap_or_default();
        let name = format!("{prefix}timestamp=");
        let timestamp = query.split('&').filter_map(|pair| pair.strip_prefix(&name)).next_back();
        let timestamp =
            timestamp.and_then(|text| text.parse::<f64>().ok()).filter(|time| time.is_finite());
        let Some(timestamp) = timestamp else {
            return Err(Failure::unauthorized(format!(
                "{prefix}timestamp is no Unix time in seconds"
            )));
        };
        let age_s = now.0 as f64 / 1_000.0 - timestamp;
        if age_s.abs() > LIFETIME_S {
            let (age_s, which) = (age_s.abs(), if age_s > 0.0 { "old" } else { "in the future" });
            return Err(Failure::unauthorized(format!(
                "the signature is {age_s:.0} s {which}, it may be at most {LIFETIME_S} s from the server's time"
            )));
        }
        return Ok(Signer { caller, token });
    }
    Err(Failure::unauthorized("the address has no hmac_sign or frontend_sign"))
}

/// The target without the last parameter that starts so, and the value of that parameter. Clients
/// that sort their parameters put others behind it.
fn without_parameter<'t>(target: &'t str, start: &str) -> Option<(String, &'t str)> {
    let (path, query) = target.split_once('?')?;
    let mut pairs: Vec<&str> = query.split('&').collect();
    let at = pairs.iter().rposition(|pair| pair.starts_with(start))?;
    let value = &pairs.remove(at)[start.len()..];
    Some((format!("{path}?{}", pairs.join("&")), value))
}

/// Compares in constant time. Some HTTP libraries encode what the client signed unencoded, so the
/// decoded text counts too, as far as it is read the same: what separates parameters is left as it
/// came.
fn is_signed(signed: &str, sign: &str, token: &str) -> bool {
    let Some(sign) = from_hex(sign) else { return false };
    let is_of = |text: &str| compute_mac(text, token).verify_slice(&sign).is_ok();
    is_of(signed) || decode_but_separators(signed).is_some_and(|decoded| is_of(&decoded))
}

/// The text with its percent-encoding undone, but for characters that mean something in an address;
/// none where it is no UTF-8.
fn decode_but_separators(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let encoded = tail.get(..2).filter(|_| byte == b'%');
        let value =
            encoded.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match value.filter(|value| !b"%&=?/#+;".contains(value)) {
            Some(value) => {
                decoded.push(value);
                rest = &tail[2..];
            }
            None => {
                decoded.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use domain::WorkspaceId;

    use super::*;

    #[test]
    fn signatures_of_clients_are_known_for_half_a_minute() {
        let config = WorkspaceConfig {
            private_token: Some("tok".to_owned()),
            public_token: Some("tok".to_owned()),
            ..WorkspaceConfig::empty(WorkspaceId::new("db").unwrap())
        };
        let check =
            |target: &str, now_s: i64| match verify(target, &config, Timestamp(now_s * 1_000)) {
                Ok(signer) => format!("{:?}", signer.caller),
                Err(failure) => failure.message,
            };
        let item = "/db/items/item-1?hmac_timestamp=1700000000&hmac_sign=57b5d4d54de8451d034fb5df3ba8f7db84f102f3";
        let list = "/db/items/list/?filter=%27num%27%20%3C%2099&returnProperties=True&includedProperties=a,b\
            &hmac_timestamp=1700000000&hmac_sign=35017649cc4ae323a274cf1f341140307e5ad5fa";
        let sorted = "/db/items/?count=2&hmac_sign=91ae3af2afa446bd284d009e9442106f4ce964a1\
            &hmac_timestamp=1700000000&offset=4";
        let view = "/db/detailviews/?frontend_timestamp=1700000000\
            &frontend_sign=93a2d7ee4acd61ced6f42fd48c24445944fd405e";
        insta::assert_snapshot!(
            [
                check(item, 1_700_000_030),
                check(item, 1_699_999_970),
                check(item, 1_700_000_031),
                check(list, 1_700_000_000),
                check(view, 1_700_000_000),
                check(&item.replace("item-1", "item-2"), 1_700_000_000),
                check(&item[..item.len() - 2], 1_700_000_000),
                check(&format!("{item}&x=1"), 1_700_000_000),
                check(sorted, 1_700_000_000),
                check(&format!("{item}&hmac_sign=00"), 1_700_000_000),
                check("/db/items/item-1", 1_700_000_000),
                check("/db/items/item-1?hmac_timestamp=1&hmac_sign=\u{e9}", 1_700_000_000),
            ]
            .join("\n")
        );
    }
}
