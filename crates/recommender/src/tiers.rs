//! The tiers of a list, and the scores that answers show.
//!
//! Every candidate belongs to a tier and has a score within it. Scores of different tiers measure
//! different things, such as a sum over a history or a share of the popularity, and are not
//! comparable. So candidates are ordered by tier, then by score, then by index, and one function
//! ([`PublicScale::score`]) makes scores of that order: the best candidate of a tier is as good as
//! the last one of the tier before.
//!
//! A booster multiplies the score of its candidate and so may lift it into an earlier tier. How far
//! apart the tiers of a boosted list are must not depend on how long the list is, or a short list
//! would not be the beginning of a longer one. There each tier ends at a fixed share of its best
//! score ([`ScoreRange`]), whether or not there are candidates in it.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use crate::request::{ItemBooster, Origin};

/// The place of a part of a list among the others: earlier tiers come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tier {
    /// Whether it is a part of the backfill, which comes after all other tiers.
    is_backfill: bool,
    part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Logic,
    /// A logic of the fallback, by its place in the chain.
    Fallback(u8),
}

impl Tier {
    /// The candidates that the logic of the request finds.
    pub(crate) const LOGIC: Self = Self::new(Part::Logic);
    /// The last tier of a list, for what is popular where everything before it is too little.
    pub(crate) const POPULARITY: Self = Self::new(Part::Fallback(u8::MAX));

    /// What a logic of the fallback finds, by its place in the chain.
    pub(crate) const fn fallback(number: usize) -> Self {
        Self::new(Part::Fallback(number as u8))
    }

    const fn new(part: Part) -> Self {
        Self { is_backfill: false, part }
    }

    /// Whether it is a part of the backfill.
    pub(crate) fn is_backfill(self) -> bool {
        self.is_backfill
    }
}

/// In a boosted list, the scores of a tier end at this share of its best score ...
const LOWEST_SHARE: f32 = 0.01;
/// ... or at this one where most scores are far below the best one, as popularity is.
const LOWEST_LONG_TAILED_SHARE: f32 = 0.001;

/// The largest factor that a booster multiplies a score by. Scores times this are finite.
pub(crate) const BOOST_MAX: f32 = 1e30;

/// The scores that a tier may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScoreRange {
    /// The best possible score, above 0.
    best: f32,
    /// The end of the range in a boosted list, as a share of the best score.
    lowest_share: f32,
}

impl ScoreRange {
    /// Shares of the popularity of the most popular candidate.
    pub(crate) const POPULARITY: Self = Self::long_tailed(1.0);

    /// Scores up to `best`, which is above 0.
    pub(crate) const fn up_to(best: f32) -> Self {
        Self { best, lowest_share: LOWEST_SHARE }
    }

    /// Scores up to `best`, most of which are far below it.
    pub(crate) const fn long_tailed(best: f32) -> Self {
        Self { best, lowest_share: LOWEST_LONG_TAILED_SHARE }
    }

    /// The end of the range in a boosted list.
    fn lowest_boosted(self) -> f32 {
        self.lowest_share * self.best
    }

    /// The score of a candidate in a boosted list. Low scores are compressed into the upper half of
    /// twice the end of the range, so that all stay above it. Monotone in `score`. A negative
    /// factor counts as 0, which comes last: it would turn the order round.
    pub(crate) fn boost(self, score: f32, boost: f32) -> f32 {
        let boost = if boost > 0.0 { boost.min(BOOST_MAX) } else { 0.0 };
        let lowest = self.lowest_boosted();
        let raised = if score >= 2.0 * lowest { score } else { lowest + 0.5 * score };
        raised * boost
    }
}

/// An item that may come into a list; or a user, or a value of a facet, by index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) item: u32,
    pub(crate) tier: Tier,
    /// The score within the tier; in a boosted list that of [`ScoreRange::boost`].
    pub(crate) score: f32,
    pub(crate) origin: Origin,
}

/// A candidate at its place in a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RankedCandidate {
    pub(crate) item: u32,
    /// The tier that it comes from.
    pub(crate) tier: Tier,
    /// The score that answers show. It falls from place to place, until the list is reranked.
    pub(crate) score: f32,
    pub(crate) origin: Origin,
}

/// The candidates of a list, tier by tier.
#[derive(Debug)]
pub(crate) struct TieredCandidates {
    /// Best first.
    candidates: Vec<Candidate>,
    ranges: BTreeMap<Tier, ScoreRange>,
    /// The upper bound of all boosts. None in a list without a booster.
    boost_max: Option<f32>,
}

/// The places of a list that are open to a further tier.
pub(crate) struct OpenPlaces {
    /// The most candidates of the tier that come into the list.
    pub(crate) n: usize,
    /// The public score of the tier's best score.
    ceiling: f32,
    /// The public score from which on a candidate comes into the list.
    score_min: f32,
}

impl OpenPlaces {
    /// Whether a candidate with this score within its tier comes into the list.
    pub(crate) fn admit(&self, range: ScoreRange, score: f32) -> bool {
        public_score(self.ceiling, range, score) >= self.score_min
    }
}

/// The public scores of the tiers of a list.
struct PublicScale {
    /// For each tier the public score of its best score.
    ceilings: Vec<(Tier, f32, ScoreRange)>,
    /// The public score of the best score of a further tier.
    next_ceiling: f32,
}

impl PublicScale {
    /// The score that answers show, for a score within a tier. Without a booster it is monotone in
    /// (tier, score).
    fn score(&self, tier: Tier, score: f32) -> f32 {
        let own = self.ceilings.iter().find(|(other, ..)| *other == tier);
        own.map_or(score, |(_, ceiling, range)| public_score(*ceiling, *range, score))
    }
}

/// Scales a score within a tier so that the tier's best score becomes `ceiling`.
fn public_score(ceiling: f32, range: ScoreRange, score: f32) -> f32 {
    // The first tier keeps its scores, to the last bit.
    if ceiling == range.best { score } else { ceiling * (score / range.best) }
}

impl TieredCandidates {
    /// Creates a list without candidates.
    pub(crate) fn new(booster: Option<ItemBooster<'_>>) -> Self {
        Self::with_boost_max(booster.map(|booster| booster.max_boost()))
    }

    /// Creates a list without candidates. `boost_max` is the upper bound of the booster's factors;
    /// None without a booster.
    pub(crate) fn with_boost_max(boost_max: Option<f32>) -> Self {
        Self {
            candidates: Vec::new(),
            ranges: BTreeMap::new(),
            boost_max: boost_max.map(|boost| boost.clamp(0.0, BOOST_MAX)),
        }
    }

    /// Adds a tier behind all others, with its candidates in any order: (item, score within the
    /// tier, origin).
    pub(crate) fn add(
        &mut self,
        tier: Tier,
        range: ScoreRange,
        candidates: impl IntoIterator<Item = (u32, f32, Origin)>,
    ) {
        self.ranges.insert(tier, range);
        let new = candidates.into_iter();
        self.candidates.extend(new.map(|(item, score, origin)| Candidate {
            item,
            tier,
            score,
            origin,
        }));
        self.sort();
    }

    /// Adds all tiers of another list behind those of this one.
    pub(crate) fn add_backfill(&mut self, backfill: Self) {
        let behind = |tier: Tier| Tier { is_backfill: true, ..tier };
        self.ranges.extend(backfill.ranges.into_iter().map(|(tier, range)| (behind(tier), range)));
        let new = backfill.candidates.into_iter();
        self.candidates
            .extend(new.map(|candidate| Candidate { tier: behind(candidate.tier), ..candidate }));
        self.sort();
    }

    /// Adds the candidates of another search for the same list, except those that are there.
    pub(crate) fn merge(&mut self, other: Self) {
        let known = self.items();
        self.ranges.extend(other.ranges);
        let new = other.candidates.into_iter();
        self.candidates.extend(new.filter(|candidate| !known.contains(&candidate.item)));
        self.sort();
    }

    /// The items of all candidates.
    pub(crate) fn items(&self) -> FxHashSet<u32> {
        self.candidates.iter().map(|candidate| candidate.item).collect()
    }

    /// The number of candidates.
    pub(crate) fn len(&self) -> usize {
        self.candidates.len()
    }

    /// Keeps the `n` best candidates.
    pub(crate) fn truncate(&mut self, n: usize) {
        self.candidates.truncate(n);
    }

    /// The places that a list of `n` leaves to a further tier. In a boosted list, candidates of a
    /// further tier may also replace those that are there.
    pub(crate) fn open_places(&self, n: usize) -> OpenPlaces {
        let scale = self.public_scale();
        let ceiling = scale.next_ceiling;
        let n_missing = n.saturating_sub(self.len());
        let Some(boost_max) = self.boost_max.filter(|_| n > 0) else {
            return OpenPlaces { n: n_missing, ceiling, score_min: f32::NEG_INFINITY };
        };
        let last = self.candidates.last().filter(|_| n_missing == 0);
        let score_min = last.map_or(f32::NEG_INFINITY, |last| scale.score(last.tier, last.score));
        let n = if ceiling * boost_max >= score_min { n } else { 0 };
        OpenPlaces { n, ceiling, score_min }
    }

    /// The candidates with their public scores, best first.
    pub(crate) fn into_ranked(self) -> Vec<RankedCandidate> {
        let scale = self.public_scale();
        let to_ranked = |Candidate { item, tier, score, origin }: Candidate| RankedCandidate {
            item,
            tier,
            score: scale.score(tier, score),
            origin,
        };
        self.candidates.into_iter().map(to_ranked).collect()
    }

    /// Orders by public score, which is the order of (tier, score) where nothing is boosted. Of
    /// equal candidates the smaller index comes first.
    fn sort(&mut self) {
        let scale = self.public_scale();
        let with_public_score =
            |candidate: Candidate| (scale.score(candidate.tier, candidate.score), candidate);
        let mut scored: Vec<(f32, Candidate)> =
            self.candidates.drain(..).map(with_public_score).collect();
        scored.sort_by(|(a_public, a), (b_public, b)| {
            (b_public.total_cmp(a_public))
                .then(a.tier.cmp(&b.tier))
                .then(b.score.total_cmp(&a.score))
                .then(a.item.cmp(&b.item))
        });
        self.candidates.extend(scored.into_iter().map(|(_, candidate)| candidate));
    }

    fn public_scale(&self) -> PublicScale {
        let mut next_ceiling = self.ranges.values().next().map_or(1.0, |first| first.best);
        let mut ceilings = Vec::with_capacity(self.ranges.len());
        for (&tier, &range) in &self.ranges {
            let ceiling = next_ceiling;
            ceilings.push((tier, ceiling, range));
            let lowest = match self.boost_max {
                Some(_) => Some(range.lowest_boosted()),
                None => {
                    let own = self.candidates.iter().filter(|candidate| candidate.tier == tier);
                    own.map(|candidate| candidate.score).reduce(f32::min)
                }
            };
            // An empty tier takes no room.
            if let Some(lowest) = lowest {
                next_ceiling = public_score(ceiling, range, lowest);
            }
        }
        PublicScale { ceilings, next_ceiling }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tiers_with_candidates(boost_max: Option<f32>, scores: &[Vec<f32>; 3]) -> TieredCandidates {
        let range = |scores: &[f32]| {
            ScoreRange::up_to(scores.iter().copied().fold(f32::MIN_POSITIVE, f32::max))
        };
        let mut found = TieredCandidates::with_boost_max(boost_max);
        let tiers = [Tier::LOGIC, Tier::fallback(0), Tier::fallback(1)];
        // Later tiers have smaller indices, which must not matter.
        let mut items = (0u32..100).rev();
        for (tier, scores) in tiers.into_iter().zip(scores) {
            let range = range(scores);
            let score = |score: f32| match boost_max {
                Some(_) => range.boost(score, 1.0),
                None => score,
            };
            let candidates: Vec<(u32, f32, Origin)> = scores
                .iter()
                .map(|own| (items.next().unwrap(), score(*own), Origin::Model))
                .collect();
            found.add(tier, range, candidates);
        }
        found
    }

    proptest! {
        #[test]
        fn public_scores_fall_in_the_order_of_tiers_and_of_scores_within_them(
            scores in prop::array::uniform3(prop::collection::vec(
                prop_oneof![Just(0.0f32), Just(1.0), 0f32..1.0, 0f32..1e-30, 0f32..1e3],
                0..20,
            )),
            boost_max in prop::option::of(Just(1.0f32)),
        ) {
            let mut wanted = tiers_with_candidates(boost_max, &scores).candidates;
            wanted.sort_by(|a, b| {
                a.tier.cmp(&b.tier).then(b.score.total_cmp(&a.score)).then(a.item.cmp(&b.item))
            });
            let ranked = tiers_with_candidates(boost_max, &scores).into_ranked();
            let items = |candidates: &[Candidate]| {
                candidates.iter().map(|candidate| candidate.item).collect::<Vec<_>>()
            };
            let ranked_items: Vec<u32> = ranked.iter().map(|candidate| candidate.item).collect();
            prop_assert_eq!(ranked_items, items(&wanted));
            prop_assert!(ranked.windows(2).all(|pair| pair[0].score >= pair[1].score));
            let first = ranked.iter().zip(&wanted).filter(|(ranked, _)| ranked.tier == Tier::LOGIC);
            for (ranked, candidate) in first {
                prop_assert_eq!(ranked.score, candidate.score, "the first tier keeps its scores");
            }
        }
    }
}
