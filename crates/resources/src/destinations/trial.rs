//! Trying a message: what the mappings of a destination would make of it.

use std::sync::Arc;

use domain::{Arrival, Envelope, Message, check_message};
use engine::{Engine, TriedDelivery};
use mapping::{FieldSource, MappingError, Mappings, explain_for_engine};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use super::{actions_of, find, mapping_error};
use crate::live::Effect;

/// A message to try.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MappingTrial {
    /// The message, as a source sends it.
    #[schema(value_type = Object)]
    pub message: Box<RawValue>,
    /// The mappings to try it with; without them, those in force.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub mappings: Option<Vec<Value>>,
}

/// What a message would become.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TriedMessage {
    /// Why the message would be refused before any mapping, or would not go to the destination;
    /// then there are no mappings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What each mapping makes of it, those that do not take it too.
    pub mappings: Vec<TriedMapping>,
}

/// What a mapping makes of a message.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TriedMapping {
    /// The name of the mapping.
    pub mapping: String,
    /// The name of its action.
    pub action: String,
    /// Its trigger.
    pub trigger: String,
    /// Whether the trigger matches.
    pub fires: bool,
    /// What each field resolves to.
    pub fields: Vec<TriedField>,
    /// What the message does, where the destination is our own engine.
    pub effects: Vec<Effect>,
    /// The requests that would leave, where it is another.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<TriedRequest>,
    /// What people should know beside the requests, such as how many segments an SMS has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What is wrong.
    pub errors: Vec<TriedError>,
}

/// A request that would leave, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TriedRequest {
    /// `POST`, or `INSERT` where it is no HTTP request.
    pub method: String,
    /// The address, or the table or topic.
    pub path: String,
    /// What is sent.
    #[schema(value_type = Object)]
    pub body: Value,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TriedField {
    /// The name of the field.
    pub field: String,
    /// Its value; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The directive in words.
    pub directive: String,
    /// The places of the message that have the value, as JSON pointers.
    pub from: Vec<String>,
}

/// A mistake.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TriedError {
    /// The field; empty where the mistake is outside of fields.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// Its place in the message, as a JSON pointer.
    pub place: String,
}

/// Tries a message: what the mappings would make of it. Changes nothing and sends nothing.
///
/// # Errors
/// 404 where there is no such destination; 400 where a mapping is wrong.
pub async fn try_message(
    workspace: &RequestedWorkspace,
    name: String,
    trial: MappingTrial,
) -> Result<TriedMessage, ApiError> {
    let try_on = move |engine: &Engine| {
        let config = engine.config();
        let destination = find(&config, &name)?;
        let actions = actions_of(destination)?;
        let read = |list: &Vec<Value>| Mappings::from_list_for(actions, list);
        let mappings = trial.mappings.as_ref().map(read).transpose().map_err(mapping_error)?;
        let arrival = Arrival { received_at: engine.now(), source: "trial", peer_ip: None };
        let checked = check_message(trial.message.get(), None, &Envelope::default(), &arrival);
        let message = match checked {
            Ok(message) => message,
            Err(rejection) => {
                let refusal = Some(rejection.detail);
                return Ok(TriedMessage { refusal, mappings: Vec::new() });
            }
        };
        match destination {
            None => {
                let mappings = mappings.map_or_else(|| engine.mappings(), Arc::new);
                Ok(TriedMessage::of_engine(&mappings, &message))
            }
            Some(destination) => {
                let tried = engine.try_delivery(destination, mappings, &message);
                tried.map(TriedMessage::of_destination).map_err(ApiError::invalid)
            }
        }
    };
    workspace.ask(try_on).await
}

impl TriedMessage {
    fn of_engine(mappings: &Mappings, message: &Message) -> Self {
        let explained = explain_for_engine(mappings, message).into_iter();
        let mappings = explained.map(|(explanation, actions)| TriedMapping {
            effects: actions.into_iter().map(Effect::of_action).collect(),
            ..TriedMapping::new(explanation)
        });
        Self { refusal: None, mappings: mappings.collect() }
    }

    fn of_destination(tried: TriedDelivery) -> Self {
        let mappings = tried.mappings.into_iter().map(|(explanation, made)| {
            let mut mapping = TriedMapping::new(explanation);
            match made {
                Ok(made) => {
                    mapping.requests = made.requests.into_iter().map(TriedRequest::new).collect();
                    mapping.notes = made.notes;
                }
                Err(what) => mapping.errors.push(TriedError {
                    field: String::new(),
                    message: what,
                    place: String::new(),
                }),
            }
            mapping
        });
        Self { refusal: tried.withheld, mappings: mappings.collect() }
    }
}

impl TriedMapping {
    fn new(explanation: mapping::Explanation) -> Self {
        Self {
            fields: explanation.fields.into_iter().map(TriedField::new).collect(),
            effects: Vec::new(),
            requests: Vec::new(),
            notes: Vec::new(),
            errors: explanation.errors.into_iter().map(TriedError::new).collect(),
            mapping: explanation.mapping,
            action: explanation.action.to_owned(),
            trigger: explanation.trigger,
            fires: explanation.fires,
        }
    }
}

impl TriedRequest {
    pub(crate) fn new(request: engine::DescribedRequest) -> Self {
        Self { method: request.method, path: request.path, body: request.body }
    }
}

impl TriedField {
    fn new(field: mapping::FieldExplanation) -> Self {
        let is_there = |source: &FieldSource| source.is_there.then(|| source.place.clone());
        Self {
            value: serde_json::to_value(&field.value).ok().filter(|value| !value.is_null()),
            from: field.from.iter().filter_map(is_there).collect(),
            field: field.field,
            directive: field.directive,
        }
    }
}

impl TriedError {
    fn new(error: MappingError) -> Self {
        Self { field: error.field, message: error.what, place: error.place }
    }
}
