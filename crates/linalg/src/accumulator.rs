//! Sums over sparse vectors.

/// A dense vector of zeros that knows which of its places were added to, so that clearing costs only those.
#[derive(Debug)]
pub struct Accumulator {
    sums: Vec<f32>,
    touched: Vec<u32>,
    is_touched: Vec<bool>,
}

impl Accumulator {
    /// `n` zeros.
    pub fn new(n: usize) -> Self {
        Self { sums: vec![0.0; n], touched: Vec::new(), is_touched: vec![false; n] }
    }

    /// The number of places.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether there are no places.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Adds `factor` times a sparse vector.
    pub fn add_scaled(&mut self, factor: f32, columns: &[u32], values: &[f32]) {
        for (&column, &value) in columns.iter().zip(values) {
            let at = column as usize;
            self.sums[at] += factor * value;
            if !self.is_touched[at] {
                self.is_touched[at] = true;
                self.touched.push(column);
            }
        }
    }

    /// The places added to with their sums, in no order.
    pub fn entries(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.touched.iter().map(|&at| (at, self.sums[at as usize]))
    }

    /// Back to zeros.
    pub fn clear(&mut self) {
        for &at in &self.touched {
            self.sums[at as usize] = 0.0;
            self.is_touched[at as usize] = false;
        }
        self.touched.clear();
    }
}
