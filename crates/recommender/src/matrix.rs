//! The three representations of an item-item matrix. Entry (i, j) is the contribution of history
//! item i to the score of item j.

use std::sync::Arc;

use linalg::{Csr, Dense, add_scaled, dot_weighted};
use rayon::prelude::*;

/// An item-item matrix, items x items.
pub enum ItemMatrix {
    /// The strongest entries of each row.
    Sparse(Csr),
    /// Dense over the head items, zero for the others.
    Head(HeadMatrix),
    /// A product of low-rank factors.
    Factors(Factors),
}

/// A dense matrix over the head: the items with the most interactions.
pub struct HeadMatrix {
    /// Head items x head items.
    pub matrix: Dense,
    /// The indices of the head items, ascending.
    pub head: Vec<u32>,
    /// The number of all items.
    pub n_items: usize,
}

/// A low-rank matrix: entry (i, j) is `source_factors_i sum_k basis_ik filter_k basis_jk`.
pub struct Factors {
    /// Items x rank or more, by descending importance. Only the first `filter.len()` columns are
    /// used.
    pub basis: Arc<Dense>,
    /// The factor of each used column.
    pub filter: Vec<f32>,
    /// The factor of each row, by item.
    pub source_factors: Vec<f32>,
}

/// A sufficiently full matrix of at most this many items is stored dense, which is faster.
const DENSE_ITEMS_MAX: usize = 6_000;
/// A matrix is full enough where at least one in this many entries is nonzero.
const DENSE_CELLS_PER_ENTRY: usize = 8;

impl ItemMatrix {
    /// Wraps a sparse matrix, in the faster representation.
    pub fn from_rows(matrix: Csr) -> Self {
        let n_items = matrix.n_rows();
        if n_items > DENSE_ITEMS_MAX
            || matrix.n_values() * DENSE_CELLS_PER_ENTRY < n_items * n_items
        {
            return Self::Sparse(matrix);
        }
        let mut dense = Dense::zeros(n_items, n_items);
        dense.values_mut().par_chunks_mut(n_items.max(1)).enumerate().for_each(|(row, out)| {
            let (columns, values) = matrix.row(row);
            columns.iter().zip(values).for_each(|(&column, value)| out[column as usize] = *value);
        });
        Self::Head(HeadMatrix { matrix: dense, head: (0..n_items as u32).collect(), n_items })
    }

    /// The number of items: rows, and columns.
    pub fn n_items(&self) -> usize {
        match self {
            Self::Sparse(matrix) => matrix.n_rows(),
            Self::Head(head) => head.n_items,
            Self::Factors(factors) => factors.source_factors.len(),
        }
    }

    /// Adds the scores of weighed histories to `out`, histories x items. A history is a list of
    /// (item, weight).
    pub fn add_scores(&self, histories: &[Vec<(u32, f32)>], out: &mut Dense) {
        if let Self::Factors(factors) = self {
            factors.add_scores(histories, out);
            return;
        }
        out.values_mut().par_chunks_mut(self.n_items().max(1)).zip(histories).for_each(
            |(out, history)| {
                for &(item, weight) in history {
                    match self {
                        Self::Sparse(matrix) => {
                            let (columns, values) = matrix.row(item as usize);
                            columns.iter().zip(values).for_each(|(&column, value)| {
                                out[column as usize] += weight * value
                            });
                        }
                        Self::Head(head) => head.add_row(item, weight, out),
                        Self::Factors(_) => unreachable!("handled above"),
                    }
                }
            },
        );
    }
}

impl Factors {
    fn add_scores(&self, histories: &[Vec<(u32, f32)>], out: &mut Dense) {
        self.add_leading_scores(histories, self.filter.len(), out);
    }

    /// As [`ItemMatrix::add_scores`], with the first `n_leading` columns of the basis only.
    pub(crate) fn add_leading_scores(
        &self,
        histories: &[Vec<(u32, f32)>],
        n_leading: usize,
        out: &mut Dense,
    ) {
        let mut tastes = Dense::zeros(histories.len(), self.basis.n_columns());
        tastes.values_mut().par_chunks_mut(self.basis.n_columns().max(1)).zip(histories).for_each(
            |(taste, history)| {
                let taste = &mut taste[..n_leading];
                for &(item, weight) in history {
                    let factor = weight * self.source_factors[item as usize];
                    add_scaled(taste, factor, &self.basis.row(item as usize)[..n_leading]);
                }
                taste.iter_mut().zip(&self.filter).for_each(|(taste, filter)| *taste *= filter);
            },
        );
        out.add_product(&tastes, &self.basis, n_leading);
    }

    /// The part of an entry that comes from the columns from `n_leading` on.
    pub(crate) fn trailing_score(&self, row: u32, column: u32, n_leading: usize) -> f32 {
        let trailing = |item: u32| &self.basis.row(item as usize)[n_leading..self.filter.len()];
        self.source_factors[row as usize]
            * dot_weighted(trailing(row), &self.filter[n_leading..], trailing(column))
    }
}

impl HeadMatrix {
    fn add_row(&self, item: u32, weight: f32, out: &mut [f32]) {
        let Ok(n) = self.head.binary_search(&item) else { return };
        let row = self.matrix.row(n);
        if self.head.len() == self.n_items {
            add_scaled(out, weight, row);
        } else {
            self.head
                .iter()
                .zip(row)
                .for_each(|(&other, value)| out[other as usize] += weight * value);
        }
    }
}
