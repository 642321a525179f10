//! The definition of a recommended-items trait.

use serde::{Deserialize, Serialize};

use super::SyncSettings;
use crate::list::{LIST_COUNT_MAX, ListCaller, ROTATION_TIME_S_DEFAULT};
use crate::{Exclusion, Fallback, InteractionKind, ListRequest, ListSettings, Logic, Relevance};

/// The query behind a trait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraitKind {
    /// A ranked list of item ids.
    RecommendedItems,
}

/// A recommended-items trait: a query over the profile, answered when the profile is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TraitDefinition {
    /// The key on the profile.
    pub key: String,
    /// The query that computes the value.
    pub kind: TraitKind,
    /// The number of items, up to [`LIST_COUNT_MAX`](crate::list::LIST_COUNT_MAX) over HTTP.
    #[serde(default = "count_by_default")]
    pub count: u32,
    /// Where the items come from.
    #[serde(default)]
    pub logic: Logic,
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
}

/// The most traits of a workspace.
const TRAITS_MAX: usize = 100;
/// The longest key of a trait, in characters.
const KEY_CHARS_MAX: usize = 100;

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
            kind: TraitKind::RecommendedItems,
            count: TRAIT_COUNT_DEFAULT,
            logic: Logic::default(),
            interaction: None,
            anchors: None,
            max_age_s: None,
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
        }
    }

    /// The list that is the trait's value.
    pub fn list(&self) -> ListRequest {
        let settings = ListSettings {
            logic: Some(self.logic),
            interaction: self.interaction,
            anchors: self.anchors,
            max_age_s: self.max_age_s,
            active_within_s: self.active_within_s,
            min_count: self.min_count,
            fallback: self.fallback,
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
}

/// Checks the traits of a workspace.
///
/// # Errors
/// A sentence that names the trait and the mistake.
pub(super) fn check_traits(traits: &[TraitDefinition]) -> Result<(), String> {
    if traits.len() > TRAITS_MAX {
        return Err(format!("{} traits exceed the limit of {TRAITS_MAX}", traits.len()));
    }
    for (n, trait_) in traits.iter().enumerate() {
        let key = &trait_.key;
        check_key(key).map_err(|what| format!("trait {key:?}: {what}"))?;
        if key.ends_with("__detail") {
            return Err(format!("trait {key:?}: key must not end in __detail"));
        }
        if !(1..=LIST_COUNT_MAX).contains(&trait_.count) {
            return Err(format!("trait {key:?}: count must be 1 to {LIST_COUNT_MAX}"));
        }
        if let Err(what) = trait_.list().validate_for_user() {
            return Err(format!("trait {key:?}: {what}"));
        }
        if traits[..n].iter().any(|other| other.key == *key) {
            return Err(format!("two traits have the key {key:?}"));
        }
    }
    Ok(())
}
