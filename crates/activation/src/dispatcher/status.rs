//! What people and metrics see of a destination.

use std::collections::BTreeMap;

use domain::Timestamp;

use super::BreakerState;

/// Why no batch is sent although jobs may be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The list of dead letters is full: people have to look at it first.
    DeadLettersFull,
    /// The journal does not take the progress.
    ProgressUnconfirmed,
    /// The destination is down.
    CircuitOpen,
    /// As many batches as allowed are under way.
    Busy,
    /// The rate limit.
    Rate,
}

/// The state of a destination's delivery. Counts are those since the dispatcher began.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Messages with jobs that are not done.
    pub open_messages: usize,
    /// Jobs that are not done.
    pub open_jobs: usize,
    /// Their size, in bytes.
    pub open_bytes: usize,
    /// Batches under way.
    pub in_flight_batches: usize,
    /// Jobs of these.
    pub in_flight_jobs: usize,
    /// Jobs that wait for their next attempt.
    pub waiting_for_retry: usize,
    /// The first attempt of the first open message; without one, when it was read.
    pub oldest: Option<Timestamp>,
    /// The circuit breaker.
    pub breaker: BreakerState,
    /// Why nothing is sent now.
    pub held: Option<Held>,
    /// Where reading would go on after a crash.
    pub place: u64,
    /// Jobs that were delivered.
    pub delivered: u64,
    /// Attempts that failed and are repeated.
    pub retried: u64,
    /// Dead letters by reason.
    pub failed: BTreeMap<String, u64>,
    /// The latency that half of the last batches did not exceed, in milliseconds: from the first
    /// attempt of their jobs to the success.
    pub latency_p50_ms: Option<u64>,
    /// The latency that 95 % of the last batches did not exceed, in milliseconds.
    pub latency_p95_ms: Option<u64>,
}
