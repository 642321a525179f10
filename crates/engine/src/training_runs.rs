//! The training runs of this process: the one under way with its progress, and the outcomes of the
//! last ones. They are in memory only; the journal has their results ([`Training`]).

use std::collections::VecDeque;
use std::sync::Arc;

use domain::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;
use uuid::Uuid;

use crate::{EngineError, Training, TrainingError};

/// The most runs that are kept; the oldest are forgotten.
pub const TRAINING_RUNS_KEPT_MAX: usize = 20;

/// One training run.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TrainingRun {
    /// The id of the run in this process.
    pub id: Uuid,
    /// When the run began.
    pub started_at: Timestamp,
    /// The progress of the run, or its outcome.
    #[serde(flatten)]
    pub state: TrainingRunState,
}

/// The progress of a training run, or its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TrainingRunState {
    /// Under way.
    Running {
        /// The share done, from 0 to 1.
        progress: f64,
    },
    /// Ended with a model, which is in use unless the record has a reason to refuse it.
    Done {
        /// The record of the run.
        training: Box<Training>,
    },
    /// Ended without a model.
    Failed {
        /// The error with its sources.
        error: String,
    },
}

/// The runs of a workspace, oldest first. Only the last one may be under way.
#[derive(Default)]
pub(crate) struct TrainingRuns(Mutex<VecDeque<TrainingRun>>);

impl TrainingRuns {
    /// Registers a run that begins now, `started_at`.
    ///
    /// # Errors
    /// [`TrainingError::AlreadyRunning`] where one is under way.
    pub(crate) fn begin(
        self: &Arc<Self>,
        started_at: Timestamp,
    ) -> Result<BegunTraining, EngineError> {
        let mut runs = self.0.lock();
        if let Some(TrainingRun { id, started_at, state: TrainingRunState::Running { .. } }) =
            runs.back()
        {
            return Err(TrainingError::AlreadyRunning { id: *id, started_at: *started_at }.into());
        }
        if runs.len() == TRAINING_RUNS_KEPT_MAX {
            runs.pop_front();
        }
        let state = TrainingRunState::Running { progress: 0.0 };
        let run = TrainingRun { id: Uuid::new_v4(), started_at, state };
        runs.push_back(run.clone());
        Ok(BegunTraining { runs: Arc::clone(self), run })
    }

    /// The last run.
    pub(crate) fn last(&self) -> Option<TrainingRun> {
        self.0.lock().back().cloned()
    }

    /// A run by its id.
    pub(crate) fn find(&self, id: Uuid) -> Option<TrainingRun> {
        self.0.lock().iter().find(|run| run.id == id).cloned()
    }
}

/// A run that has begun. One that is dropped before it has ended counts as failed.
pub struct BegunTraining {
    runs: Arc<TrainingRuns>,
    run: TrainingRun,
}

impl BegunTraining {
    /// The run as it began; [`crate::Engine::training_run`] shows how far it is.
    pub fn run(&self) -> &TrainingRun {
        &self.run
    }

    /// Records the share done, from 0 to 1.
    pub(crate) fn set_progress(&self, progress: f64) {
        self.set_state(TrainingRunState::Running { progress });
    }

    /// Records the outcome of the run.
    pub(crate) fn end(self, outcome: &Result<Training, EngineError>) {
        self.set_state(match outcome {
            Ok(training) => TrainingRunState::Done { training: Box::new(training.clone()) },
            Err(error) => TrainingRunState::Failed { error: error.describe() },
        });
    }

    fn set_state(&self, state: TrainingRunState) {
        // No other run begins before this one ends.
        if let Some(last) = self.runs.0.lock().back_mut() {
            last.state = state;
        }
    }
}

impl Drop for BegunTraining {
    fn drop(&mut self) {
        let is_running = |run: &TrainingRun| {
            run.id == self.run.id && matches!(run.state, TrainingRunState::Running { .. })
        };
        if let Some(last) = self.runs.0.lock().back_mut().filter(|run| is_running(run)) {
            let error = "the run ended without a result; the log says why".to_owned();
            last.state = TrainingRunState::Failed { error };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_goes_on_at_a_time_and_one_that_panics_makes_room_for_the_next() {
        let runs = Arc::<TrainingRuns>::default();
        let first = runs.begin(Timestamp(1)).expect("none is under way");
        first.set_progress(0.5);
        let id = first.run.id;
        assert!(
            matches!(runs.begin(Timestamp(1)), Err(EngineError::Training(TrainingError::AlreadyRunning { id: of, .. })) if of == id)
        );
        let state = |id| runs.find(id).map(|run| run.state);
        assert_eq!(state(id), Some(TrainingRunState::Running { progress: 0.5 }));
        drop(first);
        let failed = |state| matches!(state, Some(TrainingRunState::Failed { .. }));
        assert!(failed(state(id)));
        for _ in 0..TRAINING_RUNS_KEPT_MAX {
            runs.begin(Timestamp(1))
                .expect("none is under way")
                .end(&Err(TrainingError::NoInteractions.into()));
        }
        assert_eq!((state(id), runs.0.lock().len()), (None, TRAINING_RUNS_KEPT_MAX));
        assert!(runs.last().is_some_and(|run| failed(Some(run.state))));
    }
}
