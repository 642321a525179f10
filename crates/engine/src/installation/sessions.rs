//! Sessions of people who have signed in.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Timestamp;

use super::{SecretHash, later};

/// The most sessions of an account: with the next one, the one that was used longest ago ends.
pub const SESSIONS_PER_ACCOUNT_MAX: usize = 20;
/// A session ends so long after signing in, ...
pub const SESSION_AGE_MAX: Duration = Duration::from_secs(14 * 86_400);
/// ... or so long after its last use.
pub const SESSION_IDLE_MAX: Duration = Duration::from_secs(3 * 86_400);
/// The time of the last use is written down at most so often.
pub const SESSION_USE_INTERVAL: Duration = Duration::from_secs(3_600);

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The e-mail address of the account.
    pub email: String,
    /// When the person signed in.
    pub opened_at: Timestamp,
    /// When it was last used, to [`SESSION_USE_INTERVAL`].
    pub used_at: Timestamp,
}

impl Session {
    /// When it ends unless it is used before.
    pub fn expires_at(&self) -> Timestamp {
        later(self.opened_at, SESSION_AGE_MAX).min(later(self.used_at, SESSION_IDLE_MAX))
    }

    /// Whether its next use is to be written down.
    pub fn is_use_due(&self, now: Timestamp) -> bool {
        now >= later(self.used_at, SESSION_USE_INTERVAL)
    }
}

/// All sessions, by the hash of their token. Those that have expired stay until the next one is
/// opened.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sessions(BTreeMap<SecretHash, Session>);

impl Sessions {
    /// The session of a token that is still valid.
    pub fn find(&self, token: SecretHash, now: Timestamp) -> Option<&Session> {
        self.0.get(&token).filter(|session| session.expires_at() > now)
    }

    /// Those of an account that are still valid.
    pub fn of(&self, email: &str, now: Timestamp) -> impl Iterator<Item = &Session> {
        self.0.values().filter(move |session| session.email == email && session.expires_at() > now)
    }

    pub(super) fn open(&mut self, token: SecretHash, email: String, at: Timestamp) {
        self.0.retain(|_, session| session.expires_at() > at);
        let own = self.0.iter().filter(|(_, session)| session.email == email);
        let mut own: Vec<(Timestamp, SecretHash)> =
            own.map(|(token, session)| (session.used_at, *token)).collect();
        own.sort_unstable();
        let n_ended = (own.len() + 1).saturating_sub(SESSIONS_PER_ACCOUNT_MAX);
        own.iter().take(n_ended).for_each(|(_, token)| drop(self.0.remove(token)));
        self.0.insert(token, Session { email, opened_at: at, used_at: at });
    }

    pub(super) fn note_use(&mut self, token: SecretHash, at: Timestamp) {
        if let Some(session) = self.0.get_mut(&token) {
            session.used_at = session.used_at.max(at);
        }
    }

    pub(super) fn end(&mut self, token: SecretHash) {
        self.0.remove(&token);
    }

    pub(super) fn end_all_of(&mut self, email: &str) {
        self.0.retain(|_, session| session.email != email);
    }
}
