//! The test users of a split, what settings of models are worth on them, and the best settings found.

use domain::{InteractionWeights, ItemIdx};
use linalg::{Dense, count_at_least, top_k_of};
use rayon::prelude::*;

use crate::HistoryWeighting;
use crate::blend::ModelConfig;
use crate::evaluation::{CUT_OFF, gain, ideal};
use crate::matrix::ItemMatrix;
use crate::split::{Split, TestUser};

/// How many users are scored at once where that is a product of dense matrices.
const USERS_PER_STEP: usize = 128;

/// Test users, and settings that may become part of a blend.
pub(super) struct Pool<'a> {
    pub(super) test: &'a [TestUser],
    interaction_weights: &'a InteractionWeights,
    n_items: usize,
    /// For each user the items that are in no list.
    closed: Vec<Vec<u32>>,
    /// For each item whether any test user has it in their history.
    is_heard: Vec<bool>,
    /// One for each variant of a model.
    pub(super) settings: Vec<Setting>,
}

/// The best setting of a variant.
pub(super) struct Setting {
    pub(super) model: ModelConfig,
    pub(super) matrix: ItemMatrix,
    /// Ways to weight a history, best first.
    pub(super) weightings: Vec<HistoryWeighting>,
}

/// A user's scores, one for each item; those of closed items are 0.
pub(super) struct Scores<'a> {
    pub(super) values: &'a [f32],
    /// The places other than 0, each at least once; none for all.
    touched: Option<&'a [u32]>,
}

impl Scores<'_> {
    /// How many items score at least as high as the item itself; none where it has no score above 0.
    fn rank(&self, item: u32) -> Option<usize> {
        let own = self.values[item as usize];
        if own <= 0.0 {
            return None;
        }
        let n = match self.touched {
            Some(touched) => touched.iter().filter(|&&at| self.values[at as usize] >= own).count(),
            None => count_at_least(self.values, own),
        };
        Some(n - 1)
    }

    /// The best items with scores above 0, best first.
    pub(super) fn best(&self, count: usize) -> Vec<(u32, f32)> {
        let of = |at: u32| (at, self.values[at as usize]);
        let mut entries: Vec<(u32, f32)> = match self.touched {
            Some(touched) => touched.iter().map(|&at| of(at)).collect(),
            None => (0..self.values.len() as u32).map(of).collect(),
        };
        entries.retain(|(_, score)| *score > 0.0);
        top_k_of(&mut entries, count);
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
            closed: split.test.iter().map(|user| user.closed().collect()).collect(),
            is_heard,
            settings: Vec::new(),
        }
    }

    /// Whether any test user has the item in their history.
    pub(super) fn is_heard(&self, item: usize) -> bool {
        self.is_heard[item]
    }

    /// The mean NDCG of the lists of a matrix.
    pub(super) fn ndcg(&self, matrix: &ItemMatrix, weighting: HistoryWeighting) -> f64 {
        let of_user = |user: usize, scores: &Scores<'_>| {
            let user = &self.test[user];
            let ranks = user.wanted.keys().filter_map(|item| scores.rank(item.0));
            ranks.filter(|rank| *rank < CUT_OFF).map(gain).sum::<f64>() / ideal(user.wanted.len())
        };
        let by_user = self.for_each_user(matrix, weighting, of_user);
        by_user.iter().sum::<f64>() / by_user.len().max(1) as f64
    }

    /// Puts a setting in, with ways to weight a history, best first.
    pub(super) fn add(&mut self, model: ModelConfig, matrix: ItemMatrix, weightings: Vec<HistoryWeighting>) {
        self.settings.push(Setting { model, matrix, weightings });
    }

    /// The lists of a weighted sum of settings, with scores.
    pub(super) fn lists(&self, members: &[(&Setting, HistoryWeighting, f32)]) -> Vec<Vec<(ItemIdx, f32)>> {
        let mut lists: Vec<Vec<(ItemIdx, f32)>> = Vec::with_capacity(self.test.len());
        for first in (0..self.test.len()).step_by(USERS_PER_STEP) {
            let users = first..(first + USERS_PER_STEP).min(self.test.len());
            let mut sums = Dense::zeros(users.len(), self.n_items);
            for (setting, weighting, weight) in members {
                let histories: Vec<Vec<(u32, f32)>> = users
                    .clone()
                    .map(|user| {
                        self.weighed(user, *weighting).into_iter().map(|(n, w)| (n, weight * w)).collect()
                    })
                    .collect();
                setting.matrix.add_scores(&histories, &mut sums);
            }
            let rows = sums.values_mut().par_chunks_mut(self.n_items.max(1)).zip(users);
            lists.par_extend(rows.map(|(values, user)| {
                self.closed[user].iter().for_each(|&item| values[item as usize] = 0.0);
                let best = Scores { values, touched: None }.best(CUT_OFF);
                best.into_iter().map(|(item, score)| (ItemIdx(item), score)).collect()
            }));
        }
        lists
    }

    /// Hands every user's scores to `take`.
    pub(super) fn for_each_user<T: Send>(
        &self,
        matrix: &ItemMatrix,
        weighting: HistoryWeighting,
        take: impl Fn(usize, &Scores<'_>) -> T + Sync,
    ) -> Vec<T> {
        if let ItemMatrix::Sparse(matrix) = matrix {
            let users = (0..self.test.len()).into_par_iter();
            let scored = users.map_init(
                || (vec![0f32; self.n_items], Vec::new()),
                |(values, touched), user| {
                    for (item, weight) in self.weighed(user, weighting) {
                        let (columns, row) = matrix.row(item as usize);
                        for (&column, value) in columns.iter().zip(row) {
                            let sum = &mut values[column as usize];
                            if *sum == 0.0 {
                                touched.push(column);
                            }
                            *sum += weight * value;
                        }
                    }
                    self.closed[user].iter().for_each(|&item| values[item as usize] = 0.0);
                    let taken = take(user, &Scores { values, touched: Some(touched) });
                    touched.drain(..).for_each(|at| values[at as usize] = 0.0);
                    taken
                },
            );
            return scored.collect();
        }
        let mut out = Vec::with_capacity(self.test.len());
        for first in (0..self.test.len()).step_by(USERS_PER_STEP) {
            let users = first..(first + USERS_PER_STEP).min(self.test.len());
            let histories: Vec<_> = users.clone().map(|user| self.weighed(user, weighting)).collect();
            let mut scores = Dense::zeros(users.len(), self.n_items);
            matrix.add_scores(&histories, &mut scores);
            let rows = scores.values_mut().par_chunks_mut(self.n_items.max(1)).zip(users);
            out.par_extend(rows.map(|(values, user)| {
                self.closed[user].iter().for_each(|&item| values[item as usize] = 0.0);
                take(user, &Scores { values, touched: None })
            }));
        }
        out
    }

    fn weighed(&self, user: usize, weighting: HistoryWeighting) -> Vec<(u32, f32)> {
        let weighed = weighting.weigh(&self.test[user].history, self.interaction_weights);
        weighed.into_iter().map(|(entry, weight)| (entry.item.0, weight)).collect()
    }
}
