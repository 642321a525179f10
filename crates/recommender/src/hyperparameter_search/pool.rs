//! The pool of good settings, and their evaluation on the test users of a split.

use domain::{InteractionWeights, ItemIdx};
use linalg::{Dense, count_at_least, retain_top_k};
use rayon::prelude::*;

use crate::HistoryWeighting;
use crate::blend::ModelConfig;
use crate::evaluation::{CUT_OFF, gain, ideal_gain};
use crate::matrix::ItemMatrix;
use crate::split::{Split, TestUser};

/// The number of users scored at once by a product of dense matrices.
const USERS_PER_STEP: usize = 128;

/// The test users of a split, and the settings that may become members of a blend.
pub(super) struct Pool<'a> {
    pub(super) test: &'a [TestUser],
    interaction_weights: &'a InteractionWeights,
    n_items: usize,
    /// For each user the items excluded from their lists.
    excluded_items: Vec<Vec<u32>>,
    /// For each item whether any test user has it in their history.
    is_in_test_history: Vec<bool>,
    /// The best setting of a model variant.
    pub(super) settings: Vec<Setting>,
}

/// The best setting of a variant.
pub(super) struct Setting {
    pub(super) model: ModelConfig,
    pub(super) matrix: ItemMatrix,
    /// History weightings, best first.
    pub(super) weightings: Vec<HistoryWeighting>,
}

/// A user's scores, by item; 0 for excluded items.
pub(super) struct Scores<'a> {
    pub(super) values: &'a [f32],
    /// The items with nonzero scores, each at least once; None stands for all items.
    touched: Option<&'a [u32]>,
}

impl Scores<'_> {
    /// The rank of an item, from 0; ties count against it. None where its score is not above 0.
    fn rank(&self, item: u32) -> Option<usize> {
        let own = self.values[item as usize];
        if own <= 0.0 {
            return None;
        }
        let n = match self.touched {
            Some(touched) => {
                touched.iter().filter(|&&item| self.values[item as usize] >= own).count()
            }
            None => count_at_least(self.values, own),
        };
        Some(n - 1)
    }

    /// The `count` best items with scores above 0, best first.
    pub(super) fn top_items(&self, count: usize) -> Vec<(u32, f32)> {
        let with_score = |item: u32| (item, self.values[item as usize]);
        let mut entries: Vec<(u32, f32)> = match self.touched {
            Some(touched) => touched.iter().map(|&item| with_score(item)).collect(),
            None => (0..self.values.len() as u32).map(with_score).collect(),
        };
        entries.retain(|(_, score)| *score > 0.0);
        retain_top_k(&mut entries, count);
        entries
    }
}

impl<'a> Pool<'a> {
    pub(super) fn new(split: &'a Split) -> Self {
        let mut is_heard = vec![false; split.train.n_items()];
        let histories = split.test.iter().flat_map(|user| &user.history);
        histories.for_each(|entry| is_heard[entry.item.pos()] = true);
        Self {
            test: &split.test,
            interaction_weights: split.train.interaction_weights(),
            n_items: split.train.n_items(),
            excluded_items: split.test.iter().map(|user| user.excluded_items().collect()).collect(),
            is_in_test_history: is_heard,
            settings: Vec::new(),
        }
    }

    /// Whether any test user has the item in their history.
    pub(super) fn is_in_test_history(&self, item: usize) -> bool {
        self.is_in_test_history[item]
    }

    /// The mean nDCG of a matrix's lists.
    pub(super) fn ndcg(&self, matrix: &ItemMatrix, weighting: HistoryWeighting) -> f64 {
        let user_ndcg = |user: usize, scores: &Scores<'_>| {
            let user = &self.test[user];
            let ranks = user.wanted.keys().filter_map(|item| scores.rank(item.0));
            ranks.filter(|rank| *rank < CUT_OFF).map(gain).sum::<f64>()
                / ideal_gain(user.wanted.len())
        };
        let by_user = self.map_user_scores(matrix, weighting, user_ndcg);
        by_user.iter().sum::<f64>() / by_user.len().max(1) as f64
    }

    /// Adds a setting with its history weightings, best first.
    pub(super) fn add(
        &mut self,
        model: ModelConfig,
        matrix: ItemMatrix,
        weightings: Vec<HistoryWeighting>,
    ) {
        self.settings.push(Setting { model, matrix, weightings });
    }

    /// The lists of a weighted sum of settings, with scores, best first.
    pub(super) fn compute_lists(
        &self,
        members: &[(&Setting, HistoryWeighting, f32)],
    ) -> Vec<Vec<(ItemIdx, f32)>> {
        let mut lists: Vec<Vec<(ItemIdx, f32)>> = Vec::with_capacity(self.test.len());
        for first in (0..self.test.len()).step_by(USERS_PER_STEP) {
            let users = first..(first + USERS_PER_STEP).min(self.test.len());
            let mut sums = Dense::zeros(users.len(), self.n_items);
            for (setting, weighting, weight) in members {
                let histories: Vec<Vec<(u32, f32)>> = users
                    .clone()
                    .map(|user| {
                        self.weigh_history(user, *weighting)
                            .into_iter()
                            .map(|(item, own)| (item, weight * own))
                            .collect()
                    })
                    .collect();
                setting.matrix.add_scores(&histories, &mut sums);
            }
            let rows = sums.values_mut().par_chunks_mut(self.n_items.max(1)).zip(users);
            lists.par_extend(rows.map(|(values, user)| {
                self.excluded_items[user].iter().for_each(|&item| values[item as usize] = 0.0);
                let best = Scores { values, touched: None }.top_items(CUT_OFF);
                best.into_iter().map(|(item, score)| (ItemIdx(item), score)).collect()
            }));
        }
        lists
    }

    /// Computes every test user's scores and maps them by `read`, in the order of users.
    pub(super) fn map_user_scores<T: Send>(
        &self,
        matrix: &ItemMatrix,
        weighting: HistoryWeighting,
        read: impl Fn(usize, &Scores<'_>) -> T + Sync,
    ) -> Vec<T> {
        if let ItemMatrix::Sparse(matrix) = matrix {
            let users = (0..self.test.len()).into_par_iter();
            let scored = users.map_init(
                || (vec![0f32; self.n_items], Vec::new()),
                |(values, touched), user| {
                    for (item, weight) in self.weigh_history(user, weighting) {
                        let (columns, row) = matrix.row(item as usize);
                        for (&column, value) in columns.iter().zip(row) {
                            let sum = &mut values[column as usize];
                            if *sum == 0.0 {
                                touched.push(column);
                            }
                            *sum += weight * value;
                        }
                    }
                    self.excluded_items[user].iter().for_each(|&item| values[item as usize] = 0.0);
                    let result = read(user, &Scores { values, touched: Some(touched) });
                    touched.drain(..).for_each(|item| values[item as usize] = 0.0);
                    result
                },
            );
            return scored.collect();
        }
        let mut out = Vec::with_capacity(self.test.len());
        for first in (0..self.test.len()).step_by(USERS_PER_STEP) {
            let users = first..(first + USERS_PER_STEP).min(self.test.len());
            let histories: Vec<_> =
                users.clone().map(|user| self.weigh_history(user, weighting)).collect();
            let mut scores = Dense::zeros(users.len(), self.n_items);
            matrix.add_scores(&histories, &mut scores);
            let rows = scores.values_mut().par_chunks_mut(self.n_items.max(1)).zip(users);
            out.par_extend(rows.map(|(values, user)| {
                self.excluded_items[user].iter().for_each(|&item| values[item as usize] = 0.0);
                read(user, &Scores { values, touched: None })
            }));
        }
        out
    }

    fn weigh_history(&self, user: usize, weighting: HistoryWeighting) -> Vec<(u32, f32)> {
        let weighed = weighting.weigh(&self.test[user].history, self.interaction_weights);
        weighed.into_iter().map(|(entry, weight)| (entry.item.0, weight)).collect()
    }
}
