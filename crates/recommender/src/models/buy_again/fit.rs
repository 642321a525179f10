//! Fits repurchase statistics, and lists the items that a user is due to buy again.

use std::collections::BTreeMap;

use domain::InteractionKind;
use serde::{Deserialize, Serialize};

use super::Config;
use crate::weighting::SECONDS_PER_DAY;
use crate::{HistoryEntry, TrainingSet};

/// The minimum probability that the user ever buys the item again: the repeat customer threshold of
/// Bhagat et al.
const SHARE_MIN: f32 = 0.5;
/// A habit has ended after this many mean intervals without a purchase. At a constant rate such a
/// silence has a probability of `exp(-3)`, 1 in 20.
const ENDED_AFTER_INTERVALS: f32 = 3.0;

/// The repurchase statistics of all items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuyAgain {
    config: Config,
    /// The statistics of items without purchases.
    average: RepurchaseStatistics,
    /// The statistics of each item.
    items: Vec<RepurchaseStatistics>,
}

/// How often and after how long an item is bought again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RepurchaseStatistics {
    /// The smoothed share of its buyers who bought it again, from 0 to 1.
    pub share: f32,
    /// The smoothed mean interval between purchases, in days.
    pub interval_days: f32,
    /// Whether any user bought it again.
    pub is_bought_again: bool,
}

impl Default for BuyAgain {
    /// The statistics before the first training.
    fn default() -> Self {
        let average = RepurchaseStatistics {
            share: 0.0,
            interval_days: Config::INTERVAL_DAYS,
            is_bought_again: false,
        };
        Self { config: Config::default(), average, items: Vec::new() }
    }
}

/// One user's purchases of one item, at most one a day.
#[derive(Default, Clone, Copy)]
struct Purchases {
    n: u32,
    first_s: u32,
    last_s: u32,
}

impl Purchases {
    /// Adds a purchase, in order of time. Purchases within 24 hours of the last counted one are
    /// part of it.
    fn add(&mut self, at_s: u32) {
        if self.n == 0 {
            *self = Self { n: 1, first_s: at_s, last_s: at_s };
        } else if at_s - self.last_s >= SECONDS_PER_DAY as u32 {
            self.n += 1;
            self.last_s = at_s;
        }
    }

    fn by_item(history: &[HistoryEntry]) -> BTreeMap<u32, Self> {
        let mut by_item: BTreeMap<u32, Self> = BTreeMap::new();
        for entry in history.iter().filter(|entry| entry.kind == InteractionKind::Purchase) {
            by_item.entry(entry.item.0).or_default().add(entry.at_s);
        }
        by_item
    }

    /// The time from the first to the last purchase, in seconds.
    fn span_s(&self) -> u32 {
        self.last_s - self.first_s
    }
}

/// Sums over an item's buyers. They do not depend on the order of users.
#[derive(Default, Clone, Copy)]
struct RepurchaseSums {
    n_buyers: u64,
    n_again: u64,
    n_intervals: u64,
    interval_s: u64,
}

impl RepurchaseSums {
    fn add(&mut self, purchases: &Purchases) {
        self.n_buyers += 1;
        self.n_again += u64::from(purchases.n > 1);
        self.n_intervals += u64::from(purchases.n - 1);
        self.interval_s += u64::from(purchases.span_s());
    }

    /// The statistics of the item, with `smoothing` buyers and intervals of `average` added.
    fn statistics(&self, average: RepurchaseStatistics, smoothing: f32) -> RepurchaseStatistics {
        let mean = |sum: f32, n: u64, prior_mean: f32| {
            (sum + smoothing * prior_mean) / (n as f32 + smoothing)
        };
        let days = self.interval_s as f32 / SECONDS_PER_DAY;
        RepurchaseStatistics {
            share: mean(self.n_again as f32, self.n_buyers, average.share),
            interval_days: mean(days, self.n_intervals, average.interval_days),
            is_bought_again: self.n_again > 0,
        }
    }
}

/// Computes the repurchase statistics of all items. O(interactions).
pub fn fit(set: &TrainingSet, config: &Config) -> BuyAgain {
    let mut by_item = vec![RepurchaseSums::default(); set.n_items()];
    let mut total = RepurchaseSums::default();
    for user in 0..set.n_users() {
        for (item, purchases) in Purchases::by_item(set.row(user)) {
            by_item[item as usize].add(&purchases);
            total.add(&purchases);
        }
    }
    let unknown = BuyAgain::default().average;
    let average = total.statistics(unknown, 1.0);
    let items = by_item.iter().map(|sums| sums.statistics(average, config.smoothing)).collect();
    BuyAgain {
        config: *config,
        average: RepurchaseStatistics { is_bought_again: false, ..average },
        items,
    }
}

impl BuyAgain {
    /// The number of items of the training set.
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    /// The items that a user is due to buy again at `now_s` (seconds since 1970) with their scores,
    /// in the order of items. Items that nobody bought twice, and habits that have ended, are
    /// excluded.
    pub fn due_items(&self, history: &[HistoryEntry], now_s: u32) -> Vec<(u32, f32)> {
        let score = |(item, purchases): (u32, Purchases)| {
            let statistics = self.items.get(item as usize).copied().unwrap_or(self.average);
            if purchases.n < 2 && !statistics.is_bought_again {
                return None;
            }
            let Config { prior, due_share, days_ahead, .. } = self.config;
            let days = |seconds: u32| seconds as f32 / SECONDS_PER_DAY;
            let (n, span) = (purchases.n as f32, days(purchases.span_s()));
            let since = days(now_s.saturating_sub(purchases.last_s));
            let mean = (span + prior * statistics.interval_days) / (n - 1.0 + prior);
            if since < due_share * mean || since > ENDED_AFTER_INTERVALS * mean {
                return None;
            }
            let waited = if since < 2.0 * mean { 2.0 * (mean - since).abs() } else { since };
            let rate = (n + prior) / (span + waited + prior * statistics.interval_days);
            // The user's own repurchases are the best evidence.
            let share = (statistics.share + n - 1.0) / n;
            if share < SHARE_MIN {
                return None;
            }
            Some((item, share * (1.0 - (-rate * days_ahead).exp())))
        };
        Purchases::by_item(history)
            .into_iter()
            .filter_map(score)
            .filter(|(_, score)| *score > 0.0)
            .collect()
    }
}
