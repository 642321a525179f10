//! Streams: answers that go on until the caller leaves. Each takes a connection and some work for
//! as long as it is open, so their number is limited.

use std::sync::Arc;
use std::time::Duration;

use engine::installation::Actor;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::admission::Origin;
use crate::error::ApiError;

/// The most streams that are open at once.
pub const STREAMS_MAX: usize = 64;
/// The most streams of one account or API key.
pub const STREAMS_PER_ACCOUNT_MAX: usize = 8;
/// The most streams of pages that wait for in-app messages.
pub const PAGE_STREAMS_MAX: usize = 4_000;
/// The most of them of one address. Many people may share one.
pub const PAGE_STREAMS_PER_ADDRESS_MAX: usize = 200;
/// The longest that a stream stays open. The caller comes back and shows again who calls, so that a
/// session or role that ended is noticed.
pub const STREAM_TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// How often a stream on which nothing happens sends a comment, so that proxies keep it open and a
/// caller who has left is noticed.
pub const STREAM_HEARTBEAT: Duration = Duration::from_secs(15);

/// The number of open streams, by who has opened them.
pub struct Streams {
    open: Mutex<FxHashMap<Option<String>, usize>>,
    n_max: usize,
    per_owner_max: usize,
    /// The name of the gauge of the metrics.
    gauge: &'static str,
}

impl Default for Streams {
    fn default() -> Self {
        Self::new(STREAMS_MAX, STREAMS_PER_ACCOUNT_MAX, "streams_open")
    }
}

/// An open stream, until it is dropped.
pub struct StreamPermit {
    streams: Arc<Streams>,
    owner: Option<String>,
}

impl Streams {
    fn new(n_max: usize, per_owner_max: usize, gauge: &'static str) -> Self {
        Self { open: Mutex::default(), n_max, per_owner_max, gauge }
    }

    /// Of pages that wait for in-app messages.
    pub(crate) fn of_pages() -> Self {
        Self::new(PAGE_STREAMS_MAX, PAGE_STREAMS_PER_ADDRESS_MAX, "page_streams_open")
    }

    /// The number of open streams.
    pub fn n_open(&self) -> usize {
        self.open.lock().values().sum()
    }

    /// Counts a stream of the actor as open.
    ///
    /// # Errors
    /// 429 where there are too many.
    pub fn open(self: &Arc<Self>, actor: &Actor) -> Result<StreamPermit, ApiError> {
        let owner = actor.name().map(|name| format!("{} {name}", actor.kind()));
        self.open_for(owner, "a page or a `tastemaker tail`")
    }

    /// Counts a stream of a page as open, by the address of its caller.
    ///
    /// # Errors
    /// As [`Streams::open`].
    pub fn open_page(self: &Arc<Self>, origin: &Origin) -> Result<StreamPermit, ApiError> {
        self.open_for(origin.network().map(|address| address.to_string()), "a page")
    }

    fn open_for(
        self: &Arc<Self>,
        owner: Option<String>,
        what: &str,
    ) -> Result<StreamPermit, ApiError> {
        let Self { n_max, per_owner_max, gauge, .. } = **self;
        let mut open = self.open.lock();
        if open.values().sum::<usize>() >= n_max {
            return Err(ApiError::too_many_requests(format!(
                "{n_max} streams are open: close one, or come back later"
            )));
        }
        let own = open.entry(owner.clone()).or_default();
        if *own >= per_owner_max {
            return Err(ApiError::too_many_requests(format!(
                "you have {per_owner_max} open streams: close {what}"
            )));
        }
        *own += 1;
        metrics::gauge!(gauge).increment(1.0);
        Ok(StreamPermit { streams: Arc::clone(self), owner })
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock();
        if let Some(n) = open.get_mut(&self.owner) {
            *n -= 1;
            if *n == 0 {
                open.remove(&self.owner);
            }
        }
        metrics::gauge!(self.streams.gauge).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_account_leaves_streams_for_others_and_a_closed_one_makes_room() {
        let streams = Arc::new(Streams::default());
        let account = |n: usize| Actor::ApiKey { name: format!("key {n}") };
        let mut own: Vec<StreamPermit> =
            (0..STREAMS_PER_ACCOUNT_MAX).map(|_| streams.open(&account(0)).unwrap()).collect();
        assert!(streams.open(&account(0)).is_err());
        own.pop();
        own.push(streams.open(&account(0)).unwrap());
        let others: Vec<StreamPermit> = (STREAMS_PER_ACCOUNT_MAX..STREAMS_MAX)
            .map(|n| streams.open(&account(n)).unwrap())
            .collect();
        assert!(streams.open(&account(STREAMS_MAX)).is_err(), "all are taken");
        assert_eq!(streams.n_open(), STREAMS_MAX);
        drop((own, others));
        assert!(streams.open.lock().is_empty());
    }
}
