//! How long the views were held, from the metrics of the process.

/// How often the views were held for at most so many seconds: the buckets of
/// `views_held_seconds`, cumulative, shortest first.
pub(super) struct Holds(Vec<(f64, u64)>);

impl Holds {
    /// From the text of `/metrics`.
    pub(super) fn parse(metrics: &str) -> Self {
        let bucket = |line: &str| {
            let (bound, count) =
                line.strip_prefix("views_held_seconds_bucket{le=\"")?.split_once("\"} ")?;
            Some((bound.parse().ok()?, count.parse().ok()?))
        };
        Self(metrics.lines().filter_map(bucket).collect())
    }

    pub(super) fn since(self, before: &Self) -> Self {
        let count_before = |bound: f64| {
            before.0.iter().find(|(known, _)| *known == bound).map_or(0, |(_, count)| *count)
        };
        Self(self.0.iter().map(|(bound, count)| (*bound, count - count_before(*bound))).collect())
    }

    pub(super) fn count(&self) -> u64 {
        self.0.last().map_or(0, |(_, count)| *count)
    }

    /// The bound of the bucket in which the 99th of 100 holds ends; none if it has no bound.
    pub(super) fn p99_below_ms(&self) -> Option<f64> {
        let wanted = self.count() as f64 * 0.99;
        let (bound_s, _) = self.0.iter().find(|(_, count)| *count as f64 >= wanted)?;
        bound_s.is_finite().then(|| (bound_s * 1e6).round() / 1e3)
    }
}
