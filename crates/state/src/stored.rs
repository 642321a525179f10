//! Rows of many parts, of which a message concerns few: a part is read where it is asked for, and
//! written as it stood where nobody changed it.

use std::cell::OnceCell;
use std::ops::Range;
use std::rc::Rc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use store::StoreError;

/// About how much longer a row becomes at most, so that it is seldom moved as it is written.
const GROWTH_BYTES: usize = 1_024;

/// A row that is read from its beginning on.
pub(crate) struct RowReader {
    bytes: Rc<Vec<u8>>,
    at: usize,
    what: &'static str,
}

impl RowReader {
    /// `what` names the row in errors.
    pub(crate) fn new(bytes: Vec<u8>, what: &'static str) -> Self {
        Self { bytes: Rc::new(bytes), at: 0, what }
    }

    /// The next value.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        let (value, rest) =
            postcard::take_from_bytes(&self.bytes[self.at..]).map_err(|_| self.unreadable())?;
        self.at = self.bytes.len() - rest.len();
        Ok(value)
    }

    /// The next part, which stays as it is until it is asked for.
    pub(crate) fn part<T>(&mut self) -> Result<Stored<T>, StoreError> {
        let n_bytes: u32 = self.read()?;
        let part = self.at..self.at + n_bytes as usize;
        if part.end > self.bytes.len() {
            return Err(self.unreadable());
        }
        self.at = part.end;
        let bytes = Some((Rc::clone(&self.bytes), part));
        Ok(Stored { bytes, read: OnceCell::new(), what: self.what })
    }

    /// A list for so many values that are to be read, none of which can be shorter than a byte.
    pub(crate) fn list<T>(&self, n: u32) -> Vec<T> {
        Vec::with_capacity((n as usize).min(self.bytes.len() - self.at))
    }

    /// How long the row is.
    pub(crate) fn n_bytes(&self) -> usize {
        self.bytes.len()
    }

    fn unreadable(&self) -> StoreError {
        StoreError::Unreadable { what: self.what }
    }
}

/// A part of a row.
#[derive(Debug, Clone)]
pub(crate) struct Stored<T> {
    /// The row and the place in it; none where the value may be another one now.
    bytes: Option<(Rc<Vec<u8>>, Range<usize>)>,
    read: OnceCell<T>,
    what: &'static str,
}

impl<T: DeserializeOwned + Serialize> Stored<T> {
    /// A part that is in no row yet.
    pub(crate) fn new(value: T) -> Self {
        Self { bytes: None, read: OnceCell::from(value), what: "row" }
    }

    pub(crate) fn get(&self) -> Result<&T, StoreError> {
        if let Some(value) = self.read.get() {
            return Ok(value);
        }
        let unreadable = StoreError::Unreadable { what: self.what };
        let Some((row, part)) = &self.bytes else { return Err(unreadable) };
        let value = postcard::from_bytes(&row[part.clone()]).map_err(|_| unreadable)?;
        Ok(self.read.get_or_init(|| value))
    }

    pub(crate) fn get_mut(&mut self) -> Result<&mut T, StoreError> {
        self.get()?;
        self.bytes = None;
        self.read.get_mut().ok_or(StoreError::Unreadable { what: self.what })
    }

    pub(crate) fn into_inner(self) -> Result<T, StoreError> {
        self.get()?;
        self.read.into_inner().ok_or(StoreError::Unreadable { what: self.what })
    }

    /// Appends it as [`RowReader::part`] reads it.
    pub(crate) fn append_to(&self, row: &mut Vec<u8>) {
        match (&self.bytes, self.read.get()) {
            (Some((stored, part)), _) => append_part(row, &stored[part.clone()]),
            (None, Some(value)) => {
                // What is written last is the length, which stands first.
                let start = row.len();
                append(row, value);
                let end = row.len();
                append(row, &((end - start) as u32));
                let n_bytes_of_length = row.len() - end;
                row[start..].rotate_right(n_bytes_of_length);
            }
            (None, None) => append_part(row, &[]),
        }
    }
}

fn append_part(row: &mut Vec<u8>, part: &[u8]) {
    append(row, &(part.len() as u32));
    row.extend_from_slice(part);
}

/// An empty row with room for one that was read with `n_bytes` and has been added to.
pub(crate) fn row_with_room(n_bytes: usize) -> Vec<u8> {
    Vec::with_capacity(n_bytes + GROWTH_BYTES)
}

/// Appends a value as [`RowReader::read`] reads it.
pub(crate) fn append(row: &mut Vec<u8>, value: &impl Serialize) {
    let bytes = std::mem::take(row);
    *row = postcard::to_extend(value, bytes).expect("plain fields always encode");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_written_as_it_stood_or_as_it_was_changed_and_one_that_is_cut_is_an_error() {
        let mut row = Vec::new();
        append(&mut row, &7_u32);
        Stored::new(vec![1_u64, 300]).append_to(&mut row);
        Stored::new(vec![2_u64]).append_to(&mut row);
        let read = |bytes: &[u8]| {
            let mut reader = RowReader::new(bytes.to_vec(), "row of a test");
            let number: u32 = reader.read()?;
            Ok::<_, StoreError>((number, reader.part()?, reader.part()?))
        };
        let (number, one, mut other): (u32, Stored<Vec<u64>>, Stored<Vec<u64>>) =
            read(&row).unwrap();
        assert_eq!(number, 7);
        other.get_mut().unwrap().push(9);
        let mut written = Vec::new();
        append(&mut written, &number);
        one.append_to(&mut written);
        other.append_to(&mut written);
        let (_, one, other) = read(&written).unwrap();
        assert_eq!(
            (one.into_inner().unwrap(), other.into_inner().unwrap()),
            (vec![1, 300], vec![2, 9])
        );
        let cut = read(&row[..row.len() - 1]);
        assert!(matches!(cut, Err(StoreError::Unreadable { what: "row of a test" })));
    }
}
