//! A request for a list, and the list that answers it.

use domain::{InteractionKind, ItemIdx, ListRequest};

use crate::facet::{Facet, ValueIdx};
use crate::{Eligibility, HistoryEntry, Impression, PeopleByItem, WeakSignal};

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
    /// The text of the item, which matches what was searched for.
    Match,
    /// Its properties, which are like those of what the user did last.
    Content,
    /// The time at which it entered the catalog.
    Newest,
    /// What people combined with what the user did last, counted in a look-back window.
    Together,
}

impl Origin {
    /// Whether the item follows from what the user did, or is part of that.
    pub fn is_personal(self) -> bool {
        match self {
            Self::Model
            | Self::ColdStart
            | Self::RecentlyViewed
            | Self::BuyAgain
            | Self::Content
            | Self::Together => true,
            Self::Trending | Self::Picked | Self::Match | Self::Newest => false,
        }
    }
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
    /// How many people did the same with it and acted on the recommended item too; none where they
    /// were not counted.
    pub n_people: Option<u32>,
}

impl Contribution {
    /// A contribution without a number of people.
    pub fn new(item: ItemIdx, kind: InteractionKind, share: f32) -> Self {
        Self { item, kind, share, n_people: None }
    }
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
    /// The items that the list is for: seeds of [`Logic::Similar`] and of logics with anchors.
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
    /// What fills the list up behind the fallback.
    pub backfill: Option<Backfill<'a>>,
    /// The (item, popularity) pairs of a period, most popular first, for trending lists of a period
    /// ([`crate::Histories::add_period_popularity`]).
    pub period_popularity: Option<&'a [(u32, f32)]>,
    /// The people of each item in the window that [`Logic::Together`] learns from; none where it
    /// asks the model.
    ///
    /// [`Logic::Together`]: domain::Logic::Together
    pub people_by_item: Option<&'a PeopleByItem>,
}

/// Items similar to seeds, which fill a list up where the request's own items and their fallback
/// are too few. It has a fallback of its own, and no explanations.
#[derive(Clone, Copy)]
pub struct Backfill<'a> {
    /// Finds the seeds; called where there are places to fill.
    pub seeds: &'a dyn Fn() -> Vec<ItemIdx>,
    /// The check that every item of the backfill passes, in place of the request's.
    pub eligibility: &'a Eligibility<'a>,
    /// A superset of the items that pass it, where it is small enough to be enumerated.
    pub candidate_set: Option<&'a [u32]>,
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

    /// Whether the user has done something lately enough to get a list.
    pub(crate) fn is_for_active_user(&self) -> bool {
        let Some(active_within_s) = self.list.active_within_s else { return true };
        let last_s = self.history.last().map(|entry| entry.at_s);
        last_s.is_some_and(|last_s| last_s.saturating_add(active_within_s) >= self.now_s)
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
            backfill: None,
            period_popularity: None,
            people_by_item: None,
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
