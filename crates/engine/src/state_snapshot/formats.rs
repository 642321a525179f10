//! Rows of snapshots of earlier builds. Whoever raises [`store::FORMAT`] adds here what becomes of
//! the rows of the format before: where the journal was cut, nothing else can make them again.

use state::{Views, format9};
use store::Pair;

/// How rows of a store format become rows of the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conversion {
    /// They stay as they are.
    None,
    /// What is kept of events for computed traits goes into the rows of people.
    From9,
}

/// The conversion from a format; none for an unknown one.
pub(super) fn conversion_from(format: u8) -> Option<Conversion> {
    match format {
        9 => Some(Conversion::From9),
        store::FORMAT => Some(Conversion::None),
        _ => None,
    }
}

/// What is kept of events of one person by the numbers of computed traits, in format 9.
pub(super) type EventsOfPerson = Vec<(u32, Vec<u8>)>;

impl Conversion {
    /// The keyspace that is read beside that of a row, and in the order of its keys.
    pub(super) fn read_beside(self) -> Option<&'static str> {
        (self == Self::From9).then_some(format9::COMPUTED_TRAIT_EVENTS)
    }

    /// What becomes of a row of a keyspace: none where it is dropped. `events` are what was read
    /// beside it of the same person.
    ///
    /// # Errors
    /// Where the keyspace or the row is none of that format.
    pub(super) fn convert(
        self,
        keyspace: &str,
        (key, value): Pair,
        events: &EventsOfPerson,
    ) -> Result<Option<(&'static str, Pair)>, &'static str> {
        if self.read_beside() == Some(keyspace) {
            return Ok(None);
        }
        let known = Views::KEYSPACES.iter().copied().flatten().find(|known| **known == keyspace);
        let known = known.ok_or("a keyspace is not known")?;
        let value = match (self, *known) {
            (Self::From9, format9::AUDIENCE_PEOPLE) => format9::convert_audiences(&value),
            (Self::From9, format9::COMPUTED_TRAIT_VALUES) => {
                format9::convert_computed_traits(&value, events)
            }
            _ => Some(value),
        };
        Ok(Some((*known, (key, value.ok_or("a row cannot be read")?))))
    }

    /// Whether a row of this keyspace takes up what is read beside it.
    pub(super) fn takes_events(self, keyspace: &str) -> bool {
        self == Self::From9 && keyspace == format9::COMPUTED_TRAIT_VALUES
    }
}
