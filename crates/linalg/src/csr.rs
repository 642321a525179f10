//! Compressed sparse rows.

use serde::{Deserialize, Serialize};

/// A sparse matrix by rows. Columns ascend within a row and occur once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Csr<V = f32> {
    n_columns: u32,
    /// The offset of each row in `columns` and `values`, then the number of values: rows + 1
    /// entries.
    starts: Vec<u64>,
    columns: Vec<u32>,
    values: Vec<V>,
}

impl<V: Copy + Default> Csr<V> {
    /// Builds a matrix from its rows. A row is a sequence of (column, value) with ascending
    /// columns.
    pub fn from_rows<R>(n_columns: u32, rows: impl IntoIterator<Item = R>) -> Self
    where
        R: IntoIterator<Item = (u32, V)>,
    {
        let mut matrix =
            Self { n_columns, starts: vec![0], columns: Vec::new(), values: Vec::new() };
        for row in rows {
            for (column, value) in row {
                debug_assert!(column < n_columns);
                matrix.columns.push(column);
                matrix.values.push(value);
            }
            matrix.starts.push(matrix.columns.len() as u64);
        }
        matrix
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns as usize
    }

    /// The number of stored values.
    pub fn n_values(&self) -> usize {
        self.values.len()
    }

    /// The columns and values of a row.
    pub fn row(&self, row: usize) -> (&[u32], &[V]) {
        let span = self.starts[row] as usize..self.starts[row + 1] as usize;
        (&self.columns[span.clone()], &self.values[span])
    }

    /// The value at a row and column, 0 where none is stored. O(log of the row's length).
    pub fn get(&self, row: usize, column: u32) -> V {
        let (columns, values) = self.row(row);
        columns.binary_search(&column).map_or(V::default(), |n| values[n])
    }

    /// The transposed matrix. O(values + rows + columns).
    pub fn transpose(&self) -> Self {
        let mut starts = vec![0u64; self.n_columns() + 1];
        for &column in &self.columns {
            starts[column as usize + 1] += 1;
        }
        for n in 1..starts.len() {
            starts[n] += starts[n - 1];
        }
        let mut next = starts.clone();
        let mut columns = vec![0; self.columns.len()];
        let mut values = vec![V::default(); self.values.len()];
        for row in 0..self.n_rows() {
            let (row_columns, row_values) = self.row(row);
            for (&column, &value) in row_columns.iter().zip(row_values) {
                let offset = &mut next[column as usize];
                columns[*offset as usize] = row as u32;
                values[*offset as usize] = value;
                *offset += 1;
            }
        }
        Self { n_columns: self.n_rows() as u32, starts, columns, values }
    }

    /// A matrix with the same structure whose values are `value(row, column, old value)`.
    pub fn map<W: Copy + Default>(&self, value: impl Fn(usize, u32, V) -> W) -> Csr<W> {
        let mut values = Vec::with_capacity(self.values.len());
        for row in 0..self.n_rows() {
            let (columns, row_values) = self.row(row);
            values.extend(
                columns.iter().zip(row_values).map(|(&column, &old)| value(row, column, old)),
            );
        }
        Csr {
            n_columns: self.n_columns,
            starts: self.starts.clone(),
            columns: self.columns.clone(),
            values,
        }
    }

    /// Checks the invariants that [`Csr::from_rows`] establishes. For matrices that were decoded
    /// from bytes.
    pub fn is_valid(&self) -> bool {
        let has_matching_lengths = self.starts.first() == Some(&0)
            && self.starts.last() == Some(&(self.columns.len() as u64))
            && self.columns.len() == self.values.len();
        has_matching_lengths
            && self.starts.is_sorted()
            && self.columns.iter().all(|&column| column < self.n_columns)
            && (0..self.n_rows()).all(|row| self.row(row).0.is_sorted_by(|a, b| a < b))
    }
}

impl Csr {
    /// The sum of each row, in `f64`.
    pub fn row_sums(&self) -> Vec<f64> {
        (0..self.n_rows())
            .map(|row| self.row(row).1.iter().map(|&value| f64::from(value)).sum())
            .collect()
    }

    /// Multiplies each value by the factor of its row and the factor of its column.
    pub fn scale(&mut self, row_factors: &[f32], column_factors: &[f32]) {
        assert_eq!(row_factors.len(), self.n_rows());
        for (span, row_factor) in self.starts.windows(2).zip(row_factors) {
            for n in span[0] as usize..span[1] as usize {
                self.values[n] *= row_factor * column_factors[self.columns[n] as usize];
            }
        }
    }
}
