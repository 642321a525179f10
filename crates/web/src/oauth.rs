//! OAuth 2.0 for sources: what senders sign to ask for a token (RFC 7523), and the tokens.
//!
//! A token is a JWT that the source's token secret signs. So every server that knows the
//! configuration of the workspace can check it, and nothing has to be kept.

mod rsa_key;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{OAuth, Timestamp, WorkspaceId};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;

pub use self::rsa_key::check_public_key;

/// The scope of tokens: to send messages.
pub const SCOPE: &str = "tracking_api:write";

/// The longest time for which what a sender signs may be good, in seconds.
pub const ASSERTION_AGE_MAX_S: i64 = 600;
/// How far the clock of a sender may be ahead, in seconds.
const CLOCK_TOLERANCE_S: i64 = 60;
/// The longest id of an assertion, in bytes.
const JTI_BYTES_MAX: usize = 200;

/// The header of the tokens, `{"alg":"HS256","typ":"JWT"}`.
const TOKEN_HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// The id by which a source asks for tokens.
pub fn client_id(workspace: &WorkspaceId, source: &str) -> String {
    format!("{workspace}/{source}")
}

/// What a sender has signed, not verified yet.
pub struct Assertion<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    key_id: Option<String>,
    claims: Claims,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    iat: Option<f64>,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Why an assertion is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// It has no such form, or lacks a claim.
    #[error("the assertion must be a JWT signed with RS256, with iss, sub, aud, exp and jti")]
    Malformed,
    /// No key of the source has signed it.
    #[error("no public key of the client has signed the assertion")]
    Signature,
    /// It is for another server.
    #[error("aud must be the address of this server")]
    Audience,
    /// Its time is over. Libraries know this sentence, correct their clock and ask again.
    #[error("Token is expired")]
    Expired,
    /// It is from the future. Libraries know this sentence too.
    #[error("Token used before issued")]
    NotYet,
    /// It is good for too long.
    #[error("exp must be at most {ASSERTION_AGE_MAX_S} seconds from now")]
    TooLong,
}

/// A verified assertion.
#[derive(Debug)]
pub struct Verified<'a> {
    /// The id of the key that has signed it.
    pub key_id: String,
    /// Its own id, which must not have been seen before.
    pub jti: &'a str,
    /// From then on it is refused.
    pub until: Timestamp,
}

impl<'a> Assertion<'a> {
    /// Reads the text of an assertion.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &'a str) -> Result<Self, AssertionError> {
        let parse = || {
            let (signed, signature) = text.rsplit_once('.')?;
            let (header, claims) = signed.split_once('.')?;
            let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
            let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
            let claims: Claims = serde_json::from_slice(&decode(claims)?).ok()?;
            let is_whole = header.alg == "RS256"
                && claims.iss == claims.sub
                && (1..=JTI_BYTES_MAX).contains(&claims.jti.len());
            let signature = decode(signature)?;
            is_whole.then_some(Self { signed, signature, key_id: header.kid, claims })
        };
        parse().ok_or(AssertionError::Malformed)
    }

    /// Who says to have signed it.
    pub fn client_id(&self) -> &str {
        &self.claims.iss
    }

    /// Checks signature, audience and times. `server` is the address of this server, without a
    /// slash at its end.
    ///
    /// # Errors
    /// The first that is wrong, the signature before anything else.
    pub fn verify(
        &self,
        oauth: &OAuth,
        server: &str,
        now: Timestamp,
    ) -> Result<Verified<'_>, AssertionError> {
        let may_be = |id: &str| self.key_id.as_deref().is_none_or(|named| named == id);
        let mut keys = oauth.keys.iter().filter(|key| may_be(&key.id));
        let is_signed_with = |key: &&domain::OAuthKey| {
            rsa_key::verify(&key.public_key, self.signed.as_bytes(), &self.signature)
        };
        let key = keys.find(is_signed_with).ok_or(AssertionError::Signature)?;
        let audiences = match &self.claims.aud {
            Audience::One(one) => std::slice::from_ref(one),
            Audience::Many(many) => many,
        };
        let is_server = |audience: &String| {
            let audience = audience.strip_suffix("/token").unwrap_or(audience);
            audience.trim_end_matches('/') == server
        };
        if !audiences.iter().any(is_server) {
            return Err(AssertionError::Audience);
        }
        let now_s = now.0 as f64 / 1_000.0;
        let Claims { exp, iat, jti, .. } = &self.claims;
        if *exp <= now_s {
            return Err(AssertionError::Expired);
        }
        if iat.is_some_and(|iat| iat > now_s + CLOCK_TOLERANCE_S as f64) {
            return Err(AssertionError::NotYet);
        }
        if *exp > now_s + (ASSERTION_AGE_MAX_S + CLOCK_TOLERANCE_S) as f64 {
            return Err(AssertionError::TooLong);
        }
        let until = Timestamp((exp * 1_000.0).ceil() as i64);
        Ok(Verified { key_id: key.id.clone(), jti, until })
    }
}

#[derive(Serialize, Deserialize)]
struct TokenClaims {
    sub: String,
    kid: String,
    iat: i64,
    exp: i64,
}

/// Makes a token for a client that has signed with a key.
pub fn issue_token(oauth: &OAuth, client_id: &str, key_id: &str, now: Timestamp) -> String {
    let iat = now.0 / 1_000;
    let exp = iat + i64::from(oauth.token_lifetime_s);
    let claims = json!({ "sub": client_id, "kid": key_id, "scope": SCOPE, "iat": iat, "exp": exp });
    let signed = format!("{TOKEN_HEADER}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = sign(oauth, &signed).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Whether a token is one of a client's and good now.
pub fn is_good_token(oauth: &OAuth, client_id: &str, token: &str, now: Timestamp) -> bool {
    let read = || {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        sign(oauth, signed).verify_slice(&signature).ok()?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: TokenClaims = serde_json::from_slice(&claims).ok()?;
        (header == TOKEN_HEADER).then_some(claims)
    };
    read().is_some_and(|claims: TokenClaims| {
        claims.sub == client_id
            && now.0 / 1_000 < claims.exp
            && oauth.keys.iter().any(|key| key.id == claims.kid)
    })
}

fn sign(oauth: &OAuth, signed: &str) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(oauth.token_secret.as_bytes());
    let mut mac = mac.expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    mac
}
