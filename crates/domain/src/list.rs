//! The options of a list of recommendations.

use serde::{Deserialize, Serialize};

use crate::InteractionKind;

/// Where the items of a list come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Logic {
    /// From the person's own history; filled with what is trending.
    #[default]
    Personal,
    /// Items that are popular now.
    Trending,
    /// Items that the user viewed, the latest first.
    RecentlyViewed,
    /// Items that the user is due to buy again.
    BuyAgain,
    /// Items related to the seed items.
    Similar,
    /// Items related to the seed item, or to the user's cart.
    CrossSell,
    /// Items related to the seed item, or to the item of the user's last interaction.
    WatchNext,
    /// Items that the user has begun and not finished, the latest first.
    ContinueWatching,
    /// Items that an editor picked, in the editor's order or ordered for the user.
    Picks,
}

/// The items that complete a list whose logic has too few candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// Nothing: the list stays short.
    None,
    /// Items that are popular now.
    Trending,
    /// Personal items, then items that are popular now.
    Personal,
}

impl Logic {
    /// The default fallback. Lists of the user's own items and of picks have none.
    pub fn fallback(self) -> Fallback {
        match self {
            Self::Personal | Self::Similar | Self::CrossSell | Self::WatchNext | Self::Trending => {
                Fallback::Trending
            }
            Self::RecentlyViewed | Self::BuyAgain | Self::ContinueWatching | Self::Picks => Fallback::None,
        }
    }

    /// Whether candidates are scored by the model: for a history or for seed items.
    pub fn has_relevance(self) -> bool {
        matches!(self, Self::Personal | Self::Similar | Self::CrossSell | Self::WatchNext)
    }

    /// Whether the list shows what the person did.
    pub fn shows_history(self) -> bool {
        matches!(self, Self::RecentlyViewed | Self::BuyAgain | Self::ContinueWatching)
    }

    /// The default exclusion. Lists of values exclude nothing: a favourite brand stays one after a purchase.
    pub fn exclusion(self, item_type: Option<&str>) -> Exclusion {
        match self {
            Self::BuyAgain | Self::ContinueWatching | Self::Picks => Exclusion::None,
            _ if item_type.is_some() => Exclusion::None,
            _ => Exclusion::Purchased,
        }
    }
}

/// The items of the user's own history that a list leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exclusion {
    /// Nothing.
    None,
    /// Items that the user has bought.
    #[default]
    Purchased,
    /// Items that the user has bought or played, even partly.
    Watched,
    /// All items that the user has interacted with.
    Interacted,
}

/// How much of a person's history must speak for an item of a personal list, or how much the items that a list goes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relevance {
    /// Nothing: a list is filled with what is trending.
    #[default]
    Low,
    /// As much as for all but the weakest tenth of what people went on to choose.
    Medium,
    /// As much as for the stronger half of what people went on to choose.
    High,
}

/// The kinds of videos that are listed, by the items' property [`AssetType::PROPERTY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The property of items, a string, that says what they are.
    pub const PROPERTY: &str = "assetType";

    /// The filter that lets these kinds pass; the property may name one or many of a kind.
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

/// A ranked list, as traits, scenarios and requests ask for it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRequest {
    /// How many items.
    pub count: usize,
    /// Where they come from.
    pub logic: Logic,
    /// For trending lists: only interactions of this kind count; none for all.
    pub interaction: Option<InteractionKind>,
    /// The items that are left out.
    pub exclude: Exclusion,
    /// The property whose values are recommended in place of items.
    pub item_type: Option<String>,
    /// From 0, only relevance, to 1, as little similarity as possible.
    pub diversity: f32,
    /// From 0, the same list again, to 1, nothing that was shown a moment ago.
    pub rotation_rate: f32,
    /// How long it takes an item that was shown to recover, in seconds.
    pub rotation_time_s: u32,
    /// How much of the history must speak for an item.
    pub min_relevance: Relevance,
    /// For lists for an item: the weight of the user's history, from 0, only the item, to 1, only the history.
    pub user_impact: f32,
    /// The fallback; only used with [`Relevance::Low`].
    pub fallback: Fallback,
    /// Of what was viewed or is to be continued: how long ago that may be, in seconds; none for any
    /// time. Of trending items: only interactions of that age count.
    pub max_age_s: Option<u32>,
    /// For viewed and unfinished items: whether the oldest comes first.
    pub oldest_first: bool,
    /// For unfinished items: the portion from which an item counts as begun, from 0 to 1.
    pub begun_from: f32,
    /// For unfinished items: the portion from which an item counts as finished, from 0 to 1.
    pub finished_from: f32,
    /// For picks: whether they are ordered for the user.
    pub reorder_picks: bool,
}

/// The default portion from which an item counts as begun.
const BEGUN_FROM_DEFAULT: f32 = 0.1;
/// The default portion from which an item counts as finished.
const FINISHED_FROM_DEFAULT: f32 = 0.9;

/// The most items of a list that is asked for over HTTP or by a trait.
pub const LIST_COUNT_MAX: u32 = 200;
/// The default time after an impression until an item has its full score again, in seconds.
pub const ROTATION_TIME_S_DEFAULT: u32 = 7_200;
/// The longest rotation time, for which impressions are kept, in seconds: 30 days.
pub const ROTATION_TIME_S_MAX: u32 = 30 * 86_400;

impl ListRequest {
    /// So many items of a logic, and nothing else said.
    pub fn new(count: usize, logic: Logic) -> Self {
        Self {
            count,
            logic,
            interaction: None,
            exclude: logic.exclusion(None),
            item_type: None,
            diversity: 0.0,
            rotation_rate: 0.0,
            rotation_time_s: ROTATION_TIME_S_DEFAULT,
            min_relevance: Relevance::Low,
            user_impact: 0.0,
            fallback: logic.fallback(),
            max_age_s: None,
            oldest_first: false,
            begun_from: BEGUN_FROM_DEFAULT,
            finished_from: FINISHED_FROM_DEFAULT,
            reorder_picks: false,
        }
    }

    /// As [`ListRequest::validate`], of a list that is for a user and for no item.
    pub fn validate_for_user(&self) -> Result<(), String> {
        if self.logic == Logic::Similar {
            let what = "logic is similar, which is for lists that are for an item: take another";
            return Err(what.to_owned());
        }
        if self.logic == Logic::Picks {
            return Err("logic is picks, which is for scenarios and calls that name the picks: take another"
                .to_owned());
        }
        self.validate()
    }

    /// Checks ranges, and that the parts go together; says what is wrong and how to mend it.
    pub fn validate(&self) -> Result<(), String> {
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
            return Err(format!("rotation_time_s is {given}, it must be from 1 to {ROTATION_TIME_S_MAX}"));
        }
        if self.interaction.is_some() && self.logic != Logic::Trending {
            return Err("interaction chooses what counts as trending: set logic to trending too".to_owned());
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
        let is_continued = self.logic == Logic::ContinueWatching;
        if !is_continued
            && (self.begun_from, self.finished_from) != (BEGUN_FROM_DEFAULT, FINISHED_FROM_DEFAULT)
        {
            return Err(
                "begun_from and finished_from say what is to be continued: set logic to continue_watching"
                    .to_owned(),
            );
        }
        let is_viewed = is_continued || self.logic == Logic::RecentlyViewed;
        if self.oldest_first && !is_viewed {
            return Err(
                "oldest_first is for lists of what was viewed: set logic to recently_viewed".to_owned()
            );
        }
        if self.max_age_s.is_some() && !is_viewed && self.logic != Logic::Trending {
            return Err(
                "max_age_s is for lists of what was viewed or is trending: set logic to recently_viewed \
                        or trending"
                    .to_owned(),
            );
        }
        if self.reorder_picks && self.logic != Logic::Picks {
            return Err("reorder_picks is for lists of picks: set logic to picks".to_owned());
        }
        let nothing_left = match self.logic {
            Logic::Personal
            | Logic::Trending
            | Logic::Similar
            | Logic::CrossSell
            | Logic::WatchNext
            | Logic::Picks => false,
            Logic::RecentlyViewed => self.exclude == Exclusion::Interacted,
            Logic::ContinueWatching => matches!(self.exclude, Exclusion::Watched | Exclusion::Interacted),
            Logic::BuyAgain => self.exclude != Exclusion::None,
        };
        if nothing_left {
            return Err("exclude leaves out everything that this logic finds: take a weaker one".to_owned());
        }
        if self.min_relevance != Relevance::Low && !self.logic.has_relevance() {
            return Err(
                "min_relevance is for lists that something speaks for: set logic to personal".to_owned()
            );
        }
        if self.item_type.is_some() && (self.diversity > 0.0 || self.rotation_rate > 0.0) {
            return Err(
                "diversity and rotation are for lists of items, not for those of an item_type".to_owned()
            );
        }
        Ok(())
    }
}

/// How much one interaction of each kind says about taste, from 0 to 1. Only their ratios count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InteractionWeights {
    /// The weight of a detail view.
    pub view: f32,
    /// The weight of a purchase.
    pub purchase: f32,
    /// The weight of the best rating; the worst one pushes away half as much.
    pub rating: f32,
    /// The weight of a cart addition.
    pub cart: f32,
    /// The weight of a bookmark.
    pub bookmark: f32,
    /// The weight of something played or read to the end; a fifth of it where it was only begun.
    pub portion: f32,
}

impl Default for InteractionWeights {
    /// Purchase over cart and bookmark over view.
    fn default() -> Self {
        Self { view: 0.4, purchase: 1.0, rating: 1.0, cart: 0.7, bookmark: 0.7, portion: 1.0 }
    }
}

/// The largest weight of a kind.
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

    /// Checks ranges, and that something counts.
    pub fn validate(&self) -> Result<(), String> {
        for kind in InteractionKind::ALL {
            let weight = self.weight(kind);
            if !(0.0..=WEIGHT_MAX).contains(&weight) {
                return Err(format!("the weight of {kind} is {weight}, it must be from 0 to {WEIGHT_MAX}"));
            }
        }
        if InteractionKind::ALL.into_iter().all(|kind| self.weight(kind) == 0.0) {
            return Err("every weight is 0: nothing would count".to_owned());
        }
        Ok(())
    }
}
