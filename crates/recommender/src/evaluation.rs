//! How good lists are: metrics, and the split that parameters are chosen on.

use domain::ItemIdx;
use linalg::top_k;
use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::model::weigh_history;
use crate::recommend::score;
use crate::{HistoryEntry, Model, TrainingSet};

/// Lists are judged to this length.
pub const CUT_OFF: usize = 20;
/// The most users that are judged.
pub const USERS_MAX: usize = 2_000;
/// The most interactions that a model is fitted on while parameters are chosen.
const INTERACTIONS_MAX: usize = 3_000_000;
/// A user's interactions within this time before their last one are one visit, in seconds: under a day, so that daily visits stay apart.
const VISIT_S: u32 = 12 * 3_600;

/// What lists are worth, as means over the judged users.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Metrics {
    /// Normalised discounted cumulative gain: hits count by rank, 1 is a perfect list.
    pub ndcg: f64,
    /// The share of the items that users went on to choose which the lists hold.
    pub recall: f64,
    /// The share of all items that are in any list.
    pub coverage: f64,
    /// The users judged.
    pub n_users: usize,
}

/// A training set without some of what some users did last, and what that was.
pub struct Split {
    /// What may be learned from.
    pub train: TrainingSet,
    /// What is to be predicted.
    pub test: Vec<TestUser>,
}

/// A user to predict for.
pub struct TestUser {
    /// What is known, oldest first.
    pub history: Vec<HistoryEntry>,
    /// New items that the user went on to choose.
    pub wanted: FxHashSet<ItemIdx>,
}

impl Split {
    /// Hides the last visit of up to [`USERS_MAX`] users spread over all; of a user with one visit only, every fifth interaction.
    pub fn last_visit(set: &TrainingSet) -> Self {
        // Of a large set only every n-th user is looked at, at any size the same ones for the same set.
        let step = set.entries().len().div_ceil(INTERACTIONS_MAX).max(1);
        let candidates: Vec<usize> =
            (0..set.n_users()).step_by(step).filter(|&user| set.row(user).len() >= 2).collect();
        let test_step = candidates.len().div_ceil(USERS_MAX).max(1);
        let is_test: FxHashSet<usize> = candidates.iter().copied().step_by(test_step).collect();

        let mut test = Vec::new();
        let rows = (0..set.n_users()).step_by(step).map(|user| {
            let row = set.row(user);
            if !is_test.contains(&user) {
                return row.to_vec();
            }
            let (history, hidden) = hide(row);
            let known: FxHashSet<ItemIdx> = history.iter().map(|entry| entry.item).collect();
            let wanted: FxHashSet<ItemIdx> =
                hidden.iter().map(|entry| entry.item).filter(|item| !known.contains(item)).collect();
            if !wanted.is_empty() {
                test.push(TestUser { history: history.clone(), wanted });
            }
            history
        });
        let rows: Vec<_> = rows.collect();
        Self { train: TrainingSet::new(rows, set.n_items()), test }
    }
}

fn hide(row: &[HistoryEntry]) -> (Vec<HistoryEntry>, Vec<HistoryEntry>) {
    let last_s = row.last().map_or(0, |entry| entry.at_s);
    let cut = row.partition_point(|entry| entry.at_s < last_s.saturating_sub(VISIT_S));
    if cut > 0 {
        return (row[..cut].to_vec(), row[cut..].to_vec());
    }
    let numbered = || row.iter().copied().enumerate();
    let is_hidden = |n: usize| n % 5 == 4 || n + 1 == row.len();
    (
        numbered().filter(|(n, _)| !is_hidden(*n)).map(|(_, entry)| entry).collect(),
        numbered().filter(|(n, _)| is_hidden(*n)).map(|(_, entry)| entry).collect(),
    )
}

/// Judges a model's lists of new items.
pub fn evaluate(model: &Model, test: &[TestUser]) -> Metrics {
    judge(test, model.popularity.len(), |user| {
        let weighed = weigh_history(&user.history, model.parameters.history_half_life_days);
        let known: FxHashSet<u32> = user.history.iter().map(|entry| entry.item.0).collect();
        score(model, &weighed, |entries| top_k(entries.filter(|(item, _)| !known.contains(item)), CUT_OFF))
            .into_iter()
            .map(|(item, _)| ItemIdx(item))
            .collect()
    })
}

/// Judges the same popular items for everybody.
pub fn evaluate_popularity(model: &Model, test: &[TestUser]) -> Metrics {
    judge(test, model.popularity.len(), |user| {
        let known: FxHashSet<u32> = user.history.iter().map(|entry| entry.item.0).collect();
        let unknown = model.by_popularity.iter().filter(|item| !known.contains(item));
        unknown.take(CUT_OFF).map(|&item| ItemIdx(item)).collect()
    })
}

fn judge(
    test: &[TestUser],
    n_items: usize,
    list: impl Fn(&TestUser) -> Vec<ItemIdx> + Sync + Send,
) -> Metrics {
    let lists: Vec<Vec<ItemIdx>> = test.par_iter().map(list).collect();
    let mut metrics = Metrics { n_users: test.len(), ..Default::default() };
    let mut shown: FxHashSet<ItemIdx> = FxHashSet::default();
    for (user, list) in test.iter().zip(&lists) {
        let gains = |ranks: &mut dyn Iterator<Item = usize>| -> f64 {
            ranks.map(|rank| 1.0 / (rank as f64 + 2.0).log2()).sum()
        };
        let hits =
            || list.iter().enumerate().filter(|(_, item)| user.wanted.contains(item)).map(|(rank, _)| rank);
        metrics.ndcg += gains(&mut hits()) / gains(&mut (0..CUT_OFF.min(user.wanted.len())));
        metrics.recall += hits().count() as f64 / user.wanted.len() as f64;
        shown.extend(list);
    }
    let n = test.len().max(1) as f64;
    metrics.ndcg /= n;
    metrics.recall /= n;
    metrics.coverage = shown.len() as f64 / n_items.max(1) as f64;
    metrics
}
