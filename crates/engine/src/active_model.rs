//! The model in use: the recorded runs, of which one is active, and switching between their models.

use recommender::Model;
use state::TrainingRecord;

use crate::{Engine, EngineError, Entry, Problem, Training, TrainingError};

/// The most artifacts that are kept on disk: the one in use and those before it. Others are made
/// again from the journal.
pub(crate) const ARTIFACTS_KEPT_MAX: usize = 3;

impl Engine {
    /// The recorded runs, newest first.
    pub fn trainings(&self) -> Vec<Training> {
        let views = self.snapshot();
        views.setup.trainings.iter().rev().filter_map(|record| self.read_record(record)).collect()
    }

    /// The run of the model in use.
    pub fn training(&self) -> Option<Training> {
        let views = self.snapshot();
        views.setup.active_training().and_then(|record| self.read_record(record))
    }

    fn read_record(&self, record: &TrainingRecord) -> Option<Training> {
        let read = Training::from_record(record);
        if let Err(error) = &read {
            let (workspace, version) = (self.id(), &record.version);
            tracing::warn!(%workspace, version, %error, "the report of a training run cannot be read");
        }
        read.ok()
    }

    /// Switches to the model of an earlier run, and makes it again if its artifact is gone.
    ///
    /// # Errors
    /// [`TrainingError::NoSuchModel`], or if it cannot be made again or journalled.
    pub fn activate_model(&self, version: &str) -> Result<Training, EngineError> {
        let _one_at_a_time = self.training_lock.lock();
        let known = self.trainings().into_iter().find(|training| training.version == version);
        let Some(training) = known else {
            return Err(TrainingError::NoSuchModel { version: version.to_owned() }.into());
        };
        let model = self.read_or_remake(&training)?;
        self.submit_one(Entry::ModelActivated {
            received_at: self.now(),
            version: version.to_owned(),
        })?;
        self.use_model(model);
        Ok(training)
    }

    /// Switches to the model in use according to the journal, which another engine with the same
    /// journal may have trained or activated. If its artifact is missing here, that is a problem
    /// until [`Engine::remake_lost_model`] has made it again.
    pub(crate) fn follow_model(&self) {
        let version = self.snapshot().setup.active_training().map(|record| record.version.clone());
        let Some(version) = version else { return };
        let is_in_use = || self.serving.model().is_some_and(|model| model.version == version);
        let is_lost = || {
            let lost = self.lost_model.lock();
            matches!(&*lost, Some(Problem::ModelLost { version: lost, .. } | Problem::ModelGone { version: lost }) if *lost == version)
        };
        if is_in_use() || is_lost() {
            return;
        }
        // The holder of the lock switches the model itself.
        let Some(_one_at_a_time) = self.training_lock.try_lock() else { return };
        let Some(training) = self.training().filter(|training| training.version == version) else {
            return;
        };
        match self.read_model(&training) {
            _ if is_in_use() => {}
            Ok(model) => {
                self.use_model(model);
                tracing::info!(workspace = %self.id(), training.version = %version, "the model of another engine is in use");
            }
            Err(why) => {
                let lost = Problem::ModelLost { version, why, last_error: None };
                tracing::warn!(workspace = %self.id(), problem = %lost, "another engine has trained a model");
                *self.lost_model.lock() = Some(lost);
            }
        }
    }

    /// Puts a model in use and removes artifacts beyond [`ARTIFACTS_KEPT_MAX`].
    pub(crate) fn use_model(&self, model: Model) {
        let kept: Vec<String> = {
            let views = self.snapshot();
            let latest =
                views.setup.trainings.iter().rev().filter(|training| training.refused.is_none());
            let latest = latest.take(ARTIFACTS_KEPT_MAX).map(|training| training.version.clone());
            latest.chain([model.version.clone()]).collect()
        };
        self.artifacts.remove_others(&kept);
        self.serving.switch_model(&self.shared.live, model);
        *self.lost_model.lock() = None;
    }
}
