//! Invitations by link: whoever shows the secret of one chooses a password, once.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{Grant, Timestamp};

use super::{Actor, SecretHash, later};

/// The most open invitations.
pub const INVITATIONS_MAX: usize = 200;
/// For so long an invitation can be accepted.
pub const INVITATION_AGE_MAX: Duration = Duration::from_secs(7 * 86_400);

/// An invitation for a new account, or to choose another password for one that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// What the new account may do.
    pub grant: Grant,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Actor,
    /// The hash of its secret.
    pub token: SecretHash,
}

impl Invitation {
    /// Until when it can be accepted.
    pub fn expires_at(&self) -> Timestamp {
        later(self.created_at, INVITATION_AGE_MAX)
    }
}

/// Those that are open or have expired since the last one was made, by e-mail address.
pub type Invitations = BTreeMap<String, Invitation>;
