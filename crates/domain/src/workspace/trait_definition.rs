//! The definition of a recommended-items trait.

mod holdout;

use serde::{Deserialize, Serialize};

pub use self::holdout::Holdout;
use super::audience::{check_key, check_name};
use super::{SyncSettings, WorkspaceConfig};
use crate::list::{LIST_COUNT_MAX, ListCaller, ROTATION_TIME_S_DEFAULT};
use crate::{
    Endpoint, Exclusion, Fallback, InteractionKind, ListRequest, ListSettings, Logic, MixPart,
    Relevance,
};

/// The query behind a trait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraitKind {
    /// A ranked list of item ids.
    RecommendedItems,
}

/// The people who have a trait.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TraitPeople {
    /// The key of an audience: its members have the trait. Everybody, where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Whether people without a user id have it too.
    pub include_anonymous: bool,
}

/// What a person has whose list is empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NothingLeft {
    /// An empty list.
    #[default]
    EmptyList,
    /// No such trait.
    NoTrait,
}

impl NothingLeft {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A recommended-items trait: a query over the profile, answered when the profile is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraitDefinition {
    /// The key on the profile.
    pub key: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The query that computes the value.
    pub kind: TraitKind,
    /// Who has the trait; without it, everybody whose profile is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<TraitPeople>,
    /// While it is set, nobody has the trait.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// What people have whose list is empty.
    #[serde(default, skip_serializing_if = "NothingLeft::is_default")]
    pub nothing_left: NothingLeft,
    /// The scenario whose list it is, one for `recommendItemsToUser`. All settings below but
    /// `count` are then those of the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The number of items, up to [`LIST_COUNT_MAX`](crate::list::LIST_COUNT_MAX) over HTTP.
    #[serde(default = "count_by_default")]
    pub count: u32,
    /// The catalog of products whose items the list is of; all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    /// Where the items come from.
    #[serde(default)]
    pub logic: Logic,
    /// The parts of a mixed list, in place of `logic`: they share its places by their weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mix: Vec<MixPart>,
    /// For trending lists and those with anchors: the only kind of interaction that counts; none
    /// for all kinds.
    pub interaction: Option<InteractionKind>,
    /// For lists that go with what the user did last: with how many items, the last ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchors: Option<u32>,
    /// For viewed, continued and trending items, and what the user did last: the largest age of an
    /// interaction that counts, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<u32>,
    /// For lists of what people combine with what the user did last: what they did within so many
    /// seconds before now decides, and not the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learns_from_s: Option<u32>,
    /// The user gets no list unless they did something within so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_within_s: Option<u32>,
    /// A list of fewer items is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_count: Option<u32>,
    /// Completes the list where `min_relevance` is low; none for the default of the logic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// The items of the user's history that are excluded; none for the default of the logic.
    pub exclude: Option<Exclusion>,
    /// The property whose values are recommended in place of items.
    pub item_type: Option<String>,
    /// From 0, pure relevance, to 1, items as dissimilar as possible.
    #[serde(default)]
    pub diversity: f32,
    /// From 0, no rotation, to 1, no item with a very recent impression.
    #[serde(default)]
    pub rotation_rate: f32,
    /// The time that an item takes to recover from an impression, in seconds.
    #[serde(default = "rotation_time_by_default")]
    pub rotation_time_s: u32,
    /// The least relevance of an item.
    #[serde(default)]
    pub min_relevance: Relevance,
    /// The destinations that get the list whenever it changes; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncSettings>,
    /// The share of people who do not get it, so that its effect is measured; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holdout: Option<Holdout>,
}

/// The most traits of a workspace.
const TRAITS_MAX: usize = 100;
/// The most traits of a workspace with a holdout.
const HOLDOUTS_MAX: usize = 20;
/// The default of [`TraitDefinition::count`].
pub const TRAIT_COUNT_DEFAULT: u32 = 5;

fn count_by_default() -> u32 {
    TRAIT_COUNT_DEFAULT
}

fn rotation_time_by_default() -> u32 {
    ROTATION_TIME_S_DEFAULT
}

impl TraitDefinition {
    /// A recommended-items trait with nothing but its key.
    pub fn recommended_items(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            name: None,
            kind: TraitKind::RecommendedItems,
            who: None,
            paused: false,
            nothing_left: NothingLeft::default(),
            scenario: None,
            count: TRAIT_COUNT_DEFAULT,
            catalog: None,
            logic: Logic::default(),
            mix: Vec::new(),
            interaction: None,
            anchors: None,
            max_age_s: None,
            learns_from_s: None,
            active_within_s: None,
            min_count: None,
            fallback: None,
            exclude: None,
            item_type: None,
            diversity: 0.0,
            rotation_rate: 0.0,
            rotation_time_s: ROTATION_TIME_S_DEFAULT,
            min_relevance: Relevance::default(),
            sync: None,
            holdout: None,
        }
    }

    /// The list that is the trait's value, where it is no scenario's.
    pub fn list(&self) -> ListRequest {
        let settings = ListSettings {
            catalog: self.catalog.clone(),
            logic: Some(self.logic),
            mix: Some(self.mix.clone()),
            interaction: self.interaction,
            anchors: self.anchors,
            max_age_s: self.max_age_s,
            learns_from_s: self.learns_from_s,
            active_within_s: self.active_within_s,
            min_count: self.min_count,
            fallback: self.fallback.clone(),
            exclude: self.exclude,
            item_type: self.item_type.clone(),
            diversity: Some(self.diversity),
            rotation_rate: Some(self.rotation_rate),
            rotation_time_s: Some(self.rotation_time_s),
            min_relevance: Some(self.min_relevance),
            ..ListSettings::default()
        };
        settings.request(self.count as usize, ListCaller::Trait)
    }

    /// Checks the forms, and that what the definition names is there.
    fn validate(&self, config: &WorkspaceConfig) -> Result<(), String> {
        check_key(&self.key)?;
        if self.key.ends_with("__detail") {
            return Err("key must not end in __detail".to_owned());
        }
        check_name(self.name.as_deref())?;
        if !(1..=LIST_COUNT_MAX).contains(&self.count) {
            return Err(format!("count must be 1 to {LIST_COUNT_MAX}"));
        }
        let audience = self.who.as_ref().and_then(|who| who.audience.as_ref());
        if let Some(audience) = audience.filter(|key| config.audience(key).is_none()) {
            return Err(format!("who.audience is {audience:?}: there is no such audience"));
        }
        self.holdout.as_ref().map_or(Ok(()), Holdout::validate)?;
        match &self.scenario {
            Some(scenario) => self.check_scenario(config, scenario),
            None => self
                .check_catalog(config)
                .and_then(|()| self.check_mix())
                .and_then(|()| self.list().validate_for_user()),
        }
    }

    fn check_catalog(&self, config: &WorkspaceConfig) -> Result<(), String> {
        let Some(name) = &self.catalog else { return Ok(()) };
        config.catalog.check_product_catalog(name).map_err(|what| format!("catalog: {what}"))
    }

    fn check_mix(&self) -> Result<(), String> {
        if self.mix.is_empty() {
            return Ok(());
        }
        if self.logic != Logic::default() {
            return Err("logic and mix both say where items come from: remove one".to_owned());
        }
        match self.item_type {
            Some(_) => Err("mix is for lists of items, not for those of an item_type".to_owned()),
            None => Ok(()),
        }
    }

    /// Checks that a trait of a scenario names one for users, and has no settings of its own.
    fn check_scenario(&self, config: &WorkspaceConfig, name: &str) -> Result<(), String> {
        let Some(scenario) = config.scenario(name) else {
            return Err(format!("scenario is {name:?}: there is no such scenario"));
        };
        let wanted = Endpoint::RecommendItemsToUser;
        if scenario.endpoint != wanted {
            let endpoint = scenario.endpoint;
            return Err(format!(
                "scenario is {name:?}, which is for {endpoint}: name one for {wanted}"
            ));
        }
        let plain = Self {
            name: self.name.clone(),
            who: self.who.clone(),
            paused: self.paused,
            nothing_left: self.nothing_left,
            scenario: self.scenario.clone(),
            count: self.count,
            sync: self.sync.clone(),
            holdout: self.holdout,
            ..Self::recommended_items(&self.key)
        };
        match *self == plain {
            true => Ok(()),
            false => Err(format!(
                "scenario is {name:?}, so the settings of the list stand there: remove them here"
            )),
        }
    }
}

/// Checks the traits of a workspace.
///
/// # Errors
/// A sentence that names the trait and the mistake.
pub(super) fn check_traits(config: &WorkspaceConfig) -> Result<(), String> {
    let traits = &config.traits;
    if traits.len() > TRAITS_MAX {
        return Err(format!("{} traits exceed the limit of {TRAITS_MAX}", traits.len()));
    }
    let n_holdouts = traits.iter().filter(|trait_| trait_.holdout.is_some()).count();
    if n_holdouts > HOLDOUTS_MAX {
        let what = "traits with a holdout exceed the limit of";
        return Err(format!("{n_holdouts} {what} {HOLDOUTS_MAX}"));
    }
    for (n, trait_) in traits.iter().enumerate() {
        trait_.validate(config).map_err(|what| format!("trait {:?}: {what}", trait_.key))?;
        if traits[..n].iter().any(|other| other.key == trait_.key) {
            return Err(format!("two traits have the key {:?}", trait_.key));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::AudienceDefinition;
    use crate::{Scenario, WorkspaceId};

    #[test]
    fn a_trait_names_an_audience_and_a_scenario_that_are_there() {
        let config = |trait_: TraitDefinition| {
            let mut config = WorkspaceConfig::empty(WorkspaceId::new("shop").unwrap());
            config.scenarios.push(Scenario::new("home", Endpoint::RecommendItemsToUser));
            config.scenarios.push(Scenario::new("like", Endpoint::RecommendItemsToItem));
            let condition = "traits.country = \"DE\"".to_owned();
            let audience = AudienceDefinition {
                key: "de".into(),
                name: None,
                condition,
                likely: None,
                sync: None,
            };
            config.audiences.push(audience);
            config.traits.push(trait_);
            config.validate().map_err(|error| error.to_string())
        };
        let plain = TraitDefinition::recommended_items("next");
        let of = |scenario: &str| TraitDefinition {
            scenario: Some(scenario.to_owned()),
            ..plain.clone()
        };
        let who = |audience: &str| {
            Some(TraitPeople { audience: Some(audience.to_owned()), include_anonymous: false })
        };
        let holdout = |percent| Holdout { percent, goal: InteractionKind::Purchase };
        let named = TraitDefinition {
            who: who("de"),
            paused: true,
            count: 9,
            holdout: Some(holdout(50)),
            ..of("home")
        };
        assert_eq!(config(named.clone()), Ok(()));
        assert!(config(TraitDefinition { who: who("fr"), ..named }).is_err());
        for wrong in [
            of("nowhere"),
            of("like"),
            TraitDefinition { logic: Logic::Trending, ..of("home") },
            TraitDefinition { min_count: Some(3), ..of("home") },
            TraitDefinition { holdout: Some(holdout(51)), ..of("home") },
            TraitDefinition { holdout: Some(holdout(0)), ..plain.clone() },
        ] {
            assert!(config(wrong.clone()).is_err(), "{wrong:?}");
        }
        // A definition of an earlier build reads and is written as it was.
        let json = serde_json::to_string(&plain).unwrap();
        assert!(!json.contains("who") && !json.contains("paused") && !json.contains("scenario"));
        assert!(!json.contains("holdout"));
        assert_eq!(serde_json::from_str::<TraitDefinition>(&json).unwrap(), plain);
    }
}
