//! Rates of addresses: calls, or milliseconds of computing, a second.

use std::net::IpAddr;
use std::time::Instant;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::ADDRESSES_MAX;

/// The units that an address gets a second.
pub(super) struct Rates {
    pub(super) per_s: f64,
    /// The most units that an address has after a pause.
    pub(super) burst: f64,
    by_address: Mutex<FxHashMap<IpAddr, Rate>>,
}

/// The units that an address has left; below zero if it has used more than it may.
struct Rate {
    left: f64,
    at: Instant,
}

impl Rates {
    pub(super) fn new(per_s: u32, burst: u32) -> Self {
        Self { per_s: f64::from(per_s), burst: f64::from(burst), by_address: Mutex::default() }
    }

    /// Gives access to the units that an address has left.
    pub(super) fn with_balance<T>(&self, address: IpAddr, change: impl FnOnce(&mut f64) -> T) -> T {
        let now = Instant::now();
        let grown =
            |rate: &Rate| rate.left + now.duration_since(rate.at).as_secs_f64() * self.per_s;
        let mut all = self.by_address.lock();
        if all.len() >= ADDRESSES_MAX {
            // Those that have rested for long enough have everything again.
            all.retain(|_, rate| grown(rate) < self.burst);
            if all.len() >= ADDRESSES_MAX {
                all.clear();
            }
        }
        let rate = all.entry(address).or_insert(Rate { left: self.burst, at: now });
        *rate = Rate { left: grown(rate).min(self.burst), at: now };
        change(&mut rate.left)
    }
}
