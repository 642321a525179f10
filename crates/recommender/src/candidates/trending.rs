//! Popular items: trending lists, and the fallback of others.

use domain::{InteractionKind, ItemIdx};
use linalg::{TopK, top_k};
use rustc_hash::FxHashSet;

use super::{CandidateScope, CandidateSources};
use crate::Model;
use crate::models::popularity::Popularity;
use crate::tiers::{OpenPlaces, ScoreRange};

/// The interactions that popularity is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TrendingBasis<'a> {
    /// All interactions, recent ones most.
    All,
    /// Interactions of one kind, recent ones most.
    Kind(InteractionKind),
    /// The interactions of a period: (item, popularity), most popular first.
    Period(&'a [(u32, f32)]),
}

impl CandidateSources<'_> {
    /// The most popular allowed items for the open places of a list, with scores in the range of
    /// [`ScoreRange::POPULARITY`].
    pub(crate) fn trending_candidates(
        &self,
        by: TrendingBasis<'_>,
        places: &OpenPlaces,
        scope: CandidateScope<'_>,
        allows: impl Fn(u32) -> bool,
    ) -> Vec<(u32, f32)> {
        let range = ScoreRange::POPULARITY;
        let mut best = TopK::new(places.n);
        let boosted = |item: u32, share: f32| match scope.booster {
            Some(booster) => range.boost(share, booster.boost(ItemIdx(item))),
            None => share,
        };
        match (by, scope.candidate_set) {
            (TrendingBasis::All, Some(candidate_set)) => {
                let top = self.max_popularity();
                for &item in candidate_set {
                    best.offer(item, boosted(item, self.popularity(item) / top), || allows(item));
                }
            }
            (by, _) => {
                for (item, share) in self.popular_items(by) {
                    // The following items are at most as popular; of equally popular ones they have
                    // larger indices.
                    let is_complete = match scope.booster {
                        None => best.threshold().is_some(),
                        Some(booster) => {
                            let possible = range.boost(share, booster.max_boost().max(0.0));
                            best.threshold().is_some_and(|threshold| possible < threshold)
                                || !places.admit(range, possible)
                        }
                    };
                    if is_complete {
                        break;
                    }
                    best.offer(item, boosted(item, share), || allows(item));
                }
            }
        }
        best.into_sorted()
    }

    /// The popularity of the most popular item; above 0.
    fn max_popularity(&self) -> f32 {
        let top = match self.model {
            Some(Model { popularity, .. }) => {
                popularity.ranked.first().map_or(1.0, |item| popularity.scores[*item as usize])
            }
            None => (0..self.n_items as u32).map(|item| self.popularity(item)).fold(1.0, f32::max),
        };
        top.max(f32::MIN_POSITIVE)
    }

    /// Items with their popularity as a share of the most popular one's, most popular first. All
    /// items, or for a kind or period those with any popularity.
    fn popular_items<'b>(
        &'b self,
        by: TrendingBasis<'b>,
    ) -> Box<dyn Iterator<Item = (u32, f32)> + 'b> {
        let all = 0..self.n_items as u32;
        let to_share = |top: Option<f32>| {
            let top = top.unwrap_or(1.0).max(f32::MIN_POSITIVE);
            move |(item, score): (u32, f32)| (item, score / top)
        };
        let kind = match by {
            TrendingBasis::All => None,
            TrendingBasis::Kind(kind) => Some(kind),
            TrendingBasis::Period(ranked) => {
                let top = ranked.first().map(|(_, score)| *score);
                return Box::new(ranked.iter().copied().map(to_share(top)));
            }
        };
        match (self.model, kind) {
            (Some(model), None) => {
                let Popularity { ranked, scores, .. } = &model.popularity;
                let top = ranked.first().map(|&item| scores[item as usize]);
                let ranked =
                    ranked.iter().map(|&item| (item, scores[item as usize])).map(to_share(top));
                // Items without popularity, and items newer than the model, follow in order of
                // their indices.
                Box::new(
                    ranked.chain(all.filter(|&item| !model.is_warm(item)).map(|item| (item, 0.0))),
                )
            }
            (Some(model), Some(kind)) => {
                let entry = model.popularity.by_kind.iter().find(|(other, _)| *other == kind);
                let ranked = entry.map_or(&[][..], |(_, items)| items);
                // Items without such interactions at training time, by their current counts.
                let rank_new = move || {
                    let known: FxHashSet<u32> = ranked.iter().map(|(item, _)| *item).collect();
                    let new = all.filter(|item| !known.contains(item));
                    let counted =
                        new.map(|item| (item, self.count_interactions(ItemIdx(item), Some(kind))));
                    let counted: Vec<_> = counted.filter(|(_, count)| *count > 0.0).collect();
                    let n = counted.len();
                    top_k(counted.into_iter(), n).into_iter().map(|(item, _)| (item, 0.0))
                };
                let ranked =
                    ranked.iter().copied().map(to_share(ranked.first().map(|(_, score)| *score)));
                Box::new(ranked.chain(std::iter::once_with(rank_new).flatten()))
            }
            (None, kind) => {
                let counted = all.map(|item| (item, self.count_interactions(ItemIdx(item), kind)));
                let counted: Vec<_> =
                    counted.filter(|(_, count)| kind.is_none() || *count > 0.0).collect();
                let n = counted.len();
                let ranked = top_k(counted.into_iter(), n);
                let top = ranked.first().map(|(_, count)| *count);
                Box::new(ranked.into_iter().map(to_share(top)))
            }
        }
    }

    /// The popularity of an item. Comparable only between items under the same model.
    pub fn popularity(&self, item: u32) -> f32 {
        match self.model {
            Some(model) => model.popularity.scores.get(item as usize).copied().unwrap_or(0.0),
            None => self.count_interactions(ItemIdx(item), None),
        }
    }

    /// The number of interactions with an item over all time, of all kinds or of one.
    fn count_interactions(&self, item: ItemIdx, kind: Option<InteractionKind>) -> f32 {
        let counts = self.histories.counts(item);
        match kind {
            Some(kind) => counts.by_kind[kind as usize] as f32,
            None => counts.by_kind.iter().map(|&count| count as f32).sum(),
        }
    }
}
