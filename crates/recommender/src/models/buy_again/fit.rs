//! The fit of buying again, and the list that it gives a person.

use std::collections::BTreeMap;

use domain::InteractionKind;
use serde::{Deserialize, Serialize};

use super::Config;
use crate::weighting::SECONDS_PER_DAY;
use crate::{HistoryEntry, TrainingSet};

/// What is likely to be bought again at all: by the share of buyers who come back and what the person did, more likely than not (the
/// threshold on repeat customers that Bhagat et al. put before the rate).
const SHARE_MIN: f32 = 0.5;
/// A habit has ended after so many of its mean intervals without a purchase: at a constant rate a silence of three has a chance of
/// `exp(-3)`, 1 in 20.
const ENDED_AFTER: f32 = 3.0;

/// How items are bought again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuyAgain {
    config: Config,
    /// Of items that nobody has bought.
    average: Rhythm,
    /// For each item.
    items: Vec<Rhythm>,
}

/// How an item is bought again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rhythm {
    /// The share of its buyers who bought it again.
    pub share: f32,
    /// The mean time between two purchases, in days.
    pub interval_days: f32,
    /// Whether anybody has bought it again.
    pub is_bought_again: bool,
}

impl Default for BuyAgain {
    /// Before anything is known.
    fn default() -> Self {
        let average = Rhythm { share: 0.0, interval_days: Config::INTERVAL_DAYS, is_bought_again: false };
        Self { config: Config::default(), average, items: Vec::new() }
    }
}

/// The days on which a person bought an item.
#[derive(Default, Clone, Copy)]
struct Purchases {
    n: u32,
    first_s: u32,
    last_s: u32,
}

impl Purchases {
    /// Later ones come later. What is bought within a day is one purchase.
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

    /// The time from the first to the last, in seconds.
    fn span_s(&self) -> u32 {
        self.last_s - self.first_s
    }
}

/// Sums over users: they add up to the same in any order.
#[derive(Default, Clone, Copy)]
struct Sums {
    n_buyers: u64,
    n_again: u64,
    n_intervals: u64,
    interval_s: u64,
}

impl Sums {
    fn add(&mut self, purchases: &Purchases) {
        self.n_buyers += 1;
        self.n_again += u64::from(purchases.n > 1);
        self.n_intervals += u64::from(purchases.n - 1);
        self.interval_s += u64::from(purchases.span_s());
    }

    /// With `smoothing` buyers and intervals of `average` added.
    fn rhythm(&self, average: Rhythm, smoothing: f32) -> Rhythm {
        let mean =
            |sum: f32, n: u64, of_average: f32| (sum + smoothing * of_average) / (n as f32 + smoothing);
        let days = self.interval_s as f32 / SECONDS_PER_DAY;
        Rhythm {
            share: mean(self.n_again as f32, self.n_buyers, average.share),
            interval_days: mean(days, self.n_intervals, average.interval_days),
            is_bought_again: self.n_again > 0,
        }
    }
}

/// Counts who bought what again, and after how long. O(interactions).
pub fn fit(set: &TrainingSet, config: &Config) -> BuyAgain {
    let mut by_item = vec![Sums::default(); set.n_items()];
    let mut of_all = Sums::default();
    for user in 0..set.n_users() {
        for (item, purchases) in Purchases::by_item(set.row(user)) {
            by_item[item as usize].add(&purchases);
            of_all.add(&purchases);
        }
    }
    let unknown = BuyAgain::default().average;
    let average = of_all.rhythm(unknown, 1.0);
    let items = by_item.iter().map(|sums| sums.rhythm(average, config.smoothing)).collect();
    BuyAgain { config: *config, average: Rhythm { is_bought_again: false, ..average }, items }
}

impl BuyAgain {
    /// How many items are known.
    pub fn n_items(&self) -> usize {
        self.items.len()
    }

    /// What a person is due to buy again at `now_s` and likely will, with scores, in the order of items. What neither they nor anybody else
    /// has bought again is left out, and so is a habit that has ended.
    pub fn due(&self, history: &[HistoryEntry], now_s: u32) -> Vec<(u32, f32)> {
        let of_item = |(item, purchases): (u32, Purchases)| {
            let rhythm = self.items.get(item as usize).copied().unwrap_or(self.average);
            if purchases.n < 2 && !rhythm.is_bought_again {
                return None;
            }
            let Config { prior, due_share, days_ahead, .. } = self.config;
            let days = |seconds: u32| seconds as f32 / SECONDS_PER_DAY;
            let (n, span) = (purchases.n as f32, days(purchases.span_s()));
            let since = days(now_s.saturating_sub(purchases.last_s));
            let mean = (span + prior * rhythm.interval_days) / (n - 1.0 + prior);
            if since < due_share * mean || since > ENDED_AFTER * mean {
                return None;
            }
            let waited = if since < 2.0 * mean { 2.0 * (mean - since).abs() } else { since };
            let rate = (n + prior) / (span + waited + prior * rhythm.interval_days);
            // Whoever bought it again themselves is the best evidence that it is bought again.
            let share = (rhythm.share + n - 1.0) / n;
            if share < SHARE_MIN {
                return None;
            }
            Some((item, share * (1.0 - (-rate * days_ahead).exp())))
        };
        Purchases::by_item(history)
            .into_iter()
            .filter_map(of_item)
            .filter(|(_, score)| *score > 0.0)
            .collect()
    }
}
