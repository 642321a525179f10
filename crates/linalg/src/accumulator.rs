//! Sums over sparse vectors.

use std::ops::AddAssign;

/// A dense vector of zeros that knows which of its places were added to, so that clearing costs only those.
#[derive(Debug)]
pub struct Accumulator<V = f32> {
    sums: Vec<V>,
    /// The first `n_touched` are each place with a sum other than zero, and some of them twice.
    touched: Vec<u32>,
    n_touched: usize,
}

impl<V: Copy + Default + PartialEq + AddAssign> Accumulator<V> {
    /// `n` zeros.
    pub fn new(n: usize) -> Self {
        Self { sums: vec![V::default(); n], touched: Vec::new(), n_touched: 0 }
    }

    /// The number of places.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether there are no places.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Adds at one place.
    #[inline]
    pub fn add(&mut self, at: u32, value: V) {
        self.add_each(&[at], &[()], |()| value);
    }

    /// Adds what `value` makes of each of `values` at its place.
    #[inline]
    pub fn add_each<S: Copy>(&mut self, places: &[u32], values: &[S], value: impl Fn(S) -> V) {
        if self.touched.len() < self.n_touched + places.len() {
            self.touched.resize(2 * self.touched.len() + places.len(), 0);
        }
        let touched = &mut self.touched[..];
        let mut n = self.n_touched;
        for (&at, &source) in places.iter().zip(values) {
            let sum = &mut self.sums[at as usize];
            // Written in any case and counted where it is new: no branch to guess wrong.
            touched[n] = at;
            n += usize::from(*sum == V::default());
            *sum += value(source);
        }
        self.n_touched = n;
    }

    /// The sum at a place.
    #[inline]
    pub fn get(&self, at: u32) -> V {
        self.sums[at as usize]
    }

    /// Leaves zeros.
    pub fn clear(&mut self) {
        self.drain(|_, _| {});
    }

    /// Hands each place with a sum other than zero to `take` once, in no order, and leaves zeros.
    pub fn drain(&mut self, mut take: impl FnMut(u32, V)) {
        for &at in &self.touched[..self.n_touched] {
            let sum = std::mem::take(&mut self.sums[at as usize]);
            if sum != V::default() {
                take(at, sum);
            }
        }
        self.n_touched = 0;
    }
}
