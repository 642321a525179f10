//! What becomes of rows of store format 9, in which what was kept of events for a computed trait
//! was a row of its own. Snapshots of the state have such rows.

use conditions::{KeptEvents, Tracked};
use domain::Timestamp;

use crate::stored::{Stored, append};
use crate::{audiences, computed_traits};

/// Keyspaces whose rows are others now.
pub const AUDIENCE_PEOPLE: &str = audiences::PEOPLE;
/// The values of a person.
pub const COMPUTED_TRAIT_VALUES: &str = computed_traits::VALUES;
/// What was kept of events: of a user and a number, each four bytes. It is no keyspace any more.
pub const COMPUTED_TRAIT_EVENTS: &str = "state.computed_trait_events";

/// The row of a person's audiences, who is worked out with the next message or timer; none if it is
/// no such row.
pub fn convert_audiences(row: &[u8]) -> Option<Vec<u8>> {
    type Kept = (u32, u64, Tracked, Option<Timestamp>, bool);
    let (_, kept): (u64, Vec<Kept>) = postcard::from_bytes(row).ok()?;
    let (not_seen, no_due) = (0_u64, None::<Timestamp>);
    let mut kept = kept;
    kept.sort_by_key(|(number, ..)| *number);
    let mut converted = Vec::new();
    append(&mut converted, &(not_seen, kept.len() as u32));
    for (number, since, tracked, entered, is_partial) in kept {
        append(&mut converted, &(number, since, entered, no_due, is_partial));
        Stored::new(tracked).append_to(&mut converted);
    }
    Some(converted)
}

/// The row of a person's computed traits, with what was kept of events by the numbers of traits;
/// none if it is no such row.
pub fn convert_computed_traits(row: &[u8], events: &[(u32, Vec<u8>)]) -> Option<Vec<u8>> {
    type Value = (u32, String, Timestamp, Option<Timestamp>);
    let mut values: Vec<Value> = postcard::from_bytes(row).ok()?;
    values.sort_by_key(|(number, ..)| *number);
    let mut converted = Vec::new();
    append(&mut converted, &(values.len() as u32));
    for (number, json, changed_at, due) in values {
        let kept = events.iter().find(|(of, _)| *of == number);
        append(&mut converted, &(number, json, changed_at, due, kept.is_some()));
        if let Some((_, kept)) = kept {
            let kept: KeptEvents = postcard::from_bytes(kept).ok()?;
            Stored::new(kept).append_to(&mut converted);
        }
    }
    Some(converted)
}
