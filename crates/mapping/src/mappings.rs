//! Lists of mappings, by which messages are mapped.

use std::collections::BTreeMap;

use domain::Message;

use crate::action::{ActionSchema, engine_actions};
use crate::directive::Problem;
use crate::engine::Action;
use crate::mapping::{MAPPING_BYTES_MAX, Mapping, MappingError};
use crate::payload::Payload;
use crate::trigger::Reach;
use crate::value::Value;

/// The most mappings of one destination.
pub const MAPPINGS_MAX: usize = 50;
/// The longest JSON of a list of mappings, in bytes.
pub const MAPPINGS_BYTES_MAX: usize = MAPPINGS_MAX * MAPPING_BYTES_MAX;

/// Mappings in their order. Those that a message cannot match, by its type and event, are passed
/// over without evaluating their triggers.
#[derive(Debug, Clone, Default)]
pub struct Mappings {
    list: Vec<Mapping>,
    index: Index,
}

/// The places of mappings by what their triggers can match.
#[derive(Debug, Clone, Default)]
struct Index {
    by_event: BTreeMap<String, Vec<usize>>,
    /// Those that name types and no event.
    by_type: BTreeMap<String, Vec<usize>>,
    /// Those that name neither.
    others: Vec<usize>,
}

impl Index {
    fn add(&mut self, place: usize, reach: &Reach) {
        let (table, keys) = match (&reach.events, &reach.types) {
            (Some(events), _) => (&mut self.by_event, events),
            (None, Some(types)) => (&mut self.by_type, types),
            (None, None) => return self.others.push(place),
        };
        for key in keys {
            table.entry(key.clone()).or_default().push(place);
        }
    }

    /// The places of the mappings that a message can match, in order.
    fn find(&self, payload: &Payload<'_>) -> Vec<usize> {
        let named = |table: &BTreeMap<String, Vec<usize>>, field: &str| {
            if table.is_empty() {
                return Vec::new();
            }
            let name = payload.field(field);
            name.as_text().and_then(|name| table.get(name.as_ref()).cloned()).unwrap_or_default()
        };
        let mut found = named(&self.by_event, "event");
        found.extend(named(&self.by_type, "type"));
        found.extend(&self.others);
        found.sort_unstable();
        found
    }
}

impl Mappings {
    /// Mappings without a limit on their number.
    pub(crate) fn new(list: Vec<Mapping>) -> Self {
        let mut index = Index::default();
        for (place, mapping) in list.iter().enumerate() {
            if mapping.is_enabled {
                index.add(place, mapping.trigger.reach());
            }
        }
        Self { list, index }
    }

    /// Reads a JSON array of mappings, as [`Mapping::from_json`] reads each.
    ///
    /// # Errors
    /// All mistakes of all mappings, a name that two of them have, more than [`MAPPINGS_MAX`]
    /// mappings, or a mapping of more than [`MAPPING_BYTES_MAX`] bytes.
    pub fn from_json(json: &str) -> Result<Self, Vec<Problem>> {
        Self::from_json_for(engine_actions(), json)
    }

    /// As [`Mappings::from_json`], for a destination that takes these actions.
    ///
    /// # Errors
    /// As [`Mappings::from_json`].
    pub fn from_json_for(
        actions: &'static [ActionSchema],
        json: &str,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut list: Vec<Mapping> = Vec::new();
        for (n, value) in
            read_list(json).map_err(|what| vec![alone("", what)])?.into_iter().enumerate()
        {
            match Mapping::from_value(actions, value) {
                Ok(mapping) if list.iter().any(|other| other.name == mapping.name) => {
                    let what = "is the name of two mappings".to_owned();
                    let place = format!("/{n}/name");
                    problems.push(Problem { mapping: mapping.name, ..alone(&place, what) });
                }
                Ok(mapping) if !is_name(&mapping.name) => {
                    let what = "should be a name of one line".to_owned();
                    problems.push(alone(&format!("/{n}/name"), what));
                }
                Ok(mapping) => list.push(mapping),
                Err(found) => {
                    problems.extend(found.into_iter().map(|problem| Problem {
                        place: format!("/{n}{}", problem.place),
                        ..problem
                    }))
                }
            }
        }
        if problems.is_empty() { Ok(Self::new(list)) } else { Err(problems) }
    }

    /// As [`Mappings::from_json`], from the elements of the array.
    ///
    /// # Errors
    /// As [`Mappings::from_json`].
    pub fn from_list(list: &[serde_json::Value]) -> Result<Self, Vec<Problem>> {
        Self::from_list_for(engine_actions(), list)
    }

    /// As [`Mappings::from_json_for`], from the elements of the array.
    ///
    /// # Errors
    /// As [`Mappings::from_json`].
    pub fn from_list_for(
        actions: &'static [ActionSchema],
        list: &[serde_json::Value],
    ) -> Result<Self, Vec<Problem>> {
        let json = serde_json::to_string(list).expect("values are plain JSON");
        Self::from_json_for(actions, &json)
    }

    /// Mappings that were accepted when they were configured. One that this build cannot read,
    /// since its rules have become stricter, is left out.
    pub fn from_accepted(actions: &'static [ActionSchema], list: &[serde_json::Value]) -> Self {
        let read =
            |value: &serde_json::Value| Mapping::from_json_for(actions, &value.to_string()).ok();
        Self::new(list.iter().filter_map(read).collect())
    }

    /// The JSON from which [`Mappings::from_json`] reads the same mappings.
    pub fn to_json(&self) -> String {
        let mappings: Vec<String> = self.list.iter().map(Mapping::to_json).collect();
        format!("[{}]", mappings.join(","))
    }

    /// These, and others behind them.
    pub fn followed_by(&self, others: &Self) -> Self {
        Self::new(self.iter().chain(others.iter()).cloned().collect())
    }

    /// The mappings in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Mapping> {
        self.list.iter()
    }

    /// The number of mappings.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The mapping of a name.
    pub fn get(&self, name: &str) -> Option<&Mapping> {
        self.list.iter().find(|mapping| mapping.name == name)
    }

    /// The mappings whose triggers match, in order; those whose triggers fail, with the error.
    pub fn matching<'m>(
        &'m self,
        payload: &Payload<'_>,
    ) -> Vec<(&'m Mapping, Result<(), MappingError>)> {
        let candidates = self.index.find(payload).into_iter().map(|place| &self.list[place]);
        candidates
            .filter_map(|mapping| match mapping.takes(payload) {
                Ok(true) => Some((mapping, Ok(()))),
                Ok(false) => None,
                Err(error) => Some((mapping, Err(error))),
            })
            .collect()
    }

    /// Whether the trigger of any mapping matches an accepted message; the mapping may still fail.
    pub fn is_matched(&self, message: &Message) -> bool {
        let payload = Payload::of_message(message);
        self.matching(&payload).iter().any(|(_, matched)| matched.is_ok())
    }

    /// What our own engine takes from an accepted message. Mappings are independent: a failure of
    /// one does not affect the others.
    pub fn map(&self, message: &Message) -> Vec<Result<Action, MappingError>> {
        let by_mapping = self.map_by_mapping(message).into_iter();
        by_mapping
            .flat_map(|(_, made)| match made {
                Ok(actions) => actions.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
            .collect()
    }

    /// The matching mappings, each with what our own engine takes from an accepted message.
    pub fn map_by_mapping(
        &self,
        message: &Message,
    ) -> Vec<(&Mapping, Result<Vec<Action>, MappingError>)> {
        let payload = Payload::of_message(message);
        let matching = self.matching(&payload).into_iter();
        matching
            .map(|(mapping, matched)| (mapping, matched.and_then(|()| mapping.build(&payload))))
            .collect()
    }
}

impl<'m> IntoIterator for &'m Mappings {
    type Item = &'m Mapping;
    type IntoIter = std::slice::Iter<'m, Mapping>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The elements of a JSON array of mappings.
///
/// # Errors
/// If it is no array, or beyond a limit, in words.
pub(crate) fn read_list(json: &str) -> Result<Vec<Value<'static>>, String> {
    if json.len() > MAPPINGS_BYTES_MAX {
        return Err(format!(
            "the mappings have {} bytes, the limit is {MAPPINGS_BYTES_MAX}",
            json.len()
        ));
    }
    match Value::from_json(json).map_err(|error| format!("the mappings are {error}"))?.into_owned()
    {
        Value::Array(list) if list.len() > MAPPINGS_MAX => {
            Err(format!("there are {} mappings, the limit is {MAPPINGS_MAX}", list.len()))
        }
        Value::Array(list) => Ok(list),
        other => Err(format!("the mappings should be an array but are {}", other.type_name())),
    }
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && !name.contains(char::is_control)
}

fn alone(place: &str, what: String) -> Problem {
    let (mapping, field) = Default::default();
    Problem { mapping, field, place: place.to_owned(), what }
}
