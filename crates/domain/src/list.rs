//! The parameters of a recommendation list.

mod freshness;
mod person_filters;
pub(crate) mod settings;
mod sources;

pub use freshness::Freshness;
pub use person_filters::{EVENT_FILTERS_MAX, EventFilter, FILTER_EVENTS_MAX, Keep, LocationFilter};
pub use sources::{CHAIN_MAX, Fallback, MIX_PARTS_MAX, MixPart};

pub use settings::{
    CONSTRAINTS_MAX, Constraint, EXPRESSION_BYTES_MAX, ExpressionRole, ListCaller, ListSettings,
    PICKS_MAX, Promoted,
};

use serde::{Deserialize, Serialize};

use self::sources::check_mix;
use crate::InteractionKind;

/// Where the items of a list come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Logic {
    /// Items predicted from the user's history. The default fallback is trending items.
    #[default]
    Personal,
    /// Items that are popular now.
    Trending,
    /// Items that the user viewed, the latest first.
    RecentlyViewed,
    /// Items that the user is due to buy again.
    BuyAgain,
    /// Items similar to the seed items of the request.
    Similar,
    /// Complements of the seed item, or of the items in the user's cart.
    CrossSell,
    /// Items that follow the seed item, or the user's last interaction.
    WatchNext,
    /// Items that the user started to play and did not finish, the latest first.
    ContinueWatching,
    /// Items picked by hand, in the given order or ordered by the user's scores.
    Picks,
    /// Items that people combine with what the user did last ([`ListRequest::anchors`]).
    Together,
    /// Items whose properties are like those of what the user did last.
    ContentBased,
    /// The items that entered the catalog last, the latest first.
    Newest,
}

impl Logic {
    /// The word in files and requests.
    pub fn word(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Trending => "trending",
            Self::RecentlyViewed => "recently_viewed",
            Self::BuyAgain => "buy_again",
            Self::Similar => "similar",
            Self::CrossSell => "cross_sell",
            Self::WatchNext => "watch_next",
            Self::ContinueWatching => "continue_watching",
            Self::Picks => "picks",
            Self::Together => "together",
            Self::ContentBased => "content_based",
            Self::Newest => "newest",
        }
    }

    /// All logics, in the order of the variants.
    pub const ALL: [Self; 12] = [
        Self::Personal,
        Self::Trending,
        Self::RecentlyViewed,
        Self::BuyAgain,
        Self::Similar,
        Self::CrossSell,
        Self::WatchNext,
        Self::ContinueWatching,
        Self::Picks,
        Self::Together,
        Self::ContentBased,
        Self::Newest,
    ];

    /// Whether the scores come from a history or from seed items, so that a minimal relevance
    /// applies.
    pub fn has_relevance(self) -> bool {
        matches!(
            self,
            Self::Personal | Self::Similar | Self::CrossSell | Self::WatchNext | Self::Together
        )
    }

    /// Whether the list is of items that go with what the user did last.
    pub fn has_anchors(self) -> bool {
        matches!(self, Self::Together | Self::ContentBased)
    }

    /// Whether the list consists of items from the user's history.
    pub fn shows_history(self) -> bool {
        matches!(self, Self::RecentlyViewed | Self::BuyAgain | Self::ContinueWatching)
    }
}

/// The items of a user's history that are excluded from a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// No item.
    None,
    /// Items that the user has bought.
    Purchased,
    /// Items that the user has bought, or played in whole or in part.
    Watched,
    /// Items of any interaction of the user.
    Interacted,
}

/// The least score that an item needs, calibrated on the items that users chose in held-out
/// history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relevance {
    /// No minimum; the fallback completes the list.
    #[default]
    Low,
    /// The tenth percentile of the scores of chosen items.
    Medium,
    /// The median score of chosen items.
    High,
}

/// The kinds of videos in a list, by the property [`AssetType::PROPERTY`] of the items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum AssetType {
    /// Movies.
    #[serde(rename = "movies")]
    Movies,
    /// Episodes.
    #[serde(rename = "episodes")]
    Episodes,
    /// Series.
    #[serde(rename = "series")]
    Series,
    /// Movies and episodes.
    #[serde(rename = "movies+episodes")]
    MoviesAndEpisodes,
    /// Movies and series.
    #[serde(rename = "movies+series")]
    MoviesAndSeries,
}

impl AssetType {
    /// The item property, a string, that holds the kind.
    pub const PROPERTY: &str = "assetType";

    /// The filter expression for these kinds; it accepts the singular and the plural of each word.
    pub fn filter(self) -> String {
        let words = match self {
            Self::Movies => r#""movie", "movies""#,
            Self::Episodes => r#""episode", "episodes""#,
            Self::Series => r#""series""#,
            Self::MoviesAndEpisodes => r#""movie", "movies", "episode", "episodes""#,
            Self::MoviesAndSeries => r#""movie", "movies", "series""#,
        };
        format!("'{}' in {{{words}}}", Self::PROPERTY)
    }
}

/// The parameters of one ranked list: [`ListSettings`] with all defaults in place.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRequest {
    /// The number of items, up to [`LIST_COUNT_MAX`] over HTTP.
    pub count: usize,
    /// Where the items come from, unless they are mixed.
    pub logic: Logic,
    /// The parts of a mixed list, which share its places by their weights. Empty for a list of one
    /// logic; else `logic` is [`Logic::Personal`].
    pub mix: Vec<MixPart>,
    /// For trending lists and those with anchors: the only kind of interaction that counts; none
    /// for all kinds.
    pub interaction: Option<InteractionKind>,
    /// For lists with anchors: of how many items, the last ones that the user did something with,
    /// from 1 to [`ANCHORS_MAX`].
    pub anchors: u32,
    /// For [`Logic::Together`]: what people combined within so many seconds before now decides, and
    /// not the model; none for the model.
    pub learns_from_s: Option<u32>,
    /// The user gets no list at all unless they did something within so many seconds; none where it
    /// does not matter.
    pub active_within_s: Option<u32>,
    /// A list of fewer items is no list: it is empty then.
    pub min_count: u32,
    /// The items of the user's history that are excluded.
    pub exclude: Exclusion,
    /// The catalog whose items the list is of; none for all.
    pub catalog: Option<String>,
    /// The property whose values are recommended in place of items.
    pub item_type: Option<String>,
    /// From 0, pure relevance, to 1, items as dissimilar as possible.
    pub diversity: f32,
    /// From 0, no rotation, to 1, no item with a very recent impression.
    pub rotation_rate: f32,
    /// The time that an item takes to recover from an impression, in seconds.
    pub rotation_time_s: u32,
    /// The least relevance of an item.
    pub min_relevance: Relevance,
    /// For lists with a seed item: from 0, the seed alone counts, to 1, the history alone.
    pub user_impact: f32,
    /// Completes the list where `min_relevance` is low.
    pub fallback: Fallback,
    /// For viewed, continued and trending items, and anchors: the largest age of an interaction
    /// that counts, in seconds; none for any age.
    pub max_age_s: Option<u32>,
    /// For viewed and continued items: whether the oldest comes first.
    pub oldest_first: bool,
    /// For continued items: the portion from which an item counts as started, from 0 to 1.
    pub begun_from: f32,
    /// For continued items: the portion from which an item counts as finished, from 0 to 1.
    pub finished_from: f32,
    /// For picks: whether they are ordered by the user's scores.
    pub reorder_picks: bool,
}

/// The most anchors of a list.
pub const ANCHORS_MAX: u32 = 10;
/// The default of [`ListRequest::anchors`]: the last action alone.
const ANCHORS_DEFAULT: u32 = 1;
/// The default of [`ListRequest::begun_from`].
const BEGUN_FROM_DEFAULT: f32 = 0.1;
/// The default of [`ListRequest::finished_from`].
const FINISHED_FROM_DEFAULT: f32 = 0.9;

/// The most items of a list that is asked for over HTTP or by a trait.
pub const LIST_COUNT_MAX: u32 = 200;
/// The default of [`ListRequest::rotation_time_s`], in seconds.
pub(crate) const ROTATION_TIME_S_DEFAULT: u32 = 7_200;
/// The longest time for which impressions are kept for rotation, in seconds: 30 days.
pub const ROTATION_TIME_S_MAX: u32 = 30 * 86_400;

impl ListRequest {
    /// A request for `count` items with the defaults that a trait of this logic has.
    pub fn new(count: usize, logic: Logic) -> Self {
        let settings = ListSettings { logic: Some(logic), ..ListSettings::default() };
        settings.request(count, ListCaller::Trait)
    }

    /// The logics that the items come from before any fallback: one, or those of a mix.
    pub fn logics(&self) -> impl Iterator<Item = Logic> {
        let one = Some(self.logic).filter(|_| self.mix.is_empty());
        one.into_iter().chain(self.mix.iter().map(|part| part.logic))
    }

    /// Whether the list, or a part of it, is predicted from the user's whole history.
    pub fn is_personal(&self) -> bool {
        self.logics().any(|logic| logic == Logic::Personal)
    }

    /// Whether the scores of a logic come from the model, so that a minimal relevance applies.
    fn has_relevance(&self, logic: Logic) -> bool {
        let is_counted = logic == Logic::Together && self.learns_from_s.is_some();
        logic.has_relevance() && !is_counted
    }

    /// Whether a logic that was named for the list passes a test: its own, that of a part of its
    /// mix, or one of its fallback chain.
    pub fn names_logic(&self, passes: impl Fn(Logic) -> bool) -> bool {
        let chain = match &self.fallback {
            Fallback::Chain(logics) => &logics[..],
            _ => &[],
        };
        self.logics().chain(chain.iter().copied()).any(passes)
    }

    /// As [`ListRequest::validate`], for a list that has a user and no seed item.
    ///
    /// # Errors
    /// A sentence that names the key and the way out.
    pub fn validate_for_user(&self) -> Result<(), String> {
        if self.names_logic(|logic| logic == Logic::Similar) {
            let what = "logic is similar, which is for lists that are for an item: take another";
            return Err(what.to_owned());
        }
        if self.names_logic(|logic| logic == Logic::Picks) {
            return Err("logic is picks, which is for scenarios and calls that name the picks: take another"
                .to_owned());
        }
        self.validate()
    }

    /// Checks ranges and that the parameters fit together.
    ///
    /// # Errors
    /// A sentence that names the key and the way out.
    pub fn validate(&self) -> Result<(), String> {
        self.fallback.validate()?;
        check_mix(&self.mix)?;
        let shares = [
            ("diversity", self.diversity),
            ("rotation_rate", self.rotation_rate),
            ("user_impact", self.user_impact),
            ("begun_from", self.begun_from),
            ("finished_from", self.finished_from),
        ];
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("{name} is {value}, it must be from 0 to 1"));
            }
        }
        if !(1..=ROTATION_TIME_S_MAX).contains(&self.rotation_time_s) {
            let given = self.rotation_time_s;
            return Err(format!(
                "rotation_time_s is {given}, it must be from 1 to {ROTATION_TIME_S_MAX}"
            ));
        }
        let is_of_kind = self.names_logic(|one| one == Logic::Trending || one.has_anchors());
        if self.interaction.is_some() && !is_of_kind {
            return Err(
                "interaction chooses what counts as trending, or as what the user did last: set logic to \
                        trending, together or content_based"
                    .to_owned(),
            );
        }
        if !(1..=ANCHORS_MAX).contains(&self.anchors) {
            return Err(format!("anchors is {}, it must be from 1 to {ANCHORS_MAX}", self.anchors));
        }
        if self.anchors != ANCHORS_DEFAULT && !self.names_logic(Logic::has_anchors) {
            return Err(
                "anchors says how many of the last items a list goes with: set logic to together or \
                        content_based"
                    .to_owned(),
            );
        }
        if self.learns_from_s.is_some() && !self.names_logic(|one| one == Logic::Together) {
            return Err(
                "learns_from_s says from how far back a list learns what people combine: set logic \
                        to together"
                    .to_owned(),
            );
        }
        if self.learns_from_s == Some(0) {
            return Err("learns_from_s is 0, it must be 1 or more".to_owned());
        }
        if self.min_count > LIST_COUNT_MAX {
            return Err(format!(
                "min_count is {}, it must be up to {LIST_COUNT_MAX}",
                self.min_count
            ));
        }
        if self.item_type.as_deref() == Some("") {
            return Err("item_type is empty, it must be a property of the catalog".to_owned());
        }
        if self.begun_from >= self.finished_from {
            let (begun, finished) = (self.begun_from, self.finished_from);
            return Err(format!(
                "begun_from is {begun}, it must be below finished_from, which is {finished}"
            ));
        }
        let is_continued = self.names_logic(|logic| logic == Logic::ContinueWatching);
        if !is_continued
            && (self.begun_from, self.finished_from) != (BEGUN_FROM_DEFAULT, FINISHED_FROM_DEFAULT)
        {
            return Err(
                "begun_from and finished_from say what is to be continued: set logic to continue_watching"
                    .to_owned(),
            );
        }
        let is_viewed = is_continued || self.names_logic(|one| one == Logic::RecentlyViewed);
        if self.oldest_first && !is_viewed {
            return Err(
                "oldest_first is for lists of what was viewed: set logic to recently_viewed"
                    .to_owned(),
            );
        }
        if self.max_age_s.is_some() && !is_viewed && !is_of_kind {
            return Err(
                "max_age_s is for lists of what was viewed or is trending, or goes with what was done \
                        last: set logic to recently_viewed, trending, together or content_based"
                    .to_owned(),
            );
        }
        if self.reorder_picks && !self.names_logic(|logic| logic == Logic::Picks) {
            return Err("reorder_picks is for lists of picks: set logic to picks".to_owned());
        }
        let finds_nothing = |logic: Logic| match logic {
            Logic::Personal
            | Logic::Trending
            | Logic::Similar
            | Logic::CrossSell
            | Logic::WatchNext
            | Logic::Picks
            | Logic::Together
            | Logic::ContentBased
            | Logic::Newest => false,
            Logic::RecentlyViewed => self.exclude == Exclusion::Interacted,
            Logic::ContinueWatching => {
                matches!(self.exclude, Exclusion::Watched | Exclusion::Interacted)
            }
            Logic::BuyAgain => self.exclude != Exclusion::None,
        };
        if self.logics().any(finds_nothing) {
            return Err(
                "exclude leaves out everything that this logic finds: take a weaker one".to_owned()
            );
        }
        if self.min_relevance != Relevance::Low
            && !self.logics().any(|logic| self.has_relevance(logic))
        {
            return Err(
                "min_relevance needs a logic with scores of the model, such as personal".to_owned()
            );
        }
        if self.item_type.is_some() && (self.diversity > 0.0 || self.rotation_rate > 0.0) {
            return Err(
                "diversity and rotation are for lists of items, not for those of an item_type"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// The weight of one interaction of each kind, from 0 to 1. Only the ratios count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InteractionWeights {
    /// The weight of a detail view.
    pub view: f32,
    /// The weight of a purchase.
    pub purchase: f32,
    /// The weight of the best rating; the worst one counts half as much, negatively.
    pub rating: f32,
    /// The weight of a cart addition.
    pub cart: f32,
    /// The weight of a bookmark.
    pub bookmark: f32,
    /// The weight of an item played or read to the end; a fifth of it where it was only started.
    pub portion: f32,
}

impl Default for InteractionWeights {
    /// Purchases and ratings first, then carts and bookmarks, then views.
    fn default() -> Self {
        Self { view: 0.4, purchase: 1.0, rating: 1.0, cart: 0.7, bookmark: 0.7, portion: 1.0 }
    }
}

/// The largest weight of one kind of interaction.
const WEIGHT_MAX: f32 = 1.0;

impl InteractionWeights {
    /// The weight of a kind.
    pub fn weight(&self, kind: InteractionKind) -> f32 {
        match kind {
            InteractionKind::DetailView => self.view,
            InteractionKind::Purchase => self.purchase,
            InteractionKind::Rating => self.rating,
            InteractionKind::CartAddition => self.cart,
            InteractionKind::Bookmark => self.bookmark,
            InteractionKind::ViewPortion => self.portion,
        }
    }

    /// Checks ranges.
    ///
    /// # Errors
    /// Names the kind whose weight is out of range, or says that all weights are 0.
    pub fn validate(&self) -> Result<(), String> {
        for kind in InteractionKind::ALL {
            let weight = self.weight(kind);
            if !(0.0..=WEIGHT_MAX).contains(&weight) {
                return Err(format!("{kind} is {weight}, it must be from 0 to {WEIGHT_MAX}"));
            }
        }
        if InteractionKind::ALL.into_iter().all(|kind| self.weight(kind) == 0.0) {
            return Err("every weight is 0: nothing would count".to_owned());
        }
        Ok(())
    }
}
