//! Similarities among the candidates of one list, for diversity.
//!
//! Reranking asks for the similarities of one item to all candidates, again and again. They are
//! computed from inverted indices over the candidates, which cost one pass over their vectors.

use rustc_hash::FxHashMap;

use crate::Channel;
use crate::candidates::CandidateSources;

/// The similarities of any item (or user) to the candidates of a list, from 0 to 1.
pub(crate) struct Similarities<'a> {
    vector: Box<dyn Fn(u32) -> Vec<(u32, f32)> + 'a>,
    /// For each column of the candidates' vectors the candidates that have it: (position, value).
    by_column: FxHashMap<u32, Vec<(u32, f32)>>,
    related: Option<RelatedItems<'a>>,
    /// The similarities of one item to all candidates, reused.
    row: Vec<f32>,
}

/// The entries of a channel from and to candidates.
struct RelatedItems<'a> {
    channel: &'a Channel,
    candidates: Vec<u32>,
    /// For each item its position among the candidates, plus 1; 0 for items that are not there.
    positions: Vec<u32>,
    /// For each candidate the others that contribute to it: (position, entry as a share of the
    /// largest of its row).
    incoming: Vec<Vec<(u32, f32)>>,
}

impl<'a> Similarities<'a> {
    /// The similarity of two items is the cosine of their features, or the entry of the first
    /// channel as a share of the largest of its row, in the direction that has more; whichever is
    /// larger. O(features and related items of all candidates).
    pub(crate) fn of_items(sources: CandidateSources<'a>, candidates: &[u32]) -> Self {
        let features = sources.cold_start.features().by_item();
        let channel = sources.model.and_then(|model| model.channels.first());
        Self {
            related: channel.map(|channel| RelatedItems::new(channel, candidates)),
            ..Self::of_vectors(candidates, move |item| {
                if item as usize >= features.n_rows() {
                    return Vec::new();
                }
                let (columns, values) = features.row(item as usize);
                columns.iter().copied().zip(values.iter().copied()).collect()
            })
        }
    }

    /// The similarity is the cosine of two vectors of length 1: pairs of column and value, in the
    /// order of columns.
    pub(crate) fn of_vectors(
        candidates: &[u32],
        vector: impl Fn(u32) -> Vec<(u32, f32)> + 'a,
    ) -> Self {
        let mut by_column: FxHashMap<u32, Vec<(u32, f32)>> = FxHashMap::default();
        for (position, &candidate) in (0u32..).zip(candidates) {
            for (column, value) in vector(candidate) {
                by_column.entry(column).or_default().push((position, value));
            }
        }
        let row = vec![0.0; candidates.len()];
        Self { vector: Box::new(vector), by_column, related: None, row }
    }

    /// Adds to each sum its candidate's similarity to an item. O(candidates, and for each column of
    /// the item's vector those that share it).
    pub(crate) fn add_to(&mut self, item: u32, sums: &mut [f32]) {
        let row = &mut self.row;
        row.fill(0.0);
        for (column, value) in (self.vector)(item) {
            for &(other, other_value) in self.by_column.get(&column).into_iter().flatten() {
                row[other as usize] += value * other_value;
            }
        }
        row.iter_mut().for_each(|cosine| *cosine = cosine.clamp(0.0, 1.0));
        if let Some(related) = &self.related {
            related.visit(item, |other, share| row[other] = row[other].max(share));
        }
        sums.iter_mut().zip(row).for_each(|(sum, similarity)| *sum += *similarity);
    }
}

impl<'a> RelatedItems<'a> {
    fn new(channel: &'a Channel, candidates: &[u32]) -> Self {
        let mut positions = vec![0u32; channel.related.n_rows()];
        for (place, &item) in (1u32..).zip(candidates) {
            // The model does not know newer items.
            if let Some(position) = positions.get_mut(item as usize) {
                *position = place;
            }
        }
        let mut incoming = vec![Vec::new(); candidates.len()];
        let related =
            Self { channel, candidates: candidates.to_vec(), positions, incoming: Vec::new() };
        for (position, &item) in (0u32..).zip(candidates) {
            related.visit_outgoing(item, |other, share| incoming[other].push((position, share)));
        }
        Self { incoming, ..related }
    }

    /// Visits the candidates that are related to an item, in either direction, with the share.
    fn visit(&self, item: u32, mut visit: impl FnMut(usize, f32)) {
        match self.positions.get(item as usize) {
            // No channel has it.
            None => return,
            Some(0) => {
                for (position, &candidate) in self.candidates.iter().enumerate() {
                    let (columns, values) = self.row(candidate);
                    if let Ok(n) = columns.binary_search(&item)
                        && values[n] > 0.0
                    {
                        visit(position, values[n] / find_largest(values));
                    }
                }
            }
            Some(place) => {
                let incoming = &self.incoming[*place as usize - 1];
                incoming.iter().for_each(|(other, share)| visit(*other as usize, *share));
            }
        }
        self.visit_outgoing(item, visit);
    }

    fn visit_outgoing(&self, item: u32, mut visit: impl FnMut(usize, f32)) {
        let (columns, values) = self.row(item);
        let largest = find_largest(values);
        for (&column, &value) in columns.iter().zip(values) {
            let place = self.positions[column as usize];
            if place > 0 && value > 0.0 {
                visit(place as usize - 1, value / largest);
            }
        }
    }

    /// The columns and values of an item's row; none for an item that the model does not know.
    fn row(&self, item: u32) -> (&[u32], &[f32]) {
        let is_known = (item as usize) < self.positions.len();
        if is_known { self.channel.related.row(item as usize) } else { (&[], &[]) }
    }
}

/// The largest value, at least 0.
fn find_largest(values: &[f32]) -> f32 {
    values.iter().fold(0f32, |largest, value| largest.max(*value))
}

#[cfg(test)]
mod tests {
    use linalg::Csr;
    use proptest::prelude::*;

    use super::*;
    use crate::HistoryWeighting;

    const N_ITEMS: u32 = 12;
    const N_COLUMNS: u32 = 6;

    proptest! {
        #[test]
        fn sums_over_inverted_indices_are_those_over_all_pairs(
            cells in prop::collection::btree_map((0..N_ITEMS, 0..N_ITEMS), -1f32..1.0, 0..60),
            vectors in prop::collection::vec(
                prop::collection::btree_map(0..N_COLUMNS, 0f32..0.6, 0..4),
                N_ITEMS as usize + 2,
            ),
            // Some are newer than the model.
            items in prop::sample::subsequence((0..N_ITEMS + 2).collect::<Vec<_>>(), 1..10).prop_shuffle(),
            // Some are no candidates.
            picked in prop::collection::vec(0..N_ITEMS + 2, 1..4),
        ) {
            let row = |item: u32| {
                let cells = cells.iter().filter(move |((from, _), _)| *from == item);
                cells.map(|((_, to), value)| (*to, *value)).collect::<Vec<_>>()
            };
            let channel = Channel {
                weighting: HistoryWeighting::default(),
                related: Csr::from_rows(N_ITEMS, (0..N_ITEMS).map(row)),
            };
            let vector = |item: u32| vectors[item as usize].iter().map(|(n, value)| (*n, *value));
            let mut similarities = Similarities {
                related: Some(RelatedItems::new(&channel, &items)),
                ..Similarities::of_vectors(&items, |item| vector(item).collect())
            };
            let similarity = |a: u32, b: u32| {
                let cosine: f32 = vector(a)
                    .map(|(n, value)| value * vectors[b as usize].get(&n).copied().unwrap_or(0.0))
                    .sum();
                let share = |from: u32, to: u32| {
                    let largest = row(from).iter().fold(0f32, |largest, (_, value)| largest.max(*value));
                    let value = cells.get(&(from, to)).copied().unwrap_or(0.0);
                    if value > 0.0 { value / largest } else { 0.0 }
                };
                cosine.clamp(0.0, 1.0).max(share(a, b)).max(share(b, a))
            };
            let mut sums = vec![0f32; items.len()];
            let mut wanted = vec![0f32; items.len()];
            for picked in picked {
                similarities.add_to(picked, &mut sums);
                for (sum, item) in wanted.iter_mut().zip(&items) {
                    *sum += similarity(picked, *item);
                }
            }
            prop_assert!(
                sums.iter().zip(&wanted).all(|(sum, wanted)| (sum - wanted).abs() < 1e-5),
                "{sums:?} {wanted:?}"
            );
        }
    }
}
