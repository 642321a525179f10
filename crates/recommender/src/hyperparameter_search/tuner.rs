//! Tunes each model on its own.

use linalg::Csr;

use super::Progress;
use super::pool::Pool;
use crate::blend::{ModelConfig, part_entries_per_item};
use crate::matrix::{HeadMatrix, ItemMatrix};
use crate::models::popularity::Normalisation;
use crate::models::{content, neighbours, ridge, sequence, sequence_ridge, spectral};
use crate::split::SplitKind;
use crate::statistics::{PairSums, compute_rows_where};
use crate::{Cancelled, HistoryWeighting, TrainingSet};

/// Tunes the models one by one and collects their best settings in the pool.
pub(super) struct Tuner<'a> {
    pub(super) pool: Pool<'a>,
    pub(super) set: &'a TrainingSet,
    pub(super) kind: SplitKind,
    pub(super) progress: &'a Progress<'a>,
    /// The share of the search done, from 0 to 1.
    pub(super) share_done: f64,
}

impl Tuner<'_> {
    /// Tunes every model that fits the data.
    pub(super) fn tune(&mut self, seed: u64) -> Result<(), Cancelled> {
        let half_life = self.tune_neighbours()?;
        self.share_done = 0.15;
        if self.kind != SplitKind::Random {
            self.tune_sequence(half_life)?;
            self.share_done = 0.3;
            self.tune_sequence_ridge()?;
        }
        self.share_done = 0.5;
        self.tune_ridge(half_life)?;
        self.share_done = 0.6;
        self.tune_spectral(half_life, seed)?;
        self.share_done = 0.7;
        self.tune_content()?;
        self.share_done = 0.8;
        Ok(())
    }

    /// Reports the progress. An error cancels the run.
    pub(super) fn report_progress(&self) -> Result<(), Cancelled> {
        (self.progress)(self.share_done)
    }

    /// The mean nDCG of a matrix's lists.
    fn ndcg(&self, matrix: &ItemMatrix, weighting: HistoryWeighting) -> Result<f64, Cancelled> {
        self.report_progress()?;
        Ok(self.pool.ndcg(matrix, weighting))
    }

    /// The strongest pairs of the items in test users' histories. Other rows stay empty: evaluation
    /// does not read them.
    fn compute_raw_pairs(&self, sums: &dyn PairSums, kept_max: usize) -> Csr {
        let pool = &self.pool;
        compute_rows_where(sums, kept_max, |item| pool.is_in_test_history(item), |_, _, sum| sum)
    }

    /// The history weightings to try for this kind of split.
    fn candidate_weightings(&self) -> Vec<HistoryWeighting> {
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

    /// The setting with the best nDCG under a history weighting, with its nDCG and matrix.
    fn find_best<C: Copy>(
        &self,
        settings: impl IntoIterator<Item = C>,
        weighting: HistoryWeighting,
        fit: impl Fn(C) -> ItemMatrix,
    ) -> Result<Option<(f64, C, ItemMatrix)>, Cancelled> {
        let mut best: Option<(f64, C, ItemMatrix)> = None;
        for config in settings {
            self.report_progress()?;
            let matrix = fit(config);
            let ndcg = self.ndcg(&matrix, weighting)?;
            if best.as_ref().is_none_or(|(best_ndcg, ..)| ndcg > *best_ndcg) {
                best = Some((ndcg, config, matrix));
            }
        }
        Ok(best)
    }

    /// The best normalization, one parameter after the other, with its nDCG.
    fn tune_normalisation(
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
                [0.5, 0.85, 1.0]
                    .map(|source_exponent| Normalisation { source_exponent, ..from })
                    .to_vec()
            },
            &|from| {
                [0.0, 4.0, 8.0, 20.0].map(|smoothing| Normalisation { smoothing, ..from }).to_vec()
            },
            &|from| {
                let near = [from.target_exponent - 0.05, from.target_exponent + 0.05];
                near.map(|target_exponent| Normalisation { target_exponent, ..from }).to_vec()
            },
        ];
        for step in steps {
            let tried = step(best.1).into_iter().filter(|tried| *tried != start);
            if let Some((ndcg, found, _)) = self.find_best(tried, weighting, &fit)?
                && ndcg > best.0
            {
                best = (ndcg, found);
            }
        }
        Ok(best)
    }

    /// The history weightings for a matrix, best first.
    fn rank_weightings(&self, matrix: &ItemMatrix) -> Result<Vec<HistoryWeighting>, Cancelled> {
        let weightings = self.candidate_weightings();
        if weightings.len() == 1 {
            return Ok(weightings);
        }
        let tried =
            weightings.into_iter().map(|weighting| Ok((self.ndcg(matrix, weighting)?, weighting)));
        let mut tried: Vec<(f64, HistoryWeighting)> = tried.collect::<Result<_, Cancelled>>()?;
        tried.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ok(tried.into_iter().map(|(_, weighting)| weighting).collect())
    }

    /// Tunes the neighbour model and returns its best half-life, in days.
    fn tune_neighbours(&mut self) -> Result<Option<f32>, Cancelled> {
        let half_lives: &[Option<f32>] = match self.kind {
            SplitKind::Time => {
                &[None, Some(240.0), Some(120.0), Some(60.0), Some(30.0), Some(15.0), Some(7.0)]
            }
            _ => &[None],
        };
        let kept = part_entries_per_item(self.set.n_items());
        let start = neighbours::Config::default();
        let fit = |half_life_days| {
            let config = neighbours::Config { half_life_days, ..start };
            let sums = neighbours::compute_sums(self.set, half_life_days);
            ItemMatrix::from_rows(neighbours::normalise(
                &self.compute_raw_pairs(&sums, kept),
                &sums.item_sums(),
                &config,
            ))
        };
        let mut half_life_trials: Vec<(f64, Option<f32>)> = vec![(0.0, None)];
        if half_lives.len() > 1 {
            let weighting = self.rank_weightings(&fit(half_lives[half_lives.len() / 2]))?[0];
            let tried =
                half_lives.iter().map(|&days| Ok((self.ndcg(&fit(days), weighting)?, days)));
            half_life_trials = tried.collect::<Result<_, Cancelled>>()?;
        }
        half_life_trials.sort_by(|a, b| b.0.total_cmp(&a.0));
        for &(_, half_life_days) in half_life_trials.iter().take(2) {
            self.report_progress()?;
            let sums = neighbours::compute_sums(self.set, half_life_days);
            let item_sums = sums.item_sums();
            let raw = self.compute_raw_pairs(&sums, kept);
            let fit =
                |config| ItemMatrix::from_rows(neighbours::normalise(&raw, &item_sums, &config));
            let mut config = neighbours::Config { half_life_days, ..start };
            let weightings = self.rank_weightings(&fit(config))?;
            let (_, best) =
                self.tune_normalisation(config.normalisation, weightings[0], |normalisation| {
                    fit(neighbours::Config { normalisation, ..config })
                })?;
            config.normalisation = best;
            self.pool.add(ModelConfig::Neighbours(config), fit(config), weightings.clone());
            if self.kind == SplitKind::Random {
                // With a single history weighting there is time for more settings.
                let cosine =
                    Normalisation { source_exponent: 0.5, target_exponent: 0.5, smoothing: 4.0 };
                config.normalisation = cosine;
                self.pool.add(ModelConfig::Neighbours(config), fit(config), weightings);
            }
        }
        Ok(half_life_trials[0].1)
    }

    fn tune_sequence(&mut self, half_life_days: Option<f32>) -> Result<(), Cancelled> {
        let kept = part_entries_per_item(self.set.n_items());
        let start = sequence::Config { half_life_days, ..Default::default() };
        let raw = self.compute_raw_pairs(&sequence::compute_sums(self.set, &start), kept);
        let mut weightings = self
            .rank_weightings(&ItemMatrix::from_rows(sequence::normalise(&raw, self.set, &start)))?;
        // Try each kernel shape with a few normalizations, since their effects interact.
        let mut found: Vec<(f64, sequence::Config)> = Vec::new();
        for backward in [0.0, 0.2, 0.6] {
            for discount in [0.6, 0.75, 0.88] {
                self.report_progress()?;
                let shape = sequence::Config { backward, discount, ..start };
                let raw = self.compute_raw_pairs(&sequence::compute_sums(self.set, &shape), kept);
                let fit =
                    |config| ItemMatrix::from_rows(sequence::normalise(&raw, self.set, &config));
                let normalisations =
                    [(0.65, 0.35), (0.9, 0.1)].map(|(source_exponent, target_exponent)| {
                        let normalisation =
                            Normalisation { source_exponent, target_exponent, smoothing: 8.0 };
                        sequence::Config { normalisation, ..shape }
                    });
                found.extend(
                    self.find_best(normalisations, weightings[0], fit)?
                        .map(|(ndcg, config, _)| (ndcg, config)),
                );
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        let best = found[0].1;
        // Besides the best setting, add the best one with another backward weight, and one for the
        // very next step only.
        let other =
            found.iter().map(|(_, config)| *config).find(|config| config.backward != best.backward);
        let next = sequence::Config { steps: 1, ..best };
        for mut config in [Some(best), other, Some(next)].into_iter().flatten() {
            let raw = self.compute_raw_pairs(&sequence::compute_sums(self.set, &config), kept);
            let fit = |config| ItemMatrix::from_rows(sequence::normalise(&raw, self.set, &config));
            weightings = self.rank_weightings(&fit(config))?;
            let (_, normalisation) =
                self.tune_normalisation(config.normalisation, weightings[0], |normalisation| {
                    fit(sequence::Config { normalisation, ..config })
                })?;
            config.normalisation = normalisation;
            weightings = self.rank_weightings(&fit(config))?;
            self.pool.add(ModelConfig::Sequence(config), fit(config), weightings.clone());
        }
        Ok(())
    }

    fn tune_sequence_ridge(&mut self) -> Result<(), Cancelled> {
        if self.set.n_items() > ridge::ITEMS_MAX {
            return Ok(());
        }
        for start in [sequence_ridge::Config::FAST, sequence_ridge::Config::SLOW] {
            self.report_progress()?;
            let sums = sequence_ridge::Sums::compute(self.set, &start);
            let fit = |config: sequence_ridge::Config| {
                ItemMatrix::Head(sequence_ridge::solve(&sums, config.penalty))
            };
            let weightings = self.rank_weightings(&fit(start))?;
            let tried = [0.1, 0.4, 1.6].map(|penalty| sequence_ridge::Config { penalty, ..start });
            if let Some((_, config, matrix)) = self.find_best(tried, weightings[0], fit)? {
                self.pool.add(ModelConfig::SequenceRidge(config), matrix, weightings);
            }
        }
        Ok(())
    }

    fn tune_ridge(&mut self, half_life_days: Option<f32>) -> Result<(), Cancelled> {
        self.report_progress()?;
        if self.set.n_items() > ridge::ITEMS_MAX {
            return self.tune_nearest_ridge(half_life_days);
        }
        let head = self.set.head_items(ridge::ITEMS_MAX);
        let start = ridge::Config { half_life_days, ..Default::default() };
        let gram = ridge::compute_gram(self.set, &start, &head);
        let fit = |config: ridge::Config| {
            let matrix = ridge::solve(gram.clone(), config.penalty);
            ItemMatrix::Head(HeadMatrix { matrix, head: head.clone(), n_items: self.set.n_items() })
        };
        let weightings = self.rank_weightings(&fit(start))?;
        let tried = [0.3, 1.0, 3.0].map(|penalty| ridge::Config { penalty, ..start });
        if let Some((_, config, matrix)) = self.find_best(tried, weightings[0], fit)? {
            self.pool.add(ModelConfig::Ridge(config), matrix, weightings);
        }
        Ok(())
    }

    /// As [`Tuner::tune_ridge`], for catalogs too large for a dense ridge.
    fn tune_nearest_ridge(&mut self, half_life_days: Option<f32>) -> Result<(), Cancelled> {
        let nearest = Some(ridge::NEAREST);
        let start = ridge::Config { half_life_days, nearest, penalty: 3.0, ..Default::default() };
        let gram = ridge::nearest::compute_gram(self.set, &start);
        let fit = |config: ridge::Config| {
            ItemMatrix::Sparse(ridge::nearest::solve(
                &gram,
                ridge::NEAREST as usize,
                config.penalty,
            ))
        };
        let first = fit(start);
        let weightings = self.rank_weightings(&first)?;
        let first_ndcg = self.ndcg(&first, weightings[0])?;
        // For ordered data this model seldom matters, so fewer settings are tried.
        let penalties: &[f32] = if self.kind == SplitKind::Random { &[1.0, 10.0] } else { &[] };
        let tried = penalties.iter().map(|&penalty| ridge::Config { penalty, ..start });
        let (config, matrix) = match self.find_best(tried, weightings[0], fit)? {
            Some((ndcg, config, matrix)) if ndcg > first_ndcg => (config, matrix),
            _ => (start, first),
        };
        self.pool.add(ModelConfig::Ridge(config), matrix, weightings);
        Ok(())
    }

    fn tune_spectral(&mut self, half_life_days: Option<f32>, seed: u64) -> Result<(), Cancelled> {
        self.report_progress()?;
        // For ordered data sequence models predict the next items better. A few broad directions
        // are enough then.
        let share = if self.kind == SplitKind::Random { 1 } else { 4 };
        let rank_by_items = self.set.n_items() / spectral::Config::ITEMS_PER_RANK;
        let rank_max = (rank_by_items.min(spectral::Config::RANK_MAX) / share) as u32;
        if rank_max < spectral::Config::RANK_MIN {
            return Ok(());
        }
        let largest =
            spectral::Config { half_life_days, rank: rank_max, seed, ..Default::default() };
        let decomposition = spectral::Decomposition::compute(self.set, &largest);
        let fit = |config: spectral::Config| {
            ItemMatrix::Factors(spectral::apply_filter(&decomposition, &config))
        };
        if self.kind == SplitKind::Random {
            for (share, filter) in [(1, 0.0), (1, 0.5), (1, 1.0), (4, 0.5)] {
                let config =
                    spectral::Config { rank: (rank_max / share).max(1), filter, ..largest };
                self.pool.add(
                    ModelConfig::Spectral(config),
                    fit(config),
                    self.candidate_weightings(),
                );
            }
            return Ok(());
        }
        let weightings = self.rank_weightings(&fit(largest))?;
        let tried = [0.0, 0.5, 1.0].map(|filter| spectral::Config { filter, ..largest });
        if let Some((_, config, matrix)) = self.find_best(tried, weightings[0], fit)? {
            self.pool.add(ModelConfig::Spectral(config), matrix, weightings);
        }
        Ok(())
    }

    fn tune_content(&mut self) -> Result<(), Cancelled> {
        self.report_progress()?;
        if self.set.features().by_item().n_values() == 0 {
            return Ok(());
        }
        let kept = part_entries_per_item(self.set.n_items());
        let cosines = content::compute_cosines(self.set, kept.min(content::Config::KEPT_MAX));
        let fit = |config: content::Config| {
            ItemMatrix::from_rows(content::weigh_cosines(&cosines, self.set, &config))
        };
        let start = content::Config::default();
        let weightings = self.rank_weightings(&fit(start))?;
        for popularity in [0.0, 0.3] {
            let tried = [1.5, 3.0, 5.0].map(|power| content::Config { power, popularity });
            if let Some((_, config, matrix)) = self.find_best(tried, weightings[0], fit)? {
                self.pool.add(ModelConfig::Content(config), matrix, weightings.clone());
            }
        }
        Ok(())
    }
}
