#![doc = include_str!("../README.md")]

mod action;
mod date;
mod directive;
mod engine;
mod explain;
mod mapping;
mod mappings;
mod path;
mod payload;
mod place;
mod presets;
pub mod recombee;
mod suggestion;
mod trigger;
mod value;

pub use action::{
    ActionSchema, ActionType, FieldIssue, FieldSchema, FieldType, Mode, engine_actions,
    recommender_actions,
};
pub use directive::{
    DEPTH_MAX, LIQUID_BYTES_MAX, LIQUID_CHARS_MAX, PATTERN_CHARS_MAX, Problem,
    REPLACEMENT_CHARS_MAX, RESOLVE_BYTES_MAX, RESOLVE_STEPS_MAX, ResolveError,
};
pub use engine::{Action, LISTED_ITEMS_MAX};
pub use explain::{
    Explanation, FieldExplanation, FieldSource, directive_in_words, explain, explain_for_engine,
};
pub use mapping::{MAPPING_BYTES_MAX, Mapping, MappingError, NAME_BYTES_MAX};
pub use mappings::{MAPPINGS_BYTES_MAX, MAPPINGS_MAX, Mappings};
pub use path::{Path, PathRules};
pub use payload::Payload;
pub use presets::{presets, presets_in_set, recommender_presets};
pub use suggestion::{Suggestion, suggest};
pub use trigger::{Reach, TRIGGER_BYTES_MAX, Trigger, TriggerError};
pub use value::{Number, Object, ReadError, Value};
