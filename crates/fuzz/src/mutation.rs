//! Mutates the inputs of a corpus; the seed determines all mutations.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// The longest input, in bytes. It exceeds the limit of a message, so that limits are tested too.
pub const INPUT_BYTES_MAX: usize = 40_000;
/// The most mutations of one input.
const MUTATIONS_MAX: usize = 8;
/// The longest range that is cut, copied or repeated, in bytes.
const RANGE_BYTES_MAX: usize = 64;
/// One of this many inputs has a range repeated, to reach limits on length and depth.
const ONE_LONG_IN: u32 = 200;
/// The most times that a range is repeated.
const REPEATS_MAX: usize = 4_000;
/// Bytes with a special meaning in formats and encodings.
const EDGE_BYTES: [u8; 14] =
    [0, 1, 0x7f, 0x80, 0xff, b'"', b'\\', b'\n', b'\r', b'{', b'[', b'%', b'0', b'-'];

/// Generates inputs for one body.
pub struct Mutator<'a> {
    random: StdRng,
    corpus: &'a [Vec<u8>],
    dictionary: &'a [&'a str],
}

impl<'a> Mutator<'a> {
    /// A generator. The same seed, name, corpus and dictionary give the same inputs.
    ///
    /// # Panics
    /// For an empty corpus.
    pub fn new(seed: u64, name: &str, corpus: &'a [Vec<u8>], dictionary: &'a [&'a str]) -> Self {
        assert!(!corpus.is_empty(), "a corpus has at least one input");
        let salt = u64::from(crc32fast::hash(name.as_bytes()));
        Self { random: StdRng::seed_from_u64(seed ^ salt << 32), corpus, dictionary }
    }

    /// Replaces the content of `input` by the next input.
    pub fn generate(&mut self, input: &mut Vec<u8>) {
        input.clear();
        input.extend_from_slice(self.pick_input());
        for _ in 0..self.random.random_range(1..=MUTATIONS_MAX) {
            self.mutate(input);
        }
        if self.random.random_range(0..ONE_LONG_IN) == 0 {
            self.repeat_often(input);
        }
        input.truncate(INPUT_BYTES_MAX);
    }

    fn pick_input(&mut self) -> &'a [u8] {
        &self.corpus[self.random.random_range(0..self.corpus.len())]
    }

    fn position(&mut self, input: &[u8]) -> usize {
        self.random.random_range(0..=input.len())
    }

    /// A random range, empty only for an empty input.
    fn range(&mut self, input: &[u8]) -> std::ops::Range<usize> {
        if input.is_empty() {
            return 0..0;
        }
        let start = self.random.random_range(0..input.len());
        let len = self.random.random_range(1..=RANGE_BYTES_MAX.min(input.len() - start));
        start..start + len
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        match self.random.random_range(0..11) {
            0 if !input.is_empty() => {
                let at = self.random.random_range(0..input.len());
                input[at] ^= 1 << self.random.random_range(0..8u32);
            }
            1 if !input.is_empty() => {
                let at = self.random.random_range(0..input.len());
                input[at] = self.random.random();
            }
            2 => {
                let at = self.position(input);
                input.insert(at, EDGE_BYTES[self.random.random_range(0..EDGE_BYTES.len())]);
            }
            3 => {
                let range = self.range(input);
                input.drain(range);
            }
            4 => {
                let range = self.range(input);
                let copy = input[range].to_vec();
                let at = self.position(input);
                input.splice(at..at, copy);
            }
            5 | 6 if !self.dictionary.is_empty() => {
                let token = self.dictionary[self.random.random_range(0..self.dictionary.len())];
                let at = self.position(input);
                let over = if self.random.random() { token.len().min(input.len() - at) } else { 0 };
                input.splice(at..at + over, token.bytes());
            }
            7 => {
                // Crossover: a head of this input, a tail of another.
                let other = self.pick_input();
                let (head, tail) = (self.position(input), self.position(other));
                input.truncate(head);
                input.extend_from_slice(&other[tail..]);
            }
            8 => {
                let other = self.pick_input();
                let range = self.range(other);
                let at = self.position(input);
                input.splice(at..at, other[range].iter().copied());
            }
            9 => {
                let len = self.position(input);
                input.truncate(len);
            }
            _ => {
                // A number at an edge, little endian or as text.
                let number = 1u64.checked_shl(self.random.random_range(0..66)).unwrap_or(u64::MAX);
                let number = number.wrapping_sub(self.random.random_range(0..2));
                let at = self.position(input);
                if self.random.random() {
                    input.splice(at..at, number.to_string().into_bytes());
                } else {
                    let over = (input.len() - at).min(4);
                    input.splice(at..at + over, number.to_le_bytes().into_iter().take(over.max(1)));
                }
            }
        }
    }

    fn repeat_often(&mut self, input: &mut Vec<u8>) {
        let range = self.range(input);
        let piece = input[range.clone()].to_vec();
        let times =
            self.random.random_range(1..=REPEATS_MAX).min(INPUT_BYTES_MAX / piece.len().max(1));
        input.splice(range, piece.repeat(times));
    }
}
