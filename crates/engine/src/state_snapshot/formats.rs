//! Rows of snapshots of earlier builds. Whoever raises [`store::FORMAT`] adds here what becomes of
//! the rows of the format before: where the journal was cut, nothing else can make them again.

use state::Views;
use store::Pair;

/// What becomes of a row of a keyspace: none where it is dropped.
///
/// # Errors
/// Where the keyspace or the row is none of that format.
pub(super) type Convert = fn(&str, Pair) -> Result<Option<(&'static str, Pair)>, &'static str>;

/// How rows of a store format become rows of the present one; none for an unknown format.
pub(super) fn conversion_from(format: u8) -> Option<Convert> {
    match format {
        // Format 10 has further keyspaces, which begin empty. What audiences and computed traits
        // kept stays as it is.
        9 | store::FORMAT => Some(keep),
        _ => None,
    }
}

fn keep(keyspace: &str, row: Pair) -> Result<Option<(&'static str, Pair)>, &'static str> {
    let known = Views::KEYSPACES.iter().copied().flatten().find(|known| **known == keyspace);
    known.map(|known| Some((*known, row))).ok_or("a keyspace is not known")
}
