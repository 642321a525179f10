//! Changes of the configuration, checked before they are journalled.

use std::collections::BTreeSet;
use std::sync::Arc;

use activation::Rules;
use domain::id::check_addressable;
use domain::{
    Destination, ENGINE_DESTINATION, WorkspaceConfig, WorkspaceId, WorkspaceSettings,
    check_attached_traits, counted,
};
use mapping::{Mappings, Problem};
use serving::{QueryError, check_scenario};
use state::{
    Command, ConfigChange, ConfigCommand, ConfigVersion, DESTINATION_VERSIONS_MAX, Entry, Expected,
    Outcome, Refusal, Resource, Revisions,
};

use crate::audiences::check_audiences;
use crate::campaigns::{check_campaigns, seal_headers};
use crate::computed_traits::check_computed_traits;
use crate::delivery::{connect, kind_of, seal_secrets};
use crate::exports::{check_exports, check_feeds};
use crate::journeys::check_journeys;
use crate::{Engine, SubmitError};

/// Errors of changing a configuration.
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
    AlreadyExists(String),
    /// The resource was changed since it was read.
    #[error(
        "{what} changed since you last read: read again, and repeat your change on the present state"
    )]
    Changed {
        /// The resource.
        what: String,
        /// Its revision now.
        revision: u64,
    },
    /// The journal did not take the change.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<Refusal> for ConfigError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(what) => Self::Invalid(what),
            Refusal::NotFound(what) => Self::NotFound(what),
            Refusal::AlreadyExists(what) => Self::AlreadyExists(what),
            Refusal::Changed { what, revision } => Self::Changed { what, revision },
        }
    }
}

/// Checks what the types of a configuration cannot: expressions of scenarios, and mappings.
///
/// # Errors
/// The first mistake, in words.
pub fn check_config(config: &WorkspaceConfig) -> Result<(), String> {
    serving::check_config(config)?;
    let check = |destination| {
        check_destination(destination).map_err(|what| format!("workspace {}: {what}", config.id))
    };
    config.destinations.iter().try_for_each(check)?;
    check_attached_traits(None, config)
        .and_then(|()| check_computed_traits(config))
        .and_then(|()| check_audiences(config))
        .and_then(|()| check_exports(config))
        .and_then(|()| check_feeds(config))
        .and_then(|()| check_campaigns(config))
        .and_then(|()| check_journeys(config))
        .map_err(|what| format!("workspace {}: {what}", config.id))
}

fn check_destination(destination: &Destination) -> Result<(), String> {
    let in_destination = |what: String| format!("destination {:?}: {what}", destination.name);
    let actions = if destination.name == ENGINE_DESTINATION {
        mapping::engine_actions()
    } else {
        let kind = kind_of(destination).map_err(in_destination)?;
        let read = kind.settings.read(&destination.settings);
        read.map_err(|error| in_destination(format!("settings.{error}")))?;
        let rules = Rules::compile(&destination.rules);
        rules.map_err(|error| in_destination(format!("rules.{error}")))?;
        kind.actions
    };
    let Some(list) = &destination.mappings else { return Ok(()) };
    Mappings::from_list_for(actions, list).map(drop).map_err(|problems: Vec<Problem>| {
        in_destination(problems.first().map(Problem::to_string).unwrap_or_default())
    })
}

/// Checks what a change of a destination may not do.
fn check_change(before: Option<&Destination>, after: &Destination) -> Result<(), String> {
    match before {
        Some(before) if before.kind != after.kind => Err(format!(
            "destination {:?}: its kind is {} and stays so: add another destination",
            after.name,
            before.kind.as_deref().unwrap_or_default()
        )),
        _ => Ok(()),
    }
}

impl Engine {
    /// The mappings in force, by which our own engine takes messages. Takes no lock.
    pub fn mappings(&self) -> Arc<Mappings> {
        self.shared.mappings.load_full()
    }

    /// The configuration with the revisions of its resources, consistent with each other.
    pub fn revised_config(&self) -> (Arc<WorkspaceConfig>, Revisions) {
        let snapshot = self.snapshot();
        (Arc::clone(&snapshot.setup.config), snapshot.setup.config_revisions.clone())
    }

    /// The versions of a scenario, a trait, a computed trait or an audience that are kept, the
    /// latest first. It need not be there any more.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn config_versions(&self, resource: &Resource) -> Result<Vec<ConfigVersion>, QueryError> {
        let snapshot = self.snapshot();
        Ok(snapshot.config_versions.list(snapshot.store(), resource)?)
    }

    /// Changes the configuration. All changes are checked before any is written, and they are in
    /// force when this returns. One that changes nothing is not written, so that the resource keeps
    /// its revision.
    ///
    /// # Errors
    /// A value breaks a rule, a resource has not the expected revision, or nothing can be written.
    /// If the journal fails between two scenarios, the earlier changes are in force; a second call
    /// completes them.
    pub fn configure(&self, commands: Vec<ConfigCommand>) -> Result<(), ConfigError> {
        let _one_at_a_time = self.config_lock.lock();
        let (present, revisions) = self.revised_config();
        let mut config = WorkspaceConfig::clone(&present);
        let mut effective = Vec::with_capacity(commands.len());
        for mut command in commands {
            self.seal(&mut command.change).map_err(ConfigError::Invalid)?;
            let before = config.clone();
            command.apply_to(&mut config, &revisions)?;
            if config == before {
                continue;
            }
            match &command.change {
                ConfigChange::PutScenario { name, scenario } => check_scenario(scenario)
                    .map_err(|what| ConfigError::Invalid(format!("scenario {name:?}: {what}")))?,
                ConfigChange::PutDestination { name, .. } => {
                    let put = config.destination(name);
                    let check = |put| {
                        check_change(present.destination(name), put)?;
                        check_destination(put)?;
                        self.check_versions(name)?;
                        self.check_connection(put)
                    };
                    put.map_or(Ok(()), check).map_err(ConfigError::Invalid)?
                }
                _ => {}
            }
            effective.push(command);
        }
        config.validate().map_err(|error| ConfigError::Invalid(error.what))?;
        check_new_names(&present, &config).map_err(ConfigError::Invalid)?;
        self.check_removed_catalogs(&present, &config).map_err(ConfigError::Invalid)?;
        check_attached_traits(Some(&present), &config).map_err(ConfigError::Invalid)?;
        check_computed_traits(&config).map_err(ConfigError::Invalid)?;
        check_audiences(&config).map_err(ConfigError::Invalid)?;
        check_exports(&config).map_err(ConfigError::Invalid)?;
        check_feeds(&config).map_err(ConfigError::Invalid)?;
        check_campaigns(&config).map_err(ConfigError::Invalid)?;
        check_journeys(&config).map_err(ConfigError::Invalid)?;
        let entry = |command| Entry::Command {
            received_at: self.now(),
            command: Box::new(Command::Configure(Box::new(command))),
        };
        for outcome in self.submit_blocking(effective.into_iter().map(entry).collect())? {
            if let Outcome::Refused(refusal) = outcome {
                return Err(refusal.into());
            }
        }
        if let Some(delivery) = &self.delivery {
            delivery.wake();
        }
        Ok(())
    }

    /// Checks that a catalog of products that goes has no items.
    fn check_removed_catalogs(
        &self,
        present: &WorkspaceConfig,
        config: &WorkspaceConfig,
    ) -> Result<(), String> {
        let goes = |name: &&String| !config.catalog.products.contains(name);
        let mut gone = present.catalog.products.iter().filter(goes).peekable();
        if gone.peek().is_none() {
            return Ok(());
        }
        let counts = self.snapshot().catalog.count_by_catalog();
        match gone.find_map(|name| Some((name, counts.get(name)?))) {
            None => Ok(()),
            Some((name, n)) => Err(format!(
                "catalog.products: the catalog {name:?} has {}: remove them first",
                counted(*n, "item", "items")
            )),
        }
    }

    /// Seals the secrets in a change of a destination or of the settings.
    fn seal(&self, change: &mut ConfigChange) -> Result<(), String> {
        if let ConfigChange::PutSettings { settings } = change {
            let mut read: WorkspaceSettings =
                serde_json::from_str(settings).map_err(|error| error.to_string())?;
            seal_headers(self.instance_key.as_deref(), self.id(), &mut read.linked_contents)?;
            *change = ConfigChange::put_settings(&read);
            return Ok(());
        }
        let ConfigChange::PutDestination { name, destination } = change else { return Ok(()) };
        if name == ENGINE_DESTINATION {
            return Ok(());
        }
        let mut read: Destination =
            serde_json::from_str(destination).map_err(|error| error.to_string())?;
        seal_secrets(self.instance_key.as_deref(), self.id(), &mut read)
            .map_err(|what| format!("destination {name:?}: {what}"))?;
        *change = ConfigChange::put_destination(&read);
        Ok(())
    }

    /// Checks that not too many changes of a destination wait for its entries.
    fn check_versions(&self, name: &str) -> Result<(), String> {
        let snapshot = self.snapshot();
        let n = snapshot.destinations.get(name).map_or(0, |standing| standing.versions.len());
        if n < DESTINATION_VERSIONS_MAX {
            return Ok(());
        }
        Err(format!(
            "destination {name:?}: {n} changes of it wait until it has got the messages before them; change it when it has caught up"
        ))
    }

    /// Checks what only the sender of a destination knows of its settings.
    fn check_connection(&self, destination: &Destination) -> Result<(), String> {
        let Some(outgoing) = &self.outgoing else { return Ok(()) };
        if destination.name == ENGINE_DESTINATION {
            return Ok(());
        }
        let key = self.instance_key.as_deref();
        connect(outgoing, key, self.id(), destination)
            .map(drop)
            .map_err(|what| format!("destination {:?}: settings.{what}", destination.name))
    }

    /// As [`Engine::configure`], for one change.
    ///
    /// # Errors
    /// As [`Engine::configure`].
    pub fn change_config(
        &self,
        change: ConfigChange,
        expected: Expected,
    ) -> Result<(), ConfigError> {
        self.configure(vec![ConfigCommand { change, expected }])
    }

    /// Puts a configuration in force by the changes that lead to it from the present one.
    ///
    /// # Errors
    /// As [`Engine::configure`].
    pub fn configure_as(&self, config: &WorkspaceConfig) -> Result<(), ConfigError> {
        // Sealed like those of the present one, so that the same secrets are no change.
        let mut config = config.clone();
        let (key, id): (_, &WorkspaceId) = (self.instance_key.as_deref(), self.id());
        seal_headers(key, id, &mut config.linked_contents).map_err(ConfigError::Invalid)?;
        for destination in &mut config.destinations {
            if destination.name != ENGINE_DESTINATION {
                seal_secrets(key, id, destination).map_err(|what| {
                    ConfigError::Invalid(format!("destination {:?}: {what}", destination.name))
                })?;
            }
        }
        let changes = ConfigChange::diff(&self.config(), &config);
        let command = |change| ConfigCommand { change, expected: Expected::Anything };
        self.configure(changes.into_iter().map(command).collect())
    }
}

/// Checks that what was named anew can be addressed. An earlier build may have taken other names,
/// which must not hinder changes.
fn check_new_names(before: &WorkspaceConfig, after: &WorkspaceConfig) -> Result<(), String> {
    let before = names(before);
    let new = names(after).into_iter().filter(|named| !before.contains(named));
    for (word, name) in new {
        check_addressable(&name).map_err(|what| format!("{word} {name:?}: name {what}"))?;
    }
    Ok(())
}

/// The names that addresses have, each with the word for what it names. Keys of traits have a
/// stricter form.
fn names(config: &WorkspaceConfig) -> BTreeSet<(&'static str, String)> {
    let sources = config.sources.iter().map(|source| ("source", source.name.clone()));
    let tokens = config.all_tokens().map(|token| ("token", token.name));
    let scenarios = config.scenarios.iter().map(|scenario| ("scenario", scenario.name.clone()));
    let destinations = config.outgoing_destinations();
    let destinations = destinations.map(|destination| ("destination", destination.name.clone()));
    sources.chain(tokens).chain(scenarios).chain(destinations).collect()
}
