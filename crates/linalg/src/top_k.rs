//! The largest of many.

use std::cmp::Ordering;

/// The `k` largest entries, largest first; of equal ones the smaller index first. O(n + k log k).
pub fn top_k(entries: impl Iterator<Item = (u32, f32)>, k: usize) -> Vec<(u32, f32)> {
    let mut entries: Vec<(u32, f32)> = entries.collect();
    top_k_of(&mut entries, k);
    entries
}

/// [`top_k`] in place, for callers that use their room again.
pub fn top_k_of(entries: &mut Vec<(u32, f32)>, k: usize) {
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

fn larger_first(a: &(u32, f32), b: &(u32, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}
