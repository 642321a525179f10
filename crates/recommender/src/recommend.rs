//! Answers one request: finds candidates by the logic, reranks and explains them. All items pass
//! the same eligibility check.

use domain::{Fallback, InteractionKind, ItemIdx, ListRequest, Logic, Relevance};
use rustc_hash::FxHashSet;

use crate::candidates::{Candidate, CandidateScope, CandidateSources, QueryVector, TrendingBasis};
use crate::facet::{Facet, ValueIdx};
use crate::rerank::{pick, rotate};
use crate::seeds::find_implicit_seeds;
use crate::{Eligibility, HistoryEntry, Impression, WeakSignal, own_history};

/// The most history items in an explanation.
pub(crate) const CONTRIBUTIONS_MAX: usize = 3;
/// The number of candidates to rerank: per item of the list, at least, and at most.
const RERANKED_PER_ITEM: usize = 5;
const RERANKED_MIN: usize = 100;
const RERANKED_MAX: usize = 2_000;
/// Where constraints leave a list short, the number of candidates grows by this factor.
const RERANKED_GROWTH: usize = 8;
/// The number of item candidates that a list of values is computed from.
const VALUE_CANDIDATES: usize = 500;

/// The part of the pipeline that an item comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The model, from the user's history or the seeds.
    Model,
    /// Feature similarity to the user's history or the seeds: the model does not know the item yet.
    ColdStart,
    /// Popularity among all users.
    Trending,
    /// The items that the user viewed.
    RecentlyViewed,
    /// The items that the user is due to buy again.
    BuyAgain,
    /// The picks of an editor.
    Picked,
}

/// One history item's share of a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contribution {
    /// The history item that contributes.
    pub item: ItemIdx,
    /// The kind of the user's interaction with it.
    pub kind: InteractionKind,
    /// Its share of all positive contributions to the score, from 0 to 1.
    pub share: f32,
}

/// One item of a list, or one value of a property.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendedItem<I = ItemIdx> {
    /// The recommended item or value.
    pub item: I,
    /// The score, comparable within a list. Scores of [`Origin::Model`] are comparable between
    /// lists of one model.
    pub score: f32,
    /// The part of the pipeline that it comes from.
    pub origin: Origin,
    /// The strongest contributions, strongest first; empty for trending items and picks.
    pub explanation: Vec<Contribution>,
}

/// A ranked list.
#[derive(Debug, Clone, PartialEq)]
pub enum Recommendation {
    /// Items, best first.
    Items(Vec<RecommendedItem>),
    /// Values of a property, best first.
    Values(Vec<RecommendedItem<ValueIdx>>),
}

/// The factor of items' scores: 1 changes nothing; items with 0 or less move to the end.
#[derive(Clone, Copy)]
pub enum ItemBooster<'a> {
    /// The factor of each item, and the largest of them. Items beyond the slice have 1.
    Precomputed(&'a [f32], f32),
    /// Computed per item on demand.
    OnDemand(&'a dyn Fn(ItemIdx) -> f32),
}

impl ItemBooster<'_> {
    /// The factor of one item.
    #[inline]
    pub fn boost(&self, item: ItemIdx) -> f32 {
        match self {
            Self::Precomputed(boosts, _) => boosts.get(item.pos()).copied().unwrap_or(1.0),
            Self::OnDemand(boost) => boost(item),
        }
    }

    /// An upper bound of all factors.
    pub(crate) fn max_boost(&self) -> f32 {
        match self {
            // Newer items have a factor of 1.
            Self::Precomputed(_, boost_max) => boost_max.max(1.0),
            Self::OnDemand(_) => f32::INFINITY,
        }
    }
}

/// A recommendation request with the user's data, resolved to indices.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The parameters of the list.
    pub list: &'a ListRequest,
    /// The user's interactions, oldest first.
    pub history: &'a [HistoryEntry],
    /// The user's weak signals, oldest first.
    pub weak_signals: &'a [WeakSignal],
    /// The seed items of [`Logic::Similar`]; empty for other logics.
    pub seeds: &'a [ItemIdx],
    /// The picked items of [`Logic::Picks`], best first; empty for other logics.
    pub picks: &'a [ItemIdx],
    /// The check that every item of the list passes.
    pub eligibility: &'a Eligibility<'a>,
    /// A superset of the eligible items, where it is small enough to be enumerated.
    pub candidate_set: Option<&'a [u32]>,
    /// The factor of items' scores.
    pub booster: Option<ItemBooster<'a>>,
    /// The facet whose values are recommended instead of items.
    pub values: Option<FacetValues<'a>>,
    /// Limits on the number of items per facet value.
    pub constraints: &'a [Constraint<'a>],
    /// Items with a guaranteed share of the places.
    pub promoted: Option<PromotedItems<'a>>,
    /// The user's recent impressions, for rotation.
    pub impressions: &'a [Impression],
    /// The time of the request, in seconds since 1970.
    pub now_s: u32,
    /// The (item, popularity) pairs of a period, most popular first, for trending lists of a period
    /// ([`crate::Histories::add_period_popularity`]).
    pub period_popularity: Option<&'a [(u32, f32)]>,
}

/// The values that a list of values ranks.
#[derive(Clone, Copy)]
pub struct FacetValues<'a> {
    /// The facet that the values belong to.
    pub facet: &'a Facet,
    /// The filter of values.
    pub allows: &'a dyn Fn(ValueIdx) -> bool,
    /// The factor of values' scores. None changes nothing.
    pub booster: Option<&'a dyn Fn(ValueIdx) -> f32>,
}

/// At most `max` items of a list share a value of a facet.
#[derive(Clone, Copy)]
pub struct Constraint<'a> {
    /// The facet whose values are counted.
    pub facet: &'a Facet,
    /// The most items per value.
    pub max: usize,
}

/// Items with a guaranteed share of the places of a list, as long as enough of them are eligible.
#[derive(Clone, Copy)]
pub struct PromotedItems<'a> {
    /// Whether an item is promoted.
    pub includes: &'a dyn Fn(ItemIdx) -> bool,
    /// Their share of the places, from 0 to 1.
    pub share: f32,
}

impl<'a> Request<'a> {
    /// Whether the order of the list depends on more than the scores.
    pub fn is_reranked(&self) -> bool {
        self.list.diversity > 0.0
            || (self.list.rotation_rate > 0.0 && !self.impressions.is_empty())
            || !self.constraints.is_empty()
            || self.promoted.is_some()
    }

    /// Creates a request for items without boosters, constraints or impressions, at time 0.
    pub fn new(
        list: &'a ListRequest,
        history: &'a [HistoryEntry],
        eligibility: &'a Eligibility<'a>,
    ) -> Self {
        Self {
            list,
            history,
            weak_signals: &[],
            seeds: &[],
            picks: &[],
            eligibility,
            candidate_set: None,
            booster: None,
            values: None,
            constraints: &[],
            promoted: None,
            impressions: &[],
            now_s: 0,
            period_popularity: None,
        }
    }
}

impl Recommendation {
    /// The items; empty for a list of values.
    pub fn into_items(self) -> Vec<RecommendedItem> {
        match self {
            Self::Items(items) => items,
            Self::Values(_) => Vec::new(),
        }
    }
}

/// Answers a request with up to `count` items. The list is shorter only where fewer items are
/// eligible or relevant enough.
pub fn recommend(sources: CandidateSources<'_>, request: &Request<'_>) -> Recommendation {
    let query = sources.query_vector_for_request(request);
    if let Some(values) = request.values {
        let allows = |item: u32| request.eligibility.allows(ItemIdx(item));
        // The number is fixed, so that a short list is a prefix of a longer one.
        let found = find_candidates(sources, request, &query, VALUE_CANDIDATES, None, &allows);
        let explain = |item| sources.explain(&query, item);
        return Recommendation::Values(values.rank_values(
            sources,
            request,
            &found.candidates,
            explain,
        ));
    }
    let explain_by_last_interaction = |item: ItemIdx| {
        let last = request.history.iter().rev().find(|entry| entry.item == item);
        last.map(|entry| Contribution { item, kind: entry.kind, share: 1.0 }).into_iter().collect()
    };
    let to_recommended = |candidate: Candidate| {
        let item = ItemIdx(candidate.item);
        let explanation = match candidate.origin {
            Origin::Model | Origin::ColdStart => sources.explain(&query, item),
            Origin::Trending | Origin::Picked => Vec::new(),
            Origin::RecentlyViewed => explain_by_last_interaction(item),
            Origin::BuyAgain => {
                vec![Contribution { item, kind: InteractionKind::Purchase, share: 1.0 }]
            }
        };
        RecommendedItem { item, score: candidate.score, origin: candidate.origin, explanation }
    };
    Recommendation::Items(
        select_items(sources, request, &query).into_iter().map(to_recommended).collect(),
    )
}

/// The items of [`recommend`] with their scores, without explanations.
pub fn rank(sources: CandidateSources<'_>, request: &Request<'_>) -> Vec<(ItemIdx, f32)> {
    let picked = select_items(sources, request, &sources.query_vector_for_request(request));
    picked.into_iter().map(|candidate| (ItemIdx(candidate.item), candidate.score)).collect()
}

/// Finds, reranks and selects the items of a list.
fn select_items(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    query: &QueryVector,
) -> Vec<Candidate> {
    let count = request.list.count;
    let implicit_seeds = find_implicit_seeds(request);
    let allows = |item: u32| {
        let item = ItemIdx(item);
        request.eligibility.allows(item) && !implicit_seeds.contains(&item)
    };
    let is_reranked = request.is_reranked();
    let mut n = if is_reranked { n_reranked(count) } else { count };
    loop {
        let FoundCandidates { candidates: mut found, floor } =
            find_candidates(sources, request, query, n, None, &allows);
        let n_found = found.len();
        if let Some(promoted) = &request.promoted {
            let allows = |item: u32| (promoted.includes)(ItemIdx(item)) && allows(item);
            let n = (promoted.share * count as f32).ceil() as usize;
            let promoted =
                find_candidates(sources, request, query, n, Some(floor), &allows).candidates;
            let known: FxHashSet<u32> = found.iter().map(|candidate| candidate.item).collect();
            found.extend(promoted.into_iter().filter(|candidate| !known.contains(&candidate.item)));
            found.sort_by(Candidate::best_first);
        }
        rotate(&mut found, request);
        if is_reranked {
            found = pick(found, request, |a, b| sources.similarity(a, b));
        }
        // Constraints may have rejected too many candidates; then look at more.
        if found.len() >= count || n_found < n || request.constraints.is_empty() {
            return found;
        }
        n *= RERANKED_GROWTH;
    }
}

/// Reranks scored items from elsewhere (best first): rotation, diversity, constraints and promoted
/// items, as far as these are among the given ones.
pub fn rerank(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    scored: Vec<(ItemIdx, f32)>,
) -> Vec<(ItemIdx, f32)> {
    let to_candidate =
        |(item, score): (ItemIdx, f32)| Candidate { item: item.0, score, origin: Origin::Model };
    let mut candidates: Vec<Candidate> = scored.into_iter().map(to_candidate).collect();
    rotate(&mut candidates, request);
    let picked = pick(candidates, request, |a, b| sources.similarity(a, b));
    picked.into_iter().map(|candidate| (ItemIdx(candidate.item), candidate.score)).collect()
}

/// The number of candidates for a reranked list of `count` items.
pub fn n_reranked(count: usize) -> usize {
    (RERANKED_PER_ITEM * count).clamp(RERANKED_MIN, RERANKED_MAX.max(count))
}

/// The candidates of a logic.
struct FoundCandidates {
    /// Best first.
    candidates: Vec<Candidate>,
    /// The upper bound of the fallback's scores.
    floor: f32,
}

/// Finds the `n` best allowed candidates by the request's logic, then the fallback. `floor`
/// overrides the upper bound of the fallback's scores.
fn find_candidates(
    sources: CandidateSources<'_>,
    request: &Request<'_>,
    query: &QueryVector,
    n: usize,
    floor: Option<f32>,
    allows: &dyn Fn(u32) -> bool,
) -> FoundCandidates {
    let Request { list, candidate_set, booster, .. } = *request;
    let scope = CandidateScope { candidate_set, booster };
    let from_own_history = |items: Vec<(u32, f32)>, origin| {
        let positive = items.iter().map(|(_, score)| *score).filter(|score| *score > 0.0);
        let floor = positive.fold(1.0, f32::min);
        let boost = |item: u32| booster.map_or(1.0, |booster| booster.boost(ItemIdx(item)));
        let mut own: Vec<Candidate> = items
            .into_iter()
            .filter(|(item, _)| allows(*item))
            .map(|(item, score)| Candidate { item, score: score * boost(item), origin })
            .collect();
        own.sort_by(Candidate::best_first);
        own.truncate(n);
        FoundCandidates { candidates: own, floor }
    };
    let mut found = match list.logic {
        Logic::Personal | Logic::Similar | Logic::CrossSell | Logic::WatchNext => {
            let share_min = sources.relevance_share_min(list.min_relevance);
            let personal = sources.personal_candidates(query, n, share_min, scope, allows);
            FoundCandidates { candidates: personal.candidates, floor: personal.lowest }
        }
        Logic::Trending => {
            let mut candidates = Vec::new();
            let by = match (request.period_popularity, list.interaction) {
                (Some(ranked), _) => TrendingBasis::Period(ranked),
                (None, Some(kind)) => TrendingBasis::Kind(kind),
                (None, None) => TrendingBasis::All,
            };
            sources.add_fallback(&mut candidates, by, n, 1.0, scope, allows);
            let floor = candidates.last().map_or(1.0, |last| last.score);
            FoundCandidates { candidates, floor }
        }
        Logic::RecentlyViewed => from_own_history(
            own_history::find_viewed_items(sources, request),
            Origin::RecentlyViewed,
        ),
        Logic::ContinueWatching => {
            from_own_history(own_history::find_unfinished_items(request), Origin::RecentlyViewed)
        }
        Logic::Picks => {
            from_own_history(own_history::order_picks(sources, request), Origin::Picked)
        }
        Logic::BuyAgain => from_own_history(
            sources.due_purchases(request.history, request.now_s),
            Origin::BuyAgain,
        ),
    };
    if list.min_relevance != Relevance::Low || list.fallback == Fallback::None {
        return found;
    }
    found.floor = floor.unwrap_or(found.floor);
    let mut fallback_floor = found.floor;
    // The fallback only fills missing places, unless reranking may remove candidates.
    let may_lose_candidates =
        list.rotation_rate > 0.0 || request.values.is_some() || !request.constraints.is_empty();
    let n = if may_lose_candidates { n } else { list.count };
    let missing = n.saturating_sub(found.candidates.len());
    if list.fallback == Fallback::Personal && list.logic != Logic::Personal && missing > 0 {
        let known: FxHashSet<u32> =
            found.candidates.iter().map(|candidate| candidate.item).collect();
        let is_new = |item| !known.contains(&item) && allows(item);
        let own = sources.personal_candidates(
            &sources.query_vector_with_weak_signals(request.history, request.weak_signals),
            missing,
            0.0,
            scope,
            is_new,
        );
        let floor = fallback_floor;
        let lower_score = |candidate: Candidate| Candidate {
            score: floor * (candidate.score / own.top),
            ..candidate
        };
        found.candidates.extend(own.candidates.into_iter().map(lower_score));
        found.candidates.sort_by(Candidate::best_first);
        fallback_floor *= own.lowest / own.top;
    }
    let is_complete = list.logic == Logic::Trending
        && (request.period_popularity.is_none() || list.interaction.is_some());
    if !is_complete {
        sources.add_fallback(
            &mut found.candidates,
            TrendingBasis::All,
            n,
            fallback_floor,
            scope,
            allows,
        );
    }
    found
}
