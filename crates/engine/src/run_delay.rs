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
        self.share_at(self.opened_at.elapsed())
    }

    /// The same, so long after it was opened.
    fn share_at(&self, elapsed: Duration) -> f64 {
        let measured_at = Duration::from_micros(self.measured_at.load(Ordering::Relaxed));
        if elapsed.saturating_sub(measured_at) > VALID {
            return 0.0;
        }
        f64::from(self.per_mille.load(Ordering::Relaxed)) / 1_000.0
    }

    fn record(&self, share: f64, elapsed: Duration) {
        let measured_at = elapsed.as_micros() as u64;
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
            delay.record(share.min(1.0), delay.opened_at.elapsed());
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
    fn a_measurement_holds_for_a_while() {
        let (delay, at) = (RunDelay::new(), Duration::from_secs(5));
        assert_eq!(delay.share_at(at), 0.0, "nothing was measured");
        delay.record(0.25, at);
        assert_eq!(delay.share_at(at + VALID), 0.25);
        let later = at + VALID + Duration::from_millis(1);
        assert_eq!(delay.share_at(later), 0.0, "the fold has nothing to do");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_is_measured_now_and_then() {
        let (delay, mut meter) = (RunDelay::new(), RunDelayMeter::new());
        assert!(meter.waited.is_some(), "the kernel tells");
        let is_measured = || delay.measured_at.load(Ordering::Relaxed) > 0;
        meter.at = Instant::now() + INTERVAL;
        meter.measure(&delay);
        assert!(!is_measured(), "the last measurement is not a while ago");
        meter.at = Instant::now();
        std::thread::sleep(INTERVAL);
        meter.measure(&delay);
        assert!(is_measured());
    }
}
