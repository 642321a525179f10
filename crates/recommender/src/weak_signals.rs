//! Weak signals: clicks in lists and products in lists that were looked at. Models learn which items go together from
//! them, and a request's profile holds them, where a training run found that this makes lists better. Nothing else
//! sees them: they are no history, make nothing popular, and leave nothing out of a list.

use domain::{ItemIdx, WeakSignalKind, WeakSignalWeights};
use history::WeakSignal;
use serde::{Deserialize, Serialize};

use crate::evaluation::{Comparison, lists_of};
use crate::split::{Split, SplitKind};
use crate::{Cancelled, Parameters, TrainingSet, train_with};

/// A user's weak signals, oldest first, with the weights in force.
#[derive(Debug, Clone, Copy)]
pub struct WeakHistory<'a> {
    /// The signals.
    pub signals: &'a [WeakSignal],
    /// The weight of each kind; a kind of weight 0 is not heard.
    pub weights: WeakSignalWeights,
}

impl WeakHistory<'_> {
    /// No signals.
    pub const NONE: Self = Self { signals: &[], weights: WeakSignalWeights::NONE };
}

/// What a training run found about one kind of weak signals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WeakSignalTrial {
    /// The kind.
    pub kind: WeakSignalKind,
    /// The weight that was tried.
    pub weight: f32,
    /// Lists with the kind beside lists without it; none where there is too little with times to judge on.
    pub comparison: Option<Comparison>,
    /// Whether the model uses the kind.
    pub is_on: bool,
}

impl WeakSignalTrial {
    /// The finding in a line, such as "click: NDCG@20 0.1230 with, 0.1190 without: on".
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

/// The weights that trials found to be worth it.
pub fn weights_in_force(trials: &[WeakSignalTrial]) -> WeakSignalWeights {
    let on = trials.iter().filter(|trial| trial.is_on);
    on.fold(WeakSignalWeights::NONE, |weights, trial| weights.with(trial.kind, trial.weight))
}

/// A list for each test user, best first.
type Lists = Vec<Vec<ItemIdx>>;

/// Tries the kinds of weak signals of a set one after another, the strongest first, on its split by time: a kind is on
/// where lists with it are better than lists without it, the middle 95 % of the difference above 0. All lists are made
/// with the same parameters, those that suit the interactions alone. Returns the lists of the test users as well, where
/// any kind is on.
pub(crate) fn judge(
    set: &TrainingSet,
    parameters: &Parameters,
    seed: u64,
    check: &dyn Fn() -> Result<(), Cancelled>,
) -> Result<(Vec<WeakSignalTrial>, Option<Lists>), Cancelled> {
    let tried = set.weak_weights_to_try();
    let has_any = |kind| tried.weight(kind) > 0.0 && set.weak_signals().any(|signal| signal.kind == kind);
    let kinds: Vec<WeakSignalKind> = WeakSignalKind::ALL.into_iter().filter(|kind| has_any(*kind)).collect();
    if kinds.is_empty() {
        return Ok((Vec::new(), None));
    }
    let Split { kind: split_kind, mut train, test } = Split::new(set, seed);
    let is_judged = split_kind == SplitKind::Time && !test.is_empty();
    let mut lists_with = |weights| {
        train.set_weak_weights(weights);
        Ok::<_, Cancelled>(lists_of(&train_with(&train, parameters, "", check)?, &test))
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
