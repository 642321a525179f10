//! An accumulator for sums of sparse vectors.

use std::ops::AddAssign;

/// A dense vector that tracks which indices were added to. Clearing takes time in the
/// number of touched indices.
#[derive(Debug)]
pub struct Accumulator<V = f32> {
    sums: Vec<V>,
    /// The first `n_touched` entries hold every index with a nonzero sum; an index may occur twice.
    touched: Vec<u32>,
    n_touched: usize,
}

impl<V: Copy + Default + PartialEq + AddAssign> Accumulator<V> {
    /// Creates a vector of `n` zeros.
    pub fn new(n: usize) -> Self {
        Self { sums: vec![V::default(); n], touched: Vec::new(), n_touched: 0 }
    }

    /// The length of the vector.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether the length is 0.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Adds `value` at `index`.
    #[inline]
    pub fn add(&mut self, index: u32, value: V) {
        self.add_each(&[index], &[()], |()| value);
    }

    /// Adds `value(values[n])` at `indices[n]`, for each n.
    #[inline]
    pub fn add_each<S: Copy>(&mut self, indices: &[u32], values: &[S], value: impl Fn(S) -> V) {
        if self.touched.len() < self.n_touched + indices.len() {
            self.touched.resize(2 * self.touched.len() + indices.len(), 0);
        }
        let touched = &mut self.touched[..];
        let mut n = self.n_touched;
        for (&index, &source) in indices.iter().zip(values) {
            let sum = &mut self.sums[index as usize];
            // Write always and count only new indices: this avoids a branch that is hard to
            // predict.
            touched[n] = index;
            n += usize::from(*sum == V::default());
            *sum += value(source);
        }
        self.n_touched = n;
    }

    /// The sum at `index`.
    #[inline]
    pub fn get(&self, index: u32) -> V {
        self.sums[index as usize]
    }

    /// Sets all sums to 0. O(indices added to).
    pub fn clear(&mut self) {
        self.drain(|_, _| {});
    }

    /// Calls `visit` once for each index with a nonzero sum, in no particular order, then sets all
    /// sums to 0.
    pub fn drain(&mut self, mut visit: impl FnMut(u32, V)) {
        for &index in &self.touched[..self.n_touched] {
            let sum = std::mem::take(&mut self.sums[index as usize]);
            if sum != V::default() {
                visit(index, sum);
            }
        }
        self.n_touched = 0;
    }
}
