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
    // They are counted when one is added to as many as there may be.
    let n_stays = audiences::STAYS_PER_PERSON_MAX as u32;
    let mut kept = kept;
    kept.sort_by_key(|(number, ..)| *number);
    let mut converted = Vec::new();
    append(&mut converted, &(not_seen, kept.len() as u32));
    for (number, since, tracked, entered, is_partial) in kept {
        append(&mut converted, &(number, since, entered, no_due, is_partial, n_stays));
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
        append(&mut converted, &(number, changed_at, due, kept.is_some()));
        Stored::new(json).append_to(&mut converted);
        if let Some((_, kept)) = kept {
            let kept: KeptEvents = postcard::from_bytes(kept).ok()?;
            Stored::new(kept).append_to(&mut converted);
        }
    }
    Some(converted)
}

#[cfg(test)]
mod tests {
    use conditions::{Computation, Condition, Event};
    use serde_json::json;

    use super::*;
    use crate::audiences::PersonRow;

    fn order() -> Event {
        let properties = json!({ "total": 7.5 }).as_object().unwrap().clone();
        Event { name: "Order".to_owned(), timestamp: Timestamp(1_000), properties }
    }

    #[test]
    fn rows_of_audiences_keep_events_and_members_and_are_worked_out_with_the_next_message() {
        let condition: Condition = "did \"Order\" in the last 1 day".parse().unwrap();
        let mut tracked = Tracked::new(&condition);
        tracked.add(&condition, &order());
        let entered = Some(Timestamp(1_000));
        let kept = vec![(9_u32, 4_u64, &tracked, None, true), (2, 5, &tracked, entered, false)];
        let row = postcard::to_stdvec(&(77_u64, &kept)).unwrap();
        let converted = PersonRow::decode(convert_audiences(&row).unwrap()).unwrap();
        assert_eq!((converted.seen, converted.next_due()), (0, None));
        for (number, since, tracked, entered, is_partial) in kept {
            let kept = converted.kept(number).unwrap();
            assert_eq!(kept.tracked.get().unwrap(), tracked);
            assert_eq!((kept.since, kept.entered, kept.is_partial), (since, entered, is_partial));
        }
        assert_eq!(convert_audiences(b"no such row"), None);
    }

    #[test]
    fn rows_of_computed_traits_take_up_what_was_kept_of_events() {
        let definition =
            json!({ "key": "c", "type": "sum", "event": "Order", "property": "total" });
        let computation = Computation::new(&serde_json::from_value(definition).unwrap()).unwrap();
        let mut kept = KeptEvents::new(&computation);
        kept.add(&computation, &computation.contribution(&order()).unwrap());
        let due = Some(Timestamp(9));
        let values = [(3_u32, "7.5", Timestamp(5), None), (1, "null", Timestamp(6), due)];
        let row = postcard::to_stdvec(&vec![values[0], values[1]]).unwrap();
        let events = vec![(3, postcard::to_stdvec(&kept).unwrap())];
        let converted = convert_computed_traits(&row, &events).unwrap();
        let converted = computed_traits::PersonRow::decode(converted).unwrap();
        for (number, json, changed_at, due) in values {
            let value = converted.value(number).unwrap();
            assert_eq!(value.json.get().unwrap(), json);
            assert_eq!((value.changed_at, value.due), (changed_at, due));
        }
        assert_eq!(converted.value(3).unwrap().events.as_ref().unwrap().get().unwrap(), &kept);
        assert!(converted.value(1).unwrap().events.is_none());
        assert_eq!(convert_computed_traits(&row, &[(3, b"no events".to_vec())]), None);
    }
}
