//! The training set: a copy of all histories that models are fitted on.

use std::sync::Arc;

use domain::{InteractionWeights, UserIdx, WeakSignalWeights};
use linalg::Csr;

use crate::features::Features;
use crate::weighting::decay;
use crate::{Histories, HistoryEntry, WeakSignal};

/// Users' interactions and weak signals, and the features of items.
pub struct TrainingSet {
    /// The offset of each user's entries, and the end: users + 1 entries.
    starts: Vec<usize>,
    entries: Vec<HistoryEntry>,
    n_items: usize,
    as_of_s: u32,
    features: Arc<Features>,
    interaction_weights: InteractionWeights,
    /// By user; users beyond its length have none.
    weak: Vec<Vec<WeakSignal>>,
    weak_weights_to_try: WeakSignalWeights,
    /// The weights in force. All 0 until a trial has shown an improvement.
    weak_weights: WeakSignalWeights,
}

impl TrainingSet {
    /// Copies the rows of all users who did anything, for a catalog of `n_items` items. Users
    /// without an entry in `weak_signals` have none. Rows stand in the order of their content, so
    /// that a model does not depend on the order in which users became known.
    pub fn snapshot(
        histories: &Histories,
        weak_signals: &[Vec<WeakSignal>],
        n_items: usize,
    ) -> Self {
        let rows = |user: u32| {
            let weak = weak_signals.get(user as usize).map_or(&[][..], Vec::as_slice);
            (histories.row(UserIdx(user)), weak)
        };
        let first_s = |user: u32| rows(user).0.first().map_or(0, |entry| entry.at_s);
        let n_users = histories.n_users().max(weak_signals.len()) as u32;
        let active = (0..n_users).filter(|user| rows(*user) != (&[], &[]));
        // Most rows differ in their first time, which needs no look at the rows.
        let mut users: Vec<(u32, u32)> = active.map(|user| (first_s(user), user)).collect();
        users.sort_unstable_by(|one, other| {
            one.0.cmp(&other.0).then_with(|| rows(one.1).cmp(&rows(other.1)))
        });
        let entries = users.iter().map(|(_, user)| rows(*user).0.to_vec());
        let weak = match weak_signals.is_empty() {
            true => Vec::new(),
            false => users.iter().map(|(_, user)| rows(*user).1.to_vec()).collect(),
        };
        Self::new(entries, n_items).with_weak_signals(weak, WeakSignalWeights::NONE)
    }

    /// Creates a set from users' rows, oldest first within a row.
    pub fn new(rows: impl IntoIterator<Item = Vec<HistoryEntry>>, n_items: usize) -> Self {
        let (mut starts, mut entries) = (vec![0], Vec::new());
        for row in rows {
            debug_assert!(row.is_sorted());
            entries.extend(row);
            starts.push(entries.len());
        }
        let as_of_s = entries.iter().map(|entry: &HistoryEntry| entry.at_s).max().unwrap_or(0);
        let features = Arc::new(Features::empty(n_items));
        let interaction_weights = InteractionWeights::default();
        Self {
            starts,
            entries,
            n_items,
            as_of_s,
            features,
            interaction_weights,
            weak: Vec::new(),
            weak_weights_to_try: WeakSignalWeights::NONE,
            weak_weights: WeakSignalWeights::NONE,
        }
    }

    /// A set of other rows with the same items, features and weights.
    pub(crate) fn with_rows(&self, rows: impl IntoIterator<Item = Vec<HistoryEntry>>) -> Self {
        let set = Self::new(rows, self.n_items).with_features(Arc::clone(&self.features));
        set.with_interaction_weights(self.interaction_weights)
    }

    /// Returns the set with features of its items.
    pub fn with_features(mut self, features: Arc<Features>) -> Self {
        assert_eq!(features.by_item().n_rows(), self.n_items);
        self.features = features;
        self
    }

    /// Returns the set with other weights of interaction kinds.
    pub fn with_interaction_weights(mut self, weights: InteractionWeights) -> Self {
        self.interaction_weights = weights;
        self
    }

    /// Returns the set with weights of weak signals to try.
    pub fn with_weak_weights_to_try(mut self, weights: WeakSignalWeights) -> Self {
        self.weak_weights_to_try = weights;
        self
    }

    /// Returns the set with weak signals by user, oldest first within a row, and the weights to
    /// try.
    pub(crate) fn with_weak_signals(
        mut self,
        rows: Vec<Vec<WeakSignal>>,
        to_try: WeakSignalWeights,
    ) -> Self {
        debug_assert!(rows.iter().all(|row| row.is_sorted()));
        // Users may have weak signals only.
        let n_rows = self.starts.len().max(rows.len() + 1);
        self.starts.resize(n_rows, self.entries.len());
        self.weak = rows;
        self.weak_weights_to_try = to_try;
        self
    }

    /// Sets the weights of weak signals in force. Models learn from the kinds whose weight is above
    /// 0.
    pub fn set_weak_weights(&mut self, weights: WeakSignalWeights) {
        self.weak_weights = weights;
    }

    /// The weights of weak signals in force.
    pub(crate) fn weak_weights(&self) -> WeakSignalWeights {
        self.weak_weights
    }

    /// A user's weak signals, oldest first.
    pub(crate) fn weak_row(&self, user: usize) -> &[WeakSignal] {
        self.weak.get(user).map_or(&[], Vec::as_slice)
    }

    /// All weak signals.
    pub(crate) fn weak_signals(&self) -> impl Iterator<Item = &WeakSignal> {
        self.weak.iter().flatten()
    }

    /// The weights of weak signals to try.
    pub(crate) fn weak_weights_to_try(&self) -> WeakSignalWeights {
        self.weak_weights_to_try
    }

    /// The number of rows, empty ones included.
    pub fn n_users(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of items.
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// All entries, row by row.
    pub fn entries(&self) -> &[HistoryEntry] {
        &self.entries
    }

    /// A user's entries, oldest first.
    pub fn row(&self, user: usize) -> &[HistoryEntry] {
        &self.entries[self.starts[user]..self.starts[user + 1]]
    }

    /// The time of the newest entry, in seconds since 1970. It is the "now" of a training run,
    /// which reads no clock.
    pub fn as_of_s(&self) -> u32 {
        self.as_of_s
    }

    /// The weights of interaction kinds.
    pub fn interaction_weights(&self) -> &InteractionWeights {
        &self.interaction_weights
    }

    /// The features of the items.
    pub fn features(&self) -> &Arc<Features> {
        &self.features
    }

    /// The matrix users x items of kind weights times `factor(time in seconds since 1970)`. Of
    /// several entries for an item the largest counts; values are above 0. Weak signals count with
    /// their weights in force.
    pub fn weight_matrix(&self, factor: impl Fn(u32) -> f32) -> Csr {
        let rows = (0..self.n_users()).map(|user| {
            let weighed = self.row(user).iter().map(|entry| {
                (entry.item.0, entry.weight(&self.interaction_weights) * factor(entry.at_s))
            });
            let weak = self.weak_row(user).iter().map(|signal| {
                (signal.item.0, self.weak_weights.weight(signal.kind) * factor(signal.at_s))
            });
            let mut row: Vec<(u32, f32)> =
                weighed.chain(weak).filter(|(_, weight)| *weight > 0.0).collect();
            row.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
            row.dedup_by_key(|(item, _)| *item);
            row
        });
        Csr::from_rows(self.n_items as u32, rows)
    }

    /// For each item the decayed weight of its interactions; the half-life is in days.
    pub fn item_sums(&self, half_life_days: Option<f32>) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_items];
        for entry in &self.entries {
            let weight = entry.weight(&self.interaction_weights).max(0.0)
                * decay(self.as_of_s - entry.at_s, half_life_days);
            sums[entry.item.pos()] += f64::from(weight);
        }
        sums
    }

    /// The up to `n_max` items with the most interactions, ascending by index.
    pub fn head_items(&self, n_max: usize) -> Vec<u32> {
        let sums = self.item_sums(None);
        let mut items: Vec<u32> = (0..self.n_items as u32).collect();
        if items.len() > n_max {
            items.sort_by(|&a, &b| sums[b as usize].total_cmp(&sums[a as usize]).then(a.cmp(&b)));
            items.truncate(n_max);
            items.sort_unstable();
        }
        items
    }
}
