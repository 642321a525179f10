//! The latest counts of items by catalog.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::Timestamp;
use parking_lot::Mutex;

/// Counts are kept for so many times as long as counting took.
const KEPT_FACTOR: u32 = 100;

/// The items of a catalog of products.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct CatalogCount {
    /// The name of the catalog.
    pub name: String,
    /// The number of items that it has, those that are turned off included.
    pub n_items: u64,
    /// The number of items that lists may have at the moment: on, in stock and valid.
    pub n_offered: u64,
}

/// The latest counts.
#[derive(Default)]
pub(crate) struct KeptCatalogCounts(Mutex<Option<Kept>>);

struct Kept {
    counts: Arc<[CatalogCount]>,
    at: Instant,
    now: Timestamp,
    duration: Duration,
}

impl KeptCatalogCounts {
    pub(crate) fn get(&self, now: Timestamp) -> Option<Arc<[CatalogCount]>> {
        let kept = self.0.lock();
        let kept = kept.as_ref()?;
        let passed = Duration::from_millis(now.0.abs_diff(kept.now.0)).max(kept.at.elapsed());
        (passed < kept.duration * KEPT_FACTOR).then(|| Arc::clone(&kept.counts))
    }

    pub(crate) fn clear(&self) {
        *self.0.lock() = None;
    }

    /// Keeps what was counted just now.
    pub(crate) fn put(&self, counts: &Arc<[CatalogCount]>, now: Timestamp, duration: Duration) {
        let (counts, at) = (Arc::clone(counts), Instant::now());
        *self.0.lock() = Some(Kept { counts, at, now, duration });
    }
}
