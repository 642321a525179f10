//! Sums over users that models are computed from.
//!
//! They are kept as the users' own rows and summed for one item at a time, in whole numbers of a fixed unit: the sums of any shards of
//! users are exactly the sums of all of them, in any order. So shards merge by standing side by side, and what is new is a shard more: a
//! user's changed row is the new one beside the old one with a minus.

mod sequences;
mod sets;

pub use sequences::{Kernel, STEPS_MAX, SequenceSums};
pub use sets::SetSums;

use linalg::{Accumulator, Csr, top_k_of};
use rayon::prelude::*;

/// Whether a shard's users are added or taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Added.
    Plus,
    /// Taken away: what other shards have said of these users no longer holds.
    Minus,
}

impl Sign {
    fn factor(self) -> i64 {
        match self {
            Self::Plus => 1,
            Self::Minus => -1,
        }
    }
}

/// For every pair of items a sum over users.
pub trait PairSums: Sync {
    /// How many items there are.
    fn n_items(&self) -> usize;

    /// Adds the sums of an item with every other to `sums`, in units of [`PairSums::unit`].
    fn row(&self, item: usize, sums: &mut Accumulator<i64>);

    /// What a sum of one stands for.
    fn unit(&self) -> f64;
}

/// The `kept_max` largest of `value(item, other, sum)` for each item, its own left out: items x items. What is not above 0 is left out too.
pub fn rows_of(sums: &dyn PairSums, kept_max: usize, value: impl Fn(usize, u32, f32) -> f32 + Sync) -> Csr {
    some_rows_of(sums, kept_max, |_| true, value)
}

/// As [`rows_of`], with empty rows for the items that nobody asks for.
pub fn some_rows_of(
    sums: &dyn PairSums,
    kept_max: usize,
    is_asked_for: impl Fn(usize) -> bool + Sync,
    value: impl Fn(usize, u32, f32) -> f32 + Sync,
) -> Csr {
    let unit = sums.unit();
    let n_items = sums.n_items();
    let rows: Vec<Vec<(u32, f32)>> = (0..n_items)
        .into_par_iter()
        .map_init(
            || (Accumulator::new(n_items), Vec::new()),
            |(row, entries), item| {
                entries.clear();
                if !is_asked_for(item) {
                    return Vec::new();
                }
                sums.row(item, row);
                row.drain(|other, sum| {
                    let value = value(item, other, (sum as f64 * unit) as f32);
                    if other as usize != item && value > 0.0 {
                        entries.push((other, value));
                    }
                });
                if entries.len() > kept_max {
                    top_k_of(entries, kept_max);
                }
                entries.sort_unstable_by_key(|&(other, _)| other);
                entries.clone()
            },
        )
        .collect();
    Csr::from_rows(n_items as u32, rows)
}
