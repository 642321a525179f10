//! How many items each catalog has, and how many of them lists may have at the moment.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use domain::{ITEMS_CATALOG, ItemIdx, Timestamp};

use crate::{CatalogCount, LiveState, Serving};

/// How many items are counted between two turns of the fold.
const ITEMS_PER_STEP: u32 = 4_096;

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
        self.catalog_counts.put(&counts, now, started.elapsed());
        counts
    }
}
