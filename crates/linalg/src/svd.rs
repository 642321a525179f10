//! The truncated singular value decomposition of a sparse matrix A: singular values and right
//! singular vectors.
//!
//! Randomized subspace iteration on A'A (Halko, Martinsson and Tropp, 2011, algorithm 4.4),
//! followed by a Rayleigh-Ritz step. No rows x rank block is ever held: each thread multiplies a
//! few columns of the subspace by A'A, row by row.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

use crate::Csr;
use crate::dense::{Dense, parallelism};
use crate::kernels::multiply_slab_by_gram;

/// The number of columns that are multiplied at once: two cache lines of `f32`.
const SLAB_COLUMNS: usize = 32;
/// Extra columns beyond the rank, so that the last kept columns converge as well.
const OVERSAMPLING_COLUMNS: usize = 16;

/// The largest singular values of a matrix with their right singular vectors.
#[derive(Debug, Clone)]
pub struct TruncatedSvd {
    /// The singular values, largest first.
    pub values: Vec<f32>,
    /// Columns of A x rank; column k belongs to value k.
    pub right_vectors: Dense,
}

/// Computes the `rank` largest singular values of `a` (fewer where it has fewer columns) with
/// `n_iterations` power iterations.
///
/// An iteration takes 4 x values x rank operations for the products and 4 x columns x rank^2 to
/// orthonormalize.
pub fn truncated_svd(a: &Csr, rank: usize, n_iterations: usize, seed: u64) -> TruncatedSvd {
    let n = a.n_columns();
    let width = (rank + OVERSAMPLING_COLUMNS).min(n);
    let mut random = StdRng::seed_from_u64(seed);
    let mut basis = Dense::zeros(n, width);
    basis.values_mut().iter_mut().for_each(|value| *value = random.random::<f32>() - 0.5);
    for iteration in 1..=n_iterations {
        basis = multiply_by_gram(a, &basis);
        if iteration == n_iterations {
            basis = orthonormalize(orthonormalize(basis));
        } else if iteration % 2 == 0 {
            basis = orthonormalize(basis);
        }
    }
    let product = multiply_by_gram(a, &basis);
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
    TruncatedSvd { values, right_vectors: basis.multiply(&kept) }
}

/// `A'(A x)`, with the shape of `x`: columns of A x width.
fn multiply_by_gram(a: &Csr, x: &Dense) -> Dense {
    let (n, width) = (x.n_rows(), x.n_columns());
    let slabs: Vec<usize> = (0..width).step_by(SLAB_COLUMNS).collect();
    let products: Vec<Vec<f32>> = slabs
        .par_iter()
        .map(|&first| {
            let columns = SLAB_COLUMNS.min(width - first);
            let mut slab = vec![[0f32; SLAB_COLUMNS]; n];
            for (row, out) in slab.iter_mut().enumerate() {
                out[..columns].copy_from_slice(&x.row(row)[first..first + columns]);
            }
            let mut product = vec![[0f32; SLAB_COLUMNS]; n];
            multiply_slab_by_gram((0..a.n_rows()).map(|row| a.row(row)), &slab, &mut product);
            product.into_flattened()
        })
        .collect();
    let mut out = Dense::zeros(n, width);
    for (&first, product) in slabs.iter().zip(&products) {
        let columns = SLAB_COLUMNS.min(width - first);
        for row in 0..n {
            out.row_mut(row)[first..first + columns]
                .copy_from_slice(&product[row * SLAB_COLUMNS..][..columns]);
        }
    }
    out
}

/// A basis of the column space by Cholesky QR, shifted where columns are nearly dependent. Applied
/// twice, it is orthonormal up to rounding (Yamamoto et al., 2015).
fn orthonormalize(mut x: Dense) -> Dense {
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

    /// A users x items matrix: users of `n_groups` groups choose items of their group, with some
    /// noise.
    fn grouped_choices(n_rows: u32, n_columns: u32, n_groups: u32) -> Csr {
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
        let a = grouped_choices(300, 80, 6);
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
        assert_eq!((svd.values.len(), svd.right_vectors.n_columns()), (12, 12));
        for (k, square) in squares.iter().take(6).enumerate() {
            let expected = square.sqrt();
            assert!(
                (svd.values[k] - expected).abs() < 1e-3 * expected,
                "value {k}: {} {expected}",
                svd.values[k]
            );
            // A singular vector is determined up to its sign.
            let dot: f32 = (0..80).map(|n| svd.right_vectors.row(n)[k] * vectors.row(n)[k]).sum();
            assert!(dot.abs() > 0.999, "vector {k}: {dot}");
        }
        let gram = svd.right_vectors.gram();
        for k in 0..12 {
            assert!((gram.row(k)[k] - 1.0).abs() < 1e-4);
        }
    }
}
