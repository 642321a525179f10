//! The model in use: loaded at the start, and made again from the journal if its artifact is lost.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use recommender::{Model, TrainingSet, weights_in_force};
use serving::build_features;

use crate::error::describe_error;
use crate::follow::replay;
use crate::shared::Shared;
use crate::training::start_training_threads;
use crate::{Engine, EngineError, Entry, Problem, SnapshotError};

/// The cache of the temporary store from which a model is made again, in bytes.
const REMAKE_CACHE_BYTES: u64 = 16 * 1_024 * 1_024;

/// The interval of log lines with the progress of the fold for a model that is made again.
const REMAKE_LOG_INTERVAL: Duration = Duration::from_secs(10);

impl Engine {
    /// Loads the model that the journal says is in use.
    pub(crate) fn load_model(&self, may_be_lost: bool) -> Result<(), EngineError> {
        let Some(training) = self.training() else { return Ok(()) };
        let model = match self.read_model(&training) {
            Ok(model) => model,
            Err(why) if may_be_lost => {
                let lost = Problem::ModelLost { version: training.version, why, last_error: None };
                tracing::error!(workspace = %self.id(), problem = %lost, "a workspace opens without its model");
                *self.lost_model.lock() = Some(lost);
                return Ok(());
            }
            Err(why) => match self.remake_and_write(&training, &why) {
                Err(error) if is_cut_off(&error) => {
                    self.report_model_gone(training.version);
                    return Ok(());
                }
                made => made?,
            },
        };
        self.use_model(model);
        Ok(())
    }

    /// Makes the model again that was lost when the workspace was opened, with the lowest priority
    /// on the processors. Returns false if no model is lost.
    ///
    /// # Errors
    /// If it cannot be made, such as for lack of space. It may be tried again.
    pub fn remake_lost_model(&self) -> Result<bool, EngineError> {
        let _one_at_a_time = self.training_lock.lock();
        let Some(Problem::ModelLost { version, why, .. }) = self.lost_model.lock().clone() else {
            return Ok(false);
        };
        // Another model may be in use by now.
        let Some(training) = self.training().filter(|training| training.version == version) else {
            *self.lost_model.lock() = None;
            return Ok(false);
        };
        let made = start_training_threads(true)?.install(|| self.read_or_remake(&training));
        match made {
            Ok(model) => self.use_model(model),
            Err(error) if is_cut_off(&error) => {
                self.report_model_gone(version);
                return Ok(false);
            }
            Err(error) => {
                let last_error = Some(error.describe());
                *self.lost_model.lock() = Some(Problem::ModelLost { version, why, last_error });
                return Err(error);
            }
        }
        tracing::info!(workspace = %self.id(), training.version = %training.version, "the lost model is there again");
        Ok(true)
    }

    /// Notes that the model in use can never be made again: the next training run is due.
    fn report_model_gone(&self, version: String) {
        let gone = Problem::ModelGone { version };
        tracing::error!(workspace = %self.id(), problem = %gone, "a workspace is without its model");
        *self.lost_model.lock() = Some(gone);
    }

    /// Whether the model of a run is lost for ever.
    pub(crate) fn is_model_gone(&self, version: &str) -> bool {
        let lost = self.lost_model.lock();
        matches!(&*lost, Some(Problem::ModelGone { version: gone }) if gone == version)
    }

    /// Reads the model of a run, or makes it again if its artifact is lost.
    pub(crate) fn read_or_remake(&self, training: &crate::Training) -> Result<Model, EngineError> {
        self.read_model(training).or_else(|why| self.remake_and_write(training, &why))
    }

    /// Reads the model of a run.
    ///
    /// # Errors
    /// The reason for which its artifact cannot be used.
    pub(crate) fn read_model(&self, training: &crate::Training) -> Result<Model, String> {
        match self.artifacts.read(&training.version) {
            Ok(Some(model)) => Ok(model),
            Ok(None) => Err("its artifact is missing".to_owned()),
            Err(error) => Err(describe_error(&error)),
        }
    }

    fn remake_and_write(
        &self,
        training: &crate::Training,
        why: &str,
    ) -> Result<Model, EngineError> {
        tracing::warn!(why, version = training.version, "the model is made again from the journal");
        let model = self.remake_model(training)?;
        // The model is in memory; without the file, the next start makes it once more.
        if let Err(error) = self.artifacts.write(&model) {
            tracing::warn!(
                error = describe_error(&error),
                "the artifact of a model could not be written"
            );
        }
        Ok(model)
    }

    /// The place in the journal before which entries are erased; 0 where none are. The entry of the
    /// last deletion is the last one to lose what it says.
    fn erased_until(&self) -> Result<u64, EngineError> {
        let until = self.snapshot().regulations.erased_until();
        let Some(last) = until.checked_sub(1) else { return Ok(0) };
        match self.read_entry(last)? {
            Some(Entry::Command { .. }) => Ok(0),
            _ => Ok(until),
        }
    }

    /// Folds the journal up to a training run's offset into a temporary store, and fits a model
    /// with the run's parameters.
    fn remake_model(&self, training: &crate::Training) -> Result<Model, EngineError> {
        let aside = self.folder().join("remake");
        let remove = || match fs_err::remove_dir_all(&aside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        remove()?;
        // The run read entries that are erased by now: another fold would number items differently.
        let erased = self.erased_until()?;
        let start = self.shared.journal.start().0.max(erased);
        let (store, views) =
            self.snapshots.begin_state(&aside, REMAKE_CACHE_BYTES, start, training.offset)?;
        let shared = Shared::new(
            Arc::clone(&self.shared.journal),
            store,
            views,
            Arc::clone(&self.shared.clock),
        );
        let logged_at = Cell::new(Instant::now());
        replay(&shared, &aside, training.offset, &|entries, total| {
            if logged_at.get().elapsed() >= REMAKE_LOG_INTERVAL {
                logged_at.set(Instant::now());
                tracing::info!(workspace = %self.id(), entries, total, "the journal is folded for a model");
            }
            Ok(self.check_training()?)
        })?;
        let set = {
            let views = shared.live.snapshot();
            let weak = views.weak_signals.all_by_user();
            TrainingSet::snapshot(views.interactions.histories(), &weak, views.catalog.n_items())
        };
        let features = build_features(&shared.live, set.n_items());
        drop(shared);
        remove()?;
        let parameters = &training.search.parameters;
        let mut set =
            set.with_features(features).with_interaction_weights(parameters.interaction_weights);
        set.set_weak_weights(weights_in_force(&training.weak_signals));
        Ok(recommender::fit_model(&set, parameters, &training.version, &|| self.check_training())?)
    }
}

/// Whether a model cannot be made since the journal begins later than its training run.
pub(crate) fn is_cut_off(error: &EngineError) -> bool {
    matches!(error, EngineError::Snapshot(SnapshotError::NoBase { .. }))
}
