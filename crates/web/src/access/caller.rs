//! The caller of a request: by an API key, or by the cookie of a session.

use axum::http::{HeaderMap, HeaderValue, header};
use domain::{Grant, Timestamp};
use engine::installation::{
    Actor, BOOTSTRAP_KEY, InstallationJournal, SESSION_AGE_MAX, SecretHash,
};
use serde::Serialize;

use crate::auth::Credentials;

/// The name of the cookie that carries the token of a session.
const COOKIE: &str = "tastemaker_session";

/// Who calls, and what the caller may do.
#[derive(Clone)]
pub struct Caller {
    /// For the audit.
    pub actor: Actor,
    /// The role, and the workspaces that it is limited to.
    pub grant: Grant,
    /// The session, of a caller with a cookie.
    pub session: Option<CallerSession>,
}

/// An actor as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Who {
    /// The kind of actor: `account`, `api_key`, `bootstrap_token`, `bootstrap_file`,
    /// `command_line`; of jobs also `server`, which began the work by itself.
    pub kind: &'static str,
    /// The name among its kind; none where there is one of a kind.
    pub name: Option<String>,
}

impl Who {
    /// The server itself.
    pub const SERVER: Self = Self { kind: "server", name: None };
}

impl From<&Actor> for Who {
    fn from(actor: &Actor) -> Self {
        Self { kind: actor.kind(), name: actor.name().map(str::to_owned) }
    }
}

/// The session of a caller.
#[derive(Clone)]
pub struct CallerSession {
    /// The e-mail address of the account.
    pub email: String,
    /// The token itself: a secret.
    pub token: String,
    /// When the account signed in.
    pub opened_at: Timestamp,
    /// When the session ends at the latest.
    pub expires_at: Timestamp,
    /// Whether the use of now is to be written down.
    pub(super) is_use_due: bool,
}

/// Why it is not known who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unidentified {
    /// Nobody could administer the installation.
    #[error("no admin_token was ever set: start once with --bootstrap and a file that has one")]
    NoOwner,
    /// The request shows nothing.
    #[error("show an API key or the admin_token as a bearer token, or sign in")]
    NoCredentials,
    /// It shows a bearer token that is no API key.
    #[error("this is no API key, and not the admin_token")]
    UnknownKey,
    /// It shows the token of a session that has ended or never began.
    #[error("the session has ended: sign in again")]
    SessionEnded,
}

impl Caller {
    /// The caller of a request with these headers. A bearer token wins over a cookie.
    ///
    /// # Errors
    /// If it is not known who calls.
    pub fn identify(
        installation: &InstallationJournal,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Self, Unidentified> {
        if installation.look(|state| state.n_owners()) == 0 {
            return Err(Unidentified::NoOwner);
        }
        match Credentials::from_headers(headers) {
            Credentials::Bearer(key) => Self::with_key(installation, &key),
            Credentials::None => match session_token(headers) {
                Some(token) => Self::with_session(installation, token, now),
                None => Err(Unidentified::NoCredentials),
            },
            Credentials::BasicUser(_) | Credentials::Malformed => Err(Unidentified::NoCredentials),
        }
    }

    fn with_key(installation: &InstallationJournal, key: &str) -> Result<Self, Unidentified> {
        // Hashes are compared: the time of it tells nothing of a key.
        let hash = SecretHash::of(key);
        let found = installation.look(|state| {
            let found = state.api_keys.iter().find(|(_, key)| key.hash == hash);
            found.map(|(name, key)| (name.clone(), key.grant.clone()))
        });
        let (name, grant) = found.ok_or(Unidentified::UnknownKey)?;
        let actor = match name == BOOTSTRAP_KEY {
            true => Actor::BootstrapToken,
            false => Actor::ApiKey { name },
        };
        Ok(Self { actor, grant, session: None })
    }

    fn with_session(
        installation: &InstallationJournal,
        token: &str,
        now: Timestamp,
    ) -> Result<Self, Unidentified> {
        let found = installation.look(|state| {
            let (email, account, session) = state.find_session(SecretHash::of(token), now)?;
            let session = CallerSession {
                email: email.to_owned(),
                token: token.to_owned(),
                opened_at: session.opened_at,
                expires_at: session.expires_at(),
                is_use_due: session.is_use_due(now),
            };
            Some((session, account.grant.clone()))
        });
        let (session, grant) = found.ok_or(Unidentified::SessionEnded)?;
        let actor = Actor::Account { email: session.email.clone() };
        Ok(Self { actor, grant, session: Some(session) })
    }
}

/// The token of a session that the cookies of a request carry.
fn session_token(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = values.flat_map(|value| value.split(';'));
    cookies.find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}

/// The cookie for the token of a session, or the one that takes it away. Scripts cannot read it,
/// and browsers send it only to pages that this server's own pages lead to.
pub fn session_cookie(token: Option<&str>, is_https: bool) -> HeaderValue {
    let age_s = token.map_or(0, |_| SESSION_AGE_MAX.as_secs());
    let secure = if is_https { "; Secure" } else { "" };
    let token = token.unwrap_or_default();
    let cookie =
        format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={age_s}{secure}");
    HeaderValue::try_from(cookie).expect("digits and letters are a header value")
}
