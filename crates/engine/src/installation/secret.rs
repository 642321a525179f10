//! Secrets that callers show, and their hashes, which are all that is kept of them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_with::{As, Bytes};
use sha2::{Digest, Sha256};

/// The length of a secret that this program makes, in bytes before they are written in hex.
const SECRET_BYTES: usize = 32;

/// SHA-256 of a secret. A secret has 256 random bits, so a slow hash would protect nothing more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretHash(#[serde(with = "As::<Bytes>")] pub [u8; 32]);

impl SecretHash {
    /// The hash of a secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

/// A secret of 256 random bits, in hex.
///
/// # Errors
/// If the operating system has no random bytes.
pub fn make_secret() -> Result<String, std::io::Error> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
