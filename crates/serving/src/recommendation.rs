//! Calls for recommendations: what they say, what their scenario adds, and the lists that they get.
//!
//! A call is one stage, or two where something is recommended together with what goes with it. A
//! stage is a list of items, of segments or of users; each has a file.

mod items;
mod placement;
mod prepare;
mod preview;
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
pub use self::preview::{PreviewedEntries, PreviewedStage};
pub use self::stage::{Recommended, Stage, StageList, expression_mistakes};
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

    /// The stages of a call, with expressions that are right.
    ///
    /// # Errors
    /// If parts of the call do not go together, or an expression is wrong.
    pub fn stages<'a>(
        &self,
        snapshot: &Snapshot<'_>,
        request: &'a RecommendationRequest,
        of_scenario: &ListSettings,
    ) -> Result<(Stage<'a>, Option<Stage<'a>>), ListError> {
        let (first, second) = stages(request, of_scenario)?;
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
) -> Result<(Stage<'a>, Option<Stage<'a>>), ListError> {
    let whole = Stage::new(request, request.endpoint, &request.options, of_scenario);
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
    let first = Stage::new(request, source, &request.source_options, &of_source);
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

/// The group of a user: the same one as long as the shares stay. A request without a user gets a
/// random group.
fn assign_group<'a>(
    scenario: &'a Scenario,
    user_id: Option<&str>,
    recomm_id: Uuid,
) -> Option<&'a Group> {
    let who = user_id.map_or_else(|| recomm_id.to_string(), str::to_owned);
    let hash = xxh3_64(format!("{}\0{who}", scenario.name).as_bytes());
    let place = hash as f64 / u64::MAX as f64;
    let mut end = 0.0;
    let found = scenario.groups.iter().find(|group| {
        end += f64::from(group.share);
        place < end
    });
    found.or(scenario.groups.last())
}
