//! The three forms in which a model says how strongly each item speaks for every other.

use std::sync::Arc;

use linalg::{Csr, Dense, add_scaled, dot_weighted};
use rayon::prelude::*;

/// Items x items.
pub enum ItemMatrix {
    /// The strongest of each row.
    Sparse(Csr),
    /// Dense over some items, nothing for the others.
    Head(HeadMatrix),
    /// A product.
    Factors(Factors),
}

/// A dense matrix over the items with the most interactions.
pub struct HeadMatrix {
    /// Head x head.
    pub matrix: Dense,
    /// Which items, ascending.
    pub head: Vec<u32>,
    /// How many items there are.
    pub n_items: usize,
}

/// Row i, column j: left_i sum_k basis_ik filter_k basis_jk.
pub struct Factors {
    /// Items x rank, or wider: only the first columns count, and those before others count more.
    pub basis: Arc<Dense>,
    /// One for each column that counts.
    pub filter: Vec<f32>,
    /// Of the item that speaks.
    pub left: Vec<f32>,
}

/// Up to so many items a matrix that is full enough is faster dense.
const DENSE_ITEMS_MAX: usize = 6_000;
/// Full enough: one entry of so many places.
const DENSE_PLACES_PER_ENTRY: usize = 8;

impl ItemMatrix {
    /// A matrix of rows, in the faster form.
    pub fn from_rows(matrix: Csr) -> Self {
        let n_items = matrix.n_rows();
        if n_items > DENSE_ITEMS_MAX || matrix.n_values() * DENSE_PLACES_PER_ENTRY < n_items * n_items {
            return Self::Sparse(matrix);
        }
        let mut dense = Dense::zeros(n_items, n_items);
        dense.values_mut().par_chunks_mut(n_items.max(1)).enumerate().for_each(|(row, out)| {
            let (columns, values) = matrix.row(row);
            columns.iter().zip(values).for_each(|(&column, value)| out[column as usize] = *value);
        });
        Self::Head(HeadMatrix { matrix: dense, head: (0..n_items as u32).collect(), n_items })
    }

    /// How many items there are.
    pub fn n_items(&self) -> usize {
        match self {
            Self::Sparse(matrix) => matrix.n_rows(),
            Self::Head(head) => head.n_items,
            Self::Factors(factors) => factors.left.len(),
        }
    }

    /// Adds the sums of the rows of weighted histories to `out`, histories x items.
    pub fn add_scores(&self, histories: &[Vec<(u32, f32)>], out: &mut Dense) {
        if let Self::Factors(factors) = self {
            factors.add_scores(histories, out);
            return;
        }
        out.values_mut().par_chunks_mut(self.n_items().max(1)).zip(histories).for_each(|(out, history)| {
            for &(item, weight) in history {
                match self {
                    Self::Sparse(matrix) => {
                        let (columns, values) = matrix.row(item as usize);
                        columns
                            .iter()
                            .zip(values)
                            .for_each(|(&column, value)| out[column as usize] += weight * value);
                    }
                    Self::Head(head) => head.add_row(item, weight, out),
                    Self::Factors(_) => unreachable!("taken above"),
                }
            }
        });
    }
}

impl Factors {
    fn add_scores(&self, histories: &[Vec<(u32, f32)>], out: &mut Dense) {
        self.add_leading(histories, self.filter.len(), out);
    }

    /// As [`ItemMatrix::add_scores`], by the first `n_leading` columns of the basis alone.
    pub(crate) fn add_leading(&self, histories: &[Vec<(u32, f32)>], n_leading: usize, out: &mut Dense) {
        let mut tastes = Dense::zeros(histories.len(), self.basis.n_columns());
        tastes.values_mut().par_chunks_mut(self.basis.n_columns().max(1)).zip(histories).for_each(
            |(taste, history)| {
                let taste = &mut taste[..n_leading];
                for &(item, weight) in history {
                    let factor = weight * self.left[item as usize];
                    add_scaled(taste, factor, &self.basis.row(item as usize)[..n_leading]);
                }
                taste.iter_mut().zip(&self.filter).for_each(|(taste, filter)| *taste *= filter);
            },
        );
        out.add_product(&tastes, &self.basis, n_leading);
    }

    /// What the columns from `n_leading` on say in one place.
    pub(crate) fn trailing(&self, row: u32, column: u32, n_leading: usize) -> f32 {
        let of = |item: u32| &self.basis.row(item as usize)[n_leading..self.filter.len()];
        self.left[row as usize] * dot_weighted(of(row), &self.filter[n_leading..], of(column))
    }
}

impl HeadMatrix {
    fn add_row(&self, item: u32, weight: f32, out: &mut [f32]) {
        let Ok(n) = self.head.binary_search(&item) else { return };
        let row = self.matrix.row(n);
        if self.head.len() == self.n_items {
            add_scaled(out, weight, row);
        } else {
            self.head.iter().zip(row).for_each(|(&at, value)| out[at as usize] += weight * value);
        }
    }
}
