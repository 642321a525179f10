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
    /// Whether it is given up where nobody knows if it was taken. Otherwise it is sent again.
    pub is_once: bool,
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

/// The reason of jobs that were given up because nobody knows whether they were taken.
pub const OUTCOME_UNKNOWN: &str = "unknown_outcome";

/// Why a job was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It was certainly not taken, and another attempt may succeed.
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
    /// Nobody knows whether it was taken: the answer to what was sent whole is lost.
    Unknown {
        /// A short label, such as `timeout`.
        reason: String,
        /// For people: the error.
        text: String,
        /// As of [`Failure::Retry`].
        is_outage: bool,
    },
    /// It was not taken, and every other attempt would fail too: a dead letter.
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
        Self::Unknown {
            reason: "no_answer".to_owned(),
            text: "the destination gave no answer for this delivery".to_owned(),
            is_outage: false,
        }
    }

    /// Whether the destination itself is in trouble.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Retry { is_outage, .. } | Self::Unknown { is_outage, .. } => *is_outage,
            Self::Permanent { .. } => false,
        }
    }

    /// The failure of what came before anything was handed over.
    pub fn before_handing_over(self) -> Self {
        match self {
            Self::Unknown { reason, text, is_outage } => {
                Self::Retry { reason, text, after_ms: None, is_outage }
            }
            other => other,
        }
    }

    /// What it is for people.
    pub fn text(&self) -> &str {
        match self {
            Self::Retry { text, .. }
            | Self::Unknown { text, .. }
            | Self::Permanent { text, .. } => text,
        }
    }
}

/// What became of a job of a batch that is finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The destination took it.
    Delivered,
    /// It is tried again.
    Retried,
    /// It is a dead letter.
    GivenUp {
        /// The reason of the dead letter: [`OUTCOME_UNKNOWN`] where nobody knows whether it was
        /// taken.
        reason: String,
    },
}
