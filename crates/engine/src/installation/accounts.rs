//! Accounts of people, by e-mail address.

use std::collections::BTreeMap;

use domain::{Grant, Role, Timestamp};

use super::PasswordHash;

/// The most accounts.
pub const ACCOUNTS_MAX: usize = 1_000;
/// The longest e-mail address, in bytes.
pub const EMAIL_BYTES_MAX: usize = 254;

/// The account of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What the person may do.
    pub grant: Grant,
    /// A disabled account cannot sign in.
    pub is_disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// The hash of the password.
    pub password: PasswordHash,
}

impl Account {
    /// Whether it can administer the installation.
    pub fn is_active_owner(&self) -> bool {
        !self.is_disabled && self.grant.role == Role::Owner
    }
}

/// All accounts, by e-mail address.
pub type Accounts = BTreeMap<String, Account>;

/// An e-mail address as it names an account: without space around it, in lower case.
///
/// # Errors
/// If it is none.
pub fn normalize_email(email: &str) -> Result<String, String> {
    let normal = email.trim().to_lowercase();
    let is_plain = |text: &str| {
        !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '@')
    };
    let parts = normal.rsplit_once('@');
    match parts.is_some_and(|(name, host)| is_plain(name) && is_plain(host)) {
        true if normal.len() <= EMAIL_BYTES_MAX => Ok(normal),
        _ => Err(format!(
            "email is {email:?}, it must be an address such as ann@example.com, of at most {EMAIL_BYTES_MAX} bytes"
        )),
    }
}
