//! Candidates with scores, from a query vector, from popularity and from the user's own history.

mod explanation;
mod query_vector;
mod trending;

use std::cell::RefCell;

use domain::{InteractionWeights, ItemIdx, Relevance};
use linalg::{Accumulator, TopK};

pub(crate) use self::explanation::keep_strongest;
pub(crate) use self::query_vector::{QueryVector, last_kind};
pub(crate) use self::trending::TrendingBasis;
use crate::cold_start::ColdStartItems;
use crate::models::buy_again::BuyAgain;
use crate::models::recently_viewed::RecentlyViewed;
use crate::request::{ItemBooster, Origin};
use crate::tiers::ScoreRange;
use crate::{Histories, HistoryEntry, Model};

/// Everything that candidates and their scores are computed from.
#[derive(Clone, Copy)]
pub struct CandidateSources<'a> {
    /// The active model. None before the first training.
    pub model: Option<&'a Model>,
    /// Features of all items, and the items that the model does not know.
    pub cold_start: &'a ColdStartItems,
    /// Interaction counts, for popularity before the first training.
    pub histories: &'a Histories,
    /// The weights of interaction kinds that are in force.
    pub interaction_weights: InteractionWeights,
    /// The number of items in the catalog; larger than the model's after new items arrive.
    pub n_items: usize,
}

thread_local! {
    /// Reused by all requests of a thread.
    static SUMS: RefCell<Accumulator> = RefCell::new(Accumulator::new(0));
}

/// The items that candidates are limited to, and the booster of their scores.
#[derive(Clone, Copy)]
pub(crate) struct CandidateScope<'a> {
    /// A superset of the items that may be in the list. None where it is not enumerated.
    pub(crate) candidate_set: Option<&'a [u32]>,
    pub(crate) booster: Option<ItemBooster<'a>>,
}

/// The candidates that a query vector scores above 0.
pub(crate) struct PersonalCandidates {
    /// Best first: (item, score, origin).
    pub(crate) candidates: Vec<(u32, f32, Origin)>,
    /// Up to the best score of all items, ineligible ones too; up to 1 where there is no score.
    pub(crate) range: ScoreRange,
}

impl CandidateSources<'_> {
    pub(crate) fn is_warm(&self, item: u32) -> bool {
        self.model.is_some_and(|model| model.is_warm(item))
    }

    /// The smallest share of the best score that is relevant enough. At 0 every score above 0 is.
    pub(crate) fn relevance_share_min(&self, min: Relevance) -> f32 {
        let shares = self.model.map(|model| model.parameters.relevance).unwrap_or_default();
        match min {
            Relevance::Low => 0.0,
            Relevance::Medium => shares.medium,
            Relevance::High => shares.high,
        }
    }

    /// The best score of a query vector, at least 0.
    fn max_score(&self, query: &QueryVector) -> f32 {
        let mut top = 0f32;
        self.drain_scores(query, |_, sum| top = top.max(sum));
        top
    }

    /// Computes the score of every item into a reused accumulator. `read` must leave zeros.
    fn with_scores<R>(&self, query: &QueryVector, read: impl FnOnce(&mut Accumulator) -> R) -> R {
        SUMS.with_borrow_mut(|sums| {
            if sums.len() < self.n_items {
                *sums = Accumulator::new(self.n_items);
            }
            if let Some(model) = self.model {
                model.add_scores(&query.channels, sums);
            }
            self.cold_start.add_scores(query.first_channel(), sums);
            for (entry, weight) in &query.unknown_seeds {
                self.cold_start.features().visit_similar_items(entry.item, |item, cosine| {
                    sums.add(item, weight * cosine * cosine);
                });
            }
            read(sums)
        })
    }

    /// Calls `visit` with each item and its nonzero score, in no particular order.
    pub(crate) fn drain_scores(&self, query: &QueryVector, visit: impl FnMut(u32, f32)) {
        self.with_scores(query, |sums| sums.drain(visit));
    }

    /// The `n` best allowed items that score above 0 and at least `share_min` of the best score,
    /// before boosting.
    pub(crate) fn personal_candidates(
        &self,
        query: &QueryVector,
        n: usize,
        share_min: f32,
        scope: CandidateScope<'_>,
        allows: impl Fn(u32) -> bool,
    ) -> PersonalCandidates {
        let CandidateScope { candidate_set, booster } = scope;
        let (mut best, mut first) = (TopK::new(n), TopK::new(1));
        let for_each_sum = |visit: &mut dyn FnMut(u32, f32)| {
            self.with_scores(query, |sums| match candidate_set {
                None => sums.drain(visit),
                Some(items) => {
                    items.iter().for_each(|&item| visit(item, sums.get(item)));
                    sums.clear();
                }
            });
        };
        let mut relevant: Vec<(u32, f32)> = Vec::new();
        let mut top = 0f32;
        for_each_sum(&mut |item, sum| {
            if sum > 0.0 {
                top = top.max(sum);
                if share_min > 0.0 {
                    first.offer(item, sum, || allows(item));
                }
                match booster {
                    None => best.offer(item, sum, || allows(item)),
                    // Compression needs the best score, which is known only at the end.
                    Some(_) => relevant.push((item, sum)),
                }
            }
        });
        let sum_min = share_min * first.into_sorted().first().map_or(0.0, |(_, sum)| *sum);
        let range = ScoreRange::up_to(if top > 0.0 { top } else { 1.0 });
        let mut best = match booster {
            None => best.into_sorted(),
            Some(booster) => {
                for &(item, sum) in relevant.iter().filter(|(_, sum)| *sum >= sum_min) {
                    let score = range.boost(sum, booster.boost(ItemIdx(item)));
                    best.offer(item, score, || allows(item));
                }
                best.into_sorted()
            }
        };
        if booster.is_none() {
            best.retain(|(_, sum)| *sum >= sum_min);
        }
        let origin = |item| if self.is_warm(item) { Origin::Model } else { Origin::ColdStart };
        let candidates =
            best.into_iter().map(|(item, score)| (item, score, origin(item))).collect();
        PersonalCandidates { candidates, range }
    }

    /// The score of each of `items` for a history; 0 where nothing contributes.
    pub fn score_items(&self, history: &[HistoryEntry], items: &[u32]) -> Vec<f32> {
        let mut positions: Vec<(u32, usize)> =
            items.iter().enumerate().map(|(n, &item)| (item, n)).collect();
        positions.sort_unstable();
        let mut scores = vec![0.0; items.len()];
        self.drain_scores(&self.query_vector(history), |item, sum| {
            let first = positions.partition_point(|(other, _)| *other < item);
            for (_, n) in positions[first..].iter().take_while(|(other, _)| *other == item) {
                scores[*n] = sum;
            }
        });
        scores
    }

    /// The items that a user viewed, latest first, with scores.
    pub(crate) fn recently_viewed(&self, history: &[HistoryEntry]) -> Vec<(u32, f32)> {
        match self.model {
            Some(model) => model.recently_viewed.viewed_items(history),
            None => RecentlyViewed::default().viewed_items(history),
        }
    }

    /// The items that a user is due to buy again, with scores.
    pub(crate) fn due_purchases(&self, history: &[HistoryEntry], now_s: u32) -> Vec<(u32, f32)> {
        match self.model {
            Some(model) => model.buy_again.due_items(history, now_s),
            None => BuyAgain::default().due_items(history, now_s),
        }
    }
}

impl Model {
    /// Adds the scores of a weighed history to `sums`, over all channels. Items beyond the model's
    /// are ignored.
    pub(crate) fn add_scores(&self, weighed: &[Vec<(HistoryEntry, f32)>], sums: &mut Accumulator) {
        for (channel, weighed) in self.channels.iter().zip(weighed) {
            for (entry, weight) in
                weighed.iter().filter(|(entry, _)| entry.item.pos() < self.n_items())
            {
                let (columns, values) = channel.related.row(entry.item.pos());
                sums.add_each(columns, values, |value| weight * value);
            }
        }
    }
}
