//! Streams: answers that go on until the caller leaves. Each takes a connection and some work for
//! as long as it is open, so their number is limited.

use std::sync::Arc;
use std::time::Duration;

use engine::installation::Actor;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::error::ApiError;

/// The most streams that are open at once.
pub const STREAMS_MAX: usize = 64;
/// The most streams of one account or API key.
pub const STREAMS_PER_ACCOUNT_MAX: usize = 8;
/// The longest that a stream stays open. The caller comes back and shows again who calls, so that a
/// session or role that ended is noticed.
pub const STREAM_TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// How often a stream on which nothing happens sends a comment, so that proxies keep it open and a
/// caller who has left is noticed.
pub const STREAM_HEARTBEAT: Duration = Duration::from_secs(15);

/// The number of open streams, by who has opened them.
#[derive(Default)]
pub struct Streams {
    open: Mutex<FxHashMap<Option<String>, usize>>,
}

/// An open stream, until it is dropped.
pub struct StreamPermit {
    streams: Arc<Streams>,
    owner: Option<String>,
}

impl Streams {
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
        let mut open = self.open.lock();
        if open.values().sum::<usize>() >= STREAMS_MAX {
            return Err(ApiError::too_many_requests(format!(
                "{STREAMS_MAX} streams are open: close one, or come back later"
            )));
        }
        let own = open.entry(owner.clone()).or_default();
        if *own >= STREAMS_PER_ACCOUNT_MAX {
            return Err(ApiError::too_many_requests(format!(
                "you have {STREAMS_PER_ACCOUNT_MAX} open streams: close a page or a `tastemaker tail`"
            )));
        }
        *own += 1;
        metrics::gauge!("streams_open").increment(1.0);
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
        metrics::gauge!("streams_open").decrement(1.0);
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
