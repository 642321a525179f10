//! One request: candidates from where its logic says, reranked, with reasons. Everything passes the one eligibility pass.

use domain::{InteractionKind, ItemIdx, ListRequest, Logic, Relevance};

use crate::candidates::{Candidate, Sources};
use crate::item_type::{ItemType, ValueIdx};
use crate::rerank::{Shown, diversify, rotate};
use crate::{Eligibility, HistoryEntry};

/// The most history items that a reason names.
pub(crate) const REASONS_MAX: usize = 3;
/// How many candidates are reranked for each item of a list, at least, and at most in all.
const RERANKED_PER_ITEM: usize = 5;
const RERANKED_MIN: usize = 100;
const RERANKED_MAX: usize = 2_000;
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
}

/// A history item that speaks for a recommended one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Because {
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
    pub because: Vec<Because>,
}

/// A ranked list.
#[derive(Debug, Clone, PartialEq)]
pub enum Recommendation {
    /// Items, best first.
    Items(Vec<Recommended>),
    /// Values of a property, best first.
    Values(Vec<Recommended<ValueIdx>>),
}

/// Who asks for what.
pub struct Request<'a> {
    /// The list.
    pub list: &'a ListRequest,
    /// What the user did, oldest first.
    pub history: &'a [HistoryEntry],
    /// What may be in it.
    pub eligibility: &'a Eligibility<'a>,
    /// The property whose values are recommended, where the list asks for one.
    pub item_type: Option<&'a ItemType>,
    /// What the user was shown lately.
    pub shown: &'a [Shown],
    /// The time, in seconds since 1970.
    pub now_s: u32,
}

impl<'a> Request<'a> {
    /// For items, of somebody who was shown nothing, at no time in particular.
    pub fn new(list: &'a ListRequest, history: &'a [HistoryEntry], eligibility: &'a Eligibility<'a>) -> Self {
        Self { list, history, eligibility, item_type: None, shown: &[], now_s: 0 }
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
    let ListRequest { count, diversity, rotation_rate, .. } = *request.list;
    let weighed = sources.weigh(request.history);
    if let Some(item_type) = request.item_type {
        let candidates = candidates(sources, request, &weighed, ITEMS_OF_VALUES.max(count));
        let because = |item| sources.because(&weighed, item);
        return Recommendation::Values(item_type.list(&candidates, request.eligibility, because, count));
    }
    let is_reranked = diversity > 0.0 || (rotation_rate > 0.0 && !request.shown.is_empty());
    let n_candidates = match is_reranked {
        true => (RERANKED_PER_ITEM * count).clamp(RERANKED_MIN, RERANKED_MAX.max(count)),
        false => count,
    };
    let mut candidates = candidates(sources, request, &weighed, n_candidates);
    rotate(&mut candidates, request);
    if diversity > 0.0 {
        candidates = diversify(candidates, diversity, count, |a, b| sources.likeness(a, b));
    }
    candidates.truncate(count);
    let own_kind = |item: ItemIdx| {
        let last = request.history.iter().rev().find(|entry| entry.item == item);
        last.map(|entry| Because { item, kind: entry.kind, share: 1.0 }).into_iter().collect()
    };
    let explained = |candidate: Candidate| {
        let item = ItemIdx(candidate.item);
        let because = match candidate.origin {
            Origin::Model | Origin::New => sources.because(&weighed, item),
            Origin::Trending => Vec::new(),
            Origin::RecentlyViewed => own_kind(item),
            Origin::BuyAgain => vec![Because { item, kind: InteractionKind::Purchase, share: 1.0 }],
        };
        Recommended { item, score: candidate.score, origin: candidate.origin, because }
    };
    Recommendation::Items(candidates.into_iter().map(explained).collect())
}

/// The best `n` eligible items by the request's logic, best first.
fn candidates(
    sources: Sources<'_>,
    request: &Request<'_>,
    weighed: &crate::candidates::Weighed,
    n: usize,
) -> Vec<Candidate> {
    let allows = |item: u32| request.eligibility.allows(ItemIdx(item));
    let of_own = |items: Vec<(u32, f32)>, origin| {
        let mut own: Vec<Candidate> = items
            .into_iter()
            .filter(|(item, _)| allows(*item))
            .map(|(item, score)| Candidate { item, score, origin })
            .collect();
        own.sort_by(Candidate::best_first);
        own.truncate(n);
        own
    };
    match request.list.logic {
        Logic::Personal => {
            let floor = sources.relevance(request.list.min_relevance);
            let mut candidates = sources.personal(weighed, n, floor, allows);
            if request.list.min_relevance == Relevance::Low {
                // What is trending takes no place of what is not, unless that steps back.
                let needs_all = request.list.rotation_rate > 0.0 || request.item_type.is_some();
                let n = if needs_all { n } else { request.list.count };
                sources.fill(&mut candidates, None, n, allows);
            }
            candidates
        }
        Logic::Trending => {
            let mut candidates = Vec::new();
            sources.fill(&mut candidates, request.list.interaction, n, allows);
            candidates
        }
        Logic::RecentlyViewed => of_own(sources.recently_viewed(request.history), Origin::RecentlyViewed),
        Logic::BuyAgain => of_own(sources.due(request.history, request.now_s), Origin::BuyAgain),
    }
}
