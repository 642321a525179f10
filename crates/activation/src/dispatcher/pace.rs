//! The rate limit of a destination, and how long a failed job waits.

use domain::Timestamp;

/// How long a job waits after its first failure, in milliseconds. Every further one doubles it.
pub const RETRY_BASE_MS: u64 = 1_000;
/// The longest that a job waits unless its destination asks for more, in milliseconds.
pub const RETRY_MS_MAX: u64 = 5 * 60 * 1_000;
/// The longest wait that a destination may ask for (Retry-After), in milliseconds.
pub const RETRY_AFTER_MS_MAX: u64 = 30 * 60 * 1_000;
/// The part of a second whose batches may be sent at once after a pause.
const BURST_SECONDS: f64 = 0.1;

/// A token bucket, in batches.
#[derive(Debug)]
pub(super) struct Bucket {
    per_ms: f64,
    burst: f64,
    tokens: f64,
    at: Option<Timestamp>,
}

impl Bucket {
    pub(super) fn new(batches_per_second: f64) -> Self {
        let per_second = batches_per_second.max(f64::MIN_POSITIVE);
        let burst = (per_second * BURST_SECONDS).max(1.0);
        Self { per_ms: per_second / 1_000.0, burst, tokens: burst, at: None }
    }

    pub(super) fn take(&mut self, now: Timestamp) {
        self.tokens = self.tokens_at(now) - 1.0;
        self.at = Some(now);
    }

    /// How long until a batch may leave, in milliseconds.
    pub(super) fn wait_ms(&self, now: Timestamp) -> u64 {
        let missing = 1.0 - self.tokens_at(now);
        if missing > 1e-9 { (missing / self.per_ms).ceil() as u64 } else { 0 }
    }

    fn tokens_at(&self, now: Timestamp) -> f64 {
        let passed_ms = self.at.map_or(0, |at| (now.0 - at.0).max(0));
        (self.tokens + passed_ms as f64 * self.per_ms).min(self.burst)
    }
}

/// How long a job waits after so many failed attempts, in milliseconds: exponential, half of it
/// random. The same for all jobs of a batch, so that they can leave together again.
pub(super) fn backoff_ms(attempts: u32, after_ms: Option<u64>, seed: u64) -> u64 {
    let doublings = attempts.saturating_sub(1).min(20);
    let full_ms = (RETRY_BASE_MS << doublings).min(RETRY_MS_MAX);
    let random = xxhash_rust::xxh3::xxh3_64_with_seed(&attempts.to_le_bytes(), seed);
    let backoff_ms = full_ms / 2 + random % (full_ms / 2 + 1);
    backoff_ms.max(after_ms.unwrap_or(0).min(RETRY_AFTER_MS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_holds_to_its_rate_with_a_small_burst() {
        let mut bucket = Bucket::new(50.0);
        let mut n = 0;
        for ms in 0..10_000 {
            while bucket.wait_ms(Timestamp(ms)) == 0 {
                bucket.take(Timestamp(ms));
                n += 1;
            }
        }
        assert!((499..=506).contains(&n), "{n}");
        assert!((1..=20).contains(&bucket.wait_ms(Timestamp(9_999))));
    }

    #[test]
    fn waits_double_up_to_five_minutes_and_honour_the_destination() {
        for (attempts, full_ms) in [(1, 1_000), (2, 2_000), (5, 16_000), (10, 300_000)] {
            let waits: Vec<u64> = (0..100).map(|seed| backoff_ms(attempts, None, seed)).collect();
            assert!(waits.iter().all(|ms| (full_ms / 2..=full_ms).contains(ms)));
            assert!(waits.iter().max() > waits.iter().min());
        }
        assert_eq!(backoff_ms(u32::MAX, Some(1_000_000), 1), 1_000_000);
        assert_eq!(backoff_ms(1, Some(u64::MAX), 1), RETRY_AFTER_MS_MAX);
    }
}
