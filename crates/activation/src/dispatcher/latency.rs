//! The latencies of the last deliveries.

/// How many latencies are kept.
const LATENCIES_KEPT: usize = 1_024;

/// A ring of the last latencies, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    ring: Vec<u32>,
    next: usize,
}

impl Latencies {
    pub(super) fn add(&mut self, ms: u64) {
        let ms = ms.min(u64::from(u32::MAX)) as u32;
        match self.ring.get_mut(self.next) {
            Some(place) => *place = ms,
            None => self.ring.push(ms),
        }
        self.next = (self.next + 1) % LATENCIES_KEPT;
    }

    /// The latencies that a half and 95 % of the deliveries did not exceed, in milliseconds.
    pub(super) fn p50_and_p95(&self) -> Option<(u64, u64)> {
        let mut sorted = self.ring.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let at = |percent: usize| u64::from(sorted[last * percent / 100]);
        Some((at(50), at(95)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_latencies_count() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.p50_and_p95(), None);
        (0..5_000).for_each(|_| latencies.add(9));
        (0..=LATENCIES_KEPT as u64).for_each(|ms| latencies.add(ms));
        let (p50, p95) = latencies.p50_and_p95().unwrap();
        assert_eq!((p50, p95), (512, 972));
    }
}
