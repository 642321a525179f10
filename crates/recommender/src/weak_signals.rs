//! Weak signals: clicks in lists, and products in viewed lists. Where a training run finds that
//! they improve lists, models learn from them and query vectors include them. They affect nothing
//! else: they are not part of histories, popularity or exclusions.

use domain::{ItemIdx, WeakSignalKind, WeakSignalWeights};
use serde::{Deserialize, Serialize};

use crate::evaluation::{Comparison, compute_model_lists};
use crate::split::{Split, SplitKind};
use crate::{Cancelled, Parameters, TrainingSet, fit_model};

/// The trial of one kind of weak signal in a training run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WeakSignalTrial {
    /// The kind of weak signal.
    pub kind: WeakSignalKind,
    /// The weight that was tried.
    pub weight: f32,
    /// Lists with the kind compared with lists without it; None where there is no split by time to
    /// judge on.
    pub comparison: Option<Comparison>,
    /// Whether the model uses the kind.
    pub is_on: bool,
}

impl WeakSignalTrial {
    /// Describes the outcome in one line, such as "click: NDCG@20 0.1230 with, 0.1190 without: on".
    pub fn describe(&self) -> String {
        let state = if self.is_on { "on" } else { "off" };
        match self.comparison {
            Some(Comparison { ndcg, other_ndcg, .. }) => {
                format!("{}: NDCG@20 {ndcg:.4} with, {other_ndcg:.4} without: {state}", self.kind)
            }
            None => format!("{}: too little to judge on: {state}", self.kind),
        }
    }
}

/// The weights of the kinds that are on, 0 for the others.
pub fn weights_in_force(trials: &[WeakSignalTrial]) -> WeakSignalWeights {
    let on = trials.iter().filter(|trial| trial.is_on);
    on.fold(WeakSignalWeights::NONE, |weights, trial| weights.with(trial.kind, trial.weight))
}

/// A list for each test user, best first.
type Lists = Vec<Vec<ItemIdx>>;

/// Tries the kinds of weak signals one after another, the strongest first, on a split by time. A
/// kind is on where the whole 95 % interval of the difference in nDCG is above 0. All lists use the
/// same hyperparameters, found without weak signals. Where any kind is on, also returns the lists
/// of the test users.
pub(crate) fn try_weak_signals(
    set: &TrainingSet,
    parameters: &Parameters,
    seed: u64,
    check: &dyn Fn() -> Result<(), Cancelled>,
) -> Result<(Vec<WeakSignalTrial>, Option<Lists>), Cancelled> {
    let tried = set.weak_weights_to_try();
    let has_any =
        |kind| tried.weight(kind) > 0.0 && set.weak_signals().any(|signal| signal.kind == kind);
    let kinds: Vec<WeakSignalKind> =
        WeakSignalKind::ALL.into_iter().filter(|kind| has_any(*kind)).collect();
    if kinds.is_empty() {
        return Ok((Vec::new(), None));
    }
    let Split { kind: split_kind, mut train, test } = Split::new(set, seed);
    let is_judged = split_kind == SplitKind::Time && !test.is_empty();
    let mut lists_with = |weights| {
        train.set_weak_weights(weights);
        Ok::<_, Cancelled>(compute_model_lists(&fit_model(&train, parameters, "", check)?, &test))
    };
    let mut weights = WeakSignalWeights::NONE;
    let mut lists = if is_judged { lists_with(weights)? } else { Vec::new() };
    let mut trials = Vec::new();
    for kind in kinds {
        let weight = tried.weight(kind);
        let mut trial = WeakSignalTrial { kind, weight, comparison: None, is_on: false };
        if is_judged {
            let weights_tried = weights.with(kind, weight);
            let lists_tried = lists_with(weights_tried)?;
            trial.comparison = Comparison::compare(&test, &lists_tried, &lists, 0, seed);
            trial.is_on = trial.comparison.is_some_and(|comparison| comparison.low > 0.0);
            if trial.is_on {
                (weights, lists) = (weights_tried, lists_tried);
            }
        }
        trials.push(trial);
    }
    let is_any_on = trials.iter().any(|trial| trial.is_on);
    Ok((trials, is_any_on.then_some(lists)))
}
