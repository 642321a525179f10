//! Destinations: where messages go, and what mappings make of them there.

mod delivery;
mod kinds;
mod trial;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{
    ChannelLimits, DeliverySettings, Destination, DestinationRules, ENGINE_DESTINATION,
    SyncSettings, WorkspaceConfig,
};
use engine::{ConfigChange, Engine, Expected, Kind, Resource};
use mapping::{ActionSchema, Mappings, Problem};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use web::App;
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

pub use self::delivery::{
    ChangedLetters, CheckedDestination, DEAD_LETTERS_PAGE_MAX, DeadLetterPage, DeadLettersQuery,
    LetterChoice, LetterName, ShownDeadLetter, ShownDelivery, WholeDeadLetter, check, dead_letter,
    dead_letters, delivery, delivery_now, drop_letters, retry_letters,
};
pub use self::kinds::{ShownKind, ShownSetting, kinds};
pub use self::trial::{
    MappingTrial, TriedError, TriedField, TriedMapping, TriedMessage, TriedRequest, try_message,
};
use crate::configuration::{in_use, remove};
use crate::{Revised, configure, put_error, unknown_resource};

/// A destination as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownDestination {
    /// Its name.
    pub name: String,
    /// What it is, such as `webhook`; `engine` is our own engine.
    pub kind: String,
    /// Whether messages go there.
    pub enabled: bool,
    /// The settings of its kind. Of a secret only whether it is set: `{"is_set": true}`.
    #[schema(value_type = Object)]
    pub settings: Map<String, Value>,
    /// Whether its mappings are the presets: those of the workspace's set, or of its kind.
    pub uses_presets: bool,
    /// The mappings in force, in their order.
    #[schema(value_type = Vec<Object>)]
    pub mappings: Vec<Value>,
    /// What it gets of messages.
    pub rules: DestinationRules,
    /// How much is sent at once.
    pub delivery: DeliverySettings,
    /// How often one person gets messages of campaigns through it.
    pub limits: ChannelLimits,
}

impl ShownDestination {
    fn engine(config: &WorkspaceConfig) -> Self {
        let own = config.engine_mappings().map(<[Value]>::to_vec);
        Self {
            name: ENGINE_DESTINATION.to_owned(),
            kind: ENGINE_DESTINATION.to_owned(),
            enabled: true,
            settings: Map::new(),
            uses_presets: own.is_none(),
            mappings: own.unwrap_or_else(|| to_list(mapping::presets_in_set(config.preset_set()))),
            rules: DestinationRules::default(),
            delivery: DeliverySettings::default(),
            limits: ChannelLimits::default(),
        }
    }

    fn new(destination: &Destination) -> Self {
        let kind = kind_of(destination);
        let presets = || kind.map(|kind| to_list(&kind.presets)).unwrap_or_default();
        let is_secret = |key: &str| kind.is_none_or(|kind| kind.settings.is_secret(key));
        let show = |(key, value): (&String, &Value)| match is_secret(key) {
            true => (key.clone(), secret_is_set()),
            false => (key.clone(), value.clone()),
        };
        Self {
            name: destination.name.clone(),
            kind: destination.kind.clone().unwrap_or_default(),
            enabled: destination.enabled,
            settings: destination.settings.iter().map(show).collect(),
            uses_presets: destination.mappings.is_none(),
            mappings: destination.mappings.clone().unwrap_or_else(presets),
            rules: destination.rules.clone(),
            delivery: destination.delivery,
            limits: destination.limits,
        }
    }

    /// What mappings can make for it.
    pub fn actions(&self) -> &'static [ActionSchema] {
        match self.is_engine() {
            true => mapping::engine_actions(),
            false => engine::destination_kind(&self.kind).map_or(&[], |kind| kind.actions),
        }
    }

    /// The mappings that hold where it has none of its own.
    pub fn presets(&self, config: &WorkspaceConfig) -> Vec<Value> {
        match self.is_engine() {
            true => to_list(mapping::presets_in_set(config.preset_set())),
            false => engine::destination_kind(&self.kind)
                .map(|kind| to_list(&kind.presets))
                .unwrap_or_default(),
        }
    }

    /// Whether it is our own engine.
    pub fn is_engine(&self) -> bool {
        self.name == ENGINE_DESTINATION
    }

    /// A change of its mappings alone; none stands for the presets.
    pub fn with_mappings(&self, mappings: Option<Vec<Value>>) -> DestinationChange {
        DestinationChange {
            name: None,
            uses_presets: false,
            kind: (!self.is_engine()).then(|| self.kind.clone()),
            enabled: self.enabled,
            settings: self.settings.clone().into_iter().collect(),
            mappings: Some(mappings),
            rules: self.rules.clone(),
            delivery: self.delivery,
            limits: self.limits,
        }
    }

    fn of(config: &WorkspaceConfig, name: &str) -> Result<Self, ApiError> {
        let found = find(config, name)?;
        Ok(found.map_or_else(|| Self::engine(config), Self::new))
    }
}

fn to_list(mappings: &Mappings) -> Vec<Value> {
    serde_json::from_str(&mappings.to_json()).expect("mappings are JSON")
}

fn secret_is_set() -> Value {
    json!({ "is_set": true })
}

/// What a destination is to be.
#[derive(Debug, Clone, PartialEq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DestinationChange {
    /// The name, as in the path.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is, such as `webhook`. It stays what it is; our own engine has none.
    #[serde(default)]
    pub kind: Option<String>,
    /// Whether messages go there. Those that arrive while it is off are not sent later.
    #[serde(default = "enabled_by_default")]
    pub enabled: bool,
    /// The settings of its kind. A secret that is absent or `{"is_set": true}` stays as it is; null
    /// removes it.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: BTreeMap<String, Value>,
    /// All of its mappings, in their order; null or absent for the presets. It may not be absent
    /// where the destination has mappings of its own.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub mappings: Option<Option<Vec<Value>>>,
    /// As it was read: where it is true and `mappings` are the presets in force, it goes on to use
    /// the presets.
    #[serde(default)]
    pub uses_presets: bool,
    /// What it gets of messages.
    #[serde(default)]
    pub rules: DestinationRules,
    /// How much is sent at once.
    #[serde(default)]
    pub delivery: DeliverySettings,
    /// How often one person gets messages of campaigns through it.
    #[serde(default)]
    pub limits: ChannelLimits,
}

/// A member that is there, which may be null.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Vec<Value>>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl DestinationChange {
    /// Checks that a change without mappings means the presets.
    fn check_mappings(&self, name: &str, before: Option<&Destination>) -> Result<(), ApiError> {
        let has_own = before.is_some_and(|before| before.mappings.is_some());
        if self.mappings.is_some() || !has_own {
            return Ok(());
        }
        let what = format!(
            "destination {name:?} has mappings of its own: send all of them as `mappings`, or null for the presets"
        );
        Err(ApiError::invalid(what).at("/mappings".to_owned()))
    }

    /// Takes what was read and is put back as it is meant: presets stay presets, and our own engine
    /// has no kind.
    fn put_back(mut self, name: &str, shown: Option<&ShownDestination>) -> Result<Self, ApiError> {
        if let Some(other) = self.name.take().filter(|other| other != name) {
            let what =
                format!("destination {name:?}: name is {other:?}, but the path says {name:?}");
            return Err(ApiError::invalid(what).at("/name"));
        }
        if name == ENGINE_DESTINATION && self.kind.as_deref() == Some(ENGINE_DESTINATION) {
            self.kind = None;
        }
        let presets = shown.filter(|shown| shown.uses_presets && self.uses_presets);
        if presets
            .is_some_and(|shown| self.mappings.as_ref() == Some(&Some(shown.mappings.clone())))
        {
            self.mappings = Some(None);
        }
        Ok(self)
    }

    fn into_destination(self, name: String, before: Option<&Destination>) -> Destination {
        let mut settings = self.settings;
        if let Some(before) = before
            && let Some(kind) = kind_of(before)
        {
            for (key, value) in &before.settings {
                let is_kept = settings.get(key).is_none_or(|value| *value == secret_is_set());
                if kind.settings.is_secret(key) && is_kept {
                    settings.insert(key.clone(), value.clone());
                }
            }
        }
        settings.retain(|_, value| !value.is_null());
        Destination {
            name,
            kind: self.kind.or_else(|| before.and_then(|before| before.kind.clone())),
            enabled: self.enabled,
            settings,
            mappings: self.mappings.flatten(),
            rules: self.rules,
            delivery: self.delivery,
            limits: self.limits,
        }
    }
}

/// The page of the console of this name is the form of a new destination.
const RESERVED: &str = "new";

fn enabled_by_default() -> bool {
    true
}

/// The destinations of a workspace, our own engine first.
///
/// # Errors
/// 503 where the workspace is closed.
pub fn list(workspace: &RequestedWorkspace) -> Result<Vec<ShownDestination>, ApiError> {
    let config = workspace.config()?;
    let others = config.outgoing_destinations().map(ShownDestination::new);
    Ok(std::iter::once(ShownDestination::engine(&config)).chain(others).collect())
}

/// A destination.
///
/// # Errors
/// 404 where there is none of the name.
pub async fn read(
    workspace: &RequestedWorkspace,
    name: String,
) -> Result<Revised<ShownDestination>, ApiError> {
    let read = move |engine: &Engine| {
        let (config, revisions) = engine.revised_config();
        let value = ShownDestination::of(&config, &name)?;
        Ok(Revised { value, revision: revisions.revision(&Resource::Destination(name)) })
    };
    workspace.ask(read).await
}

/// Adds a destination, or changes it. Mappings and rules hold for the messages that the journal
/// takes from then on.
///
/// # Errors
/// If a setting, a rule or a mapping is wrong, or the revision is another than expected.
pub async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    change: DestinationChange,
    expected: Expected,
) -> Result<Revised<ShownDestination>, ApiError> {
    configure(app, workspace, move |_, engine| {
        let before = engine.config().destination(&name).cloned();
        if before.is_none() && name == RESERVED {
            let what = format!("“{RESERVED}” cannot be the name of a destination: take another");
            return Err(ApiError::invalid(what).at("/name".to_owned()));
        }
        let shown = ShownDestination::of(&engine.config(), &name).ok();
        let change = change.put_back(&name, shown.as_ref())?;
        change.check_mappings(&name, before.as_ref())?;
        let destination = change.into_destination(name.clone(), before.as_ref());
        let actions = actions_of(Some(&destination).filter(|_| name != ENGINE_DESTINATION))?;
        if let Some(list) = &destination.mappings {
            Mappings::from_list_for(actions, list).map_err(mapping_error)?;
        }
        let change = ConfigChange::put_destination(&destination);
        engine.change_config(change, expected).map_err(|error| put_error(error, expected))?;
        let shown = ShownDestination::of(&engine.config(), &name)?;
        Ok(Revised::now(engine, &Resource::Destination(name), shown))
    })
    .await
}

/// Removes a destination, with its dead letters and all that waits for it. Our own engine has its
/// defaults again.
///
/// # Errors
/// 404 where there is none of the name, and if the revision is another than expected.
pub async fn delete(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    name: String,
    expected: Expected,
) -> Result<(), ApiError> {
    configure(app, workspace, move |_, engine| {
        find(&engine.config(), &name)?;
        if let Some(user) = user_of(&engine.config(), &name) {
            let message =
                format!("destination {name:?} is in use by {user}: take it out there first");
            return Err(in_use(message));
        }
        remove(engine, ConfigChange::RemoveDestination { name }, expected)
    })
    .await
}

/// What goes to a destination by its name, in words; none where nothing does.
fn user_of(config: &WorkspaceConfig, name: &str) -> Option<String> {
    let names = |sync: &Option<SyncSettings>| {
        sync.as_ref().is_some_and(|sync| sync.destinations.iter().any(|other| other == name))
    };
    let export = config.exports.iter().find(|export| export.into == name);
    let audience = config.audiences.iter().find(|audience| names(&audience.sync));
    let list = config.traits.iter().find(|list| names(&list.sync));
    let computed = config.computed_traits.iter().find(|computed| names(&computed.sync));
    export
        .map(|export| format!("the export {:?}", export.name))
        .or_else(|| audience.map(|audience| format!("the audience {:?}", audience.key)))
        .or_else(|| list.map(|list| format!("the trait {:?}", list.key)))
        .or_else(|| computed.map(|computed| format!("the computed trait {:?}", computed.key)))
}

/// The destination of a name; none for our own engine.
pub(crate) fn find<'c>(
    config: &'c WorkspaceConfig,
    name: &str,
) -> Result<Option<&'c Destination>, ApiError> {
    if name == ENGINE_DESTINATION {
        return Ok(None);
    }
    let known: Vec<&str> = std::iter::once(ENGINE_DESTINATION)
        .chain(config.outgoing_destinations().map(|destination| destination.name.as_str()))
        .collect();
    let found = config.destination(name);
    found.map(Some).ok_or_else(|| unknown_resource("destination", name, &known))
}

fn kind_of(destination: &Destination) -> Option<&'static Kind> {
    engine::destination_kind(destination.kind.as_deref()?)
}

/// What mappings can make for a destination; none stands for our own engine.
fn actions_of(destination: Option<&Destination>) -> Result<&'static [ActionSchema], ApiError> {
    let Some(destination) = destination else { return Ok(mapping::engine_actions()) };
    kind_of(destination).map(|kind| kind.actions).ok_or_else(|| {
        let known: Vec<&str> = engine::destination_kinds().iter().map(|kind| kind.name).collect();
        let kind = destination.kind.as_deref().unwrap_or_default();
        let what = format!("kind should be one of {} but it is {kind:?}", known.join(", "));
        ApiError::invalid(what).at("/kind".to_owned())
    })
}

/// The first mistake with its place, and all of them for programs.
fn mapping_error(mut problems: Vec<Problem>) -> ApiError {
    problems.iter_mut().for_each(|problem| problem.place.insert_str(0, "/mappings"));
    let first = problems.first();
    let place = first.map_or_else(String::new, |problem| problem.place.clone());
    let text = first.map_or_else(String::new, Problem::to_string);
    ApiError::invalid(text).with_detail(json!({ "mistakes": problems })).at(place)
}
