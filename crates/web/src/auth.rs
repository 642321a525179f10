//! Credentials of callers, and their check.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The content of the `Authorization` header.
#[derive(Debug, PartialEq, Eq)]
pub enum Credentials {
    /// No header.
    None,
    /// The user part of HTTP Basic; the password is not looked at.
    BasicUser(String),
    /// A bearer token.
    Bearer(String),
    /// Neither of these.
    Malformed,
}

impl Credentials {
    /// The credentials of the header `Authorization`.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::AUTHORIZATION) else { return Self::None };
        let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.trim().split_once(' '))
        else {
            return Self::Malformed;
        };
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Self::Bearer(rest.trim().to_owned()),
            // Some clients leave out the padding, or the colon after the user.
            "basic" => base64::engine::general_purpose::STANDARD_NO_PAD
                .decode(rest.trim().trim_end_matches('='))
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .map_or(Self::Malformed, |text| {
                    Self::BasicUser(text.split(':').next().unwrap_or_default().to_owned())
                }),
            _ => Self::Malformed,
        }
    }
}

/// Compares in a time that does not tell how much of a guess is right.
pub fn is_same(a: &str, b: &str) -> bool {
    is_same_hash(&Sha256::digest(a).into(), &Sha256::digest(b).into())
}

/// The same for hashes.
pub fn is_same_hash(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.ct_eq(b).into()
}

/// The hash of a token, as it is kept.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
