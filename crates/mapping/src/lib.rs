#![doc = include_str!("../README.md")]

mod action;
mod directive;
mod payload;
mod presets;
mod suggestion;
mod trigger;

pub use action::{Action, ActionType, LISTED_ITEMS_MAX};
pub use directive::Directive;
pub use presets::{presets, presets_added_by, presets_of};
pub use suggestion::{Suggestion, suggest};
pub use trigger::Trigger;

use domain::Message;

use crate::action::Inputs;
use crate::payload::Payload;

/// A trigger, an action and where the action's fields come from.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// Shown where the mapping is listed and where it fails.
    pub name: &'static str,
    /// The first numbered set of presets that has it.
    pub set: u32,
    /// Selects the messages that it applies to.
    pub trigger: Trigger,
    /// The type of its actions.
    pub action: ActionType,
    /// The action's fields.
    pub fields: Vec<(&'static str, Directive)>,
}

/// A mapping that was triggered and could not make its action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mapping {mapping:?}: {what}")]
pub struct MappingError {
    /// The mapping's name.
    pub mapping: &'static str,
    /// The field that is missing or wrong.
    pub what: String,
}

impl Mapping {
    /// The actions of a message that the trigger takes.
    fn apply(&self, payload: &Payload<'_>) -> Result<Vec<Action>, MappingError> {
        let fields = directive::resolve(&self.fields, payload);
        let inputs = Inputs { fields: &fields, directives: &self.fields };
        self.action.make(&inputs).map_err(|what| MappingError { mapping: self.name, what })
    }
}

/// Whether any mapping matches the message, even if its action fails.
pub fn is_taken(mappings: &[Mapping], message: &Message) -> bool {
    mappings.iter().any(|mapping| mapping.trigger.takes(message))
}

/// The actions that mappings make of a message, each on its own: one that fails does not hinder the others.
pub fn actions_of(mappings: &[Mapping], message: &Message) -> Vec<Result<Action, MappingError>> {
    let payload = Payload::new(message);
    let triggered = mappings.iter().filter(|mapping| mapping.trigger.takes(message));
    triggered
        .flat_map(|mapping| match mapping.apply(&payload) {
            Ok(actions) => actions.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
        .collect()
}
