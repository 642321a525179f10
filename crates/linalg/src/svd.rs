//! The truncated singular value decomposition of a sparse matrix, from its columns' side alone.
//!
//! Randomised subspace iteration (Halko, Martinsson and Tropp, 2011, algorithm 4.4) on A'A, closed by a Rayleigh-Ritz step. No block of
//! rows x rank is ever held: a thread takes a few columns of the subspace at a time through the rows of A.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

use crate::Csr;
use crate::dense::{Dense, parallelism};
use crate::kernels::gram_times_slab;

/// How many columns of the subspace go through the rows at once: one cache line of `f32` twice over.
const SLAB: usize = 32;
/// Columns beyond the rank, so that the last ones converge as well.
const OVERSAMPLED: usize = 16;

/// The largest singular values with their right singular vectors.
#[derive(Debug, Clone)]
pub struct TruncatedSvd {
    /// Largest first.
    pub values: Vec<f32>,
    /// Columns of A x rank; column k belongs to value k.
    pub right: Dense,
}

/// The `rank` largest singular values of `a` (fewer where it has fewer columns), after `n_iterations` power iterations.
///
/// The work of an iteration is 4 x values x rank for the products and 4 x columns x rank^2 to orthonormalise.
pub fn truncated_svd(a: &Csr, rank: usize, n_iterations: usize, seed: u64) -> TruncatedSvd {
    let n = a.n_columns();
    let width = (rank + OVERSAMPLED).min(n);
    let mut random = StdRng::seed_from_u64(seed);
    let mut basis = Dense::zeros(n, width);
    basis.values_mut().iter_mut().for_each(|value| *value = random.random::<f32>() - 0.5);
    for iteration in 1..=n_iterations {
        basis = gram_times(a, &basis);
        if iteration == n_iterations {
            basis = orthonormal(orthonormal(basis));
        } else if iteration % 2 == 0 {
            basis = orthonormal(basis);
        }
    }
    let product = gram_times(a, &basis);
    let mut small = Dense::zeros(width, width);
    faer::linalg::matmul::matmul(
        small.as_faer_mut(),
        faer::Accum::Replace,
        basis.as_faer().transpose(),
        product.as_faer(),
        1.0,
        parallelism(),
    );
    drop(product);
    let (squares, rotation) = small.symmetric_eigen();
    let rank = rank.min(width);
    let mut kept = Dense::zeros(width, rank);
    for row in 0..width {
        kept.row_mut(row).copy_from_slice(&rotation.row(row)[..rank]);
    }
    let values = squares[..rank].iter().map(|square| square.max(0.0).sqrt()).collect();
    TruncatedSvd { values, right: basis.times(&kept) }
}

/// `A'(A x)`: columns of A x width.
fn gram_times(a: &Csr, x: &Dense) -> Dense {
    let (n, width) = (x.n_rows(), x.n_columns());
    let slabs: Vec<usize> = (0..width).step_by(SLAB).collect();
    let products: Vec<Vec<f32>> = slabs
        .par_iter()
        .map(|&first| {
            let columns = SLAB.min(width - first);
            let mut slab = vec![[0f32; SLAB]; n];
            for (row, out) in slab.iter_mut().enumerate() {
                out[..columns].copy_from_slice(&x.row(row)[first..first + columns]);
            }
            let mut product = vec![[0f32; SLAB]; n];
            gram_times_slab((0..a.n_rows()).map(|row| a.row(row)), &slab, &mut product);
            product.into_flattened()
        })
        .collect();
    let mut out = Dense::zeros(n, width);
    for (&first, product) in slabs.iter().zip(&products) {
        let columns = SLAB.min(width - first);
        for row in 0..n {
            out.row_mut(row)[first..first + columns].copy_from_slice(&product[row * SLAB..][..columns]);
        }
    }
    out
}

/// A basis of the columns by Cholesky QR, with a shift where they are near dependent; applied twice it is orthonormal to rounding
/// (Yamamoto et al., 2015).
fn orthonormal(mut x: Dense) -> Dense {
    let mut gram = x.gram();
    let trace: f32 = (0..gram.n_rows()).map(|k| gram.row(k)[k]).sum();
    let factor = loop {
        match gram.cholesky() {
            Ok(factor) => break factor,
            Err(_) => {
                let shift = (trace * 1e-6).max(f32::MIN_POSITIVE);
                (0..gram.n_rows()).for_each(|k| gram.row_mut(k)[k] += shift);
            }
        }
    };
    // X R^-1 with R = L': solve L Y' = X' for Y'.
    faer::linalg::triangular_solve::solve_lower_triangular_in_place(
        factor.as_ref(),
        x.as_faer_mut().transpose_mut(),
        parallelism(),
    );
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A users x items matrix of `n_groups` tastes with some noise.
    fn tastes(n_rows: u32, n_columns: u32, n_groups: u32) -> Csr {
        let rows = (0..n_rows).map(|row| {
            (0..n_columns)
                .filter(move |column| {
                    column % n_groups == row % n_groups || (row * 31 + column * 17) % 23 == 0
                })
                .map(move |column| (column, 1.0 + (row * column % 7) as f32 / 10.0))
        });
        Csr::from_rows(n_columns, rows)
    }

    #[test]
    fn agrees_with_the_dense_decomposition() {
        let a = tastes(300, 80, 6);
        let mut dense = Dense::zeros(300, 80);
        for row in 0..300 {
            let (columns, values) = a.row(row);
            columns
                .iter()
                .zip(values)
                .for_each(|(&column, value)| dense.row_mut(row)[column as usize] = *value);
        }
        let (squares, vectors) = dense.gram().symmetric_eigen();
        assert!(squares.is_sorted_by(|a, b| a >= b));
        let svd = truncated_svd(&a, 12, 6, 7);
        assert_eq!((svd.values.len(), svd.right.n_columns()), (12, 12));
        for (k, square) in squares.iter().take(6).enumerate() {
            let expected = square.sqrt();
            assert!(
                (svd.values[k] - expected).abs() < 1e-3 * expected,
                "value {k}: {} {expected}",
                svd.values[k]
            );
            // A vector is known up to its sign.
            let dot: f32 = (0..80).map(|n| svd.right.row(n)[k] * vectors.row(n)[k]).sum();
            assert!(dot.abs() > 0.999, "vector {k}: {dot}");
        }
        let gram = svd.right.gram();
        for k in 0..12 {
            assert!((gram.row(k)[k] - 1.0).abs() < 1e-4);
        }
    }
}
