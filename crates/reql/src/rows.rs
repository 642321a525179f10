//! Access to the property values of candidates, by column.

use std::num::NonZeroU32;

use crate::kind::Subject;

/// Columns of the candidates; a row is a candidate.
pub trait Rows: Sync {
    /// The column of a property; none where it is unknown, which an expression reads as null.
    fn column(&self, name: &str) -> Option<Column<'_>>;

    /// The external id of a row.
    fn id(&self, row: u32) -> &str;

    /// The row of an external id.
    fn find_row(&self, id: &str) -> Option<u32>;

    /// The kind of candidates, which gives the name under which expressions read the external id.
    fn subject(&self) -> Subject {
        Subject::Items
    }
}

/// The values of a property, by row; a row beyond the end has none.
#[derive(Clone, Copy)]
pub enum Column<'a> {
    /// Whole numbers.
    Int(&'a [Option<i64>]),
    /// Numbers of double precision.
    Double(&'a [Option<f64>]),
    /// Booleans.
    Boolean(&'a [Option<bool>]),
    /// Milliseconds since 1970; expressions see seconds.
    Timestamp(&'a [Option<i64>]),
    /// Texts.
    String(&'a [Option<TextId>], &'a dyn Texts),
    /// Sets of texts, each sorted by id and without duplicates.
    Set(&'a [Option<Box<[TextId]>>], &'a dyn Texts),
}

/// A text in the dictionary that a column uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TextId(pub NonZeroU32);

/// A dictionary of texts.
pub trait Texts: Sync {
    /// The text of an id that a column holds.
    fn text(&self, id: TextId) -> &str;

    /// The id of a text; none if no column holds it.
    fn id(&self, text: &str) -> Option<TextId>;
}

/// Converts the milliseconds of a timestamp column to the seconds that expressions see.
pub(crate) fn to_seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

/// The value of a row; none beyond the end.
pub(crate) fn at<T: Copy>(values: &[Option<T>], row: u32) -> Option<T> {
    values.get(row as usize).copied().flatten()
}

/// The set of a row; none beyond the end.
pub(crate) fn set_at(values: &[Option<Box<[TextId]>>], row: u32) -> Option<&[TextId]> {
    values.get(row as usize)?.as_deref()
}
