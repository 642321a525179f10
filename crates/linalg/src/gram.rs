//! The gram of a matrix, pruned.

use rayon::prelude::*;

use crate::{Accumulator, Csr, top_k};

/// The `k` largest entries off the diagonal of each row of `A'A`, for `A` of rows x columns; the result is columns x columns.
///
/// The gram is never held whole: one row at a time is summed into a dense vector and pruned. The work is the sum over `A`'s rows
/// of their length squared; memory is `A` twice, one dense vector a thread, and the result.
pub fn gram_top_k(a: &Csr, k: usize) -> Csr {
    let by_column = a.transposed();
    let rows: Vec<Vec<(u32, f32)>> = (0..a.n_columns())
        .into_par_iter()
        .map_init(
            || Accumulator::new(a.n_columns()),
            |sums, column| {
                let (rows, values) = by_column.row(column);
                for (&row, &value) in rows.iter().zip(values) {
                    let (columns, row_values) = a.row(row as usize);
                    sums.add_scaled(value, columns, row_values);
                }
                let others = sums.entries().filter(|&(other, sum)| other as usize != column && sum > 0.0);
                let mut kept = top_k(others, k);
                kept.sort_unstable_by_key(|&(other, _)| other);
                sums.clear();
                kept
            },
        )
        .collect();
    Csr::from_rows(a.n_columns() as u32, rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matrices() -> impl Strategy<Value = Vec<Vec<f32>>> {
        (1usize..8).prop_flat_map(|n| {
            prop::collection::vec(prop::collection::vec(prop_oneof![Just(0.0), 0.5f32..2.0], n), 1..12)
        })
    }

    fn sparse(dense: &[Vec<f32>]) -> Csr {
        let rows = dense.iter().map(|row| {
            let entries: Vec<_> =
                row.iter().enumerate().filter(|(_, v)| **v != 0.0).map(|(n, v)| (n as u32, *v)).collect();
            entries
        });
        Csr::from_rows(dense[0].len() as u32, rows)
    }

    proptest! {
        #[test]
        fn agrees_with_the_dense_product(dense in matrices(), k in 0usize..9) {
            let a = sparse(&dense);
            prop_assert!(a.is_valid());
            prop_assert_eq!(&a.transposed().transposed(), &a);
            let gram = gram_top_k(&a, k);
            prop_assert!(gram.is_valid());
            let n = dense[0].len();
            for i in 0..n {
                let mut expected: Vec<(u32, f32)> = (0..n)
                    .filter(|&j| j != i)
                    .map(|j| (j as u32, dense.iter().map(|row| row[i] * row[j]).sum()))
                    .filter(|&(_, sum)| sum > 0.0)
                    .collect();
                expected.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                expected.truncate(k);
                prop_assert_eq!(gram.row(i).0.len(), expected.len());
                for (j, sum) in expected {
                    // Equal sums may be kept in either order where rounding differs.
                    let found = gram.get(i, j);
                    prop_assert!(found == 0.0 || (found - sum).abs() < 1e-4);
                }
            }
        }
    }
}
