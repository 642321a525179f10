//! The Gram matrix `A'A`, row by row.

use crate::{Accumulator, Csr};

/// Adds `sign` times row `column` of `A'A` to `sums`. `a` is `A` (rows x columns, fixed point) and
/// `transposed` its transpose.
///
/// The sums are integers, so partitions of `A`'s rows add up to exactly the same result in any
/// order. `A'A` is never held whole. All its rows together cost the sum over `A`'s rows of their
/// squared length.
pub fn add_gram_row(
    a: &Csr<u32>,
    transposed: &Csr<u32>,
    column: usize,
    sign: i64,
    sums: &mut Accumulator<i64>,
) {
    let (rows, values) = transposed.row(column);
    for (&row, &value) in rows.iter().zip(values) {
        let (others, other_values) = a.row(row as usize);
        let factor = sign * i64::from(value);
        sums.add_each(others, other_values, |other_value| factor * i64::from(other_value));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matrices() -> impl Strategy<Value = Vec<Vec<f32>>> {
        (1usize..8).prop_flat_map(|n| {
            prop::collection::vec(
                prop::collection::vec(prop_oneof![Just(0.0), 0.5f32..2.0], n),
                1..12,
            )
        })
    }

    fn sparse(dense: &[Vec<f32>]) -> Csr {
        let rows = dense.iter().map(|row| {
            let entries: Vec<_> = row
                .iter()
                .enumerate()
                .filter(|(_, v)| **v != 0.0)
                .map(|(n, v)| (n as u32, *v))
                .collect();
            entries
        });
        Csr::from_rows(dense[0].len() as u32, rows)
    }

    fn fixed(dense: &[Vec<f32>]) -> Csr<u32> {
        sparse(dense).map(|_, _, value| (value * 1_000.0).round() as u32)
    }

    fn gram(parts: &[(Csr<u32>, i64)], n: usize) -> Vec<Vec<i64>> {
        let mut sums = Accumulator::new(n);
        let rows = (0..n).map(|column| {
            for (part, sign) in parts {
                add_gram_row(part, &part.transpose(), column, *sign, &mut sums);
            }
            let mut row = vec![0; n];
            sums.drain(|at, sum| row[at as usize] = sum);
            row
        });
        rows.collect()
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole_and_agree_with_the_dense_product(dense in matrices(), cut in 0usize..12) {
            let n = dense[0].len();
            let whole = fixed(&dense);
            prop_assert!(whole.is_valid());
            prop_assert_eq!(&whole.transpose().transpose(), &whole);
            let found = gram(&[(whole.clone(), 1)], n);
            for i in 0..n {
                for j in 0..n {
                    let expected: f64 = dense.iter().map(|row| f64::from(row[i]) * f64::from(row[j])).sum();
                    prop_assert!((found[i][j] as f64 / 1e6 - expected).abs() < 0.03);
                }
            }
            let (first, rest) = dense.split_at(cut.min(dense.len()));
            let part = |rows: &[Vec<f32>]| if rows.is_empty() { Csr::from_rows(n as u32, Vec::<Vec<(u32, u32)>>::new()) } else { fixed(rows) };
            prop_assert_eq!(&gram(&[(part(rest), 1), (part(first), 1)], n), &found);
            prop_assert_eq!(gram(&[(whole, 1), (part(first), -1)], n), gram(&[(part(rest), 1)], n));
        }
    }
}
