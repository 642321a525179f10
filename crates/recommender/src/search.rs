//! The engine chooses for itself: parameters of every model, then the blend, on a split that fits the data.
//!
//! Models are tried one by one, a parameter at a time. What each of the good ones says of the test users' likely items is then put side
//! by side, and weights are chosen greedily (Caruana et al., ICML'04): the best model first, then whichever adds most.

mod blending;
mod pool;

use domain::ItemIdx;
use linalg::Csr;
use serde::{Deserialize, Serialize};

use crate::blend::{Component, ModelConfig, kept_of_parts};
use crate::evaluation::{Metrics, metrics_of, popular_lists};
use crate::matrix::{HeadMatrix, ItemMatrix};
use crate::models::popularity::Normalisation;
use crate::models::{content, neighbours, popularity, ridge, sequence, sequence_ridge, spectral};
use crate::split::{Split, SplitKind, TestUser};
use crate::statistics::{PairSums, some_rows_of};
use crate::weak_signals;
use crate::{Cancelled, HistoryWeighting, Model, Parameters, TrainingSet, WeakSignalTrial, train_with};
use pool::Pool;

/// What a search depends on beside the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchOptions {
    /// Of every random choice.
    pub seed: u64,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// How the data was split.
    pub split: SplitKind,
    /// The best setting of each model on its own.
    pub models: Vec<Tried>,
    /// The blend, before it is compiled.
    pub blend: Metrics,
    /// Popularity.
    pub popularity: Metrics,
    /// What was chosen.
    pub parameters: Parameters,
}

/// The lists that a blend was judged by.
pub struct Judged {
    /// The users.
    pub test: Vec<TestUser>,
    /// Of the model: of the blend, or with weak signals where any are on.
    pub lists: Vec<Vec<ItemIdx>>,
    /// Of popularity.
    pub popular: Vec<Vec<ItemIdx>>,
}

/// A setting with what it is worth on the split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The setting.
    pub component: Component,
    /// What its lists are worth.
    pub metrics: Metrics,
}

/// A model with how good it was on the split.
pub struct Trained {
    /// The model, fitted on everything.
    pub model: Model,
    /// What the search found.
    pub search: Search,
    /// What it was judged by.
    pub judged: Judged,
    /// What was found about weak signals, one for each kind that there are signals of.
    pub weak_signals: Vec<WeakSignalTrial>,
}

/// The share of a training run that the search takes, as far as progress goes.
const SEARCH_SHARE: f64 = 0.7;

/// Gets the share done, from 0 to 1, between any two fits or evaluations of a run: an error ends the run.
pub type Progress<'a> = dyn Fn(f64) -> Result<(), Cancelled> + 'a;

/// Chooses parameters on a split, judges weak signals, then fits on everything; the set keeps the weights of weak
/// signals that were found.
///
/// # Errors
/// Those of `progress`.
pub fn train(
    set: &mut TrainingSet,
    options: &SearchOptions,
    version: &str,
    progress: &Progress<'_>,
) -> Result<Trained, Cancelled> {
    let (search, mut judged) = search(set, options, &|share| progress(SEARCH_SHARE * share))?;
    let (weak_signals, lists) =
        weak_signals::judge(set, &search.parameters, options.seed, &|| progress(SEARCH_SHARE))?;
    judged.lists = lists.unwrap_or(judged.lists);
    set.set_weak_weights(weak_signals::weights_in_force(&weak_signals));
    let model = train_with(set, &search.parameters, version, &|| progress(SEARCH_SHARE))?;
    progress(1.0)?;
    Ok(Trained { model, search, judged, weak_signals })
}

/// Related items kept of each item, within a bound on the whole: pruning to 300 costs .002 of recall against a full row, to 500 under .001.
fn kept_per_item(n_items: usize) -> u32 {
    (20_000_000 / n_items.max(1)).clamp(200, 1_000) as u32
}

/// Chooses parameters on a split of the set.
///
/// # Errors
/// Those of `progress`.
pub fn search(
    set: &TrainingSet,
    options: &SearchOptions,
    progress: &Progress<'_>,
) -> Result<(Search, Judged), Cancelled> {
    let split = Split::new(set, options.seed);
    let mut tuner =
        Tuner { pool: Pool::new(&split), set: &split.train, kind: split.kind, progress, share_done: 0.0 };
    if !split.test.is_empty() {
        tuner.tune(options.seed)?;
    }
    tuner.check()?;
    let (config, popularity) = popularity_of(&split);
    let mut counts = vec![0u32; set.n_items()];
    split.train.entries().iter().for_each(|entry| counts[entry.item.pos()] += 1);
    let blend = blending::blend(&tuner.pool, &counts);
    let popular = popular_lists(&popularity, &split.test);
    let mut components = blend.components;
    if components.is_empty() {
        // Too little to judge anything on.
        components.push(Component {
            model: ModelConfig::Neighbours(neighbours::Config::default()),
            weighting: HistoryWeighting::default(),
            weight: 1.0,
        });
    }
    let search = Search {
        split: split.kind,
        models: blend.models,
        blend: metrics_of(&split.test, &blend.lists, &counts),
        // The same for everybody: no such list is personal.
        popularity: Metrics { personal: 0.0, ..metrics_of(&split.test, &popular, &counts) },
        parameters: Parameters {
            interaction_weights: *set.interaction_weights(),
            relevance: blend.relevance,
            popularity: config,
            ..Parameters::new(components, kept_per_item(set.n_items()))
        },
    };
    progress(1.0)?;
    drop(tuner);
    Ok((search, Judged { test: split.test, lists: blend.lists, popular }))
}

/// How fast trends pass in days, and how much the same weeks of earlier years say of these: whichever predicts best what everybody gets. Without
/// a split by time there is nothing to judge that on.
fn popularity_of(split: &Split) -> (popularity::Config, Vec<f32>) {
    let scores = |config: &popularity::Config| {
        popularity::scores(&split.train, config, |entry| {
            entry.weight(split.train.interaction_weights()).max(0.0)
        })
    };
    if split.kind != SplitKind::Time {
        let config = popularity::Config::default();
        return (config, scores(&config));
    }
    let unknown = vec![0; split.train.n_items()];
    let ndcg = |scores: &[f32]| metrics_of(&split.test, &popular_lists(scores, &split.test), &unknown).ndcg;
    let mut best: Option<(f64, popularity::Config, Vec<f32>)> = None;
    for seasonal in [0.0, 0.5, 2.0, 6.0] {
        for half_life_days in [7.0, 30.0, 120.0].map(Some) {
            let config = popularity::Config { half_life_days, seasonal };
            let scores = scores(&config);
            let ndcg = ndcg(&scores);
            // Of equal ones the first, which knows no seasons.
            if best.as_ref().is_none_or(|(of_best, ..)| ndcg > *of_best) {
                best = Some((ndcg, config, scores));
            }
        }
    }
    let (_, config, scores) = best.expect("several settings are tried");
    (config, scores)
}

struct Tuner<'a> {
    pool: Pool<'a>,
    set: &'a TrainingSet,
    kind: SplitKind,
    progress: &'a Progress<'a>,
    /// From 0 to 1.
    share_done: f64,
}

impl Tuner<'_> {
    /// Fills the pool with the best settings of every model that fits the data.
    fn tune(&mut self, seed: u64) -> Result<(), Cancelled> {
        let half_life = self.neighbours()?;
        self.share_done = 0.15;
        if self.kind != SplitKind::Random {
            self.sequence(half_life)?;
            self.share_done = 0.3;
            self.sequence_ridge()?;
        }
        self.share_done = 0.5;
        self.ridge(half_life)?;
        self.share_done = 0.6;
        self.spectral(half_life, seed)?;
        self.share_done = 0.7;
        self.content()?;
        self.share_done = 0.8;
        Ok(())
    }

    /// Tells how far it is, and asks whether to go on.
    fn check(&self) -> Result<(), Cancelled> {
        (self.progress)(self.share_done)
    }

    /// The mean NDCG of the lists of a matrix.
    fn ndcg(&self, matrix: &ItemMatrix, weighting: HistoryWeighting) -> Result<f64, Cancelled> {
        self.check()?;
        Ok(self.pool.ndcg(matrix, weighting))
    }

    /// The strongest pairs of the items that test users have in their histories; nobody asks for the others here.
    fn raw(&self, sums: &dyn PairSums, kept_max: usize) -> Csr {
        let pool = &self.pool;
        some_rows_of(sums, kept_max, |item| pool.is_heard(item), |_, _, sum| sum)
    }

    /// Ways to weight a history that make sense for the data.
    fn weightings(&self) -> Vec<HistoryWeighting> {
        let by_step = |step_decay| HistoryWeighting { half_life_days: None, step_decay };
        let by_time = |days| HistoryWeighting { half_life_days: Some(days), step_decay: 1.0 };
        match self.kind {
            SplitKind::Random => vec![HistoryWeighting::default()],
            SplitKind::LastStep => [1.0, 0.985, 0.95, 0.85, 0.7, 0.5, 0.3].map(by_step).to_vec(),
            SplitKind::Time => {
                let steps = [1.0, 0.95, 0.8, 0.5].map(by_step);
                let times = [240.0, 120.0, 60.0, 20.0, 5.0].map(by_time);
                [&steps[..], &times[..]].concat()
            }
        }
    }

    /// The best of settings under a way to weight a history, with its NDCG and its matrix.
    fn best<C: Copy>(
        &self,
        settings: impl IntoIterator<Item = C>,
        weighting: HistoryWeighting,
        fit: impl Fn(C) -> ItemMatrix,
    ) -> Result<Option<(f64, C, ItemMatrix)>, Cancelled> {
        let mut best: Option<(f64, C, ItemMatrix)> = None;
        for config in settings {
            self.check()?;
            let matrix = fit(config);
            let ndcg = self.ndcg(&matrix, weighting)?;
            if best.as_ref().is_none_or(|(of_best, ..)| ndcg > *of_best) {
                best = Some((ndcg, config, matrix));
            }
        }
        Ok(best)
    }

    /// The best normalisation, one number after the other, with its NDCG.
    fn normalised(
        &self,
        start: Normalisation,
        weighting: HistoryWeighting,
        fit: impl Fn(Normalisation) -> ItemMatrix,
    ) -> Result<(f64, Normalisation), Cancelled> {
        let mut best = (self.ndcg(&fit(start), weighting)?, start);
        let steps: [&dyn Fn(Normalisation) -> Vec<Normalisation>; 4] = [
            &|from| {
                [0.1, 0.2, 0.45, 0.6]
                    .map(|target_exponent| Normalisation { target_exponent, ..from })
                    .to_vec()
            },
            &|from| {
                [0.5, 0.85, 1.0].map(|source_exponent| Normalisation { source_exponent, ..from }).to_vec()
            },
            &|from| [0.0, 4.0, 8.0, 20.0].map(|smoothing| Normalisation { smoothing, ..from }).to_vec(),
            &|from| {
                let near = [from.target_exponent - 0.05, from.target_exponent + 0.05];
                near.map(|target_exponent| Normalisation { target_exponent, ..from }).to_vec()
            },
        ];
        for step in steps {
            let tried = step(best.1).into_iter().filter(|tried| *tried != start);
            if let Some((ndcg, found, _)) = self.best(tried, weighting, &fit)?
                && ndcg > best.0
            {
                best = (ndcg, found);
            }
        }
        Ok(best)
    }

    /// Ways to weight a history for a matrix, best first.
    fn weightings_of(&self, matrix: &ItemMatrix) -> Result<Vec<HistoryWeighting>, Cancelled> {
        let weightings = self.weightings();
        if weightings.len() == 1 {
            return Ok(weightings);
        }
        let tried = weightings.into_iter().map(|weighting| Ok((self.ndcg(matrix, weighting)?, weighting)));
        let mut tried: Vec<(f64, HistoryWeighting)> = tried.collect::<Result<_, Cancelled>>()?;
        tried.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ok(tried.into_iter().map(|(_, weighting)| weighting).collect())
    }

    /// Returns the best half-life.
    fn neighbours(&mut self) -> Result<Option<f32>, Cancelled> {
        let half_lives: &[Option<f32>] = match self.kind {
            SplitKind::Time => {
                &[None, Some(240.0), Some(120.0), Some(60.0), Some(30.0), Some(15.0), Some(7.0)]
            }
            _ => &[None],
        };
        let kept = kept_of_parts(self.set.n_items());
        let start = neighbours::Config::default();
        let fit = |half_life_days| {
            let config = neighbours::Config { half_life_days, ..start };
            let sums = neighbours::sums(self.set, half_life_days);
            ItemMatrix::from_rows(neighbours::normalise(&self.raw(&sums, kept), &sums.item_sums(), &config))
        };
        let mut of_half_lives: Vec<(f64, Option<f32>)> = vec![(0.0, None)];
        if half_lives.len() > 1 {
            let weighting = self.weightings_of(&fit(half_lives[half_lives.len() / 2]))?[0];
            let tried = half_lives.iter().map(|&days| Ok((self.ndcg(&fit(days), weighting)?, days)));
            of_half_lives = tried.collect::<Result<_, Cancelled>>()?;
        }
        of_half_lives.sort_by(|a, b| b.0.total_cmp(&a.0));
        for &(_, half_life_days) in of_half_lives.iter().take(2) {
            self.check()?;
            let sums = neighbours::sums(self.set, half_life_days);
            let item_sums = sums.item_sums();
            let raw = self.raw(&sums, kept);
            let fit = |config| ItemMatrix::from_rows(neighbours::normalise(&raw, &item_sums, &config));
            let mut config = neighbours::Config { half_life_days, ..start };
            let weightings = self.weightings_of(&fit(config))?;
            let (_, best) = self.normalised(config.normalisation, weightings[0], |normalisation| {
                fit(neighbours::Config { normalisation, ..config })
            })?;
            config.normalisation = best;
            self.pool.add(ModelConfig::Neighbours(config), fit(config), weightings.clone());
            if self.kind == SplitKind::Random {
                // Where there is one way to weight a history only, there is room for more settings.
                let cosine = Normalisation { source_exponent: 0.5, target_exponent: 0.5, smoothing: 4.0 };
                config.normalisation = cosine;
                self.pool.add(ModelConfig::Neighbours(config), fit(config), weightings);
            }
        }
        Ok(of_half_lives[0].1)
    }

    fn sequence(&mut self, half_life_days: Option<f32>) -> Result<(), Cancelled> {
        let kept = kept_of_parts(self.set.n_items());
        let start = sequence::Config { half_life_days, ..Default::default() };
        let raw = self.raw(&sequence::sums(self.set, &start), kept);
        let mut weightings =
            self.weightings_of(&ItemMatrix::from_rows(sequence::normalise(&raw, self.set, &start)))?;
        // Shapes with a few normalisations each, since what one does depends on the other.
        let mut found: Vec<(f64, sequence::Config)> = Vec::new();
        for backward in [0.0, 0.2, 0.6] {
            for discount in [0.6, 0.75, 0.88] {
                self.check()?;
                let shape = sequence::Config { backward, discount, ..start };
                let raw = self.raw(&sequence::sums(self.set, &shape), kept);
                let fit = |config| ItemMatrix::from_rows(sequence::normalise(&raw, self.set, &config));
                let normalisations = [(0.65, 0.35), (0.9, 0.1)].map(|(source_exponent, target_exponent)| {
                    let normalisation = Normalisation { source_exponent, target_exponent, smoothing: 8.0 };
                    sequence::Config { normalisation, ..shape }
                });
                found.extend(
                    self.best(normalisations, weightings[0], fit)?.map(|(ndcg, config, _)| (ndcg, config)),
                );
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let best = found[0].1;
        // Beside the best one, the best that reads the other direction differently, and one for the very next step alone.
        let other = found.iter().map(|(_, config)| *config).find(|config| config.backward != best.backward);
        let next = sequence::Config { steps: 1, ..best };
        for mut config in [Some(best), other, Some(next)].into_iter().flatten() {
            let raw = self.raw(&sequence::sums(self.set, &config), kept);
            let fit = |config| ItemMatrix::from_rows(sequence::normalise(&raw, self.set, &config));
            weightings = self.weightings_of(&fit(config))?;
            let (_, normalisation) =
                self.normalised(config.normalisation, weightings[0], |normalisation| {
                    fit(sequence::Config { normalisation, ..config })
                })?;
            config.normalisation = normalisation;
            weightings = self.weightings_of(&fit(config))?;
            self.pool.add(ModelConfig::Sequence(config), fit(config), weightings.clone());
        }
        Ok(())
    }

    fn sequence_ridge(&mut self) -> Result<(), Cancelled> {
        if self.set.n_items() > ridge::ITEMS_MAX {
            return Ok(());
        }
        for start in [sequence_ridge::Config::FAST, sequence_ridge::Config::SLOW] {
            self.check()?;
            let sums = sequence_ridge::Sums::compute(self.set, &start);
            let fit = |config: sequence_ridge::Config| {
                ItemMatrix::Head(sequence_ridge::solve(&sums, config.penalty))
            };
            let weightings = self.weightings_of(&fit(start))?;
            let tried = [0.1, 0.4, 1.6].map(|penalty| sequence_ridge::Config { penalty, ..start });
            if let Some((_, config, matrix)) = self.best(tried, weightings[0], fit)? {
                self.pool.add(ModelConfig::SequenceRidge(config), matrix, weightings);
            }
        }
        Ok(())
    }

    fn ridge(&mut self, half_life_days: Option<f32>) -> Result<(), Cancelled> {
        self.check()?;
        if self.set.n_items() > ridge::ITEMS_MAX {
            return self.ridge_of_nearest(half_life_days);
        }
        let head = self.set.head_items(ridge::ITEMS_MAX);
        let start = ridge::Config { half_life_days, ..Default::default() };
        let gram = ridge::gram(self.set, &start, &head);
        let fit = |config: ridge::Config| {
            let matrix = ridge::solve(gram.clone(), config.penalty);
            ItemMatrix::Head(HeadMatrix { matrix, head: head.clone(), n_items: self.set.n_items() })
        };
        let weightings = self.weightings_of(&fit(start))?;
        let tried = [0.3, 1.0, 3.0].map(|penalty| ridge::Config { penalty, ..start });
        if let Some((_, config, matrix)) = self.best(tried, weightings[0], fit)? {
            self.pool.add(ModelConfig::Ridge(config), matrix, weightings);
        }
        Ok(())
    }

    /// As [`Tuner::ridge`], where there are too many items for a dense one.
    fn ridge_of_nearest(&mut self, half_life_days: Option<f32>) -> Result<(), Cancelled> {
        let nearest = Some(ridge::NEAREST);
        let start = ridge::Config { half_life_days, nearest, penalty: 3.0, ..Default::default() };
        let gram = ridge::nearest::gram(self.set, &start);
        let fit = |config: ridge::Config| {
            ItemMatrix::Sparse(ridge::nearest::solve(&gram, ridge::NEAREST as usize, config.penalty))
        };
        let first = fit(start);
        let weightings = self.weightings_of(&first)?;
        let of_first = self.ndcg(&first, weightings[0])?;
        // Where there is an order, this is seldom the model that matters.
        let penalties: &[f32] = if self.kind == SplitKind::Random { &[1.0, 10.0] } else { &[] };
        let tried = penalties.iter().map(|&penalty| ridge::Config { penalty, ..start });
        let (config, matrix) = match self.best(tried, weightings[0], fit)? {
            Some((ndcg, config, matrix)) if ndcg > of_first => (config, matrix),
            _ => (start, first),
        };
        self.pool.add(ModelConfig::Ridge(config), matrix, weightings);
        Ok(())
    }

    fn spectral(&mut self, half_life_days: Option<f32>, seed: u64) -> Result<(), Cancelled> {
        self.check()?;
        // Where there is an order, what comes next is better said by sequences; some broad tastes are enough then.
        let share = if self.kind == SplitKind::Random { 1 } else { 4 };
        let of_items = self.set.n_items() / spectral::Config::ITEMS_PER_RANK;
        let rank_max = (of_items.min(spectral::Config::RANK_MAX) / share) as u32;
        if rank_max < spectral::Config::RANK_MIN {
            return Ok(());
        }
        let largest = spectral::Config { half_life_days, rank: rank_max, seed, ..Default::default() };
        let decomposition = spectral::Decomposition::compute(self.set, &largest);
        let fit = |config: spectral::Config| ItemMatrix::Factors(spectral::filter(&decomposition, &config));
        if self.kind == SplitKind::Random {
            for (share, filter) in [(1, 0.0), (1, 0.5), (1, 1.0), (4, 0.5)] {
                let config = spectral::Config { rank: (rank_max / share).max(1), filter, ..largest };
                self.pool.add(ModelConfig::Spectral(config), fit(config), self.weightings());
            }
            return Ok(());
        }
        let weightings = self.weightings_of(&fit(largest))?;
        let tried = [0.0, 0.5, 1.0].map(|filter| spectral::Config { filter, ..largest });
        if let Some((_, config, matrix)) = self.best(tried, weightings[0], fit)? {
            self.pool.add(ModelConfig::Spectral(config), matrix, weightings);
        }
        Ok(())
    }

    fn content(&mut self) -> Result<(), Cancelled> {
        self.check()?;
        if self.set.features().by_item().n_values() == 0 {
            return Ok(());
        }
        let kept = kept_of_parts(self.set.n_items());
        let cosines = content::cosines(self.set, kept.min(content::Config::KEPT_MAX));
        let fit =
            |config: content::Config| ItemMatrix::from_rows(content::weigh(&cosines, self.set, &config));
        let start = content::Config::default();
        let weightings = self.weightings_of(&fit(start))?;
        for popularity in [0.0, 0.3] {
            let tried = [1.5, 3.0, 5.0].map(|power| content::Config { power, popularity });
            if let Some((_, config, matrix)) = self.best(tried, weightings[0], fit)? {
                self.pool.add(ModelConfig::Content(config), matrix, weightings.clone());
            }
        }
        Ok(())
    }
}
