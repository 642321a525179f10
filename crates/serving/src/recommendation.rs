//! Calls for recommendations: what they say, what their scenario adds, and the lists that they get.
//!
//! A call is one stage, or two where something is recommended together with what goes with it. A
//! stage is a list of items, of segments or of users; each has a file.

mod items;
mod placement;
mod prepare;
mod preview;
mod removed;
mod segments;
mod stage;
mod trending;
mod user_filter;
mod users;

use std::sync::Arc;

use domain::{Endpoint, Entries, Group, ListSettings, Scenario, Target, Timestamp};
use reql::Subject;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

pub use self::placement::{AbsenceRule, PLACES_MAX, Placement};
pub use self::prepare::PreparedStage;
pub use self::preview::{ListQuestions, PreviewedEntries, PreviewedStage};
pub use self::removed::{CANDIDATES_LOOKED_AT, RemovedByRule, RemovedItems};
pub use self::stage::{
    NearPerson, PersonFilter, PersonFilters, Recommended, Stage, StageList, expression_mistakes,
};
pub(crate) use self::stage::{map_budget_error, wrong};
use crate::{ListError, LiveState, RequestBudget, Serving, Snapshot};

/// The most items, segments or users of one list.
pub const RECOMMENDED_MAX: usize = 10_000;

/// One recommendation request with all its parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecommendationRequest {
    /// The endpoint that was called.
    pub endpoint: Endpoint,
    /// Number of entries, from 1 to [`RECOMMENDED_MAX`].
    pub count: usize,
    /// The user whom the list is for, or whom listed users are compared with.
    pub user_id: Option<String>,
    /// The item that the list is for.
    pub item_id: Option<String>,
    /// The segment that the list is for.
    pub segment_id: Option<String>,
    /// The text to search for.
    pub search_query: Option<String>,
    /// The scenario in which the list appears.
    pub scenario: Option<String>,
    /// The options of the list.
    pub options: ListOptions,
    /// The options of the source stage of a composite recommendation.
    pub source_options: ListOptions,
    /// Treatment of users and items that do not exist.
    pub missing: MissingEntities,
    /// Ids that are left out of the list.
    pub left_out: Vec<String>,
    /// Whether the answer names the group of an A/B test.
    pub returns_group: bool,
    /// Whether it comes from a browser, or continues a list in one. Then it creates no users,
    /// reports no user as missing, and its expressions read no interactions and only the public
    /// properties of users.
    pub is_public: bool,
}

impl RecommendationRequest {
    /// Creates a request with defaults for all other parameters.
    pub fn new(endpoint: Endpoint, count: usize) -> Self {
        Self {
            endpoint,
            count,
            user_id: None,
            item_id: None,
            segment_id: None,
            search_query: None,
            scenario: None,
            options: ListOptions::default(),
            source_options: ListOptions::default(),
            missing: MissingEntities::Refused,
            left_out: Vec::new(),
            returns_group: false,
            is_public: false,
        }
    }
}

/// The options of one list of a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ListOptions {
    /// The settings, which override those of the scenario.
    pub settings: ListSettings,
    /// Expressions that are evaluated for each entry, by name.
    pub expressions: Vec<(String, String)>,
    /// Properties that are returned with each entry.
    pub properties: ReturnedProperties,
}

/// The properties that are returned with each entry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum ReturnedProperties {
    /// No properties.
    #[default]
    None,
    /// All properties.
    All,
    /// The properties with these names.
    Only(Vec<String>),
}

impl ReturnedProperties {
    /// The requested names; `None` if all properties are returned.
    pub fn names(&self) -> Option<&[String]> {
        match self {
            Self::None => Some(&[]),
            Self::All => None,
            Self::Only(names) => Some(names),
        }
    }
}

/// Treatment of users and items that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MissingEntities {
    /// The call is refused.
    Refused,
    /// They are created.
    Created,
    /// They are treated as a user or item without data.
    Ignored,
}

impl Serving {
    /// The settings of a call's scenario, for the group that the user is in.
    ///
    /// # Errors
    /// If the call needs a scenario of its kind, and there is none of that name.
    pub fn resolve_scenario(
        &self,
        snapshot: &Snapshot<'_>,
        request: &RecommendationRequest,
        recomm_id: Uuid,
    ) -> Result<(ListSettings, Option<String>), ListError> {
        let endpoint = request.endpoint;
        let is_needed =
            endpoint.needs_segmentation() || endpoint == Endpoint::CompositeRecommendation;
        let named =
            request.scenario.as_deref().and_then(|name| snapshot.setup.config.scenario(name));
        let Some(scenario) = named.filter(|scenario| scenario.endpoint == endpoint) else {
            let what = match (&request.scenario, named) {
                _ if !is_needed => return Ok(Default::default()),
                (None, _) => format!("{endpoint} needs a scenario"),
                (Some(name), None) => {
                    format!("there is no scenario {name:?}, and {endpoint} needs one")
                }
                (Some(name), Some(other)) => {
                    format!("scenario {name:?} is for {}, not for {endpoint}", other.endpoint)
                }
            };
            return Err(ListError::Invalid(what));
        };
        let fallbacks = self.scenario_fallbacks.get(snapshot);
        let scenario = fallbacks.get(&scenario.name).unwrap_or(scenario);
        let group = assign_group(scenario, request.user_id.as_deref(), recomm_id);
        Ok((scenario.settings_for(group), group.map(|group| group.name.clone())))
    }

    /// The stages of a call, with expressions that are right. What follows from the person filters
    /// the list itself, not the source of a composite one.
    ///
    /// # Errors
    /// If parts of the call do not go together, or an expression is wrong.
    pub fn stages<'a>(
        &self,
        snapshot: &Snapshot<'_>,
        request: &'a RecommendationRequest,
        of_scenario: &ListSettings,
        of_person: &PersonFilters,
    ) -> Result<(Stage<'a>, Option<Stage<'a>>), ListError> {
        let (first, second) = stages(request, of_scenario, of_person)?;
        for stage in [Some(&first), second.as_ref()].into_iter().flatten() {
            self.check(snapshot, stage)?;
        }
        Ok((first, second))
    }

    /// Computes the list of a stage.
    ///
    /// # Errors
    /// The budget is used up, an expression takes too long, or the store cannot be read.
    pub fn list_stage(
        &self,
        live: &LiveState,
        PreparedStage { stage, sources }: &PreparedStage<'_>,
        now: Timestamp,
        budget: &Arc<RequestBudget>,
    ) -> Result<StageList, ListError> {
        if stage.subject() == Subject::Users {
            return self.list_users(live, stage, sources, now, budget);
        }
        let list = stage.list()?;
        let period_popularity =
            self.period_popularity(live, stage, &list, &sources.segmentations, now, budget)?;
        let (snapshot, period_popularity) = (&live.snapshot(), period_popularity.as_deref());
        match stage.subject() {
            Subject::Segments => {
                self.list_segments(snapshot, stage, sources, period_popularity, now, budget)
            }
            _ => self.list_items(snapshot, stage, sources, period_popularity, now, budget),
        }
    }
}

/// The one stage of a call, or both stages of a composite one.
fn stages<'a>(
    request: &'a RecommendationRequest,
    of_scenario: &ListSettings,
    of_person: &PersonFilters,
) -> Result<(Stage<'a>, Option<Stage<'a>>), ListError> {
    let whole = Stage::new(request, request.endpoint, &request.options, of_scenario, of_person);
    if request.endpoint != Endpoint::CompositeRecommendation {
        return Ok((whole, None));
    }
    // The first of these that is given is the seed.
    let is_for = match request {
        RecommendationRequest { search_query: Some(_), .. } => Target::Query,
        RecommendationRequest { item_id: Some(_), .. } => Target::Item,
        RecommendationRequest { segment_id: Some(_), .. } => Target::Segment,
        RecommendationRequest { user_id: Some(_), .. } => Target::User,
        _ => {
            let what = "one of userId, itemId, segmentId and searchQuery must say what it is for";
            return Err(ListError::Invalid(what.to_owned()));
        }
    };
    let (entries, result) = match of_scenario.segmentation {
        Some(_) => (Entries::Segments, Endpoint::RecommendItemsToItemSegment),
        None => (Entries::Items, Endpoint::RecommendItemsToItem),
    };
    let is_known = is_for != Target::Segment || of_scenario.segmentation.is_some();
    let Some(source) = Endpoint::for_entries(entries, is_for).filter(|_| is_known) else {
        let what =
            "segmentId is for scenarios with a segmentation: give userId, itemId or searchQuery";
        return Err(ListError::Invalid(what.to_owned()));
    };
    let segmentation = of_scenario.segmentation.clone();
    let of_source = ListSettings { segmentation, ..ListSettings::default() };
    let first =
        Stage::new(request, source, &request.source_options, &of_source, &PersonFilters::default());
    let first = Stage {
        count: 1,
        item: first.item.filter(|_| is_for == Target::Item),
        segment: first.segment.filter(|_| is_for == Target::Segment),
        ..first
    };
    let second =
        Stage { endpoint: result, item: first.item, segment: None, search_query: None, ..whole };
    Ok((first, Some(second)))
}

/// The group of a user. It is the same one as long as the shares stay; where they change, users
/// move only into groups that get a larger part, and out of groups that get a smaller one:
/// rendezvous hashing with weights (Schindelhauer and Schomaker 2005, "Weighted distributed hash
/// tables"). A request without a user gets a random group.
fn assign_group<'a>(
    scenario: &'a Scenario,
    user_id: Option<&str>,
    recomm_id: Uuid,
) -> Option<&'a Group> {
    let who = user_id.map_or_else(|| recomm_id.to_string(), str::to_owned);
    let started_at = scenario.test_started_at.map_or(0, |at| at.0);
    // The first arrival of a group, were arrivals of each as frequent as its share is large.
    let arrival = |group: &Group| {
        let text = format!("{}\0{started_at}\0{}\0{who}", scenario.name, group.name);
        let uniform = ((xxh3_64(text.as_bytes()) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        -uniform.ln() / f64::from(group.share)
    };
    scenario.groups.iter().min_by(|a, b| arrival(a).total_cmp(&arrival(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 20_000;

    fn scenario(shares: &[(&str, f32)]) -> Scenario {
        let group = |(name, share): &(&str, f32)| Group {
            name: (*name).to_owned(),
            share: *share,
            settings: ListSettings::default(),
        };
        let groups = shares.iter().map(group).collect();
        Scenario { groups, ..Scenario::new("home", Endpoint::RecommendItemsToUser) }
    }

    fn assign(scenario: &Scenario) -> Vec<String> {
        let group = |n: usize| {
            assign_group(scenario, Some(&format!("u{n}")), Uuid::nil()).unwrap().name.clone()
        };
        (0..N).map(group).collect()
    }

    fn moved(before: &[String], after: &[String]) -> Vec<(String, String)> {
        let both = before.iter().cloned().zip(after.iter().cloned());
        both.filter(|(before, after)| before != after).collect()
    }

    #[test]
    fn shares_hold_and_their_change_moves_as_few_users_as_it_must() {
        let before = assign(&scenario(&[("a", 0.5), ("b", 0.3), ("c", 0.2)]));
        let share = |groups: &[String], name: &str| {
            groups.iter().filter(|group| *group == name).count() as f64 / N as f64
        };
        // Four standard deviations of 20,000 draws are at most 0.0142.
        for (name, expected) in [("a", 0.5), ("b", 0.3), ("c", 0.2)] {
            assert!((share(&before, name) - expected).abs() < 0.015, "{name}");
        }
        // Halves to six and four tenths: a tenth of all moves, and all of it to the same group.
        let halves = assign(&scenario(&[("a", 0.5), ("b", 0.5)]));
        let moves = moved(&halves, &assign(&scenario(&[("a", 0.6), ("b", 0.4)])));
        assert!(moves.iter().all(|(from, to)| from == "b" && to == "a"));
        assert!((moves.len() as f64 / N as f64 - 0.1).abs() < 0.01, "{}", moves.len());
        // A group that ends gives its users to the others; theirs stay.
        let moves = moved(&before, &assign(&scenario(&[("a", 0.625), ("b", 0.375)])));
        assert!(moves.iter().all(|(from, _)| from == "c"));
        // The order of groups in a file means nothing.
        let turned = assign(&scenario(&[("c", 0.2), ("a", 0.5), ("b", 0.3)]));
        assert!(moved(&before, &turned).is_empty());
        let none = assign(&scenario(&[("a", 0.0), ("b", 1.0)]));
        assert_eq!(share(&none, "b"), 1.0);
    }

    #[test]
    fn another_test_shares_the_users_out_anew() {
        let first = scenario(&[("a", 0.5), ("b", 0.5)]);
        let second = Scenario { test_started_at: Some(Timestamp(1)), ..first.clone() };
        let n_moved = moved(&assign(&first), &assign(&second)).len() as f64;
        assert!((n_moved / N as f64 - 0.5).abs() < 0.015, "{n_moved}");
    }
}
