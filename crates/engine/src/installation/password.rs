//! Passwords: their form, and their hashes by argon2id.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash as Parsed;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use serde::{Deserialize, Serialize};

/// The shortest password, in characters: length is what makes a guess expensive.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// The longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// The hash of a password, with its salt and the parameters of its making, as a PHC string.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

/// Nobody's password: what is shown for an unknown account is compared with it.
static NOBODYS: LazyLock<PasswordHash> = LazyLock::new(|| PasswordHash::hash("nobody"));

impl PasswordHash {
    /// Hashes a new password. This takes tens of milliseconds and 19 MiB: not for a thread that
    /// serves requests.
    ///
    /// # Errors
    /// If the password is too short or too long.
    pub fn new(password: &str) -> Result<Self, String> {
        if password.chars().count() < PASSWORD_CHARS_MIN || password.len() > PASSWORD_BYTES_MAX {
            return Err(format!(
                "password: it must have {PASSWORD_CHARS_MIN} characters or more, and at most {PASSWORD_BYTES_MAX} bytes"
            ));
        }
        Ok(Self::hash(password))
    }

    fn hash(password: &str) -> Self {
        // The defaults: argon2id with 19 MiB, two passes, one lane, and a salt of 128 random bits.
        let hash = Argon2::default().hash_password(password.as_bytes());
        Self(hash.expect("the parameters are right and the system has random bytes").to_string())
    }

    /// Whether a password is the one that was hashed. As slow as [`PasswordHash::new`].
    fn is_of(&self, password: &str) -> bool {
        let parsed = Parsed::new(&self.0);
        parsed.is_ok_and(|parsed| {
            Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok()
        })
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// Whether a password is that of an account, in the same time for an account that does not exist.
pub fn verify_password(password: &str, of_account: Option<&PasswordHash>) -> bool {
    let is_right = of_account.unwrap_or(&NOBODYS).is_of(password);
    is_right && of_account.is_some()
}
