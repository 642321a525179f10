//! One request: candidates from where its logic says, reranked, with reasons. Everything passes the one eligibility pass.

use domain::{Fallback, InteractionKind, ItemIdx, ListRequest, Logic, Relevance};
use rustc_hash::FxHashSet;

use crate::candidates::{Candidate, CandidateScope, QueryVector, Sources, TrendingBy};
use crate::facet::{Facet, ValueIdx};
use crate::rerank::{pick, rotate};
use crate::seeds::at_hand;
use crate::{Eligibility, HistoryEntry, Impression, WeakSignal, own_history};

/// The most history items that a reason names.
pub(crate) const CONTRIBUTIONS_MAX: usize = 3;
/// How many candidates are reranked for each item of a list, at least, and at most in all.
const RERANKED_PER_ITEM: usize = 5;
const RERANKED_MIN: usize = 100;
const RERANKED_MAX: usize = 2_000;
/// Where constraints leave too few of these, so many times as many are looked at.
const RERANKED_MORE: usize = 8;
/// How many items stand behind a list of values of a property.
const ITEMS_OF_VALUES: usize = 500;

/// Where a recommended item came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The user's own history, by what others did.
    Model,
    /// The user's own history, by what items are like: no model knows the item yet.
    New,
    /// What everybody likes now.
    Trending,
    /// What the user looked at.
    RecentlyViewed,
    /// What the user is due to buy once more.
    BuyAgain,
    /// Somebody picked it.
    Picked,
}

/// A history item that speaks for a recommended one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contribution {
    /// The history item.
    pub item: ItemIdx,
    /// What the user did with it.
    pub kind: InteractionKind,
    /// Its part of the score, from 0 to 1.
    pub share: f32,
}

/// One item, or one value of a property, of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommended<I = ItemIdx> {
    /// Which.
    pub item: I,
    /// The score: comparable within a list, and for items from the history between lists of one model.
    pub score: f32,
    /// Where it came from.
    pub origin: Origin,
    /// The history items that contributed most, strongest first; none for trending items.
    pub explanation: Vec<Contribution>,
}

/// A ranked list.
#[derive(Debug, Clone, PartialEq)]
pub enum Recommendation {
    /// Items, best first.
    Items(Vec<Recommended>),
    /// Values of a property, best first.
    Values(Vec<Recommended<ValueIdx>>),
}

/// What the score of an item is multiplied with: 1 changes nothing, 0 and less go to the end.
#[derive(Clone, Copy)]
pub enum ItemBooster<'a> {
    /// By item, and the largest of all.
    Precomputed(&'a [f32], f32),
    /// As it is asked for.
    OnDemand(&'a dyn Fn(ItemIdx) -> f32),
}

impl ItemBooster<'_> {
    /// For one item.
    #[inline]
    pub fn boost(&self, item: ItemIdx) -> f32 {
        match self {
            Self::Precomputed(boosts, _) => boosts.get(item.pos()).copied().unwrap_or(1.0),
            Self::OnDemand(boost) => boost(item),
        }
    }

    /// No item has more.
    pub(crate) fn max_boost(&self) -> f32 {
        match self {
            // Items that came since have 1.
            Self::Precomputed(_, most) => most.max(1.0),
            Self::OnDemand(_) => f32::INFINITY,
        }
    }
}

/// Who asks for what.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The list.
    pub list: &'a ListRequest,
    /// What the user did, oldest first.
    pub history: &'a [HistoryEntry],
    /// The user's weak signals, oldest first.
    pub weak_signals: &'a [WeakSignal],
    /// What the list is for, where its logic is [`Logic::Similar`].
    pub seeds: &'a [ItemIdx],
    /// What somebody picked, where the logic is [`Logic::Picks`], best first.
    pub picks: &'a [ItemIdx],
    /// What may be in it.
    pub eligibility: &'a Eligibility<'a>,
    /// Where few items may be in it: all that may, and perhaps others.
    pub candidate_set: Option<&'a [u32]>,
    /// What scores are multiplied with.
    pub booster: Option<ItemBooster<'a>>,
    /// The property or segmentation whose values are recommended in place of items.
    pub values: Option<FacetValues<'a>>,
    /// How many items of a kind there may be.
    pub constraints: &'a [Constraint<'a>],
    /// What has a share of the places.
    pub promoted: Option<Promoted<'a>>,
    /// What the user was shown lately.
    pub impressions: &'a [Impression],
    /// The time, in seconds since 1970.
    pub now_s: u32,
    /// For trending items of a period: items by their popularity in it, most popular first ([`crate::Histories::add_period_popularity`]).
    pub period_popularity: Option<&'a [(u32, f32)]>,
}

/// Values that are recommended.
#[derive(Clone, Copy)]
pub struct FacetValues<'a> {
    /// Which values items have.
    pub facet: &'a Facet,
    /// Which may be in the list.
    pub allows: &'a dyn Fn(ValueIdx) -> bool,
    /// What their scores are multiplied with.
    pub booster: Option<&'a dyn Fn(ValueIdx) -> f32>,
}

/// At most so many items of a list have one value.
#[derive(Clone, Copy)]
pub struct Constraint<'a> {
    /// Which values items have.
    pub item_type: &'a Facet,
    /// How many items.
    pub max: usize,
}

/// Items that have a share of the places of a list, as far as there are enough of them.
#[derive(Clone, Copy)]
pub struct Promoted<'a> {
    /// Which they are.
    pub includes: &'a dyn Fn(ItemIdx) -> bool,
    /// From 0 to 1.
    pub share: f32,
}

impl<'a> Request<'a> {
    /// Whether scores alone do not say the order.
    pub fn is_reranked(&self) -> bool {
        self.list.diversity > 0.0
            || (self.list.rotation_rate > 0.0 && !self.impressions.is_empty())
            || !self.constraints.is_empty()
            || self.promoted.is_some()
    }

    /// For items, of somebody who was shown nothing, at no time in particular.
    pub fn new(list: &'a ListRequest, history: &'a [HistoryEntry], eligibility: &'a Eligibility<'a>) -> Self {
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
    /// The items; none of a list of values.
    pub fn into_items(self) -> Vec<Recommended> {
        match self {
            Self::Items(items) => items,
            Self::Values(_) => Vec::new(),
        }
    }
}

/// Answers a request with up to `count` items; fewer only where fewer are eligible, or relevant enough.
pub fn recommend(sources: Sources<'_>, request: &Request<'_>) -> Recommendation {
    let weighed = sources.query_vector_for_request(request);
    if let Some(values) = request.values {
        let allows = |item: u32| request.eligibility.allows(ItemIdx(item));
        // As many whatever part of the list is asked for, so that one is the beginning of the other.
        let found = candidates(sources, request, &weighed, ITEMS_OF_VALUES, None, &allows);
        let because = |item| sources.explain(&weighed, item);
        return Recommendation::Values(values.list(sources, request, &found.candidates, because));
    }
    let own_kind = |item: ItemIdx| {
        let last = request.history.iter().rev().find(|entry| entry.item == item);
        last.map(|entry| Contribution { item, kind: entry.kind, share: 1.0 }).into_iter().collect()
    };
    let explained = |candidate: Candidate| {
        let item = ItemIdx(candidate.item);
        let because = match candidate.origin {
            Origin::Model | Origin::New => sources.explain(&weighed, item),
            Origin::Trending | Origin::Picked => Vec::new(),
            Origin::RecentlyViewed => own_kind(item),
            Origin::BuyAgain => vec![Contribution { item, kind: InteractionKind::Purchase, share: 1.0 }],
        };
        Recommended { item, score: candidate.score, origin: candidate.origin, explanation: because }
    };
    Recommendation::Items(picked(sources, request, &weighed).into_iter().map(explained).collect())
}

/// The items that [`recommend`] answers with, and their scores, without reasons.
pub fn rank(sources: Sources<'_>, request: &Request<'_>) -> Vec<(ItemIdx, f32)> {
    let picked = picked(sources, request, &sources.query_vector_for_request(request));
    picked.into_iter().map(|candidate| (ItemIdx(candidate.item), candidate.score)).collect()
}

/// The items of a list.
fn picked(sources: Sources<'_>, request: &Request<'_>, weighed: &QueryVector) -> Vec<Candidate> {
    let count = request.list.count;
    let at_hand = at_hand(request);
    let allows = |item: u32| {
        let item = ItemIdx(item);
        request.eligibility.allows(item) && !at_hand.contains(&item)
    };
    let is_reranked = request.is_reranked();
    let mut n = if is_reranked { n_reranked(count) } else { count };
    loop {
        let Found { candidates: mut found, floor } = candidates(sources, request, weighed, n, None, &allows);
        let n_found = found.len();
        if let Some(promoted) = &request.promoted {
            let allows = |item: u32| (promoted.includes)(ItemIdx(item)) && allows(item);
            let n = (promoted.share * count as f32).ceil() as usize;
            let more = candidates(sources, request, weighed, n, Some(floor), &allows).candidates;
            let taken: FxHashSet<u32> = found.iter().map(|candidate| candidate.item).collect();
            found.extend(more.into_iter().filter(|candidate| !taken.contains(&candidate.item)));
            found.sort_by(Candidate::best_first);
        }
        rotate(&mut found, request);
        if is_reranked {
            found = pick(found, request, |a, b| sources.similarity(a, b));
        }
        // Constraints may have used up what was found.
        if found.len() >= count || n_found < n || request.constraints.is_empty() {
            return found;
        }
        n *= RERANKED_MORE;
    }
}

/// What a request asks for of items that come from elsewhere, with scores, best first: rotated, diverse, constrained and with promoted ones in their
/// places, as far as they are among them.
pub fn rerank(
    sources: Sources<'_>,
    request: &Request<'_>,
    scored: Vec<(ItemIdx, f32)>,
) -> Vec<(ItemIdx, f32)> {
    let of = |(item, score): (ItemIdx, f32)| Candidate { item: item.0, score, origin: Origin::Model };
    let mut candidates: Vec<Candidate> = scored.into_iter().map(of).collect();
    rotate(&mut candidates, request);
    let picked = pick(candidates, request, |a, b| sources.similarity(a, b));
    picked.into_iter().map(|candidate| (ItemIdx(candidate.item), candidate.score)).collect()
}

/// How many items are looked at for a list that is reranked.
pub fn n_reranked(count: usize) -> usize {
    (RERANKED_PER_ITEM * count).clamp(RERANKED_MIN, RERANKED_MAX.max(count))
}

/// What a logic found.
struct Found {
    /// Best first.
    candidates: Vec<Candidate>,
    /// What fills the list up stays below this score.
    floor: f32,
}

/// The best `n` items that `allows` lets through by the request's logic, filled up; `floor` where it is known from another list.
fn candidates(
    sources: Sources<'_>,
    request: &Request<'_>,
    weighed: &QueryVector,
    n: usize,
    floor: Option<f32>,
    allows: &dyn Fn(u32) -> bool,
) -> Found {
    let Request { list, candidate_set: few, booster, .. } = *request;
    let among = CandidateScope { candidate_set: few, booster };
    let of_own = |items: Vec<(u32, f32)>, origin| {
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
        Found { candidates: own, floor }
    };
    let mut found = match list.logic {
        Logic::Personal | Logic::Similar | Logic::CrossSell | Logic::WatchNext => {
            let share_min = sources.relevant_share(list.min_relevance);
            let personal = sources.personal_candidates(weighed, n, share_min, among, allows);
            Found { candidates: personal.candidates, floor: personal.lowest }
        }
        Logic::Trending => {
            let mut candidates = Vec::new();
            let by = match (request.period_popularity, list.interaction) {
                (Some(ranked), _) => TrendingBy::Period(ranked),
                (None, Some(kind)) => TrendingBy::Kind(kind),
                (None, None) => TrendingBy::All,
            };
            sources.add_fallback(&mut candidates, by, n, 1.0, among, allows);
            let floor = candidates.last().map_or(1.0, |last| last.score);
            Found { candidates, floor }
        }
        Logic::RecentlyViewed => of_own(own_history::viewed(sources, request), Origin::RecentlyViewed),
        Logic::ContinueWatching => of_own(own_history::begun(request), Origin::RecentlyViewed),
        Logic::Picks => of_own(own_history::picked(sources, request), Origin::Picked),
        Logic::BuyAgain => of_own(sources.due(request.history, request.now_s), Origin::BuyAgain),
    };
    if list.min_relevance != Relevance::Low || list.fallback == Fallback::None {
        return found;
    }
    found.floor = floor.unwrap_or(found.floor);
    let mut of_rest = found.floor;
    // What fills up takes no place of what does not, unless that steps back.
    let needs_all = list.rotation_rate > 0.0 || request.values.is_some() || !request.constraints.is_empty();
    let n = if needs_all { n } else { list.count };
    let missing = n.saturating_sub(found.candidates.len());
    if list.fallback == Fallback::Personal && list.logic != Logic::Personal && missing > 0 {
        let taken: FxHashSet<u32> = found.candidates.iter().map(|candidate| candidate.item).collect();
        let is_new = |item| !taken.contains(&item) && allows(item);
        let own = sources.personal_candidates(
            &sources.query_vector_with_weak_signals(request.history, request.weak_signals),
            missing,
            0.0,
            among,
            is_new,
        );
        let floor = of_rest;
        let below =
            |candidate: Candidate| Candidate { score: floor * (candidate.score / own.top), ..candidate };
        found.candidates.extend(own.candidates.into_iter().map(below));
        found.candidates.sort_by(Candidate::best_first);
        of_rest *= own.lowest / own.top;
    }
    let is_complete =
        list.logic == Logic::Trending && (request.period_popularity.is_none() || list.interaction.is_some());
    if !is_complete {
        sources.add_fallback(&mut found.candidates, TrendingBy::All, n, of_rest, among, allows);
    }
    found
}
