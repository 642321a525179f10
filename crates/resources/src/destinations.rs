//! Destinations: where messages go, and what mappings make of them there.

use std::sync::Arc;

use domain::{
    Arrival, Destination, ENGINE_DESTINATION, Envelope, Message, WorkspaceConfig, check_message,
};
use engine::{ConfigChange, Engine, Expected, Resource};
use mapping::{FieldSource, MappingError, Mappings, Problem, explain_for_engine};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::live::Effect;
use crate::{Revised, configure, put_error, unknown_resource};

/// A destination as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownDestination {
    /// Its name.
    pub name: String,
    /// Whether its mappings are the presets of the workspace's set.
    pub uses_presets: bool,
    /// The mappings in force, in their order.
    #[schema(value_type = Vec<Object>)]
    pub mappings: Vec<Value>,
}

impl ShownDestination {
    fn engine(config: &WorkspaceConfig) -> Self {
        let presets = || {
            let presets = mapping::presets_in_set(config.preset_set()).to_json();
            serde_json::from_str(&presets).expect("presets are JSON")
        };
        let own = config.engine_mappings().map(<[Value]>::to_vec);
        Self {
            name: ENGINE_DESTINATION.to_owned(),
            uses_presets: own.is_none(),
            mappings: own.unwrap_or_else(presets),
        }
    }
}

/// What is to be changed of a destination.
#[derive(Debug, Clone, PartialEq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DestinationChange {
    /// All of its mappings, in their order; null for the presets of the workspace's set.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<Vec<Object>>, required)]
    pub mappings: Option<Vec<Value>>,
}

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
    /// Why the message would be refused before any mapping; then there are no mappings.
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
    /// What the message does.
    pub effects: Vec<Effect>,
    /// What is wrong.
    pub errors: Vec<TriedError>,
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

/// The destinations of a workspace.
///
/// # Errors
/// 503 where the workspace is closed.
pub fn list(workspace: &RequestedWorkspace) -> Result<Vec<ShownDestination>, ApiError> {
    Ok(vec![ShownDestination::engine(&*workspace.config()?)])
}

/// A destination.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn read(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<Revised<ShownDestination>, ApiError> {
    check_name(&name)?;
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let revision = revisions.revision(&Resource::Destination(name));
        Ok(Revised { value: ShownDestination::engine(&config), revision })
    };
    workspace.ask(read).await
}

/// Changes the mappings of a destination. They hold for the messages that the journal takes from
/// then on.
///
/// # Errors
/// If a mapping is wrong, or the revision is another than expected.
pub async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    change: DestinationChange,
    expected: Expected,
) -> Result<Revised<ShownDestination>, ApiError> {
    check_name(&name)?;
    if let Some(list) = &change.mappings {
        Mappings::from_list(list).map_err(mapping_error)?;
    }
    configure(app, workspace, move |_, engine| {
        let destination = Destination { name, mappings: change.mappings };
        let resource = Resource::Destination(destination.name.clone());
        let change = ConfigChange::put_destination(&destination);
        engine.change_config(change, expected).map_err(|error| put_error(error, expected))?;
        Ok(Revised::now(engine, &resource, ShownDestination::engine(&engine.config())))
    })
    .await
}

/// Tries a message: what the mappings would make of it. Changes nothing.
///
/// # Errors
/// 404 where there is no such destination; 400 where a mapping is wrong.
pub async fn try_message(
    workspace: &RequestedWorkspace,
    name: String,
    trial: MappingTrial,
) -> Result<TriedMessage, ApiError> {
    check_name(&name)?;
    let mappings = trial.mappings.as_deref().map(Mappings::from_list).transpose();
    let mappings = mappings.map_err(mapping_error)?;
    let try_on = move |engine: &Engine| {
        let mappings = mappings.map_or_else(|| engine.mappings(), Arc::new);
        let arrival = Arrival { received_at: engine.now(), source: "trial", peer_ip: None };
        let checked = check_message(trial.message.get(), None, &Envelope::default(), &arrival);
        Ok(match checked {
            Ok(message) => TriedMessage::new(&mappings, &message),
            Err(rejection) => {
                TriedMessage { refusal: Some(rejection.detail), mappings: Vec::new() }
            }
        })
    };
    workspace.ask(try_on).await
}

fn check_name(name: &str) -> Result<(), ApiError> {
    match name {
        ENGINE_DESTINATION => Ok(()),
        _ => Err(unknown_resource("destination", name, &[ENGINE_DESTINATION])),
    }
}

/// The first mistake with its place, and all of them for programs.
fn mapping_error(mut problems: Vec<Problem>) -> ApiError {
    problems.iter_mut().for_each(|problem| problem.place.insert_str(0, "/mappings"));
    let first = problems.first();
    let place = first.map_or_else(String::new, |problem| problem.place.clone());
    let text = first.map_or_else(String::new, Problem::to_string);
    ApiError::invalid(text).with_detail(json!({ "mistakes": problems })).at(place)
}

impl TriedMessage {
    fn new(mappings: &Mappings, message: &Message) -> Self {
        let explained = explain_for_engine(mappings, message).into_iter();
        let mappings = explained.map(|(explanation, actions)| TriedMapping {
            fields: explanation.fields.into_iter().map(TriedField::new).collect(),
            effects: actions.into_iter().map(Effect::of_action).collect(),
            errors: explanation.errors.into_iter().map(TriedError::new).collect(),
            mapping: explanation.mapping,
            action: explanation.action.to_owned(),
            trigger: explanation.trigger,
            fires: explanation.fires,
        });
        Self { refusal: None, mappings: mappings.collect() }
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
