//! The problems that a workspace has now.

use crate::shared::Health;
use crate::{Engine, Problem};

impl Engine {
    /// The present problems of the workspace.
    pub fn problems(&self) -> Vec<Problem> {
        let health_problem = match self.health() {
            Health::Ready => None,
            Health::Failing(why) => Some(Problem::Failing { why }),
            Health::Broken(why) => Some(Problem::Broken { why }),
        };
        let model_problem = self.lost_model.lock().clone();
        let snapshot_problem = self.snapshot_problem.lock().clone();
        let doubted = self.snapshot().setup.clock.unconfirmed_time();
        let clock_problem = doubted.map(|(journal, entry)| Problem::TimeDoubted { journal, entry });
        let data_problems: Vec<Problem> =
            self.findings().into_iter().map(|finding| Problem::Damaged { finding }).collect();
        let unfit = self.serving.unfit_scenarios(&self.snapshot());
        let scenario_problems = unfit.into_iter().map(Problem::from);
        health_problem
            .into_iter()
            .chain(clock_problem)
            .chain(model_problem)
            .chain(snapshot_problem)
            .chain(self.reported.lock().iter().cloned())
            .chain(scenario_problems)
            .chain(data_problems)
            .collect()
    }

    /// Adds a problem that lasts until the workspace is opened again.
    pub fn report_problem(&self, problem: Problem) {
        tracing::error!(workspace = %self.id(), %problem, "a workspace has a problem");
        self.reported.lock().push(problem);
    }
}
