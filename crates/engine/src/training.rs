//! Training runs: a model is fitted on a copy of the live matrix, while the workspace is in use. It
//! is compared with the model in use, and the journal records which model is in use from then on.

use std::sync::Arc;
use std::time::Instant;

use domain::{ItemIdx, counted};
use recommender::evaluation::{Comparison, compute_model_lists};
use recommender::{Cancelled, HyperparameterSearch, SearchOptions, TrainingSet};
use serving::build_features;

use crate::background::run_when_idle;
use crate::{BegunTraining, Engine, EngineError, Entry, Training, TrainingError, TrainingRun};

/// The interactions that a first model needs.
pub const FIRST_TRAINING_INTERACTIONS: u64 = 100;
/// The options of a training run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingOptions {
    /// The seed of all random choices.
    pub seed: u64,
    /// A model is refused if its NDCG is below that of the model in use, or of popularity, by more
    /// than this share, beyond chance.
    pub refusal_margin: f64,
    /// Whether the run has the lowest priority on the processors, so that a server's requests go
    /// first.
    pub is_background: bool,
}

impl Default for TrainingOptions {
    fn default() -> Self {
        Self { seed: 0, refusal_margin: 0.05, is_background: false }
    }
}

/// Starts threads for one training run, so that requests never queue behind its work.
pub(crate) fn start_training_threads(
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
    /// Trains a model on all applied entries and compares it with the model in use. Unless it is
    /// refused, writes its artifact and switches to it. `progress` gets the share done, from 0 to
    /// 1.
    ///
    /// # Errors
    /// [`TrainingError::AlreadyRunning`] and [`TrainingError::NoInteractions`] at once;
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
            Ok(())
        });
        run.end(&trained);
        trained
    }

    /// Trains as [`Engine::train`] does, in a run that [`Engine::begin_training`] has begun, and
    /// ends it. `progress` may cancel it at each of its steps.
    ///
    /// # Errors
    /// [`TrainingError::Cancelled`] soon after the workspace was stopped or `progress` has
    /// cancelled the run; others where it fails.
    pub fn train_begun(
        self: Arc<Self>,
        run: BegunTraining,
        options: TrainingOptions,
        progress: &(dyn Fn(f64) -> Result<(), Cancelled> + Sync),
    ) -> Result<Training, EngineError> {
        let trained = self.train_model(options, &|share| {
            run.set_progress(share);
            progress(share)
        });
        if let Err(error) = &trained {
            self.report_failed_training(error);
        }
        // Before the run ends, so that the workspace is free when the run is shown as ended.
        drop(self);
        run.end(&trained);
        trained
    }

    /// The training run under way, or the last one of this process.
    pub fn last_training_run(&self) -> Option<TrainingRun> {
        self.training_runs.last()
    }

    /// A training run of this process; none if the id is unknown, or too many runs came after it.
    pub fn training_run(&self, id: uuid::Uuid) -> Option<TrainingRun> {
        self.training_runs.find(id)
    }

    /// Begins a training run: no other begins before it has ended, or is dropped.
    ///
    /// # Errors
    /// [`TrainingError::AlreadyRunning`] and [`TrainingError::NoInteractions`].
    pub fn begin_training(&self) -> Result<BegunTraining, EngineError> {
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
        progress: &(dyn Fn(f64) -> Result<(), Cancelled> + Sync),
    ) -> Result<Training, EngineError> {
        let _one_at_a_time = self.training_lock.lock();
        let started = Instant::now();
        let threads = start_training_threads(options.is_background)?;
        // Not on the training threads: while one of them held a lock, requests would wait for a
        // thread of the lowest priority.
        let (set, offset, n_interactions_total) = {
            let views = self.snapshot();
            let histories = views.interactions.histories();
            let weak = views.weak_signals.all_by_user();
            (
                TrainingSet::snapshot(histories, &weak, views.catalog.n_items())
                    .with_weak_weights_to_try(views.setup.config.weak_signals),
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
                progress(share)?;
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
        // With too few interactions for a first model, their number is the better reason.
        let n_interactions = set.entries().len() as u64;
        let has_too_few = current.is_none() && n_interactions < FIRST_TRAINING_INTERACTIONS;
        let refused = refused.map(|why| match has_too_few {
            true => describe_too_few_interactions(n_interactions),
            false => why,
        });
        // Without new interactions there is no comparison with the model in use. But a model
        // without any hit must not replace a model with hits.
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
            by_activity: recommender::count_by_activity(&trained.judged),
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

    /// Runs the hyperparameter search on the current data and returns the metrics of all models, of
    /// the blend and of popularity. Changes nothing.
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
            TrainingSet::snapshot(views.interactions.histories(), &[], views.catalog.n_items())
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

    /// Logs a training run that made no model.
    fn report_failed_training(&self, error: &EngineError) {
        let (workspace, error_text) = (self.id(), error.describe());
        match error {
            EngineError::Training(TrainingError::Cancelled(_)) => {
                tracing::info!(%workspace, why = error_text, "a training run was cut short");
            }
            _ => tracing::error!(%workspace, error = error_text, "training failed"),
        }
    }

    /// Whether the next run is due: for a first run, after [`FIRST_TRAINING_INTERACTIONS`]; later,
    /// after a `share` of the interactions of the last run, after `interval_max_s` if there is any
    /// new interaction, or after a deletion of people if there is enough to learn from.
    pub fn is_training_due(&self, share: f64, interval_max_s: u64) -> bool {
        let views = self.snapshot();
        let n_now = views.interactions.histories().n_interactions();
        // A refused run counts: the same data would be refused again.
        let Some(last) = views.setup.trainings.last() else {
            return n_now >= FIRST_TRAINING_INTERACTIONS;
        };
        if self.is_model_gone(&last.version) {
            return true;
        }
        // Lists lose what the model in use has learned from people who were deleted since.
        let is_behind = views.regulations.erased_until() > last.offset;
        if is_behind && views.setup.active_model.is_some() && n_now >= FIRST_TRAINING_INTERACTIONS {
            return true;
        }
        let n_then = last.n_interactions_total;
        let is_old =
            self.now().0.saturating_sub(last.finished_at.0).max(0) as u64 / 1_000 > interval_max_s;
        n_now >= n_then + ((n_then as f64 * share) as u64).max(FIRST_TRAINING_INTERACTIONS)
            || (is_old && n_now > n_then)
    }

    /// Adds the features of items and the weights of interactions to a training set.
    fn with_features_and_weights(&self, set: TrainingSet) -> TrainingSet {
        let features = build_features(&self.shared.live, set.n_items());
        let weights = self.snapshot().setup.config.interaction_weights;
        set.with_features(features).with_interaction_weights(weights)
    }
}
