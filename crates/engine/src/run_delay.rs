//! For what share of the time the fold waits for a processor. Callers wait meanwhile, so that work
//! which nobody waits for should rest.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often the fold measures it, at most.
const INTERVAL: Duration = Duration::from_millis(20);
/// For how long a measurement holds: a fold that has measured none for so long has nothing to do.
const VALID: Duration = Duration::from_millis(200);

/// The last measurement, for all threads.
pub(crate) struct RunDelay {
    opened_at: Instant,
    /// In microseconds since it was opened.
    measured_at: AtomicU64,
    per_mille: AtomicU32,
}

impl RunDelay {
    pub(crate) fn new() -> Self {
        Self {
            opened_at: Instant::now(),
            measured_at: AtomicU64::new(0),
            per_mille: AtomicU32::new(0),
        }
    }

    /// The share of the last moments in which the fold waited for a processor, from 0 to 1. 0 where
    /// the operating system does not tell.
    pub(crate) fn share(&self) -> f64 {
        let measured_at = Duration::from_micros(self.measured_at.load(Ordering::Relaxed));
        if self.opened_at.elapsed().saturating_sub(measured_at) > VALID {
            return 0.0;
        }
        f64::from(self.per_mille.load(Ordering::Relaxed)) / 1_000.0
    }

    fn record(&self, share: f64) {
        let measured_at = self.opened_at.elapsed().as_micros() as u64;
        self.per_mille.store((share * 1_000.0) as u32, Ordering::Relaxed);
        self.measured_at.store(measured_at, Ordering::Relaxed);
    }
}

/// Measures the thread that made it.
pub(crate) struct RunDelayMeter {
    at: Instant,
    waited: Option<Duration>,
}

impl RunDelayMeter {
    pub(crate) fn new() -> Self {
        Self { at: Instant::now(), waited: waited() }
    }

    /// Records for what share of the time the thread waited since the last measurement, if that is
    /// a while ago.
    pub(crate) fn measure(&mut self, delay: &RunDelay) {
        let passed = self.at.elapsed();
        if passed < INTERVAL {
            return;
        }
        let now = waited();
        if let (Some(before), Some(now)) = (self.waited, now) {
            let share = now.saturating_sub(before).as_secs_f64() / passed.as_secs_f64();
            delay.record(share.min(1.0));
        }
        self.at = Instant::now();
        self.waited = now;
    }
}

/// How long the calling thread was ready to run and no processor was free, since it began.
#[cfg(target_os = "linux")]
fn waited() -> Option<Duration> {
    // Time on a processor, time of waiting for one, number of turns.
    let text = fs_err::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

#[cfg(not(target_os = "linux"))]
fn waited() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_holds_for_a_while_and_is_a_share() {
        let delay = RunDelay::new();
        assert_eq!(delay.share(), 0.0, "nothing was measured");
        delay.record(0.25);
        assert_eq!(delay.share(), 0.25);
        std::thread::sleep(VALID + Duration::from_millis(1));
        assert_eq!(delay.share(), 0.0, "the fold has nothing to do");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_is_told_how_long_it_waited() {
        assert!(waited().is_some());
        let (delay, mut meter) = (RunDelay::new(), RunDelayMeter::new());
        std::thread::sleep(INTERVAL);
        meter.measure(&delay);
        assert!((0.0..=1.0).contains(&delay.share()));
    }
}
