//! Limits on the messages that a source may send in a second.

use std::time::Instant;

use domain::WorkspaceId;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// The seconds of its limit that a source may use at once after a pause.
pub const SOURCE_BURST_S: f64 = 10.0;
/// The most sources that are remembered; beyond it all begin anew.
const SOURCES_MAX: usize = 100_000;

/// What sources with a limit have left.
#[derive(Default)]
pub(super) struct SourceRates(Mutex<FxHashMap<(WorkspaceId, String), Balance>>);

/// Messages that a source may still send, below zero after a batch that was larger than that.
struct Balance {
    left: f64,
    at: Instant,
}

impl SourceRates {
    /// Takes `n` messages of a source from what it has left. A batch is taken whole as long as
    /// anything is left: it may be larger than what a pause brings back.
    ///
    /// # Errors
    /// How many seconds to wait, where nothing is left.
    pub(super) fn take(
        &self,
        workspace: &WorkspaceId,
        source: &str,
        per_s: u32,
        n: usize,
        now: Instant,
    ) -> Result<(), u16> {
        let (per_s, mut sources) = (f64::from(per_s), self.0.lock());
        let burst = per_s * SOURCE_BURST_S;
        if sources.len() >= SOURCES_MAX {
            sources.clear();
        }
        let key = (workspace.clone(), source.to_owned());
        let balance = sources.entry(key).or_insert(Balance { left: burst, at: now });
        let grown = balance.left + now.duration_since(balance.at).as_secs_f64() * per_s;
        *balance = Balance { left: grown.min(burst), at: now };
        if balance.left < 1.0 {
            return Err(((1.0 - balance.left) / per_s).ceil() as u16);
        }
        balance.left -= n as f64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_source_has_its_rate_after_a_burst_and_a_large_batch_is_paid_later() {
        let (rates, shop) = (SourceRates::default(), WorkspaceId::new("shop").unwrap());
        let start = Instant::now();
        let take = |source, n, after_ms| {
            rates.take(&shop, source, 10, n, start + Duration::from_millis(after_ms))
        };
        assert_eq!(take("web", 99, 0), Ok(()));
        assert_eq!(take("web", 51, 0), Ok(()), "one is left, and the batch is taken whole");
        assert_eq!(take("web", 1, 0), Err(6), "fifty have to come back first");
        assert_eq!(take("app", 100, 0), Ok(()), "each source has its own");
        assert_eq!(take("web", 1, 5_000), Err(1));
        assert_eq!(take("web", 1, 5_200), Ok(()));
        assert_eq!(take("web", 100, 60_000), Ok(()), "a pause brings no more than the burst");
        assert_eq!(take("web", 1, 60_000), Err(1));
    }
}
