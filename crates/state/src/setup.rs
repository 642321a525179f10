//! The single values of a workspace: configuration, training runs and the journal's clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{Scenario, WorkspaceConfig, WorkspaceId};
use mapping::Mappings;
use profiles::IdentityRules;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Batch, Keyspace, Read, Store, StoreError};

use crate::configuration::Revisions;
use crate::journal_clock::JournalClock;
use crate::part::{StatePart, counts_nothing, has_no_users};
use crate::training::{TRAININGS_KEPT_MAX, TrainingRecord};

/// The keyspace that survives a reset.
pub(crate) const KEYSPACE: &str = "state.workspace";
const CONFIG_KEY: &[u8] = b"config";
const TRAININGS_KEY: &[u8] = b"trainings";
const CLOCK_KEY: &[u8] = b"clock";
const RESET_AT_KEY: &[u8] = b"reset_at";
const ACTIVE_MODEL_KEY: &[u8] = b"active_model";
const CONFIG_REVISIONS_KEY: &[u8] = b"config_revisions";
const FITTING_SCENARIOS_KEY: &[u8] = b"fitting_scenarios";

/// The single values of a workspace.
pub struct Setup {
    keyspace: Keyspace,
    /// The configuration in force.
    pub config: Arc<WorkspaceConfig>,
    /// The revision of each resource of the configuration.
    pub config_revisions: Revisions,
    /// The mappings in force, by which our own engine takes messages. They follow from the
    /// configuration.
    pub mappings: Arc<Mappings>,
    /// The rules of identity in force, as configured; none before a workspace configures them.
    pub identity: Option<Arc<IdentityRules>>,
    /// Scenarios as they were when they last fitted the catalog, by name. They are in force while
    /// the configured ones do not fit.
    pub fitting_scenarios: BTreeMap<String, Scenario>,
    /// The latest training runs, oldest first.
    pub trainings: Vec<TrainingRecord>,
    /// The version of the active model; none before the first training run.
    pub active_model: Option<String>,
    /// The offset of the last reset; none without one.
    pub reset_at: Option<u64>,
    /// The journal's clock.
    pub clock: JournalClock,
}

impl StatePart for Setup {
    const KEYSPACES: &'static [&'static str] = &[KEYSPACE];

    has_no_users!();
    counts_nothing!();

    fn load(store: &Store, id: &WorkspaceId) -> Result<Self, StoreError> {
        let keyspace = store.keyspace(KEYSPACE);
        let stored = Stored { store, keyspace: &keyspace };
        let config =
            stored.get_json(CONFIG_KEY)?.unwrap_or_else(|| WorkspaceConfig::empty(id.clone()));
        Ok(Self {
            mappings: mappings_of(&config),
            identity: identity_of(&config),
            config: Arc::new(config),
            config_revisions: stored.get(CONFIG_REVISIONS_KEY)?.unwrap_or_default(),
            fitting_scenarios: stored.get_json(FITTING_SCENARIOS_KEY)?.unwrap_or_default(),
            trainings: stored.get(TRAININGS_KEY)?.unwrap_or_default(),
            active_model: stored.get::<Option<String>>(ACTIVE_MODEL_KEY)?.flatten(),
            reset_at: stored.get::<Option<u64>>(RESET_AT_KEY)?.flatten(),
            clock: stored.get(CLOCK_KEY)?.unwrap_or_default(),
            keyspace,
        })
    }

    fn flush(&mut self, batch: &mut Batch<'_>) {
        self.put(batch, CLOCK_KEY, &self.clock);
    }
}

fn mappings_of(config: &WorkspaceConfig) -> Arc<Mappings> {
    compile_mappings(config.engine_mappings(), config.preset_set())
}

fn identity_of(config: &WorkspaceConfig) -> Option<Arc<IdentityRules>> {
    config.identity.as_ref().map(|rules| Arc::new(IdentityRules::new(rules)))
}

/// Compiles the mappings of our own engine; without a list, the presets of a set.
pub fn compile_mappings(list: Option<&[serde_json::Value]>, preset_set: u32) -> Arc<Mappings> {
    match list {
        Some(list) => Arc::new(Mappings::from_accepted(mapping::engine_actions(), list)),
        None => Arc::clone(mapping::presets_in_set(preset_set)),
    }
}

impl Setup {
    /// The training run of the active model.
    pub fn active_training(&self) -> Option<&TrainingRecord> {
        let version = self.active_model.as_ref()?;
        self.trainings.iter().find(|training| training.version == *version)
    }

    /// Replaces the configuration and the revisions of its resources.
    pub(crate) fn put_config(
        &mut self,
        batch: &mut Batch<'_>,
        config: WorkspaceConfig,
        revisions: Revisions,
    ) {
        self.put_json(batch, CONFIG_KEY, &config);
        self.put(batch, CONFIG_REVISIONS_KEY, &revisions);
        let is_same = config.engine_mappings() == self.config.engine_mappings()
            && config.preset_set() == self.config.preset_set();
        if !is_same {
            self.mappings = mappings_of(&config);
        }
        if config.identity != self.config.identity {
            self.identity = identity_of(&config);
        }
        (self.config, self.config_revisions) = (Arc::new(config), revisions);
        self.record_fitting_scenarios(batch, Vec::new());
    }

    /// Stores scenarios that fit the catalog, and drops those that are no longer configured.
    pub(crate) fn record_fitting_scenarios(
        &mut self,
        batch: &mut Batch<'_>,
        scenarios: Vec<Scenario>,
    ) {
        let mut fitting = self.fitting_scenarios.clone();
        fitting.extend(scenarios.into_iter().map(|scenario| (scenario.name.clone(), scenario)));
        fitting.retain(|name, _| self.config.scenario(name).is_some());
        if fitting != self.fitting_scenarios {
            self.put_json(batch, FITTING_SCENARIOS_KEY, &fitting);
            self.fitting_scenarios = fitting;
        }
    }

    /// Drops all training runs and models. Runs under way are ignored when they end.
    pub(crate) fn record_reset(&mut self, batch: &mut Batch<'_>, offset: u64) {
        (self.trainings, self.active_model, self.reset_at) = (Vec::new(), None, Some(offset));
        self.put(batch, TRAININGS_KEY, &self.trainings);
        self.put(batch, ACTIVE_MODEL_KEY, &self.active_model);
        self.put(batch, RESET_AT_KEY, &self.reset_at);
    }

    /// Stores a training run and activates its model unless it was refused. Drops the oldest run
    /// beyond [`TRAININGS_KEPT_MAX`], but never the active one.
    pub(crate) fn add_training(&mut self, batch: &mut Batch<'_>, training: TrainingRecord) {
        if self.reset_at.is_some_and(|reset_at| training.offset <= reset_at) {
            return;
        }
        let is_accepted = training.refused.is_none();
        let version = training.version.clone();
        // A second run on the same offset has the same version and replaces the first.
        self.trainings.retain(|other| other.version != version);
        self.trainings.push(training);
        if self.trainings.len() > TRAININGS_KEPT_MAX {
            let active = self.active_model.as_ref();
            let oldest = self.trainings.iter().position(|other| Some(&other.version) != active);
            oldest.into_iter().for_each(|n| drop(self.trainings.remove(n)));
        }
        self.put(batch, TRAININGS_KEY, &self.trainings);
        if is_accepted {
            self.activate_model(batch, version);
        }
    }

    /// Makes the model of a training run the active one.
    pub(crate) fn activate_model(&mut self, batch: &mut Batch<'_>, version: String) {
        self.active_model = Some(version);
        self.put(batch, ACTIVE_MODEL_KEY, &self.active_model);
    }

    fn put(&self, batch: &mut Batch<'_>, key: &[u8], value: &impl Serialize) {
        batch.put(
            &self.keyspace,
            key,
            postcard::to_stdvec(value).expect("plain fields always encode"),
        );
    }

    fn put_json(&self, batch: &mut Batch<'_>, key: &[u8], value: &impl Serialize) {
        batch.put(
            &self.keyspace,
            key,
            serde_json::to_vec(value).expect("a configuration is plain JSON"),
        );
    }
}

struct Stored<'a> {
    store: &'a Store,
    keyspace: &'a Keyspace,
}

impl Stored<'_> {
    fn get<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.get_decoded(key, |bytes| postcard::from_bytes(bytes).ok())
    }

    fn get_json<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, StoreError> {
        self.get_decoded(key, |bytes| serde_json::from_slice(bytes).ok())
    }

    fn get_decoded<T>(
        &self,
        key: &[u8],
        decode: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.store.get(self.keyspace, key)? else { return Ok(None) };
        decode(&bytes).map(Some).ok_or(StoreError::Unreadable { what: "workspace" })
    }
}
