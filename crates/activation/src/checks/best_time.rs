//! When of a day a person does something: twelve buckets of two hours.

use domain::{TimeZone, Timestamp};

use super::local_time::{due_in_zone, local};

/// The buckets of a day, of two hours each.
pub const BEST_TIME_BUCKETS: usize = 12;
const BUCKET_HOURS: i8 = 24 / BEST_TIME_BUCKETS as i8;

/// How often a person did something in each bucket of their days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BestTime {
    counts: [u32; BEST_TIME_BUCKETS],
}

impl BestTime {
    /// Counts what was done at an instant.
    pub fn add(&mut self, zone: &TimeZone, at: Timestamp) {
        let bucket = local(zone, at).hour() / BUCKET_HOURS;
        let count = &mut self.counts[bucket as usize];
        *count = count.saturating_add(1);
    }

    /// The bucket in which the most was done, the first of several; none where nothing was.
    pub fn bucket(&self) -> Option<usize> {
        let most = *self.counts.iter().max()?;
        (most > 0).then(|| self.counts.iter().position(|count| *count == most)).flatten()
    }

    /// When a message of a run is due that began at an instant: at the next beginning of the
    /// person's bucket, or in it. Of a person who did nothing, after the last bucket of the day.
    pub fn due(&self, zone: &TimeZone, run: Timestamp) -> Timestamp {
        let today = local(zone, run);
        let begin = |days: i64, bucket: i8| {
            let date = super::local_time::after(today.date(), days);
            match bucket < BEST_TIME_BUCKETS as i8 {
                true => due_in_zone(date.at(bucket * BUCKET_HOURS, 0, 0, 0), zone),
                false => {
                    let next = super::local_time::after(date, 1);
                    due_in_zone(next.at(0, 0, 0, 0), zone)
                }
            }
        };
        let bucket = self.bucket().unwrap_or(BEST_TIME_BUCKETS) as i8;
        if bucket == today.hour() / BUCKET_HOURS {
            return run;
        }
        let found = begin(0, bucket).filter(|due| *due >= run).or_else(|| begin(1, bucket));
        found.unwrap_or(run)
    }
}
