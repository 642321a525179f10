//! Lists of values of a facet: artists instead of albums, brands instead of products.
//!
//! The score of a value is the sum of its items' scores among the best candidates. An item with
//! several values divides its score among them.

use domain::{ItemIdx, Logic, Relevance};
use rustc_hash::FxHashMap;

use crate::candidates::{CandidateSources, keep_strongest};
use crate::facet::ValueIdx;
use crate::request::{Contribution, FacetValues, Origin, RecommendedItem, Request};
use crate::tiers::{RankedCandidate, ScoreRange, Tier, TieredCandidates};

/// The number of items of a value that contribute to its explanation.
const EXPLAINED_ITEMS_MAX: usize = 10;

impl FacetValues<'_> {
    /// Ranks the values of candidates (best first), without those of excluded items. Values of
    /// popular items follow as the fallback.
    pub(crate) fn rank_values(
        &self,
        sources: CandidateSources<'_>,
        request: &Request<'_>,
        candidates: &[RankedCandidate],
        explain: impl Fn(&RankedCandidate) -> Vec<Contribution>,
    ) -> Vec<RecommendedItem<ValueIdx>> {
        let count = request.list.count;
        let excluded = request.eligibility.excluded_values(self.facet);
        let allows = |value: ValueIdx| !excluded.contains(&value) && (self.allows)(value);
        // For each value its candidates, each with its part of the value's score.
        let mut parts: FxHashMap<ValueIdx, Vec<(&RankedCandidate, f32)>> = FxHashMap::default();
        for candidate in candidates {
            let values = self.facet.values_of(ItemIdx(candidate.item));
            for value in values {
                parts
                    .entry(*value)
                    .or_default()
                    .push((candidate, candidate.score / values.len() as f32));
            }
        }
        let scores: Vec<(u32, f32)> = parts
            .iter()
            .filter(|(value, _)| allows(**value))
            .map(|(value, parts)| (value.0, parts.iter().map(|(_, part)| part).sum()))
            .collect();
        let best = scores.iter().fold(0f32, |best, (_, score)| best.max(*score));
        // The factors of values have no known bound.
        let boost_max = self.booster.map(|_| f32::INFINITY);
        let mut found = TieredCandidates::with_boost_max(boost_max);
        let mut add = |tier: Tier, range: ScoreRange, scores: Vec<(u32, f32)>, origin: Origin| {
            let boosted = |(value, score): (u32, f32)| match self.booster {
                Some(booster) => (value, range.boost(score, booster(ValueIdx(value))), origin),
                None => (value, score, origin),
            };
            found.add(tier, range, scores.into_iter().map(boosted));
        };
        let n_scored = scores.len();
        let range = ScoreRange::long_tailed(if best > 0.0 { best } else { 1.0 });
        add(Tier::LOGIC, range, scores, Origin::Model);
        let has_fallback = request.list.min_relevance == Relevance::Low
            && request.list.fallback.logics().contains(&Logic::Trending);
        if has_fallback && (n_scored < count || self.booster.is_some()) {
            let popular = self.popular_values(sources, request, |value| {
                !parts.contains_key(&value) && allows(value)
            });
            add(Tier::POPULARITY, ScoreRange::POPULARITY, popular, Origin::Trending);
        }
        found.truncate(count);
        found
            .into_ranked()
            .into_iter()
            .map(|RankedCandidate { item, score, .. }| {
                let value = ValueIdx(item);
                let candidates = parts.get(&value).map_or(&[][..], Vec::as_slice);
                // Candidates are sorted, with those from the history before the trending ones.
                let origin = candidates.first().map_or(Origin::Trending, |(first, _)| first.origin);
                let mut reasons: Vec<Contribution> = Vec::new();
                let own =
                    candidates.iter().filter(|(candidate, _)| candidate.origin != Origin::Trending);
                for (candidate, part) in own.take(EXPLAINED_ITEMS_MAX) {
                    for reason in explain(candidate) {
                        let share = reason.share * part;
                        match reasons.iter_mut().find(|known| known.item == reason.item) {
                            Some(known) => known.share += share,
                            // They did it with one of the value's items, not with all.
                            None => reasons.push(Contribution { share, n_people: None, ..reason }),
                        }
                    }
                }
                RecommendedItem { item: value, score, origin, explanation: keep_strongest(reasons) }
            })
            .collect()
    }

    /// The values of eligible items with their share of the total popularity, between 0 and 1.
    /// O(items).
    fn popular_values(
        &self,
        sources: CandidateSources<'_>,
        request: &Request<'_>,
        allows: impl Fn(ValueIdx) -> bool,
    ) -> Vec<(u32, f32)> {
        let mut sums: FxHashMap<ValueIdx, f32> = FxHashMap::default();
        for item in
            (0..sources.n_items as u32).filter(|item| request.eligibility.allows(ItemIdx(*item)))
        {
            for value in self.facet.values_of(ItemIdx(item)).iter().filter(|value| allows(**value))
            {
                *sums.entry(*value).or_default() += sources.popularity(item);
            }
        }
        // Add-one smoothing, so that values without popularity score above 0.
        let total = 1.0 + sums.values().sum::<f32>();
        sums.into_iter().map(|(value, sum)| (value.0, (sum + 1.0) / (total + 1.0))).collect()
    }
}
