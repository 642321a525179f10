//! The key pair by which a push service knows the sender: VAPID, RFC 8292.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use p256::SecretKey;
use p256::ecdsa::SigningKey;
use serde_json::json;

use super::encryption::{decode, new_secret_key};
use crate::web_token::sign_es256;

/// How long a token is valid; services take at most a day.
const TOKEN_VALID: Duration = Duration::from_secs(12 * 3_600);
/// How long a token is used.
const TOKEN_KEPT: Duration = Duration::from_secs(6 * 3_600);
/// The most services whose tokens are kept: there are a handful in the world.
const SERVICES_MAX: usize = 64;

/// A key pair for web push, both parts as browsers and other senders write them: base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VapidKeyPair {
    /// What pages subscribe with: the `applicationServerKey`.
    pub public_key: String,
    /// What signs.
    pub private_key: String,
}

impl VapidKeyPair {
    /// Makes a new one.
    ///
    /// # Errors
    /// If the operating system gives no random bytes.
    pub fn generate() -> std::io::Result<Self> {
        let key = new_secret_key().map_err(std::io::Error::other)?;
        Ok(Self { public_key: public_text(&key), private_key: BASE64.encode(key.to_bytes()) })
    }
}

fn public_text(key: &SecretKey) -> String {
    BASE64.encode(key.public_key().to_sec1_bytes())
}

/// A key that signs, with its tokens.
pub(super) struct Signer {
    key: SigningKey,
    pub(super) public_key: String,
    /// `mailto:` or `https:`, where a service finds the sender.
    subject: String,
    /// By the origin of the service.
    tokens: Mutex<BTreeMap<String, (Instant, String)>>,
}

impl Signer {
    /// Of a private key in base64url.
    ///
    /// # Errors
    /// What the key should be.
    pub(super) fn new(private_key: &str, subject: &str) -> Result<Self, &'static str> {
        let bytes = decode(private_key.trim());
        let key = bytes.and_then(|bytes| SecretKey::from_slice(&bytes).ok());
        let key = key.ok_or(
            "should be a private key of P-256: 32 bytes in base64url, as `tastemaker vapid-keys` \
             makes it",
        )?;
        Ok(Self {
            public_key: public_text(&key),
            key: key.into(),
            subject: subject.to_owned(),
            tokens: Mutex::default(),
        })
    }

    /// The header Authorization for a service, given by its origin, such as
    /// `https://push.example.com`.
    pub(super) fn authorization(&self, origin: &str) -> String {
        let mut tokens = self.tokens.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match tokens.get(origin) {
            Some((made_at, value)) if made_at.elapsed() < TOKEN_KEPT => value.clone(),
            _ => {
                if tokens.len() >= SERVICES_MAX {
                    tokens.clear();
                }
                let value = self.sign(origin);
                tokens.insert(origin.to_owned(), (Instant::now(), value.clone()));
                value
            }
        }
    }

    fn sign(&self, origin: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let expires_s = (now + TOKEN_VALID).as_secs();
        let claims = json!({"aud": origin, "exp": expires_s, "sub": self.subject});
        format!("vapid t={}, k={}", sign_es256(&self.key, None, &claims), self.public_key)
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::signature::Verifier;
    use p256::ecdsa::{Signature, VerifyingKey};
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_token_is_for_one_service_and_can_be_checked_by_the_public_key() {
        let pair = VapidKeyPair::generate().unwrap();
        let signer = Signer::new(&pair.private_key, "mailto:push@example.com").unwrap();
        assert_eq!(signer.public_key, pair.public_key);
        let value = signer.authorization("https://push.example.com");
        let (token, key) = value.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let claims: Value = serde_json::from_slice(&decode(claims).unwrap()).unwrap();
        assert_eq!(claims["aud"], "https://push.example.com");
        assert_eq!(claims["sub"], "mailto:push@example.com");
        let key = VerifyingKey::from_sec1_bytes(&decode(key).unwrap()).unwrap();
        let signature = Signature::from_slice(&decode(signature).unwrap()).unwrap();
        key.verify(signed.as_bytes(), &signature).unwrap();
        assert_eq!(signer.authorization("https://push.example.com"), value);
        assert_ne!(signer.authorization("https://other.example.com"), value);
    }

    #[test]
    fn what_is_no_private_key_is_refused() {
        for text in ["", "abc", &BASE64.encode([0; 32]), &BASE64.encode([255; 32])] {
            assert!(Signer::new(text, "").is_err(), "{text:?}");
        }
    }
}
