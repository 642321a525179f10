//! The circuit breaker: stops sending to a destination that is down.

use domain::Timestamp;

/// After so many failed batches in a row the breaker opens.
pub const BREAKER_FAILURES: u32 = 10;
/// How long it stays open at first, in milliseconds. Every failed probe doubles it.
pub const BREAKER_OPEN_MS: u64 = 1_000;
/// The longest that it stays open before it lets a probe through, in milliseconds.
pub const BREAKER_OPEN_MS_MAX: u64 = 60_000;

/// What the circuit breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing until a time, then one batch as a probe.
    Open {
        /// When it lets a probe through.
        until: Timestamp,
    },
    /// Nothing while the probe is under way.
    HalfOpen,
}

#[derive(Debug)]
pub(super) struct Breaker {
    state: BreakerState,
    /// Failed batches since the last success.
    n_failures: u32,
    open_ms: u64,
    probe: Option<u64>,
}

impl Breaker {
    pub(super) fn new() -> Self {
        let state = BreakerState::Closed;
        Self { state, n_failures: 0, open_ms: BREAKER_OPEN_MS, probe: None }
    }

    pub(super) fn state(&self) -> BreakerState {
        self.state
    }

    /// When it lets a batch through, if it does without an answer.
    pub(super) fn opens_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            BreakerState::Closed => Some(now),
            BreakerState::Open { until } => Some(until),
            BreakerState::HalfOpen => None,
        }
    }

    /// A batch leaves.
    pub(super) fn send(&mut self, batch: u64) {
        if matches!(self.state, BreakerState::Open { .. }) {
            self.state = BreakerState::HalfOpen;
            self.probe = Some(batch);
        }
    }

    pub(super) fn succeed(&mut self) {
        *self = Self::new();
    }

    pub(super) fn fail(&mut self, batch: u64, now: Timestamp) {
        self.n_failures = self.n_failures.saturating_add(1);
        match self.state {
            BreakerState::Closed if self.n_failures >= BREAKER_FAILURES => self.open(now),
            BreakerState::HalfOpen if self.probe == Some(batch) => {
                self.open_ms = (self.open_ms * 2).min(BREAKER_OPEN_MS_MAX);
                self.open(now);
            }
            // Sent before the breaker opened: it knows already.
            _ => {}
        }
    }

    fn open(&mut self, now: Timestamp) {
        self.probe = None;
        self.state = BreakerState::Open { until: Timestamp(now.0 + self.open_ms as i64) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_in_a_row_open_it_and_each_failed_probe_doubles_the_wait() {
        let mut breaker = Breaker::new();
        for batch in 0..9 {
            breaker.fail(batch, Timestamp(0));
        }
        breaker.succeed();
        for batch in 0..10 {
            assert_eq!(breaker.state(), BreakerState::Closed, "{batch}");
            breaker.fail(batch, Timestamp(0));
        }
        let mut now = 0;
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            let until = Timestamp(now + wait * 1_000);
            assert_eq!(breaker.state(), BreakerState::Open { until });
            breaker.fail(3, Timestamp(now));
            now = until.0;
            breaker.send(99);
            assert_eq!(breaker.state(), BreakerState::HalfOpen);
            breaker.fail(98, Timestamp(now));
            breaker.fail(99, Timestamp(now));
        }
        breaker.succeed();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
