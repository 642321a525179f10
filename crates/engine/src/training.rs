//! Training runs: a snapshot of the matrix becomes a model beside the traffic, is judged, and the journal says which model is used.

use std::sync::Arc;
use std::time::Instant;

use domain::json::to_value;
use domain::{ItemIdx, Timestamp};
use recommender::evaluation::{Comparison, lists_of};
use recommender::{FeaturesBuilder, Model, Search, SearchOptions, TrainingSet, WeakSignalTrial};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::training_runs::RunUnderWay;
use crate::views::Views;
use crate::{Engine, EngineError, Entry, TrainingRun, now};

/// The interactions that a first model needs.
pub const FIRST_TRAINING_INTERACTIONS: u64 = 100;
/// The most training runs that are remembered.
pub const TRAININGS_KEPT_MAX: usize = 50;
/// The most artifacts that are kept on disk: the one in use and those before it. Others are made again from the journal.
pub(crate) const ARTIFACTS_KEPT_MAX: usize = 3;
/// How many items' properties are read between two turns of the fold.
const ITEMS_PER_STEP: usize = 1_000;

/// The record of a training run. The model is a pure function of the journal up to `offset` and the parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Names the run and its artifact.
    pub version: String,
    /// The journal position that the snapshot was taken at.
    pub offset: u64,
    /// When the run ended.
    pub finished_at: Timestamp,
    /// Users with any interaction in the snapshot.
    pub n_users: u64,
    /// Items in the snapshot.
    pub n_items: u64,
    /// Interactions in the snapshot.
    pub n_interactions: u64,
    /// Interactions of all time at the snapshot: the next run is due after a share of these.
    pub n_interactions_total: u64,
    /// The time of the newest interaction in the snapshot, in seconds since 1970.
    pub as_of_s: u32,
    /// What the search found.
    pub search: Search,
    /// Beside the model that was in use, on what happened since that one; none where there was none, or nothing to judge on.
    pub beside_current: Option<Comparison>,
    /// Beside popularity.
    pub beside_popularity: Option<Comparison>,
    /// Why the model is not used; none where it is.
    pub refused: Option<String>,
    /// How long the run took, in milliseconds.
    pub duration_ms: u64,
}

/// How a run is made and judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingOptions {
    /// Of every random choice.
    pub seed: u64,
    /// A model whose NDCG is worse than that of the one in use, or of popularity, by more than this share, beyond chance, is refused.
    pub refusal_margin: f64,
    /// Whether the run steps back behind everything else that wants the processors: a server's requests.
    pub is_background: bool,
}

impl Default for TrainingOptions {
    fn default() -> Self {
        Self { seed: 0, refusal_margin: 0.05, is_background: false }
    }
}

/// Lets the calling thread run only where no other wants the processor.
#[cfg(target_os = "linux")]
fn run_when_idle() -> Result<(), thread_priority::Error> {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
    thread_priority::set_thread_priority_and_policy(
        thread_priority::thread_native_id(),
        ThreadPriority::Min,
        ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle),
    )
}

/// Lets the calling thread run with the lowest priority.
#[cfg(not(target_os = "linux"))]
fn run_when_idle() -> Result<(), thread_priority::Error> {
    thread_priority::ThreadPriority::Min.set_for_current()
}

/// Threads of a run of its own, so that requests never wait in line behind its work.
pub(crate) fn threads(is_background: bool) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    let step_back = move |_| {
        if is_background && let Err(error) = run_when_idle() {
            tracing::warn!(?error, "training has the priority of requests");
        }
    };
    rayon::ThreadPoolBuilder::new().thread_name(|n| format!("training-{n}")).start_handler(step_back).build()
}

impl Engine {
    /// Trains a model on everything applied so far, judges it, keeps its artifact, and switches to it unless it is refused. `progress` gets
    /// the share done.
    ///
    /// # Errors
    /// [`EngineError::TrainingUnderWay`] and [`EngineError::NoInteractions`] at once; others where the run fails.
    pub fn train(
        &self,
        options: TrainingOptions,
        progress: &(dyn Fn(f64) + Sync),
    ) -> Result<Training, EngineError> {
        let run = self.begin_training()?;
        let trained = self.train_model(options, &|share| {
            run.set_progress(share);
            progress(share);
        });
        run.end(&trained);
        trained
    }

    /// Starts [`Engine::train`] on a thread of its own, which ends with the process at the latest. [`Engine::training_run`] tells how far
    /// it is.
    ///
    /// # Errors
    /// [`EngineError::TrainingUnderWay`] and [`EngineError::NoInteractions`]; [`EngineError::Io`] where there is no thread to be had.
    pub fn start_training(self: &Arc<Self>, options: TrainingOptions) -> Result<TrainingRun, EngineError> {
        let run = self.begin_training()?;
        let (started, engine) = (run.run.clone(), Arc::clone(self));
        let train = move || {
            // Dropped in the reverse order: when the run is told to have ended, its thread holds the workspace no longer.
            let (run, engine) = (run, engine);
            let trained = engine.train_model(options, &|share| run.set_progress(share));
            if let Err(error) = &trained {
                tracing::error!(workspace = %engine.id(), error = error.full_text(), "training failed");
            }
            drop(engine);
            run.end(&trained);
        };
        std::thread::Builder::new().name("training".to_owned()).spawn(train)?;
        Ok(started)
    }

    /// The training run under way, or the last one of this process.
    pub fn last_training_run(&self) -> Option<TrainingRun> {
        self.training_runs.last()
    }

    /// A training run of this process; none where there was none of this id, or where many have come after it.
    pub fn training_run(&self, id: uuid::Uuid) -> Option<TrainingRun> {
        self.training_runs.find(id)
    }

    fn begin_training(&self) -> Result<RunUnderWay, EngineError> {
        self.expect_interactions()?;
        self.training_runs.begin()
    }

    fn expect_interactions(&self) -> Result<(), EngineError> {
        let has_any = self.shared.views.read().interactions.histories().n_interactions() > 0;
        if has_any { Ok(()) } else { Err(EngineError::NoInteractions) }
    }

    fn train_model(
        &self,
        options: TrainingOptions,
        progress: &(dyn Fn(f64) + Sync),
    ) -> Result<Training, EngineError> {
        let _one_at_a_time = self.training_lock.lock();
        let started = Instant::now();
        let threads = threads(options.is_background)?;
        // Here, not on those threads: while they hold a lock, requests would wait for what steps back behind them.
        let (set, offset, n_interactions_total, weights_of_current) = {
            let views = self.shared.views.read();
            let histories = views.interactions.histories();
            (
                TrainingSet::snapshot(histories, views.catalog.n_items())
                    .with_weak_signals(views.weak_signals.rows(), views.config.weak_signals),
                views.applied,
                histories.n_interactions(),
                views.weak_weights(views.active_model.as_deref()),
            )
        };
        let mut set = self.completed(set);
        let version = format!("{offset:012}");
        let current = self.model.load_full().zip(self.training());
        let (trained, beside_current, beside_popularity) = threads.install(|| {
            let search = SearchOptions { seed: options.seed };
            let trained = recommender::train(&mut set, &search, &version, &|share| progress(share));
            let judged = &trained.judged;
            let compare = |others: &[Vec<ItemIdx>], since_s| {
                Comparison::of(&judged.test, &judged.lists, others, since_s, options.seed)
            };
            let beside_current = current.as_ref().and_then(|(model, training)| {
                compare(&lists_of(model, weights_of_current, &judged.test), training.as_of_s)
            });
            let beside_popularity = compare(&judged.popular, 0);
            (trained, beside_current, beside_popularity)
        });
        let refused = [("the model in use", beside_current), ("popularity", beside_popularity)]
            .into_iter()
            .filter_map(|(what, comparison)| Some((what, comparison?)))
            .find(|(_, comparison)| comparison.is_worse_by(options.refusal_margin))
            .map(|(what, comparison)| {
                format!("NDCG {:.4} beside {:.4} of {what}", comparison.ndcg, comparison.other_ndcg)
            });
        // Of so little a first model is no worse than it could be.
        let n_interactions = set.entries().len() as u64;
        let is_little = current.is_none() && n_interactions < FIRST_TRAINING_INTERACTIONS;
        let refused = refused.map(|why| match is_little {
            true => format!("there are {n_interactions} interactions, a first model needs {FIRST_TRAINING_INTERACTIONS} or more"),
            false => why,
        });
        // Without anything new since the model in use there is no comparison; but what hits nothing takes no place from what did.
        let found_before = self.training().map_or(0.0, |training| training.search.blend.ndcg);
        let finds_nothing = trained.search.blend.ndcg == 0.0 && found_before > 0.0;
        let refused = refused.or(finds_nothing.then(|| {
            format!("it hits nothing of what it was judged on, the model in use had NDCG {found_before:.4}")
        }));
        let training = Training {
            version,
            offset,
            finished_at: now(),
            n_users: (0..set.n_users()).filter(|&user| !set.row(user).is_empty()).count() as u64,
            n_items: set.n_items() as u64,
            n_interactions,
            n_interactions_total,
            as_of_s: set.as_of_s(),
            search: trained.search,
            beside_current,
            beside_popularity,
            refused,
            duration_ms: started.elapsed().as_millis() as u64,
        };
        if let Some(why) = &training.refused {
            self.submit_one(trained_entry(&training, trained.weak_signals))?;
            let (workspace, version) = (self.id(), &training.version);
            match current {
                Some(_) => {
                    tracing::warn!(%workspace, training.version = %version, why, "model refused; the one before stays in use");
                }
                None => tracing::info!(%workspace, training.version = %version, why, "no model yet"),
            }
            return Ok(training);
        }
        self.artifacts.write(&trained.model)?;
        for trial in &trained.weak_signals {
            tracing::info!(workspace = %self.id(), training.version = %training.version, found = trial.describe(), "weak signals judged");
        }
        self.submit_one(trained_entry(&training, trained.weak_signals))?;
        if self.training().is_none_or(|active| active.version != training.version) {
            tracing::info!(workspace = %self.id(), training.version = %training.version, "what the model was made of is forgotten");
            return Ok(training);
        }
        self.use_model(trained.model);
        tracing::info!(
            workspace = %self.id(),
            training.version = %training.version,
            training.n_interactions = training.n_interactions,
            training.ndcg = training.search.blend.ndcg,
            training.popularity_ndcg = training.search.popularity.ndcg,
            duration_ms = training.duration_ms,
            "model activated"
        );
        Ok(training)
    }

    /// What a training run would find on the current data: every model and the blend beside popularity. Changes nothing.
    ///
    /// # Errors
    /// [`EngineError::NoInteractions`].
    pub fn evaluate(&self, seed: u64, progress: &dyn Fn(f64)) -> Result<Search, EngineError> {
        self.expect_interactions()?;
        let set = {
            let views = self.shared.views.read();
            TrainingSet::snapshot(views.interactions.histories(), views.catalog.n_items())
        };
        let set = self.completed(set);
        Ok(recommender::search(&set, &SearchOptions { seed }, progress).0)
    }

    /// The runs that are remembered, newest first.
    pub fn trainings(&self) -> Vec<Training> {
        self.shared.views.read().trainings.iter().rev().cloned().collect()
    }

    /// What a run found about weak signals, one for each kind that there were signals of.
    pub fn weak_signal_trials(&self, version: &str) -> Vec<WeakSignalTrial> {
        self.shared.views.read().weak_trials.get(version).cloned().unwrap_or_default()
    }

    /// A run with what it found about weak signals, as APIs and commands show it.
    pub fn training_to_json(&self, training: &Training) -> Value {
        let mut shown = to_value(training);
        shown["weak_signals"] = to_value(&self.weak_signal_trials(&training.version));
        shown
    }

    /// The run whose model is in use.
    pub fn training(&self) -> Option<Training> {
        self.shared.views.read().active_training().cloned()
    }

    /// Switches to the model of an earlier run, making it again where its artifact is gone.
    pub fn activate_model(&self, version: &str) -> Result<Training, EngineError> {
        let _one_at_a_time = self.training_lock.lock();
        let known = self.trainings().into_iter().find(|training| training.version == version);
        let Some(training) = known else {
            return Err(EngineError::NoSuchModel { version: version.to_owned() });
        };
        let model = self.read_or_remake(&training)?;
        self.submit_one(Entry::ModelActivated { received_at: now(), version: version.to_owned() })?;
        self.use_model(model);
        Ok(training)
    }

    /// Whether a model is being trained or made again.
    pub fn is_training(&self) -> bool {
        self.training_lock.is_locked()
    }

    /// Whether enough has happened since the last run: a first hundred interactions, then a share of those there were, or anything at all
    /// after `interval_max_s`.
    pub fn is_training_due(&self, share: f64, interval_max_s: u64) -> bool {
        let views = self.shared.views.read();
        let n_now = views.interactions.histories().n_interactions();
        // A refused run counts: the same data would be refused again.
        let Some(last) = views.trainings.last() else { return n_now >= FIRST_TRAINING_INTERACTIONS };
        let n_then = last.n_interactions_total;
        let is_old = now().0.saturating_sub(last.finished_at.0).max(0) as u64 / 1_000 > interval_max_s;
        n_now >= n_then + ((n_then as f64 * share) as u64).max(FIRST_TRAINING_INTERACTIONS)
            || (is_old && n_now > n_then)
    }

    pub(crate) fn use_model(&self, model: Model) {
        let kept: Vec<String> = {
            let views = self.shared.views.read();
            let latest = views.trainings.iter().rev().filter(|training| training.refused.is_none());
            let latest = latest.take(ARTIFACTS_KEPT_MAX).map(|training| training.version.clone());
            latest.chain([model.version.clone()]).collect()
        };
        self.artifacts.remove_others(&kept);
        self.switch_model(model);
        *self.lost_model.lock() = None;
    }

    /// The set with what items are like, and with what counts how much.
    fn completed(&self, set: TrainingSet) -> TrainingSet {
        let features = self.features(set.n_items());
        let weights = self.shared.views.read().config.interaction_weights;
        set.with_features(features).with_interaction_weights(weights)
    }

    /// What the items are like, by their properties.
    pub(crate) fn features(&self, n_items: usize) -> Arc<recommender::Features> {
        features_of(&|| self.shared.views.read(), n_items)
    }
}

fn trained_entry(training: &Training, weak_signals: Vec<WeakSignalTrial>) -> Entry {
    let training = Box::new(training.clone());
    match weak_signals.is_empty() {
        true => Entry::Trained(training),
        false => Entry::TrainedWithWeakSignals { training, weak_signals },
    }
}

/// What the items are like, by their properties; read a few items at a time, so that the fold gets its turns.
pub(crate) fn features_of<'a>(
    views: &dyn Fn() -> parking_lot::RwLockReadGuard<'a, Views>,
    n_items: usize,
) -> Arc<recommender::Features> {
    let mut builder = FeaturesBuilder::default();
    for first in (0..n_items).step_by(ITEMS_PER_STEP) {
        let views = views();
        for item in first..(first + ITEMS_PER_STEP).min(n_items) {
            builder.add(ItemIdx(item as u32), &views.catalog.table().values(item as u32));
        }
    }
    Arc::new(builder.finish(n_items))
}
