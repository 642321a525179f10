//! Rates of addresses, and of others: calls, or milliseconds of computing, a second.

use std::hash::Hash;
use std::time::Instant;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::ADDRESSES_MAX;

/// The units that each one of many gets a second: an address, an account.
pub struct Rates<K> {
    pub(super) per_s: f64,
    /// The most units that one has after a pause.
    pub(super) burst: f64,
    by_key: Mutex<FxHashMap<K, Rate>>,
}

/// The units that one has left; below zero if it has used more than it may.
struct Rate {
    left: f64,
    at: Instant,
}

impl<K: Hash + Eq> Rates<K> {
    /// Lets `burst` through at once after a pause, then `per_s` a second.
    pub fn new(per_s: f64, burst: f64) -> Self {
        Self { per_s, burst, by_key: Mutex::default() }
    }

    /// Takes units if as many are left; whether they were.
    pub fn take(&self, key: K, n: f64) -> bool {
        self.with_balance(key, |left| {
            let fits = *left >= n;
            *left -= if fits { n } else { 0.0 };
            fits
        })
    }

    /// Gives access to the units that one has left.
    pub(super) fn with_balance<T>(&self, key: K, change: impl FnOnce(&mut f64) -> T) -> T {
        let now = Instant::now();
        let grown =
            |rate: &Rate| rate.left + now.duration_since(rate.at).as_secs_f64() * self.per_s;
        let mut all = self.by_key.lock();
        if all.len() >= ADDRESSES_MAX {
            // Those that have rested for long enough have everything again.
            all.retain(|_, rate| grown(rate) < self.burst);
            if all.len() >= ADDRESSES_MAX {
                all.clear();
            }
        }
        let rate = all.entry(key).or_insert(Rate { left: self.burst, at: now });
        *rate = Rate { left: grown(rate).min(self.burst), at: now };
        change(&mut rate.left)
    }
}
