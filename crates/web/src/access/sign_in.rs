//! Signing in with a password: how often, how many at once, and what comes of it.

use std::net::IpAddr;
use std::sync::Arc;

use engine::installation::{
    Actor, Change, Deed, DeedOutcome, EMAIL_BYTES_MAX, PASSWORD_BYTES_MAX, SecretHash, make_secret,
    normalize_email, verify_password,
};
use tokio::sync::Semaphore;

use super::Access;
use crate::admission::{Origin, Rates};
use crate::error::ApiError;

/// How many passwords an address may try at once after a pause, ...
const TRIES_PER_ADDRESS: u32 = 30;
/// ... and how many a second after that.
const TRIES_PER_ADDRESS_PER_S: f64 = 0.5;
/// The same for one account, from all addresses: guessing does not get faster with their number.
const TRIES_PER_ACCOUNT: u32 = 10;
const TRIES_PER_ACCOUNT_PER_S: f64 = 0.1;
/// How many passwords are hashed at once: each takes a processor and 19 MiB for tens of
/// milliseconds.
const HASHES_AT_ONCE: usize = 2;
/// How many requests may wait for that.
const HASHES_WAITING_MAX: usize = 50;

/// The limits on passwords that are tried and hashed.
pub struct PasswordGate {
    by_address: Rates<IpAddr>,
    by_account: Rates<String>,
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for PasswordGate {
    fn default() -> Self {
        Self {
            by_address: Rates::new(TRIES_PER_ADDRESS_PER_S, f64::from(TRIES_PER_ADDRESS)),
            by_account: Rates::new(TRIES_PER_ACCOUNT_PER_S, f64::from(TRIES_PER_ACCOUNT)),
            hashing: Arc::new(Semaphore::new(HASHES_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(HASHES_AT_ONCE + HASHES_WAITING_MAX)),
        }
    }
}

impl PasswordGate {
    /// Counts a try of an address.
    ///
    /// # Errors
    /// 429 where there were too many lately.
    pub fn take_address(&self, origin: &Origin) -> Result<(), ApiError> {
        let is_left = origin.network().is_none_or(|address| self.by_address.take(address, 1.0));
        is_left.then_some(()).ok_or_else(|| too_many("this address"))
    }

    /// Counts a try for an account, which need not exist.
    ///
    /// # Errors
    /// As [`Self::take_address`].
    pub fn take_account(&self, email: &str) -> Result<(), ApiError> {
        let is_left = self.by_account.take(email.to_owned(), 1.0);
        is_left.then_some(()).ok_or_else(|| too_many("this account"))
    }

    /// Does work that hashes a password, on a thread that may be busy, once it is its turn.
    ///
    /// # Errors
    /// 429 where too many wait already.
    pub async fn hash<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let waiting = Arc::clone(&self.waiting).try_acquire_owned();
        let waiting = waiting.map_err(|_| {
            ApiError::too_many_requests("too many sign in at once: come back in a second")
        })?;
        let turn = Arc::clone(&self.hashing).acquire_owned().await;
        let turn = turn.map_err(|_| ApiError::unavailable("the server is stopping"))?;
        let work = move || {
            let _until_it_has_ended = (waiting, turn);
            work()
        };
        Ok(tokio::task::spawn_blocking(work).await?)
    }
}

fn too_many(whose: &str) -> ApiError {
    ApiError::too_many_requests(format!(
        "too many passwords were tried for {whose}: wait a minute, or sign in from elsewhere"
    ))
}

/// Signs in: the e-mail address as it names the account, and the token of the new session. A wrong
/// password and an account that is unknown or disabled have one answer, in one time.
///
/// # Errors
/// 401 where they are wrong, 429 where too many were tried.
pub async fn sign_in(
    access: &Arc<Access>,
    origin: &Origin,
    email: &str,
    password: String,
) -> Result<(String, String), ApiError> {
    access.passwords.take_address(origin)?;
    if email.len() > EMAIL_BYTES_MAX || password.len() > PASSWORD_BYTES_MAX {
        return Err(wrong());
    }
    let email = normalize_email(email).map_err(ApiError::invalid)?;
    access.passwords.take_account(&email)?;
    let opened = {
        let (own, email) = (Arc::clone(access), email.clone());
        access.passwords.hash(move || open_session(&own, &email, &password)).await??
    };
    match opened {
        Some(token) => Ok((email, token)),
        None => {
            metrics::counter!("sign_ins_refused_total").increment(1);
            let access = Arc::clone(access);
            // Nobody waits for it: the time of the answer must not tell whether there is such an
            // account.
            tokio::task::spawn_blocking(move || note_refusal(&access, email));
            Err(wrong())
        }
    }
}

/// The token of a new session; none where the account or the password is wrong.
fn open_session(access: &Access, email: &str, password: &str) -> Result<Option<String>, ApiError> {
    let installation = access.installation();
    let account = installation.look(|state| state.accounts.get(email).cloned());
    let account = account.filter(|account| !account.is_disabled);
    if !verify_password(password, account.as_ref().map(|account| &account.password)) {
        return Ok(None);
    }
    start_session(access, email).map(Some)
}

/// The token of a new session of an account.
fn start_session(access: &Access, email: &str) -> Result<String, ApiError> {
    let token = make_secret().map_err(|error| ApiError::unavailable(error.to_string()))?;
    let change = Change::OpenSession { email: email.to_owned(), token: SecretHash::of(&token) };
    let actor = Actor::Account { email: email.to_owned() };
    access.installation().change(access.now(), &actor, change)?;
    Ok(token)
}

/// Signs a visitor in without a password: the token of a new session.
///
/// # Errors
/// If there is no such account, or the journal does not take the session.
pub async fn sign_visitor_in(access: &Arc<Access>, email: &str) -> Result<String, ApiError> {
    let (access, email) = (Arc::clone(access), email.to_owned());
    tokio::task::spawn_blocking(move || start_session(&access, &email)).await?
}

/// Notes for the audit that somebody tried to sign in to an account. Tries for others are not
/// noted: anybody could fill the journal.
fn note_refusal(access: &Access, email: String) {
    let installation = access.installation();
    if !installation.look(|state| state.accounts.contains_key(&email)) {
        return;
    }
    let actor = Actor::Account { email: email.clone() };
    let deed = Deed {
        action: "session.create".to_owned(),
        resource: Some(email),
        workspace: None,
        outcome: DeedOutcome::Refused,
    };
    if let Err(error) = installation.note(access.now(), &actor, deed) {
        tracing::error!(error = engine::describe_error(&error), "the audit misses a record");
    }
}

fn wrong() -> ApiError {
    ApiError::unauthenticated("the e-mail address or the password is wrong")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::mpsc::channel;

    use axum::extract::ConnectInfo;
    use axum::http::{Extensions, HeaderMap};

    use super::*;
    use crate::CallerLimits;

    fn origin(address: &str) -> Origin {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::new(address.parse().unwrap(), 1)));
        Origin::from_request(&HeaderMap::new(), &extensions, &CallerLimits::default())
    }

    #[test]
    fn an_address_and_an_account_have_so_many_tries() {
        let gate = PasswordGate::default();
        let (one, other) = (origin("10.0.0.1"), origin("10.0.0.2"));
        let n = (0..1_000).take_while(|_| gate.take_address(&one).is_ok()).count();
        assert_eq!(n, TRIES_PER_ADDRESS as usize);
        assert!(gate.take_address(&other).is_ok());
        let n = (0..1_000).take_while(|_| gate.take_account("ann@example.com").is_ok()).count();
        assert_eq!(n, TRIES_PER_ACCOUNT as usize);
        assert!(gate.take_account("bob@example.com").is_ok());
    }

    #[tokio::test]
    async fn a_flood_of_passwords_takes_few_processors_and_does_not_pile_up() {
        let gate = Arc::new(PasswordGate::default());
        let (began, n_begun) = channel();
        let (release, until) = channel::<()>();
        let until = Arc::new(parking_lot::Mutex::new(until));
        let hash = || {
            let (gate, began, until) = (Arc::clone(&gate), began.clone(), Arc::clone(&until));
            tokio::spawn(async move {
                let work = move || {
                    began.send(()).unwrap();
                    until.lock().recv().ok();
                };
                gate.hash(work).await.map_err(|error| error.kind.status().as_u16())
            })
        };
        let flood: Vec<_> = (0..HASHES_AT_ONCE + HASHES_WAITING_MAX).map(|_| hash()).collect();
        for _ in 0..HASHES_AT_ONCE {
            tokio::task::yield_now().await;
            n_begun.recv().unwrap();
        }
        assert_eq!(hash().await.unwrap(), Err(429), "no more may wait");
        assert!(n_begun.try_recv().is_err(), "no more are hashed at once");
        drop(release);
        for hashed in flood {
            assert_eq!(hashed.await.unwrap(), Ok(()));
        }
        assert_eq!(hash().await.unwrap(), Ok(()));
    }
}
