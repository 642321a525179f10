//! Bearer tokens by OAuth 2.0: the keys of a source's senders and what tokens they get.

use serde::{Deserialize, Serialize};

/// The most public keys of a source: one, and the one that takes its place.
const OAUTH_KEYS_MAX: usize = 2;
/// How long a token is good, in seconds, where nothing is said: a day.
pub const TOKEN_LIFETIME_S_DEFAULT: u32 = 86_400;
/// The range of the lifetime of tokens, in seconds: ten minutes to 30 days.
const TOKEN_LIFETIME_S_RANGE: std::ops::RangeInclusive<u32> = 600..=30 * 86_400;
/// The longest id of a key, in bytes.
const KEY_ID_BYTES_MAX: usize = 100;
/// The longest public key, in bytes: one of 8,192 bits has about 1,500.
const PUBLIC_KEY_BYTES_MAX: usize = 4_096;
/// The range of the length of a token secret, in bytes.
const TOKEN_SECRET_BYTES: std::ops::RangeInclusive<usize> = 32..=256;

/// How senders of a source get bearer tokens by OAuth 2.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// The public keys of the senders, one or two. A token is good as long as the key
    /// that it was asked for with is among them.
    #[serde(rename = "key")]
    pub keys: Vec<OAuthKey>,
    /// Signs the tokens: another one ends all that were given out.
    pub token_secret: String,
    /// For how long a token is good, in seconds.
    #[serde(default = "default_lifetime")]
    pub token_lifetime_s: u32,
    /// Whether the source refuses messages without a bearer token.
    #[serde(default)]
    pub required: bool,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuthKey {
    /// The name of the key: senders write it into the header of what they sign, as `kid`.
    pub id: String,
    /// An RSA key of 2,048 to 8,192 bits, in PEM.
    pub public_key: String,
}

impl OAuth {
    /// Checks counts and lengths. Whether the keys are RSA keys is for whoever verifies with them.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn validate(&self) -> Result<(), String> {
        let n_keys = self.keys.len();
        if !(1..=OAUTH_KEYS_MAX).contains(&n_keys) {
            return Err(format!("oauth has {n_keys} keys, it must have 1 to {OAUTH_KEYS_MAX}"));
        }
        for (n, key) in self.keys.iter().enumerate() {
            if !(1..=KEY_ID_BYTES_MAX).contains(&key.id.len()) {
                return Err(format!(
                    "the id of an oauth key must be 1 to {KEY_ID_BYTES_MAX} bytes"
                ));
            }
            if self.keys[..n].iter().any(|other| other.id == key.id) {
                return Err(format!("two oauth keys have the id {:?}", key.id));
            }
            if key.public_key.len() > PUBLIC_KEY_BYTES_MAX {
                return Err(format!(
                    "the public_key {:?} has more than {PUBLIC_KEY_BYTES_MAX} bytes",
                    key.id
                ));
            }
        }
        if !TOKEN_SECRET_BYTES.contains(&self.token_secret.len()) {
            return Err("token_secret of oauth must be 32 to 256 bytes".to_owned());
        }
        if !TOKEN_LIFETIME_S_RANGE.contains(&self.token_lifetime_s) {
            let (min, max) = TOKEN_LIFETIME_S_RANGE.into_inner();
            return Err(format!(
                "token_lifetime_s is {}, it must be {min} to {max}",
                self.token_lifetime_s
            ));
        }
        Ok(())
    }
}

fn default_lifetime() -> u32 {
    TOKEN_LIFETIME_S_DEFAULT
}
