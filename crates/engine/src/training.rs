//! Training runs: a snapshot of the matrix becomes a model beside the traffic, is judged, and the
//! journal says which model is used.

use std::sync::Arc;
use std::time::Instant;

use domain::{ItemIdx, counted};
use recommender::evaluation::{Comparison, compute_model_lists};
use recommender::{Cancelled, HyperparameterSearch, SearchOptions, TrainingSet};
use serving::features_of;

use crate::training_runs::RunUnderWay;
use crate::{Engine, EngineError, Entry, Training, TrainingError, TrainingRun};

/// The interactions that a first model needs.
pub const FIRST_TRAINING_INTERACTIONS: u64 = 100;
/// How a run is made and judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingOptions {
    /// The seed of all random choices.
    pub seed: u64,
    /// A model whose NDCG is worse than that of the one in use, or of popularity, by more than this
    /// share, beyond chance, is refused.
    pub refusal_margin: f64,
    /// Whether the run steps back behind everything else that wants the processors: a server's
    /// requests.
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
pub(crate) fn training_threads(
    is_background: bool,
) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    let step_back = move |_| {
        if is_background && let Err(error) = run_when_idle() {
            tracing::warn!(?error, "training has the priority of requests");
        }
    };
    rayon::ThreadPoolBuilder::new()
        .thread_name(|n| format!("training-{n}"))
        .start_handler(step_back)
        .build()
}

/// Says how many interactions there are and how many a first model needs.
pub fn describe_too_few_interactions(n_interactions: u64) -> String {
    let are = if n_interactions == 1 { "is" } else { "are" };
    let there_are = counted(n_interactions, "interaction", "interactions");
    format!("there {are} {there_are}; a first model needs at least {FIRST_TRAINING_INTERACTIONS}")
}

impl Engine {
    /// Trains a model on everything applied so far, judges it, keeps its artifact, and switches to
    /// it unless it is refused. `progress` gets the share done.
    ///
    /// # Errors
    /// [`TrainingError::UnderWay`] and [`TrainingError::NoInteractions`] at once;
    /// [`TrainingError::Cancelled`] soon after the workspace was stopped; others where the run
    /// fails.
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

    /// Starts [`Engine::train`] on a thread of its own, which ends with the process at the latest.
    /// [`Engine::training_run`] tells how far it is.
    ///
    /// # Errors
    /// [`TrainingError::UnderWay`] and [`TrainingError::NoInteractions`]; [`EngineError::Io`] where
    /// there is no thread to be had.
    pub fn start_training(
        self: &Arc<Self>,
        options: TrainingOptions,
    ) -> Result<TrainingRun, EngineError> {
        let run = self.begin_training()?;
        let (started, engine) = (run.run.clone(), Arc::clone(self));
        let train = move || {
            // Dropped in the reverse order: when the run is told to have ended, its thread holds
            // the workspace no longer.
            let (run, engine) = (run, engine);
            let trained = engine.train_model(options, &|share| run.set_progress(share));
            if let Err(error) = &trained {
                engine.report_failed_training(error);
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

    /// A training run of this process; none where there was none of this id, or where many have
    /// come after it.
    pub fn training_run(&self, id: uuid::Uuid) -> Option<TrainingRun> {
        self.training_runs.find(id)
    }

    fn begin_training(&self) -> Result<RunUnderWay, EngineError> {
        self.expect_interactions()?;
        self.training_runs.begin(self.now())
    }

    fn expect_interactions(&self) -> Result<(), EngineError> {
        let has_any = self.snapshot().interactions.histories().n_interactions() > 0;
        if has_any { Ok(()) } else { Err(TrainingError::NoInteractions.into()) }
    }

    fn train_model(
        &self,
        options: TrainingOptions,
        progress: &(dyn Fn(f64) + Sync),
    ) -> Result<Training, EngineError> {
        let _one_at_a_time = self.training_lock.lock();
        let started = Instant::now();
        let threads = training_threads(options.is_background)?;
        // Here, not on those threads: while they hold a lock, requests would wait for what steps
        // back behind them.
        let (set, offset, n_interactions_total) = {
            let views = self.snapshot();
            let histories = views.interactions.histories();
            (
                TrainingSet::snapshot(histories, views.catalog.n_items()).with_weak_signals(
                    views.weak_signals.all_by_user(),
                    views.setup.config.weak_signals,
                ),
                views.applied,
                histories.n_interactions(),
            )
        };
        let mut set = self.with_features_and_weights(set);
        let version = format!("{offset:012}");
        let current = self.serving.model().zip(self.training());
        let (trained, beside_current, beside_popularity) = threads.install(|| {
            let search = SearchOptions { seed: options.seed };
            let trained = recommender::train(&mut set, &search, &version, &|share| {
                progress(share);
                self.check_training()
            })?;
            let judged = &trained.judged;
            let compare = |others: &[Vec<ItemIdx>], since_s| {
                Comparison::compare(&judged.test, &judged.lists, others, since_s, options.seed)
            };
            let beside_current = current.as_ref().and_then(|(model, training)| {
                compare(&compute_model_lists(model, &judged.test), training.as_of_s)
            });
            let beside_popularity = compare(&judged.popular_lists, 0);
            Ok::<_, Cancelled>((trained, beside_current, beside_popularity))
        })?;
        let refused = [("the model in use", beside_current), ("popularity", beside_popularity)]
            .into_iter()
            .filter_map(|(what, comparison)| Some((what, comparison?)))
            .find(|(_, comparison)| comparison.is_worse_by(options.refusal_margin))
            .map(|(what, comparison)| {
                format!(
                    "its NDCG is {:.4}, that of {what} is {:.4}",
                    comparison.ndcg, comparison.other_ndcg
                )
            });
        // With so few interactions, a first model is compared with nothing.
        let n_interactions = set.entries().len() as u64;
        let is_little = current.is_none() && n_interactions < FIRST_TRAINING_INTERACTIONS;
        let refused = refused.map(|why| match is_little {
            true => describe_too_few_interactions(n_interactions),
            false => why,
        });
        // Without anything new since the model in use there is no comparison; but what hits nothing
        // takes no place from what did.
        let found_before = self.training().map_or(0.0, |training| training.search.blend.ndcg);
        let finds_nothing = trained.search.blend.ndcg == 0.0 && found_before > 0.0;
        let refused = refused.or(finds_nothing.then(|| {
            format!(
                "it finds no held-out interaction, while the model in use had an NDCG of {found_before:.4}"
            )
        }));
        let training = Training {
            version,
            offset,
            finished_at: self.now(),
            n_users: (0..set.n_users()).filter(|&user| !set.row(user).is_empty()).count() as u64,
            n_items: set.n_items() as u64,
            n_interactions,
            n_interactions_total,
            as_of_s: set.as_of_s(),
            search: trained.search,
            beside_current,
            beside_popularity,
            weak_signals: trained.weak_signals,
            refused,
            duration_ms: started.elapsed().as_millis() as u64,
        };
        if let Some(why) = &training.refused {
            self.submit_one(Entry::Trained(Box::new(training.to_record())))?;
            let (workspace, version) = (self.id(), &training.version);
            match current {
                Some(_) => {
                    tracing::warn!(%workspace, training.version = %version, why, "model refused; the previous one stays in use");
                }
                None => {
                    tracing::info!(%workspace, training.version = %version, why, "no model yet")
                }
            }
            return Ok(training);
        }
        self.artifacts.write(&trained.model)?;
        self.submit_one(Entry::Trained(Box::new(training.to_record())))?;
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

    /// Runs the hyperparameter search on the current data: all models and the blend beside
    /// popularity. Changes nothing.
    ///
    /// # Errors
    /// [`TrainingError::NoInteractions`]; [`TrainingError::Cancelled`] where the workspace is
    /// stopped meanwhile.
    pub fn evaluate(
        &self,
        seed: u64,
        progress: &dyn Fn(f64),
    ) -> Result<HyperparameterSearch, EngineError> {
        self.expect_interactions()?;
        let set = {
            let views = self.snapshot();
            TrainingSet::snapshot(views.interactions.histories(), views.catalog.n_items())
        };
        let set = self.with_features_and_weights(set);
        let progress = |share| {
            progress(share);
            self.check_training()
        };
        Ok(recommender::search_hyperparameters(&set, &SearchOptions { seed }, &progress)?.0)
    }

    /// Whether a model is being trained or made again.
    pub fn is_training(&self) -> bool {
        self.training_lock.is_locked()
    }

    /// Tells the log of a training run that made no model.
    pub fn report_failed_training(&self, error: &EngineError) {
        let (workspace, error_text) = (self.id(), error.full_text());
        match error {
            EngineError::Training(TrainingError::Cancelled(_)) => {
                tracing::info!(%workspace, why = error_text, "a training run was cut short");
            }
            _ => tracing::error!(%workspace, error = error_text, "training failed"),
        }
    }

    /// Whether enough has happened since the last run: a first hundred interactions, then a share
    /// of those there were, or anything at all after `interval_max_s`.
    pub fn is_training_due(&self, share: f64, interval_max_s: u64) -> bool {
        let views = self.snapshot();
        let n_now = views.interactions.histories().n_interactions();
        // A refused run counts: the same data would be refused again.
        let Some(last) = views.setup.trainings.last() else {
            return n_now >= FIRST_TRAINING_INTERACTIONS;
        };
        let n_then = last.n_interactions_total;
        let is_old =
            self.now().0.saturating_sub(last.finished_at.0).max(0) as u64 / 1_000 > interval_max_s;
        n_now >= n_then + ((n_then as f64 * share) as u64).max(FIRST_TRAINING_INTERACTIONS)
            || (is_old && n_now > n_then)
    }

    /// The set with what items are like, and with what counts how much.
    fn with_features_and_weights(&self, set: TrainingSet) -> TrainingSet {
        let features = features_of(&self.shared.live, set.n_items());
        let weights = self.snapshot().setup.config.interaction_weights;
        set.with_features(features).with_interaction_weights(weights)
    }
}
