//! Sums of numbers that do not depend on the order of adding.

use serde::{Deserialize, Serialize};

/// A sum without rounding, after Shewchuk, "Adaptive precision floating-point arithmetic" (1997):
/// parts of different sizes that share no bit and together are the sum. A few parts suffice for
/// numbers of everyday sizes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct ExactSum {
    /// The smallest first.
    parts: Vec<f64>,
}

impl ExactSum {
    /// Adds a finite number.
    pub(super) fn add(&mut self, number: f64) {
        let mut carried = number;
        let mut n_kept = 0;
        for n in 0..self.parts.len() {
            let (rounded, rest) = add_with_rest(carried, self.parts[n]);
            if rest != 0.0 {
                self.parts[n_kept] = rest;
                n_kept += 1;
            }
            carried = rounded;
        }
        self.parts.truncate(n_kept);
        if carried != 0.0 {
            self.parts.push(carried);
        }
    }

    /// The number of double precision that is nearest to the sum divided by `n`.
    pub(super) fn mean(&self, n: u64) -> f64 {
        let n = n as f64;
        let mean = self.value() / n;
        // What the quotient lacks is the remainder, which is exact, divided again.
        let (product, rest) = multiply_with_rest(mean, n);
        let mut remainder = self.clone();
        remainder.add(-product);
        remainder.add(-rest);
        mean + remainder.value() / n
    }

    pub(super) fn merge(&mut self, other: &Self) {
        other.parts.iter().for_each(|part| self.add(*part));
    }

    /// The number of double precision that is nearest to the sum.
    pub(super) fn value(&self) -> f64 {
        let mut parts = self.parts.iter().rev();
        let Some(mut value) = parts.next().copied() else { return 0.0 };
        while let Some(part) = parts.next() {
            let (rounded, rest) = add_with_rest(value, *part);
            value = rounded;
            if rest == 0.0 {
                continue;
            }
            // Where the rest is half a step, the parts below decide to which side it is rounded.
            let below = parts.next().copied().unwrap_or_default();
            if below != 0.0 && (below > 0.0) == (rest > 0.0) {
                let (beyond, error) = add_with_rest(value, rest * 2.0);
                if error == 0.0 {
                    value = beyond;
                }
            }
            break;
        }
        value
    }
}

/// The product, and what it lacks of the true one.
fn multiply_with_rest(one: f64, other: f64) -> (f64, f64) {
    let product = one * other;
    (product, one.mul_add(other, -product))
}

/// The rounded sum of two numbers, and what rounding has taken from it.
fn add_with_rest(one: f64, other: f64) -> (f64, f64) {
    let (large, small) = if one.abs() < other.abs() { (other, one) } else { (one, other) };
    let rounded = large + small;
    (rounded, small - (rounded - large))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// 2^-40, so that a sum of 60 bits has more than a double has room for.
    const STEP: f64 = 1.0 / (1_u64 << 40) as f64;

    fn add_all(numbers: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        numbers.iter().for_each(|number| sum.add(*number));
        sum
    }

    #[test]
    fn a_mean_is_rounded_once() {
        assert_eq!(add_all(&[5.0, 1.0, 5.0, 5.0, 0.2]).mean(5), 3.24);
        assert_eq!(add_all(&[0.1, 0.1, 0.1]).mean(3), 0.1);
        assert_eq!(add_all(&[]).mean(2), 0.0);
    }

    proptest! {
        #[test]
        fn a_sum_is_the_nearest_number_in_any_order(
            steps in vec((-(1_i64 << 52)..(1 << 52), 0_u32..40), 0..40),
            split in 0_usize..40,
        ) {
            // Each number has at most 53 bits, so it is exact; so is their sum of 128 bits.
            let wholes: Vec<i128> =
                steps.iter().map(|(number, shift)| i128::from(*number) << shift).collect();
            let meant = wholes.iter().sum::<i128>() as f64 * STEP;
            let mut numbers: Vec<f64> = wholes.iter().map(|whole| *whole as f64 * STEP).collect();
            prop_assert_eq!(add_all(&numbers).value(), meant);
            let (one, other) = numbers.split_at(split.min(numbers.len()));
            let mut merged = add_all(other);
            merged.merge(&add_all(one));
            prop_assert_eq!(merged.value(), meant);
            numbers.sort_by(f64::total_cmp);
            prop_assert_eq!(add_all(&numbers).value(), meant);
        }
    }
}
