//! Pseudorandom numbers: SplitMix64 (Steele, Lea and Flood, 2014).

/// A pseudorandom generator. The seed determines all numbers.
#[derive(Debug, Clone, Default)]
pub struct Random(u64);

impl Random {
    /// A generator that starts at a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, uniform over 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.draw() % bound.max(1) as u64) as usize
    }

    /// True with the given probability, from 0 to 1.
    pub fn chance(&mut self, probability: f64) -> bool {
        // A double holds 53 bits exactly.
        ((self.draw() >> 11) as f64 / (1u64 << 53) as f64) < probability
    }
}
