//! Selection of the k largest values.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// The `k` largest (index, value) entries, largest first; of equal values the smaller index first.
/// O(n + k log k).
pub fn top_k(entries: impl Iterator<Item = (u32, f32)>, k: usize) -> Vec<(u32, f32)> {
    let mut entries: Vec<(u32, f32)> = entries.collect();
    retain_top_k(&mut entries, k);
    entries
}

/// Keeps the `k` largest entries, in the order of [`top_k`]. Reuses the vector's allocation.
pub fn retain_top_k(entries: &mut Vec<(u32, f32)>, k: usize) {
    if k == 0 {
        entries.clear();
        return;
    }
    if entries.len() > k {
        entries.select_nth_unstable_by(k - 1, larger_first);
        entries.truncate(k);
    }
    entries.sort_unstable_by(larger_first);
}

/// Collects the `k` largest of a stream of entries in O(k) memory.
#[derive(Debug, Default)]
pub struct TopK {
    k: usize,
    /// A heap with the smallest kept entry on top.
    kept: BinaryHeap<Entry>,
}

impl TopK {
    /// Creates an empty collector of capacity `k`.
    pub fn new(k: usize) -> Self {
        Self { k, kept: BinaryHeap::with_capacity(k.min(1_024)) }
    }

    /// Keeps the entry if it is among the `k` largest so far and `allows` returns true. `allows` is
    /// called only for entries that are large enough.
    #[inline]
    pub fn offer(&mut self, index: u32, value: f32, allows: impl FnOnce() -> bool) {
        let entry = Entry(index, value);
        if self.kept.len() < self.k {
            if allows() {
                self.kept.push(entry);
            }
        } else if self.kept.peek().is_some_and(|smallest| entry < *smallest) && allows() {
            self.kept.pop();
            self.kept.push(entry);
        }
    }

    /// The smallest kept value once `k` entries are kept, infinity for `k` = 0. Smaller values will
    /// not be kept.
    #[inline]
    pub fn threshold(&self) -> Option<f32> {
        match self.kept.peek() {
            Some(smallest) if self.kept.len() == self.k => Some(smallest.1),
            None if self.k == 0 => Some(f32::INFINITY),
            _ => None,
        }
    }

    /// The kept entries, largest first; of equal values the smaller index first.
    pub fn into_sorted(self) -> Vec<(u32, f32)> {
        self.kept.into_sorted_vec().into_iter().map(|Entry(index, value)| (index, value)).collect()
    }
}

/// An (index, value) pair; the largest value sorts first.
#[derive(Debug, Clone, Copy)]
struct Entry(u32, f32);

impl Ord for Entry {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        larger_first(&(self.0, self.1), &(other.0, other.1))
    }
}

impl PartialOrd for Entry {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

#[inline]
fn larger_first(a: &(u32, f32), b: &(u32, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_collector_keeps_what_sorting_would(values in prop::collection::vec(0u8..20, 0..60), k in 0usize..12) {
            let entries = || values.iter().enumerate().map(|(n, value)| (n as u32, f32::from(*value)));
            let allows = |n: u32| n % 3 != 1;
            let mut collector = TopK::new(k);
            entries().for_each(|(n, value)| collector.offer(n, value, || allows(n)));
            prop_assert_eq!(collector.into_sorted(), top_k(entries().filter(|(n, _)| allows(*n)), k));
        }
    }
}
