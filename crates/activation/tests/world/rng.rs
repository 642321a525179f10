//! Random numbers that follow from a seed (SplitMix64), and random jobs.

use super::{JobSpec, Trouble};

pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A job about a user, sometimes also about others.
    pub(crate) fn job(&mut self, user: u64, users: u64) -> JobSpec {
        let mut keys = vec![user];
        while self.one_in(8) && keys.len() < 4 {
            keys.push(self.below(users));
        }
        let trouble = match self.below(400) {
            0 => Trouble::Refused,
            1 if self.one_in(8) => Trouble::Fails,
            _ => Trouble::None,
        };
        let bytes = 100 + self.below(1_500) as usize;
        JobSpec { keys, group: self.below(3) as usize, bytes, trouble }
    }
}
