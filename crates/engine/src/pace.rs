//! How much of its time background work takes that nobody waits for: less, as long as the fold
//! waits for a processor, since callers wait for that.
//!
//! The priority of threads does not do this. One that is merely nicer keeps its processor for some
//! milliseconds after the fold has got something to do, at each of thousands of batches a second;
//! one that runs only where nothing else does can be held up while it holds a lock.

use std::time::{Duration, Instant};

/// The share of the time for which the fold may wait for a processor.
const DELAY_SHARE_MAX: f64 = 0.1;
/// The least share of its time for which a reader reads, whatever the fold waits for.
const READING_SHARE_MIN: f64 = 0.05;
/// How often the share is adjusted.
const ADJUST_INTERVAL: Duration = Duration::from_millis(50);
/// What becomes of the share where the fold waits too much.
const LESS: f64 = 0.5;
/// What is added to the share where it does not.
const MORE: f64 = 0.05;
/// The longest rest.
const REST_MAX: Duration = Duration::from_millis(500);

pub(crate) struct Pace {
    /// The share of its time for which the reader reads.
    reading_share: f64,
    adjusted_at: Instant,
    rests_until: Instant,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self { reading_share: 1.0, adjusted_at: now, rests_until: now }
    }

    /// How long the reader still rests; zero if it may read.
    pub(crate) fn rest(&self, now: Instant) -> Duration {
        self.rests_until.saturating_duration_since(now)
    }

    /// Notes that the reader has read for `took`, while the fold waited for a processor for a share
    /// of the time.
    pub(crate) fn note(&mut self, took: Duration, delay_share: f64, now: Instant) {
        if now.duration_since(self.adjusted_at) >= ADJUST_INTERVAL {
            self.adjusted_at = now;
            self.reading_share = match delay_share > DELAY_SHARE_MAX {
                true => (self.reading_share * LESS).max(READING_SHARE_MIN),
                false => (self.reading_share + MORE).min(1.0),
            };
        }
        let rest = took.mul_f64(1.0 / self.reading_share - 1.0);
        self.rests_until = now + rest.min(REST_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of a second in which a reader reads that needs 2 ms for each step.
    fn reading_share(pace: &mut Pace, now: &mut Instant, delay_share: f64) -> f64 {
        let (begin, step) = (*now, Duration::from_millis(2));
        let mut read = Duration::ZERO;
        while *now - begin < Duration::from_secs(1) {
            *now += step;
            read += step;
            pace.note(step, delay_share, *now);
            *now += pace.rest(*now);
        }
        read.as_secs_f64() / (*now - begin).as_secs_f64()
    }

    #[test]
    fn a_reader_rests_while_the_fold_waits_and_reads_on_afterwards() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(reading_share(&mut pace, &mut now, 0.0), 1.0);
        reading_share(&mut pace, &mut now, 0.5);
        let least = reading_share(&mut pace, &mut now, 0.5);
        assert!((0.04..0.06).contains(&least), "{least}");
        reading_share(&mut pace, &mut now, 0.0);
        assert_eq!(reading_share(&mut pace, &mut now, 0.0), 1.0);
    }
}
