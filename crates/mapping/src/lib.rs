#![doc = include_str!("../README.md")]

mod action;
mod directive;
mod payload;
mod place;
mod presets;
mod suggestion;
mod trigger;

pub use action::{Action, ActionType, LISTED_ITEMS_MAX};
pub use directive::Directive;
pub use presets::{presets, presets_added_by, presets_in_set};
pub use suggestion::{Suggestion, suggest};
pub use trigger::Trigger;

use domain::Message;

use crate::action::Inputs;
use crate::payload::Payload;

/// A rule that turns messages into actions.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Identifies the mapping in lists and errors.
    pub name: &'static str,
    /// The first numbered set of presets that contains it.
    pub set: u32,
    /// Selects the messages that it maps.
    pub trigger: Trigger,
    /// The kind of the resulting actions.
    pub action: ActionType,
    /// The sources of the action's fields, by field name.
    pub fields: Vec<(&'static str, Directive)>,
}

/// A mapping that matched a message and failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mapping {mapping:?}: {what}")]
pub struct MappingError {
    /// The name of the mapping.
    pub mapping: &'static str,
    /// The missing or invalid field.
    pub what: String,
    /// Its place in the message, as a JSON pointer: `/properties/products/0/price`. Where the field
    /// is missing, one of the places where it could be.
    pub place: String,
}

impl Mapping {
    /// Builds the actions of a message that the trigger matches.
    fn apply(&self, payload: &Payload<'_>) -> Result<Vec<Action>, MappingError> {
        let fields = directive::resolve(&self.fields, payload);
        let inputs = Inputs { fields: &fields, directives: &self.fields };
        self.action.build(&inputs).map_err(|error| MappingError {
            mapping: self.name,
            place: place::find(&self.fields, payload, &error),
            what: error.to_string(),
        })
    }
}

/// Whether the trigger of any mapping matches the message; the mapping may still fail.
pub fn is_matched(mappings: &[Mapping], message: &Message) -> bool {
    mappings.iter().any(|mapping| mapping.trigger.takes(message))
}

/// Applies all matching mappings to a message. They are independent: a failure of one does not
/// affect the others.
pub fn map_message(mappings: &[Mapping], message: &Message) -> Vec<Result<Action, MappingError>> {
    let payload = Payload::new(message);
    let triggered = mappings.iter().filter(|mapping| mapping.trigger.takes(message));
    triggered
        .flat_map(|mapping| match mapping.apply(&payload) {
            Ok(actions) => actions.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
        .collect()
}

/// The matching mappings, each with what it makes of a message.
pub fn map_message_by_mapping<'m>(
    mappings: &'m [Mapping],
    message: &Message,
) -> Vec<(&'m Mapping, Result<Vec<Action>, MappingError>)> {
    let payload = Payload::new(message);
    let triggered = mappings.iter().filter(|mapping| mapping.trigger.takes(message));
    triggered.map(|mapping| (mapping, mapping.apply(&payload))).collect()
}
