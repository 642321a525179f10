//! Sums over users that models are computed from.
//!
//! Shards hold the users' rows; pair sums are computed for one item at a time, as integers in a
//! fixed unit. The sums of any partition of users are exactly the sums of all, in any order. So
//! shards merge by concatenation, and an update is a further shard: the new row of a user beside
//! the old row with a negative sign.

mod sequences;
mod sets;

pub use sequences::{Kernel, STEPS_MAX, SequenceSums};
pub use sets::SetSums;

use linalg::{Accumulator, Csr, retain_top_k};
use rayon::prelude::*;

/// Whether a shard's users are added or subtracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// The users are added.
    Plus,
    /// The users are subtracted: another shard holds rows of them that no longer apply.
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
    /// The number of items.
    fn n_items(&self) -> usize;

    /// Adds the sums of an item with all items to `sums`, in units of [`PairSums::unit`].
    fn add_row(&self, item: usize, sums: &mut Accumulator<i64>);

    /// The value of the integer 1.
    fn unit(&self) -> f64;
}

/// Computes a matrix items x items: for each item the `kept_max` largest of `value(item, other,
/// sum)` above 0, without the diagonal.
pub fn compute_rows(
    sums: &dyn PairSums,
    kept_max: usize,
    value: impl Fn(usize, u32, f32) -> f32 + Sync,
) -> Csr {
    compute_rows_where(sums, kept_max, |_| true, value)
}

/// As [`compute_rows`], with empty rows for items where `is_needed` returns false.
pub fn compute_rows_where(
    sums: &dyn PairSums,
    kept_max: usize,
    is_needed: impl Fn(usize) -> bool + Sync,
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
                if !is_needed(item) {
                    return Vec::new();
                }
                sums.add_row(item, row);
                row.drain(|other, sum| {
                    let value = value(item, other, (sum as f64 * unit) as f32);
                    if other as usize != item && value > 0.0 {
                        entries.push((other, value));
                    }
                });
                if entries.len() > kept_max {
                    retain_top_k(entries, kept_max);
                }
                entries.sort_unstable_by_key(|&(other, _)| other);
                entries.clone()
            },
        )
        .collect();
    Csr::from_rows(n_items as u32, rows)
}
