//! The settings of lists, and their defaults.

use serde::{Deserialize, Serialize};

use super::freshness::Freshness;
use super::person_filters::{EventFilter, LocationFilter, check_event_filters};
use super::{
    ANCHORS_DEFAULT, AssetType, BEGUN_FROM_DEFAULT, Exclusion, FINISHED_FROM_DEFAULT, Fallback,
    ListRequest, Logic, MixPart, ROTATION_TIME_S_DEFAULT, Relevance,
};
use crate::scenario::{Group, Scenario, as_text};
use crate::{Endpoint, Entries, InteractionKind, Target, Timestamp};

/// The most constraints of a scenario or group.
pub const CONSTRAINTS_MAX: usize = 10;
/// The most picks of a list.
pub const PICKS_MAX: usize = 1_000;
/// The longest filter or booster, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 524_288;
/// The longest name of a scenario, group, segmentation or property, in bytes.
const NAME_BYTES_MAX: usize = 255;

/// The default of [`ListSettings::taste_weight`].
const TASTE_WEIGHT_DEFAULT: f32 = 0.5;

/// Who asks for a list, as far as the defaults of its settings depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListCaller {
    /// A recommended-items trait, or somebody who previews one.
    Trait,
    /// A call of the recommender API, or its scenario.
    Endpoint(Endpoint),
    /// Somebody at the command line.
    CommandLine,
}

/// The role of an expression in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpressionRole {
    /// A condition that every entry of the list passes.
    Filter,
    /// A factor for the scores.
    Booster,
    /// A condition for promoted items.
    Promoted,
    /// Whose interactions count as trending: about users, whatever the list is of.
    UserFilter,
}

impl ExpressionRole {
    /// The configuration key that holds it.
    pub fn key(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Booster => "booster",
            Self::Promoted => "promoted.filter",
            Self::UserFilter => "user_filter",
        }
    }
}

/// A limit on how many items of a list share one value of a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// The item property.
    pub property: String,
    /// The limit, from 1 on.
    pub max: u32,
}

/// Items with a guaranteed share of the places of every list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promoted {
    /// A filter expression that the promoted items pass.
    pub filter: String,
    /// The share of the places, from 0 to 1.
    pub share: f32,
}

/// Lists the keys of settings once for three types: the settings, and the forms of a scenario and a
/// group in files. `serde(flatten)` would lose the position of a mistake and the list of known
/// keys.
macro_rules! settings {
    ($($(#[$about:meta])* $key:ident: $type:ty,)*) => {
        /// All that a list can be asked to be, from a trait, a scenario, a group, a request or the
        /// command line. An absent setting leaves the default in force, which
        /// [`ListSettings::request`] knows.
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct ListSettings {
            $($(#[$about])* #[serde(skip_serializing_if = "Option::is_none")] pub $key: Option<$type>,)*
        }

        impl ListSettings {
            /// These settings, with absent ones taken from `other`.
            pub fn or(&self, other: &Self) -> Self {
                Self { $($key: self.$key.clone().or_else(|| other.$key.clone()),)* }
            }
        }

        #[derive(Deserialize)]
        #[serde(rename = "Scenario", deny_unknown_fields)]
        pub(crate) struct ScenarioKeys<Name> {
            name: Name,
            endpoint: Endpoint,
            $($(#[$about])* $key: Option<$type>,)*
            #[serde(default, with = "as_text")]
            test_started_at: Option<Timestamp>,
            #[serde(default)]
            group: Vec<Group>,
        }

        impl<Name> ScenarioKeys<Name> {
            pub(crate) fn into_scenario(
                self,
                name: impl FnOnce(Name) -> Result<String, String>,
            ) -> Result<Scenario, String> {
                let settings = ListSettings { $($key: self.$key,)* };
                Ok(Scenario {
                    name: name(self.name)?,
                    endpoint: self.endpoint,
                    settings,
                    test_started_at: self.test_started_at,
                    groups: self.group,
                })
            }
        }

        #[derive(Deserialize)]
        #[serde(rename = "Group", deny_unknown_fields)]
        pub(crate) struct GroupKeys {
            name: String,
            share: f32,
            $($(#[$about])* $key: Option<$type>,)*
        }

        impl From<GroupKeys> for Group {
            fn from(keys: GroupKeys) -> Self {
                let settings = ListSettings { $($key: keys.$key,)* };
                Self { name: keys.name, share: keys.share, settings }
            }
        }
    };
}

settings! {
    /// The catalog of products whose items the list is of; all if absent.
    catalog: String,
    /// Where the items come from.
    logic: Logic,
    /// The parts of a mixed list, in place of `logic`: they share its places by their weights.
    mix: Vec<MixPart>,
    /// For trending lists and those with anchors: the only kind of interaction that counts; none
    /// for all kinds.
    interaction: InteractionKind,
    /// For lists that go with what the user did last: with how many items, the last ones.
    anchors: u32,
    /// For lists of what people combine with what the user did last: what they did within so many
    /// seconds before now decides, and not the model. With `interaction` only interactions of that
    /// kind count.
    learns_from_s: u32,
    /// The user gets no list unless they did something within so many seconds.
    active_within_s: u32,
    /// A list of fewer items is empty.
    min_count: u32,
    /// A boolean expression that every entry passes. It holds in addition to the filter of a
    /// request.
    filter: String,
    /// Conditions by what the user did last; every item passes them, in addition to the filter.
    #[serde(rename = "event_filter")]
    event_filters: Vec<EventFilter>,
    /// Only items at a location near the person. Whoever's place is not known gets none.
    location: LocationFilter,
    /// How new the items are. It holds in addition to the filter and the booster.
    freshness: Freshness,
    /// A numeric expression that scores are multiplied by.
    booster: String,
    /// The items of the user's history that are excluded.
    exclude: Exclusion,
    /// From 0, pure relevance, to 1, items as dissimilar as possible.
    diversity: f32,
    /// From 0, no rotation, to 1, no item with a very recent impression.
    rotation_rate: f32,
    /// The time that an item takes to recover from an impression, in seconds.
    rotation_time_s: u32,
    /// The least relevance of an item.
    min_relevance: Relevance,
    /// For lists with a seed item: from 0, the seed alone counts, to 1, the history alone. Of
    /// searches, the bonus of a match that the user would like best, as a share of its score.
    user_impact: f32,
    /// The property whose values are recommended in place of items. Scenarios and requests have a
    /// segmentation instead.
    #[serde(skip)]
    item_type: String,
    /// The segmentation whose segments are recommended, or whose segment is the seed of the list.
    segmentation: String,
    /// Completes the list where `min_relevance` is low.
    fallback: Fallback,
    /// The scenario whose list is taken where this one is empty.
    otherwise: String,
    /// Limits on how many items share a value of a property.
    #[serde(rename = "constraint")]
    constraints: Vec<Constraint>,
    /// Items with a guaranteed share of every list.
    promoted: Promoted,
    /// For lists of picks: the item ids, the best first.
    picks: Vec<String>,
    /// For picks: whether they are ordered by the user's scores.
    reorder_picks: bool,
    /// For viewed, continued and trending items, and what the user did last: the largest age of an
    /// interaction that counts, in seconds; none for any age.
    max_age_s: u32,
    /// For viewed and continued items: whether the oldest comes first.
    oldest_first: bool,
    /// For continued items: the portion from which an item counts as started, from 0 to 1.
    begun_from: f32,
    /// For continued items: the portion from which an item counts as finished, from 0 to 1.
    finished_from: f32,
    /// The kinds of videos that may be in a list.
    asset_type: AssetType,
    /// Of lists of trending items: whose interactions count, an expression over users that yields a
    /// boolean.
    user_filter: String,
}

impl ListSettings {
    /// The parameters of the list of `count` items that these settings ask for. Every default of
    /// them stands here.
    pub fn request(&self, count: usize, caller: ListCaller) -> ListRequest {
        let mix = self.mix.clone().unwrap_or_default();
        let logic = self.logic.unwrap_or(match caller {
            ListCaller::Endpoint(endpoint) if mix.is_empty() => endpoint.default_logic(),
            _ => Logic::Personal,
        });
        ListRequest {
            count,
            logic,
            mix,
            interaction: self.interaction,
            anchors: self.anchors.unwrap_or(ANCHORS_DEFAULT),
            learns_from_s: self.learns_from_s,
            active_within_s: self.active_within_s,
            min_count: self.min_count.unwrap_or(0),
            exclude: self.exclude.unwrap_or_else(|| self.default_exclusion(logic, caller)),
            catalog: self.catalog.clone(),
            item_type: self.item_type.clone(),
            diversity: self.diversity.unwrap_or(0.0),
            rotation_rate: self.rotation_rate.unwrap_or(0.0),
            rotation_time_s: self.rotation_time_s.unwrap_or(ROTATION_TIME_S_DEFAULT),
            min_relevance: self.min_relevance.unwrap_or(Relevance::Low),
            user_impact: self.user_impact.unwrap_or(0.0),
            fallback: self.fallback.clone().unwrap_or_else(|| default_fallback(logic, caller)),
            max_age_s: self.max_age_s,
            oldest_first: self.oldest_first.unwrap_or(false),
            begun_from: self.begun_from.unwrap_or(BEGUN_FROM_DEFAULT),
            finished_from: self.finished_from.unwrap_or(FINISHED_FROM_DEFAULT),
            reorder_picks: self.reorder_picks.unwrap_or(false),
        }
    }

    /// Of the settings of a scenario those that also hold for calls with these: another logic or
    /// mix than the scenario's takes nothing over that goes with that one.
    pub fn for_call(&self, call: &Self, endpoint: Endpoint) -> Self {
        let own = self.logic.unwrap_or(endpoint.default_logic());
        let has_own_source = call.logic.is_none_or(|logic| logic == own && self.mix.is_none());
        if has_own_source && call.mix.is_none() {
            return self.clone();
        }
        Self {
            logic: None,
            mix: None,
            interaction: None,
            anchors: None,
            learns_from_s: None,
            exclude: None,
            min_relevance: None,
            picks: None,
            reorder_picks: None,
            max_age_s: None,
            oldest_first: None,
            begun_from: None,
            finished_from: None,
            asset_type: None,
            user_filter: None,
            ..self.clone()
        }
    }

    /// Of a search, where `user_impact` is the bonus of a match that the user would like best, as a
    /// share of its score, from 0 to 1.
    pub fn taste_weight(&self) -> f32 {
        self.user_impact.unwrap_or(TASTE_WEIGHT_DEFAULT)
    }

    fn default_exclusion(&self, logic: Logic, caller: ListCaller) -> Exclusion {
        match (logic, caller) {
            _ if self.mix.iter().flatten().any(|part| shows_excluded(part.logic)) => {
                Exclusion::None
            }
            _ if shows_excluded(logic) => Exclusion::None,
            // A favourite brand stays one after a purchase.
            _ if self.item_type.is_some() => Exclusion::None,
            (_, ListCaller::Endpoint(endpoint)) if endpoint.entries() == Entries::Segments => {
                Exclusion::None
            }
            // People also search for items that they have.
            (_, ListCaller::Endpoint(endpoint)) if endpoint.target() == Target::Query => {
                Exclusion::None
            }
            // Whoever tries a model wants to see what it finds anew.
            (Logic::Personal | Logic::Trending, ListCaller::CommandLine) => Exclusion::Interacted,
            _ => Exclusion::Purchased,
        }
    }

    /// Every expression, with its role.
    pub fn expressions(&self) -> impl Iterator<Item = (ExpressionRole, &str)> {
        let promoted = self.promoted.as_ref().map(|promoted| &promoted.filter);
        let all = [
            (ExpressionRole::Filter, self.filter.as_ref()),
            (ExpressionRole::Booster, self.booster.as_ref()),
            (ExpressionRole::Promoted, promoted),
            (ExpressionRole::UserFilter, self.user_filter.as_ref()),
        ];
        all.into_iter().filter_map(|(role, text)| Some((role, text?.as_str())))
    }

    /// Checks that one setting says where items come from.
    ///
    /// # Errors
    /// A sentence that names the keys.
    pub fn check_source(&self) -> Result<(), String> {
        match self.logic.is_some() && self.mix.is_some() {
            true => Err("logic and mix both say where items come from: remove one".to_owned()),
            false => Ok(()),
        }
    }

    /// Checks ranges and that the settings fit together.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub fn validate(&self, endpoint: Endpoint) -> Result<(), String> {
        self.check_source()?;
        check_event_filters(self.event_filters.as_deref().unwrap_or_default())?;
        self.location.as_ref().map_or(Ok(()), LocationFilter::validate)?;
        if self.catalog.is_some() && endpoint.entries() == Entries::Users {
            return Err(format!("catalog is for lists of items, and {endpoint} lists users"));
        }
        if let Some(freshness) = &self.freshness {
            freshness.validate()?;
            if endpoint.entries() != Entries::Items {
                let word = endpoint.word();
                return Err(format!("freshness: {word} lists no items, and only items are new"));
            }
        }
        let of_items =
            [("location", self.location.is_some()), ("event_filter", self.event_filters.is_some())];
        if let Some((key, _)) = of_items.into_iter().find(|(_, is_set)| *is_set)
            && endpoint.entries() != Entries::Items
        {
            return Err(format!("{key}: {} lists no items, which it filters", endpoint.word()));
        }
        if let Some(otherwise) = &self.otherwise {
            check_name("otherwise", otherwise)?;
        }
        self.request(1, ListCaller::Endpoint(endpoint)).validate()?;
        if let Some(promoted) = &self.promoted {
            check_share("promoted.share", promoted.share)?;
        }
        for (role, text) in self.expressions() {
            if !(1..=EXPRESSION_BYTES_MAX).contains(&text.len()) {
                let n = text.len();
                let key = role.key();
                return Err(format!(
                    "{key} has {n} bytes, it must have 1 to {EXPRESSION_BYTES_MAX}"
                ));
            }
        }
        let picks = self.picks.as_deref().unwrap_or_default();
        if picks.len() > PICKS_MAX
            || picks.iter().any(|id| !(1..=NAME_BYTES_MAX).contains(&id.len()))
        {
            return Err(format!(
                "picks must be up to {PICKS_MAX} ids of 1 to {NAME_BYTES_MAX} bytes each"
            ));
        }
        if let Some(segmentation) = &self.segmentation {
            check_name("segmentation", segmentation)?;
        }
        let constraints = self.constraints.as_deref().unwrap_or_default();
        if constraints.len() > CONSTRAINTS_MAX {
            return Err(format!(
                "{} constraints exceed the limit of {CONSTRAINTS_MAX}",
                constraints.len()
            ));
        }
        for (n, Constraint { property, max }) in constraints.iter().enumerate() {
            if !(1..=NAME_BYTES_MAX).contains(&property.len()) {
                return Err(format!(
                    "constraint.{n}.property must have 1 to {NAME_BYTES_MAX} bytes"
                ));
            }
            if *max == 0 {
                return Err(format!("constraint.{n}.max is 0, it must be 1 or more"));
            }
            if constraints[..n].iter().any(|other| other.property == *property) {
                return Err(format!("two constraints are for property {property:?}"));
            }
        }
        Ok(())
    }
}

/// Whether a logic lists what the user may have bought.
fn shows_excluded(logic: Logic) -> bool {
    matches!(logic, Logic::BuyAgain | Logic::ContinueWatching | Logic::Picks)
}

fn default_fallback(logic: Logic, caller: ListCaller) -> Fallback {
    match (logic, caller) {
        // Others would not belong there.
        (Logic::ContinueWatching | Logic::Picks, _) => Fallback::None,
        (Logic::RecentlyViewed | Logic::BuyAgain, ListCaller::Trait | ListCaller::CommandLine) => {
            Fallback::None
        }
        _ => Fallback::Trending,
    }
}

pub(crate) fn check_share(key: &str, share: f32) -> Result<(), String> {
    match share {
        0.0..=1.0 => Ok(()),
        _ => Err(format!("{key} is {share}, it must be from 0 to 1")),
    }
}

pub(crate) fn check_name(key: &str, name: &str) -> Result<(), String> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-:@.".contains(&b);
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_allowed) {
        return Ok(());
    }
    let excerpt: String = name.chars().take(80).collect();
    Err(format!(
        "{key} is {excerpt:?}, it must be 1 to {NAME_BYTES_MAX} characters of a-z, A-Z, 0-9, '_', '-', ':', '@' and '.'"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_depend_on_the_logic_and_the_caller_and_yield_to_settings() {
        let callers = [
            ("trait", ListCaller::Trait),
            ("command line", ListCaller::CommandLine),
            ("items", ListCaller::Endpoint(Endpoint::RecommendItemsToUser)),
            ("segments", ListCaller::Endpoint(Endpoint::RecommendItemSegmentsToUser)),
            ("search", ListCaller::Endpoint(Endpoint::SearchItems)),
        ];
        let mut lines = Vec::new();
        for (name, caller) in callers {
            for logic in Logic::ALL {
                let settings = ListSettings { logic: Some(logic), ..ListSettings::default() };
                let list = settings.request(5, caller);
                lines.push(format!("{name}: {logic:?}: {:?}, {:?}", list.exclude, list.fallback));
                let (exclude, fallback) = (Some(Exclusion::Watched), Some(Fallback::Personal));
                let list = ListSettings { exclude, fallback: fallback.clone(), ..settings }
                    .request(5, caller);
                assert_eq!((Some(list.exclude), Some(list.fallback)), (exclude, fallback));
            }
        }
        let values =
            ListSettings { item_type: Some("brand".to_owned()), ..ListSettings::default() };
        for (_, caller) in callers {
            assert_eq!(values.request(5, caller).exclude, Exclusion::None, "{caller:?}");
        }
        let to_item = ListCaller::Endpoint(Endpoint::RecommendItemsToItem);
        assert_eq!(ListSettings::default().request(5, to_item).logic, Logic::Similar);
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn no_configuration_and_no_stored_request_has_an_item_type() {
        let settings = ListSettings { item_type: Some("brand".to_owned()), ..Default::default() };
        assert_eq!(serde_json::to_string(&settings).unwrap(), "{}");
        assert!(serde_json::from_str::<ListSettings>(r#"{"item_type": "brand"}"#).is_err());
        let json = br#"{"endpoint": "recommendItemsToUser", "item_type": "brand"}"#;
        assert!(Scenario::from_json("home", json).is_err());
    }
}
