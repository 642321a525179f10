//! Admission of requests: limits on requests under way, on calls with public tokens, and on callers
//! without a known key.
//!
//! A request counts from the moment at which its key is known and its body is complete. Before that
//! it is a connection that waits for its client ([`crate::connections`]), so that a client without
//! a key, or with half a body, takes no permit from others.

mod account;
mod answers;
mod limits;
mod list_threads;
mod origin;
mod rates;
mod source_rates;

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Source, WorkspaceId};
use engine::MemoryBudget;
use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHasher};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use self::account::Account;
pub use self::answers::HeldAnswer;
use self::answers::WaitingAnswers;
pub use self::limits::CallerLimits;
use self::list_threads::ListThreads;
pub use self::origin::Origin;
pub use self::rates::Rates;
pub use self::source_rates::SOURCE_BURST_S;
use self::source_rates::SourceRates;
use crate::connections::Phase;
use crate::error::ApiError;

/// The credentials of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key<'a> {
    /// A key that anybody can find in a page or an app.
    Public(&'a str),
    /// A secret.
    Private(&'a str),
}

/// Only a few bodies beyond this size, in bytes, are parsed at a time: a parsed body takes several
/// times its bytes.
const LARGE_BODY_BYTES: usize = 64 * 1_024;
/// Bytes of large bodies that are worked on at once, in kilobytes: as much as four of the largest.
const LARGE_BODIES_KB_MAX: usize = 128 * 1_024;

/// How many refused keys of an address within a second are answered at once.
const FAILURES_FREE: u32 = 20;
/// How long the answer to each further one is delayed.
const FAILURE_PENALTY: Duration = Duration::from_secs(1);
/// The most addresses with an account; beyond it all accounts are dropped.
const ADDRESSES_MAX: usize = 100_000;

/// The state of all limits on callers.
pub struct Admission {
    limits: CallerLimits,
    memory: Arc<MemoryBudget>,
    waiting_answers: Mutex<WaitingAnswers>,
    under_way: Mutex<ActiveRequests>,
    /// Calls with public tokens.
    calls: Rates<IpAddr>,
    /// Milliseconds of computing for them.
    computing: Rates<IpAddr>,
    n_turns: usize,
    /// One for each core: more lists at once would only take turns with each other.
    turns: Arc<Semaphore>,
    /// As many as there are turns.
    list_threads: ListThreads,
    /// Half of the turns, for browsers, so that they keep no server waiting.
    public_turns: Arc<Semaphore>,
    /// For long answers to queries: the memory of such an answer is unknown until it is counted.
    question_turns: Arc<Semaphore>,
    failures: Mutex<FxHashMap<IpAddr, (Instant, u32)>>,
    large_bodies: Arc<Semaphore>,
    source_rates: SourceRates,
}

#[derive(Default)]
struct ActiveRequests {
    n: usize,
    by_token: FxHashMap<u64, usize>,
    by_address: FxHashMap<IpAddr, usize>,
}

/// How much of the limits on requests is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct AdmissionUse {
    /// Requests with a key that are under way.
    pub requests: usize,
    /// The most that may be.
    pub requests_max: usize,
    /// Turns to make lists that are taken.
    pub list_turns: usize,
    /// All turns to make lists: as many as threads that make them.
    pub list_turns_max: usize,
    /// Turns to make long answers that are taken.
    pub question_turns: usize,
    /// All turns to make long answers.
    pub question_turns_max: usize,
}

/// A request that counts as under way as long as this lives.
pub struct Permit {
    account: Account,
    token: u64,
}

impl Permit {
    /// The account that the work for the request is charged to.
    pub fn account(&self) -> &Account {
        &self.account
    }
}

impl Admission {
    /// No request is under way. The memory is what answers count towards.
    pub fn new(limits: CallerLimits, memory: Arc<MemoryBudget>) -> Self {
        // At least one is left for servers.
        let n_turns = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).max(2);
        Self {
            calls: Rates::new(limits.public_requests_per_s.into(), limits.public_burst.into()),
            computing: Rates::new(
                limits.public_computing_ms_per_s.into(),
                limits.public_computing_burst_ms.into(),
            ),
            n_turns,
            turns: Arc::new(Semaphore::new(n_turns)),
            list_threads: ListThreads::start(n_turns),
            public_turns: Arc::new(Semaphore::new(n_turns / 2)),
            question_turns: Arc::new(Semaphore::new(n_turns)),
            limits,
            memory,
            waiting_answers: Mutex::default(),
            under_way: Mutex::default(),
            failures: Mutex::default(),
            large_bodies: Arc::new(Semaphore::new(LARGE_BODIES_KB_MAX)),
            source_rates: SourceRates::default(),
        }
    }

    /// How much of the limits is in use now.
    pub fn usage(&self) -> AdmissionUse {
        let taken = |turns: &Semaphore| self.n_turns.saturating_sub(turns.available_permits());
        AdmissionUse {
            requests: self.under_way.lock().n,
            requests_max: self.limits.requests_max,
            list_turns: taken(&self.turns),
            list_turns_max: self.n_turns,
            question_turns: taken(&self.question_turns),
            question_turns_max: self.n_turns,
        }
    }

    /// The account of work for an administrator, who is admitted whatever the load.
    pub fn administrators_account(self: &Arc<Self>) -> Account {
        Account { admission: Arc::clone(self), is_public: false, address: None }
    }

    /// Admits a request whose key is known and whose body is complete.
    ///
    /// # Errors
    /// 429 where a limit is reached.
    pub fn admit(self: &Arc<Self>, origin: &Origin, key: Key<'_>) -> Result<Permit, ApiError> {
        let CallerLimits { requests_max, requests_per_token_max, requests_per_address_max, .. } =
            self.limits;
        let (token, is_public, address) = match key {
            Key::Public(token) => (token, true, origin.network()),
            Key::Private(token) => (token, false, None),
        };
        let token = hash_token(token);
        let mut under_way = self.under_way.lock();
        let n_of_token = under_way.by_token.get(&token).copied().unwrap_or(0);
        let n_of_address =
            address.and_then(|address| under_way.by_address.get(&address)).copied().unwrap_or(0);
        for (n, max, whose) in [
            (under_way.n, requests_max, ""),
            (n_of_token, requests_per_token_max, " of this token"),
            (n_of_address, requests_per_address_max, " of this address"),
        ] {
            if n >= max {
                let message = format!(
                    "{n} requests{whose} are under way, the limit is {max}: come back in a second"
                );
                return Err(ApiError::too_many_requests(message));
            }
        }
        origin.trust();
        under_way.n += 1;
        *under_way.by_token.entry(token).or_default() += 1;
        if let Some(address) = address {
            *under_way.by_address.entry(address).or_default() += 1;
        }
        let account = Account { admission: Arc::clone(self), is_public, address };
        Ok(Permit { account, token })
    }

    /// Takes messages from what a source may send. A source without a limit may send any number.
    ///
    /// # Errors
    /// 429 where it has used up its limit, with when to come back.
    pub fn take_messages(
        &self,
        workspace: &WorkspaceId,
        source: &Source,
        n: usize,
    ) -> Result<(), ApiError> {
        let Some(per_s) = source.messages_per_second else { return Ok(()) };
        let taken = self.source_rates.take(workspace, &source.name, per_s, n, Instant::now());
        taken.map_err(|wait_s| {
            let message = format!(
                "source {:?} may send {per_s} messages a second: come back in {wait_s} s",
                source.name
            );
            ApiError::too_many_requests(message).retry_after(wait_s)
        })
    }

    /// How many requests are under way now.
    pub fn n_under_way(&self) -> usize {
        self.under_way.lock().n
    }

    /// Waits for the memory that a large body takes once it is parsed. It is held until the permit
    /// is dropped. None for a small body, which needs no permit.
    pub async fn make_room_for(&self, body_bytes: usize) -> Option<OwnedSemaphorePermit> {
        if body_bytes <= LARGE_BODY_BYTES {
            return None;
        }
        let kilobytes = (body_bytes / 1_024).min(LARGE_BODIES_KB_MAX) as u32;
        Arc::clone(&self.large_bodies).acquire_many_owned(kilobytes).await.ok()
    }

    /// Counts calls with a public token.
    ///
    /// # Errors
    /// 429 where the address has sent too many lately; then none of them counts.
    pub fn take_public(&self, origin: &Origin, n_calls: usize) -> Result<(), ApiError> {
        let Some(address) = origin.network() else { return Ok(()) };
        if !self.calls.take(address, n_calls as f64) {
            let Rates { per_s, burst, .. } = &self.calls;
            let message = format!(
                "an address may make {per_s} calls a second with a public token, {burst} at once after a pause: send fewer, or send them \
                 from your server with the private token"
            );
            return Err(ApiError::too_many_requests(message));
        }
        Ok(())
    }

    /// Delays a caller whose keys were refused repeatedly, so that guessing costs time.
    pub async fn refuse(&self, origin: &Origin) {
        let Some(address) = origin.network() else { return };
        let waits = {
            let mut failures = self.failures.lock();
            if failures.len() >= ADDRESSES_MAX {
                failures.clear();
            }
            let (began, n) = failures.entry(address).or_insert((Instant::now(), 0));
            if began.elapsed() > Duration::from_secs(1) {
                (*began, *n) = (Instant::now(), 0);
            }
            *n += 1;
            *n > FAILURES_FREE
        };
        if waits {
            origin.connection.iter().for_each(|connection| connection.enter(Phase::Refusing));
            tokio::time::sleep(FAILURE_PENALTY).await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Account { admission, address, .. } = &self.account;
        let mut under_way = admission.under_way.lock();
        under_way.n -= 1;
        subtract(&mut under_way.by_token, &self.token, 1);
        if let Some(address) = address {
            subtract(&mut under_way.by_address, address, 1);
        }
    }
}

/// Subtracts from a count, and removes it at zero.
fn subtract<K: std::hash::Hash + Eq>(counts: &mut FxHashMap<K, usize>, key: &K, n: usize) {
    if let Some(left) = counts.get_mut(key) {
        *left -= n;
        if *left == 0 {
            counts.remove(key);
        }
    }
}

fn hash_token(token: &str) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = FxHasher::default();
    token.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use engine::MemoryPart;

    use super::answers::SHORT_ANSWER_BYTES;
    use super::*;

    fn origin(address: &str) -> Origin {
        Origin { address: Some(address.parse().unwrap()), is_https: false, connection: None }
    }

    /// A little more than what is never refused.
    const LONG_BYTES: usize = SHORT_ANSWER_BYTES + 1;

    fn admission(limits: CallerLimits) -> Arc<Admission> {
        Arc::new(Admission::new(limits, MemoryBudget::new(2 * 16 * 100 * LONG_BYTES)))
    }

    #[test]
    fn answers_that_nobody_takes_have_a_share_of_the_memory_by_address_and_in_all() {
        let admission = admission(CallerLimits::default());
        let account = |address: &str, key| {
            let permit = admission.admit(&origin(address), key).unwrap();
            permit.account().clone()
        };
        let hold = |account: &Account, n: usize| {
            account.hold_answer(n * LONG_BYTES).map_err(|error| error.message)
        };
        let browser = account("10.0.0.1", Key::Public("web"));
        let (first, _part) = (hold(&browser, 60).unwrap(), browser.count_answer(40 * LONG_BYTES));
        assert!(
            hold(&browser, 1).is_err_and(|why| why.contains(" bytes of answers for this address"))
        );
        let others: Vec<HeldAnswer> = (2..9)
            .map(|n| hold(&account(&format!("10.0.0.{n}"), Key::Public("web")), 100).unwrap())
            .collect();
        let late = account("10.0.0.10", Key::Public("web"));
        assert!(hold(&late, 1).is_err_and(|why| why.contains("for public tokens")));
        let server = account("10.0.0.1", Key::Private("shop"));
        let own = hold(&server, 800).unwrap();
        assert!(hold(&server, 1).is_err_and(|why| why.contains(" bytes of answers wait")));
        assert_eq!(admission.memory.n_bytes(MemoryPart::Answers), 1_600 * LONG_BYTES);
        assert!(browser.hold_answer(SHORT_ANSWER_BYTES).is_ok(), "what is short gets through");
        drop((first, own));
        hold(&browser, 60).unwrap();
        drop(others);
        assert_eq!(
            admission.waiting_answers.lock().by_address.len(),
            1,
            "what is taken is forgotten"
        );
    }

    #[test]
    fn one_token_or_address_leaves_room_for_others() {
        let limits = CallerLimits {
            requests_max: 4,
            requests_per_token_max: 3,
            requests_per_address_max: 2,
            ..CallerLimits::default()
        };
        let admission = admission(limits);
        let admit = |address: &str, key| {
            admission.admit(&origin(address), key).map_err(|error| error.message)
        };
        let first = admit("10.0.0.1", Key::Public("web")).unwrap();
        let _second = admit("10.0.0.1", Key::Public("web")).unwrap();
        assert!(
            admit("10.0.0.1", Key::Public("web")).is_err_and(|why| why.contains("this address"))
        );
        let _third = admit("10.0.0.2", Key::Public("web")).unwrap();
        assert!(admit("10.0.0.3", Key::Public("web")).is_err_and(|why| why.contains("this token")));
        let fourth = admit("10.0.0.1", Key::Private("shop")).unwrap();
        assert!(
            admit("10.0.0.1", Key::Private("shop"))
                .is_err_and(|why| why.starts_with("4 requests are"))
        );
        drop(first);
        admit("10.0.0.1", Key::Private("shop")).unwrap();
        drop(fourth);
        admit("10.0.0.1", Key::Public("web")).unwrap();
    }

    #[test]
    fn an_address_has_a_rate_for_public_calls() {
        let limits =
            CallerLimits { public_requests_per_s: 1, public_burst: 10, ..CallerLimits::default() };
        let admission = admission(limits);
        assert!(admission.take_public(&origin("10.0.0.1"), 11).is_err());
        assert!(
            admission.take_public(&origin("10.0.0.1"), 10).is_ok(),
            "what was refused did not count"
        );
        assert!(admission.take_public(&origin("10.0.0.1"), 1).is_err());
        assert!(admission.take_public(&origin("10.0.0.2"), 10).is_ok());
        assert!(admission.take_public(&origin("2001:db8::1"), 10).is_ok());
        assert!(
            admission.take_public(&origin("2001:db8::ffff:2"), 1).is_err(),
            "it is of the same network"
        );
        assert!(admission.take_public(&origin("2001:db8:0:1::1"), 1).is_ok());
    }

    #[tokio::test]
    async fn computing_for_browsers_leaves_turns_to_servers_and_is_charged_to_their_address() {
        let limits = CallerLimits {
            public_computing_ms_per_s: 1,
            public_computing_burst_ms: 50,
            ..CallerLimits::default()
        };
        let admission = admission(limits);
        let account = |address: &str, key| {
            let permit = admission.admit(&origin(address), key).unwrap();
            permit.account().clone()
        };
        let browser = account("10.0.0.1", Key::Public("web"));
        let mut turns = Vec::new();
        while admission.public_turns.available_permits() > 0 {
            turns.push(browser.take_turn().await.ok().unwrap());
        }
        let waiting = tokio::spawn({
            let browser = browser.clone();
            async move {
                browser.take_turn().await.map(drop).map_err(|error| error.kind.status().as_u16())
            }
        });
        // A server does not wait for them, and pays nothing.
        let server = account("10.0.0.1", Key::Private("shop"));
        drop(server.take_turn().await.ok().unwrap());
        std::thread::sleep(Duration::from_millis(60));
        drop(turns);
        assert_eq!(waiting.await.unwrap(), Err(429), "the address has had its computing meanwhile");
        assert!(
            browser
                .take_turn()
                .await
                .is_err_and(|error| error.message.contains("ms of computing a second"))
        );
        assert!(server.take_turn().await.is_ok());
        assert!(
            account("10.0.0.2", Key::Public("web")).take_turn().await.is_ok(),
            "another address has its own"
        );
    }
}
