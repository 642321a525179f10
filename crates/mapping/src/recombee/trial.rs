//! Tries a message: the requests that it would become, and why it would become none.

use serde::Serialize;

use super::{Request, Settings, map_single};
use crate::action::recommender_actions;
use crate::directive::Problem;
use crate::mapping::{Draft, Mapping, MappingError};
use crate::mappings::{Mappings, read_list};
use crate::payload::Payload;
use crate::presets::recommender_presets;
use crate::trigger::Trigger;

/// What a message becomes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// One for each matching mapping that does not fail, in the order of the mappings.
    pub requests: Vec<Request>,
    /// Why others failed.
    pub errors: Vec<MappingError>,
}

/// Mappings to try, of which some may be broken: they are errors of the messages that they would
/// take, as in the original.
#[derive(Debug, Clone)]
pub struct TrialMappings {
    mappings: Mappings,
    broken: Vec<Broken>,
}

#[derive(Debug, Clone)]
struct Broken {
    /// None takes every message.
    trigger: Option<Trigger>,
    problems: Vec<Problem>,
}

impl TrialMappings {
    /// The fourteen presets.
    pub fn presets() -> Self {
        Self { mappings: recommender_presets().clone(), broken: Vec::new() }
    }

    /// Reads a JSON array of mappings.
    ///
    /// # Errors
    /// If it is no array, or one of too many or too long mappings.
    pub fn from_json(json: &str) -> Result<Self, String> {
        let mut mappings = Vec::new();
        let mut broken = Vec::new();
        for value in read_list(json)? {
            let trigger = Draft::new(recommender_actions(), value.clone())
                .ok()
                .and_then(|draft| draft.trigger.ok());
            match Mapping::from_value(recommender_actions(), value) {
                Ok(mapping) => mappings.push(mapping),
                Err(problems) => broken.push(Broken { trigger, problems }),
            }
        }
        Ok(Self { mappings: Mappings::new(mappings), broken })
    }
}

/// Maps a message as its sender wrote it: the text of a JSON object.
pub fn try_message(
    mappings: &TrialMappings,
    message: &str,
    settings: &Settings,
    is_compatible: bool,
) -> Trial {
    let mut trial = Trial { requests: Vec::new(), errors: Vec::new() };
    let payload = match Payload::of_json(message) {
        Ok(payload) => payload,
        Err(error) => {
            let (mapping, field, place) = Default::default();
            let what = format!("the message is {error}");
            trial.errors.push(MappingError { mapping, field, place, what });
            return trial;
        }
    };
    for (mapping, matched) in mappings.mappings.matching(&payload) {
        let made = matched.map_err(|error| vec![error]);
        match made.and_then(|()| map_single(mapping, &payload, settings, is_compatible)) {
            Ok(request) => trial.requests.push(request),
            Err(errors) => trial.errors.extend(errors),
        }
    }
    let takes = |broken: &&Broken| {
        let trigger = broken.trigger.as_ref();
        trigger.is_none_or(|trigger| trigger.matches(&payload).unwrap_or(true))
    };
    for broken in mappings.broken.iter().filter(takes) {
        trial.errors.extend(broken.problems.iter().map(|problem| {
            let Problem { mapping, field, .. } = problem.clone();
            let what = format!("{} {}", problem.place, problem.what).trim_start().to_owned();
            MappingError { mapping, field, place: String::new(), what }
        }));
    }
    trial
}
