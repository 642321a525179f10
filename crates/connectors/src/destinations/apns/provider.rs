//! The tokens by which Apple knows the sender, each for nearly an hour.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use p256::SecretKey;
use p256::ecdsa::SigningKey;
use p256::pkcs8::DecodePrivateKey;
use serde_json::json;

use crate::web_token::sign_es256;

/// How long a token is used: Apple takes none that is older than 60 minutes, and refuses senders
/// that make one more often than every 20.
const TOKEN_KEPT: Duration = Duration::from_secs(40 * 60);
/// A younger token is not given up, whatever an answer says.
const TOKEN_KEPT_MIN: Duration = Duration::from_secs(20 * 60);

/// A key that signs, with the token that it has now.
pub(super) struct Provider {
    key: SigningKey,
    key_id: String,
    team_id: String,
    token: Mutex<Option<(Instant, String)>>,
}

impl Provider {
    /// Of a key as Apple gives it: a file `AuthKey_….p8`.
    ///
    /// # Errors
    /// What the key should be.
    pub(super) fn new(pem: &str, key_id: String, team_id: String) -> Result<Self, &'static str> {
        let key = read_key(pem).ok_or(
            "should be the file of a key (.p8), whole: -----BEGIN PRIVATE KEY----- and so on",
        )?;
        Ok(Self { key: key.into(), key_id, team_id, token: Mutex::default() })
    }

    /// The token to send with a message.
    pub(super) fn token(&self) -> String {
        self.token_at(Instant::now())
    }

    fn token_at(&self, now: Instant) -> String {
        let mut kept = self.token.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match &*kept {
            Some((made_at, token)) if now.duration_since(*made_at) < TOKEN_KEPT => token.clone(),
            _ => {
                let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let claims = json!({"iss": self.team_id, "iat": now_s.as_secs()});
                let token = sign_es256(&self.key, Some(&self.key_id), &claims);
                *kept = Some((now, token.clone()));
                token
            }
        }
    }

    /// Gives up a token that is said to be too old, where the clocks differ.
    pub(super) fn forget(&self, token: &str) {
        self.forget_at(token, Instant::now());
    }

    fn forget_at(&self, token: &str, now: Instant) {
        let mut kept = self.token.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let is_meant = |(made_at, kept): &(Instant, String)| {
            kept == token && now.duration_since(*made_at) >= TOKEN_KEPT_MIN
        };
        if kept.as_ref().is_some_and(is_meant) {
            *kept = None;
        }
    }
}

/// A key of P-256 in PEM, also where a form has taken its line breaks away.
pub(super) fn read_key(pem: &str) -> Option<SecretKey> {
    let text = pem.trim().strip_prefix("-----BEGIN PRIVATE KEY-----")?;
    let text = text.strip_suffix("-----END PRIVATE KEY-----")?;
    let text: String = text.split_whitespace().collect();
    SecretKey::from_pkcs8_der(&BASE64.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_its_file_and_from_a_form_of_one_line() {
        let pem = include_str!("../../../tests/keys/p256.pem");
        assert!(read_key(pem).is_some());
        assert_eq!(read_key(&pem.replace('\n', "")), read_key(pem));
        assert!(read_key(&pem.replace("PRIVATE", "PUBLIC")).is_none());
        assert!(read_key(include_str!("../../../tests/keys/rsa.pem")).is_none());
    }

    #[test]
    fn a_token_is_renewed_between_20_and_60_minutes() {
        let pem = include_str!("../../../tests/keys/p256.pem");
        let provider = Provider::new(pem, "KEY".to_owned(), "TEAM".to_owned()).unwrap();
        let begin = Instant::now();
        let at = |minutes: u64| begin + Duration::from_secs(minutes * 60);
        let made_at = || provider.token.lock().unwrap().as_ref().map(|(made_at, _)| *made_at);
        let token = provider.token_at(at(0));
        assert_eq!(provider.token_at(at(39)), token);
        assert_eq!(made_at(), Some(at(0)));
        provider.token_at(at(40));
        assert_eq!(made_at(), Some(at(40)));
        // Refused at once: it is kept, as Apple asks. Refused later: the next one is new.
        let token = provider.token_at(at(41));
        provider.forget_at(&token, at(59));
        assert_eq!(made_at(), Some(at(40)));
        provider.forget_at("another", at(61));
        assert_eq!(made_at(), Some(at(40)));
        provider.forget_at(&token, at(61));
        assert_eq!(made_at(), None);
    }
}
