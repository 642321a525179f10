//! Sums over sparse vectors.

use std::ops::AddAssign;

/// A dense vector of zeros that knows which of its places were added to, so that clearing costs only those.
#[derive(Debug)]
pub struct Accumulator<V = f32> {
    sums: Vec<V>,
    /// Holds each place with a sum other than zero, and some of them twice.
    touched: Vec<u32>,
}

impl<V: Copy + Default + PartialEq + AddAssign> Accumulator<V> {
    /// `n` zeros.
    pub fn new(n: usize) -> Self {
        Self { sums: vec![V::default(); n], touched: Vec::new() }
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
        let sum = &mut self.sums[at as usize];
        if *sum == V::default() {
            self.touched.push(at);
        }
        *sum += value;
    }

    /// The sum at a place.
    #[inline]
    pub fn get(&self, at: u32) -> V {
        self.sums[at as usize]
    }

    /// Hands each place with a sum other than zero to `take` once, in no order, and leaves zeros.
    pub fn drain(&mut self, mut take: impl FnMut(u32, V)) {
        for &at in &self.touched {
            let sum = std::mem::take(&mut self.sums[at as usize]);
            if sum != V::default() {
                take(at, sum);
            }
        }
        self.touched.clear();
    }
}
