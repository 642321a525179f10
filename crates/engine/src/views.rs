//! The state of a workspace that is held in memory: rebuilt from the store at start, changed by the fold alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use catalog::{Catalog, PropertyTable};
use domain::{Scenario, UserIdx, WorkspaceConfig};
use profiles::Profiles;
use store::{Keyspace, Read, Store, StoreError};

use crate::attribution::{self, Attribution};
use crate::configuration::Revisions;
use crate::interactions::{self, Interactions};
use crate::journal_clock::JournalClock;
use crate::message_ids::{self, MessageIds};
use crate::rejections::{self, Rejections};
use crate::segmentations::{self, Segmentations};
use crate::series::{self, CollectionKind, Collections};
use crate::shown::{self, ShownItems};
use crate::synonyms::{self, Synonyms};
use crate::training::{TRAININGS_KEPT_MAX, Training};
use crate::untaken::{self, UntakenEvents};
use crate::user_state::UserState;

const WORKSPACE: &str = "engine.workspace";
const CONFIG_KEY: &[u8] = b"config";
const CONFIG_REVISIONS_KEY: &[u8] = b"config_revisions";
const TRAININGS_KEY: &[u8] = b"trainings";
const CLOCK_KEY: &[u8] = b"clock";
const RESET_AT_KEY: &[u8] = b"reset_at";
const ACTIVE_MODEL_KEY: &[u8] = b"active_model";
const FITTING_SCENARIOS_KEY: &[u8] = b"fitting_scenarios";

/// Every keyspace of every crate, for opening the store.
pub(crate) fn keyspaces() -> Vec<&'static str> {
    let mut names = vec![WORKSPACE];
    names.extend(profiles::KEYSPACES);
    names.extend(catalog::KEYSPACES);
    names.extend(interactions::KEYSPACES);
    names.extend(message_ids::KEYSPACES);
    names.extend(rejections::KEYSPACES);
    names.extend(untaken::KEYSPACES);
    names.extend(shown::KEYSPACES);
    names.extend(attribution::KEYSPACES);
    names.extend(series::KEYSPACES);
    names.extend(segmentations::KEYSPACES);
    names.extend(synonyms::KEYSPACES);
    names
}

/// Where what counts its changes begins to count: never where it did before, so that nothing made before a reset looks fresh after it.
pub(crate) fn first_revision() -> u64 {
    static LOADS: AtomicU64 = AtomicU64::new(0);
    LOADS.fetch_add(1, Ordering::Relaxed) << 32
}

pub(crate) struct Views {
    pub(crate) workspace: WorkspaceKeyspace,
    pub(crate) config: Arc<WorkspaceConfig>,
    pub(crate) config_revisions: Revisions,
    /// Scenarios that do not fit the catalog, or did not since, as they were when they last did; by their names.
    pub(crate) fitting_scenarios: BTreeMap<String, Scenario>,
    /// The latest training runs, oldest first.
    pub(crate) trainings: Vec<Training>,
    /// The version of the model in use.
    pub(crate) active_model: Option<String>,
    /// The offset of the last reset.
    pub(crate) reset_at: Option<u64>,
    pub(crate) profiles: Profiles,
    pub(crate) catalog: Catalog,
    /// The users' properties.
    pub(crate) users: PropertyTable,
    pub(crate) series: Collections,
    pub(crate) groups: Collections,
    pub(crate) segmentations: Segmentations,
    pub(crate) synonyms: Synonyms,
    pub(crate) interactions: Interactions,
    pub(crate) message_ids: MessageIds,
    pub(crate) rejections: Rejections,
    pub(crate) untaken: UntakenEvents,
    pub(crate) shown: ShownItems,
    pub(crate) attribution: Attribution,
    pub(crate) clock: JournalClock,
    /// How many journal entries have been applied, those of the batch under way included.
    pub(crate) applied: u64,
}

impl Views {
    /// Rebuilds the views; `config` stands until the journal says otherwise.
    pub(crate) fn load(store: &Store, config: WorkspaceConfig) -> Result<Self, StoreError> {
        if store.is_clearing()? {
            store.clear(&store.keyspace(WORKSPACE))?;
        }
        let workspace = WorkspaceKeyspace(store.keyspace(WORKSPACE));
        Ok(Self {
            config: Arc::new(workspace.config(store)?.unwrap_or(config)),
            config_revisions: workspace.get(store, CONFIG_REVISIONS_KEY)?.unwrap_or_default(),
            fitting_scenarios: workspace.fitting_scenarios(store)?,
            trainings: workspace.get(store, TRAININGS_KEY)?.unwrap_or_default(),
            reset_at: workspace.get::<Option<u64>>(store, RESET_AT_KEY)?.flatten(),
            active_model: workspace.get::<Option<String>>(store, ACTIVE_MODEL_KEY)?.flatten(),
            profiles: Profiles::load(store)?,
            catalog: Catalog::load(store)?,
            users: catalog::user_table(store)?,
            series: Collections::load(store, CollectionKind::Series)?,
            groups: Collections::load(store, CollectionKind::Group)?,
            segmentations: Segmentations::load(store)?,
            synonyms: Synonyms::load(store)?,
            interactions: Interactions::load(store)?,
            message_ids: MessageIds::load(store)?,
            rejections: Rejections::load(store)?,
            untaken: UntakenEvents::load(store)?,
            shown: ShownItems::load(store)?,
            attribution: Attribution::load(store)?,
            clock: workspace.get(store, CLOCK_KEY)?.unwrap_or_default(),
            workspace,
            applied: store.position()?,
        })
    }
}

impl Views {
    /// Whatever has rows of users, and the clock. A new part of the state does not compile before it stands in one of the two lists.
    fn user_states(&mut self) -> ([&mut dyn UserState; 4], &JournalClock) {
        let Self {
            profiles,
            users,
            interactions,
            shown,
            clock,
            workspace: _,
            config: _,
            config_revisions: _,
            fitting_scenarios: _,
            trainings: _,
            active_model: _,
            reset_at: _,
            catalog: _,
            series: _,
            groups: _,
            segmentations: _,
            synonyms: _,
            message_ids: _,
            rejections: _,
            untaken: _,
            // Counts by day, and lists for as long as they can be cited: neither says an id of somebody who is gone.
            attribution: _,
            applied: _,
        } = self;
        ([profiles, users, interactions, shown], clock)
    }

    /// Moves whatever is the source's to the target.
    pub(crate) fn merge_users(
        &mut self,
        batch: &mut store::Batch<'_>,
        merge: profiles::Merge,
    ) -> Result<(), StoreError> {
        let (states, clock) = self.user_states();
        states.into_iter().try_for_each(|state| state.merge_users(batch, merge, clock))
    }

    /// Forgets whatever is a user's.
    pub(crate) fn delete_user(
        &mut self,
        batch: &mut store::Batch<'_>,
        user: UserIdx,
    ) -> Result<(), StoreError> {
        let (states, _) = self.user_states();
        states.into_iter().try_for_each(|state| state.delete_user(batch, user))
    }

    /// The series, or the groups.
    pub(crate) fn collections(&mut self, kind: CollectionKind) -> &mut Collections {
        match kind {
            CollectionKind::Series => &mut self.series,
            CollectionKind::Group => &mut self.groups,
        }
    }

    /// The same, to look at.
    pub(crate) fn collections_of(&self, kind: CollectionKind) -> &Collections {
        match kind {
            CollectionKind::Series => &self.series,
            CollectionKind::Group => &self.groups,
        }
    }

    /// Clears the store of everything but single values of the workspace, and the views with it; [`Views::note_reset`] does the rest.
    pub(crate) fn reset(&mut self, store: &Store) -> Result<(), StoreError> {
        store.clear(&store.keyspace(WORKSPACE))?;
        let fresh = Self::load(store, (*self.config).clone())?;
        *self = Self { applied: self.applied, ..fresh };
        Ok(())
    }

    /// Forgets the models; those under way are refused when they come.
    pub(crate) fn note_reset(&mut self, batch: &mut store::Batch<'_>, offset: u64) {
        (self.trainings, self.active_model, self.reset_at) = (Vec::new(), None, Some(offset));
        self.workspace.put(batch, TRAININGS_KEY, &self.trainings);
        self.workspace.put(batch, ACTIVE_MODEL_KEY, &self.active_model);
        self.workspace.put(batch, RESET_AT_KEY, &self.reset_at);
    }

    /// Puts a configuration in force, with the revisions that it has got.
    pub(crate) fn put_config(&mut self, batch: &mut store::Batch<'_>, config: WorkspaceConfig) {
        self.workspace.put_config(batch, &config);
        self.workspace.put(batch, CONFIG_REVISIONS_KEY, &self.config_revisions);
        self.config = Arc::new(config);
    }

    /// Remembers scenarios as they were when they last fitted the catalog.
    pub(crate) fn put_fitting_scenarios(
        &mut self,
        batch: &mut store::Batch<'_>,
        scenarios: BTreeMap<String, Scenario>,
    ) {
        let as_json = |scenario| serde_json::to_string(scenario).expect("a scenario is plain JSON");
        let stored: Vec<String> = scenarios.values().map(as_json).collect();
        self.workspace.put(batch, FITTING_SCENARIOS_KEY, &stored);
        self.fitting_scenarios = scenarios;
    }

    /// Writes the clock; called before a batch is committed.
    pub(crate) fn put_clock(&self, batch: &mut store::Batch<'_>) {
        self.workspace.put(batch, CLOCK_KEY, &self.clock);
    }

    /// The run whose model is in use.
    pub(crate) fn active_training(&self) -> Option<&Training> {
        let version = self.active_model.as_ref()?;
        self.trainings.iter().find(|training| training.version == *version)
    }

    /// Remembers a run; its model is used unless it was refused. The run in use is never forgotten.
    pub(crate) fn add_training(&mut self, batch: &mut store::Batch<'_>, training: Training) {
        if self.reset_at.is_some_and(|reset_at| training.offset <= reset_at) {
            return;
        }
        let is_used = training.refused.is_none();
        let version = training.version.clone();
        // Without anything new, a second run of the same offset takes the place of the first.
        self.trainings.retain(|other| other.version != version);
        self.trainings.push(training);
        if self.trainings.len() > TRAININGS_KEPT_MAX {
            let active = self.active_model.clone();
            let oldest = self.trainings.iter().position(|other| Some(&other.version) != active.as_ref());
            oldest.into_iter().for_each(|n| drop(self.trainings.remove(n)));
        }
        self.workspace.put(batch, TRAININGS_KEY, &self.trainings);
        if is_used {
            self.activate_model(batch, version);
        }
    }

    /// Uses the model of a run.
    pub(crate) fn activate_model(&mut self, batch: &mut store::Batch<'_>, version: String) {
        self.active_model = Some(version);
        self.workspace.put(batch, ACTIVE_MODEL_KEY, &self.active_model);
    }
}

/// Single values of a workspace.
pub(crate) struct WorkspaceKeyspace(Keyspace);

impl WorkspaceKeyspace {
    fn put_config(&self, batch: &mut store::Batch<'_>, config: &WorkspaceConfig) {
        batch.put(&self.0, CONFIG_KEY, serde_json::to_vec(config).expect("a configuration is plain JSON"));
    }

    fn config(&self, store: &Store) -> Result<Option<WorkspaceConfig>, StoreError> {
        let unreadable = |_| StoreError::Unreadable { what: "configuration" };
        store
            .get(&self.0, CONFIG_KEY)?
            .map(|bytes| serde_json::from_slice(&bytes).map_err(unreadable))
            .transpose()
    }

    fn fitting_scenarios(&self, store: &Store) -> Result<BTreeMap<String, Scenario>, StoreError> {
        let unreadable = |_| StoreError::Unreadable { what: "scenarios" };
        let stored: Vec<String> = self.get(store, FITTING_SCENARIOS_KEY)?.unwrap_or_default();
        let read = |json: &String| serde_json::from_str(json).map_err(unreadable);
        let scenarios: Vec<Scenario> = stored.iter().map(read).collect::<Result<_, _>>()?;
        Ok(scenarios.into_iter().map(|scenario| (scenario.name.clone(), scenario)).collect())
    }

    fn put(&self, batch: &mut store::Batch<'_>, key: &[u8], value: &impl serde::Serialize) {
        batch.put(&self.0, key, postcard::to_stdvec(value).expect("plain fields always encode"));
    }

    fn get<T: serde::de::DeserializeOwned>(
        &self,
        store: &Store,
        key: &[u8],
    ) -> Result<Option<T>, StoreError> {
        let unreadable = |_| StoreError::Unreadable { what: "workspace" };
        store.get(&self.0, key)?.map(|bytes| postcard::from_bytes(&bytes).map_err(unreadable)).transpose()
    }
}
