//! What goes into the dispatcher and what comes out: jobs, the limits of a destination, batches,
//! failures.

use std::sync::Arc;

/// How long a job is retried after its first attempt, in milliseconds: four hours.
pub const RETRY_FOR_MS_DEFAULT: u64 = 4 * 60 * 60 * 1_000;

/// One delivery: what one mapping makes of one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Job<T> {
    /// The offset of the message in the journal.
    pub offset: u64,
    /// The name of the mapping. Names are distinct among the jobs of a message; where a mapping
    /// makes several jobs, the caller numbers them.
    pub mapping: Arc<str>,
    /// Hashed ids of the users that it is about. Jobs with a common key are sent in their order;
    /// without a key, a job waits for no other.
    pub keys: Vec<u64>,
    /// Jobs of different groups never share a batch.
    pub group: Arc<str>,
    /// Its size in a request, in bytes.
    pub bytes: usize,
    /// What is sent.
    pub payload: T,
}

/// How a destination is sent to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The most jobs of a batch; at least one.
    pub batch_jobs: usize,
    /// The most bytes of a batch. A larger job is sent alone.
    pub batch_bytes: usize,
    /// How long a batch that is not full waits for more jobs, in milliseconds.
    pub batch_age_ms: u64,
    /// The most batches under way; at least one.
    pub concurrency: usize,
    /// The most batches in a second, on average.
    pub batches_per_second: Option<f64>,
    /// Whether all jobs of a batch share one fate. Then a batch may hold several jobs of one user.
    pub is_atomic: bool,
    /// How long a job is retried after its first attempt, in milliseconds.
    pub retry_for_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            batch_jobs: 100,
            batch_bytes: 1_024 * 1_024,
            batch_age_ms: 100,
            concurrency: 8,
            batches_per_second: None,
            is_atomic: false,
            retry_for_ms: RETRY_FOR_MS_DEFAULT,
        }
    }
}

/// Jobs to be sent now, in one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch<T> {
    /// Names the batch in [`Dispatcher::finish`](crate::Dispatcher::finish).
    pub id: u64,
    /// The group of all its jobs.
    pub group: Arc<str>,
    /// In the order of the journal; at least one.
    pub jobs: Vec<BatchJob<T>>,
}

/// One job of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchJob<T> {
    /// The offset of the message in the journal.
    pub offset: u64,
    /// The name of the mapping.
    pub mapping: Arc<str>,
    /// Which attempt this is, from 1 on.
    pub attempt: u32,
    /// What is sent.
    pub payload: T,
}

/// Why a job was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Another attempt may succeed.
    Retry {
        /// A short label, such as `http_503` or `timeout`.
        reason: String,
        /// For people: the answer, or the error.
        text: String,
        /// How long the destination asks to wait (Retry-After), in milliseconds.
        after_ms: Option<u64>,
        /// Whether the destination itself is in trouble: no connection, timeout, 5xx, 429. The
        /// circuit breaker counts these.
        is_outage: bool,
    },
    /// Every other attempt would fail too: a dead letter.
    Permanent {
        /// A short label, such as `http_400`.
        reason: String,
        /// For people: the answer, or the error.
        text: String,
    },
}

impl Failure {
    /// The failure of jobs that the destination said nothing about.
    pub(crate) fn no_answer() -> Self {
        Self::Retry {
            reason: "no_answer".to_owned(),
            text: "the destination gave no answer for this delivery".to_owned(),
            after_ms: None,
            is_outage: false,
        }
    }
}
