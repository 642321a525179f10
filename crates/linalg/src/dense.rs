//! Dense row-major matrices. `faer` does the arithmetic.

use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::solve::solve_in_place;
use faer::linalg::matmul::matmul;
use faer::linalg::solvers::DenseSolveCore;
use faer::reborrow::{Reborrow, ReborrowMut};
use faer::{Accum, Mat, MatMut, MatRef, Par, Side, Spec};

/// A row-major matrix of `f32`.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    n_rows: usize,
    n_columns: usize,
    values: Vec<f32>,
}

/// The matrix is not positive definite, so it has no Cholesky factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPositiveDefinite;

impl Dense {
    /// Creates a matrix of zeros.
    pub fn zeros(n_rows: usize, n_columns: usize) -> Self {
        Self { n_rows, n_columns, values: vec![0.0; n_rows * n_columns] }
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.n_columns..(row + 1) * self.n_columns]
    }

    /// One row, mutable.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.n_columns..(row + 1) * self.n_columns]
    }

    /// All values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All values, row by row, mutable.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The product `self * other`, of shapes (m x k) (k x n).
    pub fn multiply(&self, other: &Self) -> Self {
        let mut out = Self::zeros(self.n_rows, other.n_columns);
        multiply_into(out.as_faer_mut(), self.as_faer(), other.as_faer(), Accum::Replace);
        out
    }

    /// Adds `a * b'` over the first `k` columns of both, of shapes (m x k) (n x k)'.
    pub fn add_product(&mut self, a: &Self, b: &Self, k: usize) {
        let a = a.as_faer().subcols(0, k);
        let b = b.as_faer().subcols(0, k).transpose();
        matmul(self.as_faer_mut(), Accum::Add, a, b, 1.0, parallelism());
    }

    /// The Gram matrix `self' * self`, columns x columns.
    pub fn gram(&self) -> Self {
        let mut out = Self::zeros(self.n_columns, self.n_columns);
        multiply_into(
            out.as_faer_mut(),
            self.as_faer().transpose(),
            self.as_faer(),
            Accum::Replace,
        );
        out
    }

    /// Multiplies each column by its factor.
    pub fn scale_columns(&mut self, factors: &[f32]) {
        assert_eq!(factors.len(), self.n_columns);
        for row in self.values.chunks_exact_mut(self.n_columns.max(1)) {
            row.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
        }
    }

    /// The inverse of a symmetric positive definite matrix, by Cholesky. 2/3 n^3 multiply-adds.
    ///
    /// # Errors
    /// The matrix is not positive definite.
    pub fn inverse(&self) -> Result<Self, NotPositiveDefinite> {
        let inverse = self.as_faer().llt(Side::Lower).map_err(|_| NotPositiveDefinite)?.inverse();
        Ok(Self::from_faer(inverse.as_ref()))
    }

    /// Solves `self x = b` for a symmetric positive definite matrix and writes x to `b`. The
    /// Cholesky factor overwrites the matrix. 1/3 n^3 multiply-adds on the caller's thread, for
    /// many small systems in parallel.
    ///
    /// # Errors
    /// The matrix is not positive definite; its values are then unspecified.
    pub fn solve_in_place(&mut self, b: &mut [f32]) -> Result<(), NotPositiveDefinite> {
        let n = self.n_rows;
        assert!(self.n_columns == n && b.len() == n);
        let mut scratch =
            MemBuffer::new(cholesky_in_place_scratch::<f32>(n, Par::Seq, Spec::default()));
        let stack = MemStack::new(&mut scratch);
        // Column-major and row-major are the same for a symmetric matrix.
        let mut matrix = MatMut::from_column_major_slice_mut(&mut self.values, n, n);
        cholesky_in_place(matrix.rb_mut(), Default::default(), Par::Seq, stack, Spec::default())
            .map_err(|_| NotPositiveDefinite)?;
        let b = MatMut::from_column_major_slice_mut(b, n, 1);
        solve_in_place(
            matrix.rb(),
            b,
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(StackReq::EMPTY)),
        );
        Ok(())
    }

    /// The lower Cholesky factor L of a symmetric positive definite matrix: L L' = self.
    pub(crate) fn cholesky(&self) -> Result<Mat<f32>, NotPositiveDefinite> {
        let factor = self.as_faer().llt(Side::Lower).map_err(|_| NotPositiveDefinite)?;
        Ok(factor.L().to_owned())
    }

    /// The eigenvalues of a symmetric matrix, largest first, and the eigenvectors as columns in the
    /// same order.
    pub fn symmetric_eigen(&self) -> (Vec<f32>, Self) {
        if self.n_rows == 0 {
            return (Vec::new(), Self::zeros(0, 0));
        }
        let eigen = self
            .as_faer()
            .self_adjoint_eigen(Side::Lower)
            .expect("a finite symmetric matrix has an eigendecomposition");
        let n = self.n_rows;
        let values = (0..n).rev().map(|k| eigen.S().column_vector()[k]).collect();
        let mut vectors = Self::zeros(n, n);
        for row in 0..n {
            for column in 0..n {
                vectors.row_mut(row)[column] = eigen.U()[(row, n - 1 - column)];
            }
        }
        (values, vectors)
    }

    pub(crate) fn as_faer(&self) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice(&self.values, self.n_rows, self.n_columns)
    }

    pub(crate) fn as_faer_mut(&mut self) -> MatMut<'_, f32> {
        MatMut::from_row_major_slice_mut(&mut self.values, self.n_rows, self.n_columns)
    }

    fn from_faer(matrix: MatRef<'_, f32>) -> Self {
        let (n_rows, n_columns) = matrix.shape();
        let values =
            (0..n_rows).flat_map(|r| (0..n_columns).map(move |c| matrix[(r, c)])).collect();
        Self { n_rows, n_columns, values }
    }
}

/// The threads of rayon's current pool.
pub(crate) fn parallelism() -> Par {
    Par::rayon(0)
}

fn multiply_into(out: MatMut<'_, f32>, a: MatRef<'_, f32>, b: MatRef<'_, f32>, accumulate: Accum) {
    matmul(out, accumulate, a, b, 1.0, parallelism());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_of_a_system_reproduces_its_right_side() {
        let (n, mut state) = (20, 7u32);
        let mut root = Dense::zeros(n, n);
        for value in root.values_mut() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *value = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
        }
        let mut matrix = root.gram();
        for k in 0..n {
            matrix.row_mut(k)[k] += 1.0;
        }
        let right: Vec<f32> = (0..n).map(|k| k as f32 - 7.0).collect();
        let mut x = right.clone();
        matrix.clone().solve_in_place(&mut x).unwrap();
        for (k, wanted) in right.iter().enumerate() {
            let product: f32 = matrix.row(k).iter().zip(&x).map(|(a, b)| a * b).sum();
            assert!((product - wanted).abs() < 1e-3, "{k}: {product}");
        }
        matrix.row_mut(3)[3] = -50.0;
        assert!(matrix.solve_in_place(&mut x).is_err());
    }
}
