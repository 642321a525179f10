//! From a snapshot of the histories to a model: parameters are chosen on a split, then everything is fitted.

use domain::UserIdx;
use linalg::Csr;
use serde::{Deserialize, Serialize};

use crate::evaluation::{Metrics, Split, evaluate, evaluate_popularity};
use crate::models::{neighbours, popularity};
use crate::{Histories, HistoryEntry, KindWeights, Model};

/// A snapshot of all histories.
pub struct TrainingSet {
    starts: Vec<usize>,
    entries: Vec<HistoryEntry>,
    n_items: usize,
    as_of_s: u32,
}

/// What a model is made with, found by [`train`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Of the neighbour model.
    pub neighbours: neighbours::Config,
    /// Of popularity.
    pub popularity: popularity::Config,
    /// After how many days before the user's last one an interaction speaks half as loud in a request; none never.
    pub history_half_life_days: Option<f32>,
}

/// A model with how good it was on the split.
pub struct Trained {
    /// The model, fitted on everything.
    pub model: Model,
    /// Of the chosen parameters on the split.
    pub metrics: Metrics,
    /// Of popularity on the same split.
    pub popularity_metrics: Metrics,
}

/// What the search tries for [`Parameters::history_half_life_days`].
const HISTORY_HALF_LIVES_DAYS: [Option<f32>; 7] =
    [None, Some(240.0), Some(60.0), Some(16.0), Some(4.0), Some(2.0), Some(1.0)];

impl TrainingSet {
    /// A copy of all rows, for `n_items` items.
    pub fn snapshot(histories: &Histories, n_items: usize) -> Self {
        let rows = (0..histories.n_users() as u32).map(|user| histories.row(UserIdx(user)).to_vec());
        Self::new(rows, n_items)
    }

    /// Rows of entries, oldest first within a row.
    pub fn new(rows: impl IntoIterator<Item = Vec<HistoryEntry>>, n_items: usize) -> Self {
        let (mut starts, mut entries) = (vec![0], Vec::new());
        for row in rows {
            debug_assert!(row.is_sorted());
            entries.extend(row);
            starts.push(entries.len());
        }
        let as_of_s = entries.iter().map(|entry| entry.at_s).max().unwrap_or(0);
        Self { starts, entries, n_items, as_of_s }
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

    /// The time of the newest entry, in seconds since 1970: the "now" of a training run, which reads no clock.
    pub fn as_of_s(&self) -> u32 {
        self.as_of_s
    }

    /// The users x items matrix of kind weights times `factor`; of several entries for an item the heaviest counts.
    pub fn weights(&self, factor: impl Fn(&HistoryEntry) -> f32) -> Csr {
        let weights = KindWeights::default();
        let rows = (0..self.n_users()).map(|user| {
            let weighed =
                self.row(user).iter().map(|entry| (entry.item.0, weights.weight(entry) * factor(entry)));
            let mut row: Vec<(u32, f32)> = weighed.filter(|(_, weight)| *weight > 0.0).collect();
            row.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
            row.dedup_by_key(|(item, _)| *item);
            row
        });
        Csr::from_rows(self.n_items as u32, rows)
    }
}

/// Chooses parameters on a split, then fits on everything. `progress` gets the share done, from 0 to 1.
pub fn train(set: &TrainingSet, version: &str, progress: &dyn Fn(f64)) -> Trained {
    let split = Split::last_visit(set);
    let n_fits = neighbours::Config::HALF_LIVES_DAYS.len() as f64 + 1.0;
    let mut best: Option<(Parameters, Metrics, Metrics)> = None;
    for (n, half_life_days) in neighbours::Config::HALF_LIVES_DAYS.into_iter().enumerate() {
        let config =
            neighbours::Config { half_life_days, neighbours_max: neighbours::Config::NEIGHBOURS_MAX };
        let parameters = Parameters {
            neighbours: config,
            popularity: popularity::Config::default(),
            history_half_life_days: None,
        };
        let mut model = train_with(&split.train, &parameters, version);
        let popularity_metrics = evaluate_popularity(&model, &split.test);
        for history_half_life_days in HISTORY_HALF_LIVES_DAYS {
            model.parameters.history_half_life_days = history_half_life_days;
            let metrics = evaluate(&model, &split.test);
            if best.as_ref().is_none_or(|(_, best, _)| metrics.ndcg > best.ndcg) {
                best = Some((model.parameters, metrics, popularity_metrics));
            }
        }
        progress((n as f64 + 1.0) / n_fits);
    }
    let (parameters, metrics, popularity_metrics) = best.expect("the search tries at least one");
    let model = train_with(set, &parameters, version);
    progress(1.0);
    Trained { model, metrics, popularity_metrics }
}

/// Fits with given parameters.
pub fn train_with(set: &TrainingSet, parameters: &Parameters, version: &str) -> Model {
    let popularity = popularity::fit(set, &parameters.popularity);
    let mut by_popularity: Vec<u32> =
        (0..set.n_items() as u32).filter(|&item| popularity[item as usize] > 0.0).collect();
    by_popularity
        .sort_unstable_by(|&a, &b| popularity[b as usize].total_cmp(&popularity[a as usize]).then(a.cmp(&b)));
    Model {
        version: version.to_owned(),
        parameters: *parameters,
        related: neighbours::fit(set, &parameters.neighbours),
        popularity,
        by_popularity,
    }
}
