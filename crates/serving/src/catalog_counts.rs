//! How many items each catalog has, and how many of them lists may have at the moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{ITEMS_CATALOG, ItemIdx, Timestamp};
use parking_lot::Mutex;

use crate::{LiveState, Serving};

/// How many items are counted between two turns of the fold.
const ITEMS_PER_STEP: u32 = 4_096;
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
    fn get(&self, now: Timestamp) -> Option<Arc<[CatalogCount]>> {
        let kept = self.0.lock();
        let kept = kept.as_ref()?;
        let passed = Duration::from_millis(now.0.abs_diff(kept.now.0)).max(kept.at.elapsed());
        (passed < kept.duration * KEPT_FACTOR).then(|| Arc::clone(&kept.counts))
    }

    pub(crate) fn clear(&self) {
        *self.0.lock() = None;
    }
}

impl Serving {
    /// The items of each catalog of products, `items` first, then by name: of those that the
    /// settings name, and of any other that still has items. O(items), in steps, and not again
    /// before a hundred times as long has passed.
    pub fn catalog_counts(&self, live: &LiveState, now: Timestamp) -> Arc<[CatalogCount]> {
        if let Some(counts) = self.catalog_counts.get(now) {
            return counts;
        }
        let started = Instant::now();
        let mut counts: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for name in live.snapshot().setup.config.catalog.product_catalogs() {
            counts.entry(name.to_owned()).or_default();
        }
        for first in (0..).step_by(ITEMS_PER_STEP as usize) {
            let views = live.snapshot();
            let n_items = views.catalog.n_items() as u32;
            if first >= n_items {
                break;
            }
            let offered = views.offered(now);
            for item in (first..(first + ITEMS_PER_STEP).min(n_items)).map(ItemIdx) {
                if !views.catalog.is_available(item) {
                    continue;
                }
                let name = views.catalog.catalog_of(item);
                if !counts.contains_key(name) {
                    counts.insert(name.to_owned(), (0, 0));
                }
                if let Some((n_items, n_offered)) = counts.get_mut(name) {
                    *n_items += 1;
                    *n_offered += u64::from(offered.has(item));
                }
            }
        }
        let mut counts: Vec<CatalogCount> = counts
            .into_iter()
            .map(|(name, (n_items, n_offered))| CatalogCount { name, n_items, n_offered })
            .collect();
        counts.sort_by_key(|count| count.name != ITEMS_CATALOG);
        let counts: Arc<[CatalogCount]> = counts.into();
        let (at, duration) = (Instant::now(), started.elapsed());
        *self.catalog_counts.0.lock() =
            Some(Kept { counts: Arc::clone(&counts), at, now, duration });
        counts
    }
}
