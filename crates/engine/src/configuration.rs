//! Commands that configure a workspace: one for each resource, with a revision against lost updates.
//!
//! Whether a command fits the state (something of this name exists, it has the expected revision) is
//! decided by the fold. Rules about form are checked before a command is journalled, so that a later
//! program with stricter rules replays what was decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{
    InteractionWeights, Scenario, Source, Token, TraitDefinition, WorkspaceConfig, WorkspaceSettings,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::Batch;

use crate::command::{Command, Done, Refusal};
use crate::scenarios::check_expressions;
use crate::views::Views;
use crate::{Engine, Entry, Outcome, SubmitError, now};

/// A part of the configuration that is changed by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Resource {
    /// The source of a name.
    Source(String),
    /// The token of a name.
    Token(String),
    /// The computed trait of a key.
    Trait(String),
    /// The scenario of a name.
    Scenario(String),
    /// The weights of interaction kinds; always there.
    InteractionWeights,
    /// The single values; always there.
    Settings,
}

impl Resource {
    fn word(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Token(_) => "token",
            Self::Trait(_) => "trait",
            Self::Scenario(_) => "scenario",
            Self::InteractionWeights => "interaction_weights",
            Self::Settings => "settings",
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Source(name) | Self::Token(name) | Self::Trait(name) | Self::Scenario(name) => Some(name),
            Self::InteractionWeights | Self::Settings => None,
        }
    }

    fn is_in(&self, config: &WorkspaceConfig) -> bool {
        match self {
            Self::Source(name) => config.source(name).is_some(),
            Self::Token(name) => config.token(name).is_some(),
            Self::Trait(key) => config.trait_definition(key).is_some(),
            Self::Scenario(name) => config.scenario(name).is_some(),
            Self::InteractionWeights | Self::Settings => true,
        }
    }
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} {name:?}", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

/// One change of a resource. Values are JSON, which names its keys: they will get more of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigChange {
    /// Adds a source or replaces the one of this name, by one that may have another name.
    PutSource {
        /// The name before the change.
        name: String,
        /// A [`Source`].
        source: String,
    },
    /// Removes a source.
    RemoveSource {
        /// Its name.
        name: String,
    },
    /// Adds a token or replaces the one of its name.
    PutToken {
        /// Its name, which the token has as well.
        name: String,
        /// A [`Token`].
        token: String,
    },
    /// Removes a token.
    RemoveToken {
        /// Its name.
        name: String,
    },
    /// Adds a trait or replaces the one of its key.
    PutTrait {
        /// Its key, which the definition has as well.
        key: String,
        /// A [`TraitDefinition`].
        definition: String,
    },
    /// Removes a trait.
    RemoveTrait {
        /// Its key.
        key: String,
    },
    /// Adds a scenario or replaces the one of its name.
    PutScenario {
        /// Its name, which the scenario has as well.
        name: String,
        /// A [`Scenario`].
        scenario: String,
    },
    /// Removes a scenario.
    RemoveScenario {
        /// Its name.
        name: String,
    },
    /// Replaces the weights of interaction kinds.
    PutInteractionWeights {
        /// The [`InteractionWeights`].
        weights: String,
    },
    /// Replaces the single values.
    PutSettings {
        /// The [`WorkspaceSettings`].
        settings: String,
    },
}

impl ConfigChange {
    /// Adds `source`, or replaces the source `name` by it.
    pub fn put_source(name: &str, source: &Source) -> Self {
        Self::PutSource { name: name.to_owned(), source: to_json(source) }
    }

    /// Adds a token or replaces the one of its name.
    pub fn put_token(token: &Token) -> Self {
        Self::PutToken { name: token.name.clone(), token: to_json(token) }
    }

    /// Adds a trait or replaces the one of its key.
    pub fn put_trait(definition: &TraitDefinition) -> Self {
        Self::PutTrait { key: definition.key.clone(), definition: to_json(definition) }
    }

    /// Adds a scenario or replaces the one of its name.
    pub fn put_scenario(scenario: &Scenario) -> Self {
        Self::PutScenario { name: scenario.name.clone(), scenario: to_json(scenario) }
    }

    /// Replaces the weights of interaction kinds.
    pub fn put_interaction_weights(weights: &InteractionWeights) -> Self {
        Self::PutInteractionWeights { weights: to_json(weights) }
    }

    /// Replaces the single values.
    pub fn put_settings(settings: &WorkspaceSettings) -> Self {
        Self::PutSettings { settings: to_json(settings) }
    }

    /// The resource that it changes, by its name before the change.
    pub fn resource(&self) -> Resource {
        match self {
            Self::PutSource { name, .. } | Self::RemoveSource { name } => Resource::Source(name.clone()),
            Self::PutToken { name, .. } | Self::RemoveToken { name } => Resource::Token(name.clone()),
            Self::PutTrait { key, .. } | Self::RemoveTrait { key } => Resource::Trait(key.clone()),
            Self::PutScenario { name, .. } | Self::RemoveScenario { name } => {
                Resource::Scenario(name.clone())
            }
            Self::PutInteractionWeights { .. } => Resource::InteractionWeights,
            Self::PutSettings { .. } => Resource::Settings,
        }
    }

    /// Whether it takes the resource away.
    pub fn removes(&self) -> bool {
        match self {
            Self::RemoveSource { .. }
            | Self::RemoveToken { .. }
            | Self::RemoveTrait { .. }
            | Self::RemoveScenario { .. } => true,
            Self::PutSource { .. }
            | Self::PutToken { .. }
            | Self::PutTrait { .. }
            | Self::PutScenario { .. }
            | Self::PutInteractionWeights { .. }
            | Self::PutSettings { .. } => false,
        }
    }

    /// The changes that lead from one configuration to another, removals first; none between equal
    /// ones. The order of lists is no difference.
    pub fn between(from: &WorkspaceConfig, to: &WorkspaceConfig) -> Vec<Self> {
        let mut changes = Vec::new();
        for source in from.sources.iter().filter(|source| to.source(&source.name).is_none()) {
            changes.push(Self::RemoveSource { name: source.name.clone() });
        }
        for token in from.all_tokens().filter(|token| to.token(&token.name).is_none()) {
            changes.push(Self::RemoveToken { name: token.name });
        }
        for trait_ in from.traits.iter().filter(|trait_| to.trait_definition(&trait_.key).is_none()) {
            changes.push(Self::RemoveTrait { key: trait_.key.clone() });
        }
        for scenario in from.scenarios.iter().filter(|scenario| to.scenario(&scenario.name).is_none()) {
            changes.push(Self::RemoveScenario { name: scenario.name.clone() });
        }
        if from.settings() != to.settings() {
            changes.push(Self::put_settings(&to.settings()));
        }
        if from.interaction_weights != to.interaction_weights {
            changes.push(Self::put_interaction_weights(&to.interaction_weights));
        }
        for token in to.all_tokens().filter(|token| from.token(&token.name).as_ref() != Some(token)) {
            changes.push(Self::put_token(&token));
        }
        for source in to.sources.iter().filter(|source| from.source(&source.name) != Some(*source)) {
            changes.push(Self::put_source(&source.name, source));
        }
        for trait_ in to.traits.iter().filter(|trait_| from.trait_definition(&trait_.key) != Some(*trait_)) {
            changes.push(Self::put_trait(trait_));
        }
        let is_new = |scenario: &&Scenario| from.scenario(&scenario.name) != Some(*scenario);
        changes.extend(to.scenarios.iter().filter(is_new).map(Self::put_scenario));
        changes
    }

    /// Applies the change; the resource as it is named afterwards, none where it is gone.
    fn apply_to(&self, config: &mut WorkspaceConfig) -> Result<Option<Resource>, Refusal> {
        match self {
            Self::PutSource { name, source } => {
                let source: Source = from_json(source)?;
                let after = Resource::Source(source.name.clone());
                if source.name != *name && config.source(&source.name).is_some() {
                    return Err(Refusal::there("source", &source.name));
                }
                config.put_source(name, source);
                return Ok(Some(after));
            }
            Self::RemoveSource { name } => drop(config.remove_source(name)),
            Self::PutToken { token, .. } => config.put_token(from_json(token)?),
            Self::RemoveToken { name } => drop(config.remove_token(name)),
            Self::PutTrait { definition, .. } => config.put_trait(from_json(definition)?),
            Self::RemoveTrait { key } => drop(config.remove_trait(key)),
            Self::PutScenario { scenario, .. } => config.put_scenario(from_json(scenario)?),
            Self::RemoveScenario { name } => drop(config.remove_scenario(name)),
            Self::PutInteractionWeights { weights } => config.interaction_weights = from_json(weights)?,
            Self::PutSettings { settings } => config.set_settings(from_json(settings)?),
        }
        Ok((!self.removes()).then(|| self.resource()))
    }
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("parts of a configuration are plain JSON")
}

fn from_json<T: DeserializeOwned>(json: &str) -> Result<T, Refusal> {
    serde_json::from_str(json).map_err(|error| Refusal::Invalid(error.to_string()))
}

/// What a command expects of the resource that it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Expected {
    /// Nothing: it is made or replaced, whoever changed it meanwhile.
    #[default]
    Anything,
    /// It does not exist.
    Absent,
    /// It exists.
    Present,
    /// It exists and was not changed after this revision.
    Revision(u64),
}

/// A change with what it expects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigCommand {
    /// The change.
    pub change: ConfigChange,
    /// What it expects of its resource.
    pub expected: Expected,
}

impl ConfigCommand {
    fn apply_to(
        &self,
        config: &mut WorkspaceConfig,
        revisions: &Revisions,
    ) -> Result<Option<Resource>, Refusal> {
        let resource = self.change.resource();
        let revision = resource.is_in(config).then(|| revisions.of(&resource));
        let word = resource.word();
        match (self.expected, revision, resource.name()) {
            (Expected::Absent, Some(_), Some(name)) => return Err(Refusal::there(word, name)),
            (Expected::Revision(expected), Some(found), _) if expected != found => {
                return Err(Refusal::Changed { what: resource.to_string(), revision: found });
            }
            (Expected::Present | Expected::Revision(_), None, Some(name)) => {
                return Err(Refusal::missing(word, name));
            }
            (_, None, Some(name)) if self.change.removes() => return Err(Refusal::missing(word, name)),
            _ => {}
        }
        self.change.apply_to(config)
    }
}

/// The revision of each resource: the journal offset of the entry that changed it last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Revisions {
    /// Of what no later entry changed: the last entry that held a whole configuration.
    whole: u64,
    by_resource: BTreeMap<Resource, u64>,
}

impl Revisions {
    /// The revision of a resource that exists.
    pub fn of(&self, resource: &Resource) -> u64 {
        self.by_resource.get(resource).copied().unwrap_or(self.whole)
    }

    /// The revisions after an entry that holds a whole configuration.
    pub(crate) fn of_whole(offset: u64) -> Self {
        Self { whole: offset, by_resource: BTreeMap::new() }
    }

    /// Notes that the entry at `offset` changed `before` into `after`.
    pub(crate) fn note(&mut self, before: &Resource, after: Option<Resource>, offset: u64) {
        self.by_resource.remove(before);
        self.by_resource.extend(after.map(|after| (after, offset)));
    }
}

pub(crate) fn apply(views: &mut Views, batch: &mut Batch<'_>, command: &ConfigCommand, offset: u64) -> Done {
    let mut config = (*views.config).clone();
    let after = command.apply_to(&mut config, &views.config_revisions)?;
    views.config_revisions.note(&command.change.resource(), after, offset);
    views.put_config(batch, config);
    Ok(())
}

/// Why a workspace is not configured as it was asked to be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value is wrong; the text names resource and key.
    #[error("{0}")]
    Invalid(String),
    /// The resource does not exist.
    #[error("{0}")]
    NotFound(String),
    /// A resource of this name exists.
    #[error("{0}")]
    AlreadyThere(String),
    /// Somebody changed the resource since it was read.
    #[error("{what} was changed since you read it: read it again and repeat your change on what it is now")]
    Changed {
        /// The resource.
        what: String,
        /// Its revision now.
        revision: u64,
    },
    /// Of the writer.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<Refusal> for ConfigError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(what) => Self::Invalid(what),
            Refusal::NotFound(what) => Self::NotFound(what),
            Refusal::AlreadyThere(what) => Self::AlreadyThere(what),
            Refusal::Changed { what, revision } => Self::Changed { what, revision },
        }
    }
}

impl Engine {
    /// The configuration with the revisions of its resources, both of one moment.
    pub fn revised_config(&self) -> (Arc<WorkspaceConfig>, Revisions) {
        let views = self.shared.views.read();
        (Arc::clone(&views.config), views.config_revisions.clone())
    }

    /// Changes the configuration, all of it or nothing. It holds when this returns.
    ///
    /// # Errors
    /// Where a value breaks a rule, a resource is not what the command expects, or nothing can be
    /// written.
    pub fn configure(&self, commands: Vec<ConfigCommand>) -> Result<(), ConfigError> {
        let _one_at_a_time = self.config_lock.lock();
        let (config, revisions) = self.revised_config();
        let mut config = WorkspaceConfig::clone(&config);
        for command in &commands {
            command.apply_to(&mut config, &revisions)?;
            if let ConfigChange::PutScenario { name, .. } = &command.change
                && let Some(scenario) = config.scenario(name)
            {
                let checked = scenario.validate().and_then(|()| check_expressions(scenario));
                checked.map_err(|what| ConfigError::Invalid(format!("scenario {name:?}: {what}")))?;
            }
        }
        config.validate().map_err(|error| ConfigError::Invalid(error.what))?;
        let entry = |command| Entry::Command {
            received_at: now(),
            command: Box::new(Command::Configure(Box::new(command))),
        };
        for outcome in self.submit_blocking(commands.into_iter().map(entry).collect())? {
            if let Outcome::Refused(refusal) = outcome {
                return Err(refusal.into());
            }
        }
        Ok(())
    }

    /// As [`Engine::configure`], for one change.
    ///
    /// # Errors
    /// As [`Engine::configure`].
    pub fn change_config(&self, change: ConfigChange, expected: Expected) -> Result<(), ConfigError> {
        self.configure(vec![ConfigCommand { change, expected }])
    }

    /// Makes a configuration the one in force by the changes that lead to it; none where it is.
    ///
    /// # Errors
    /// As [`Engine::configure`].
    pub fn configure_as(&self, config: &WorkspaceConfig) -> Result<(), ConfigError> {
        let changes = ConfigChange::between(&self.config(), config);
        let command = |change| ConfigCommand { change, expected: Expected::Anything };
        self.configure(changes.into_iter().map(command).collect())
    }
}
