//! Calls for recommendations: what they say, what their scenario adds, and the lists that they get.
//!
//! A call is one stage, or two where something is recommended together with what goes with it. A stage is a list of items, of segments or
//! of users; each has a file.

mod items;
mod next;
mod segments;
mod stage;
mod users;

use std::sync::Arc;

use domain::{Endpoint, Entries, For, Group, Scenario, ScenarioSettings};
use reql::Subject;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

pub(crate) use self::next::NEXT_LOCKS;
pub use self::stage::Recommended;
pub(crate) use self::stage::subject_of;
use self::stage::{Listed, Stage};
use crate::expressions::ExpressionError;
use crate::serving::new_recomm_id;
use crate::{BudgetError, Engine, EngineError, EntityKind, Entry, Outcome, RequestBudget, SubmitError, now};
use state::{Command, Refusal, user_of};
use state::{Place, ServedList};

/// The most items, segments or users of one list.
pub const RECOMMENDED_MAX: usize = 10_000;

/// A call, with all that it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecommendationRequest {
    /// What is asked for.
    pub endpoint: Endpoint,
    /// How many, from 1 to [`RECOMMENDED_MAX`].
    pub count: usize,
    /// For whom, or like whom.
    pub user_id: Option<String>,
    /// For which item.
    pub item_id: Option<String>,
    /// For which segment.
    pub segment_id: Option<String>,
    /// What is searched.
    pub search_query: Option<String>,
    /// Where the list appears.
    pub scenario: Option<String>,
    /// What the list is.
    pub options: ListOptions,
    /// Of a composite recommendation: what its source is.
    pub source_options: ListOptions,
    /// What becomes of users and items that are not there.
    pub missing: Missing,
    /// What may not be in the list.
    pub left_out: Vec<String>,
    /// Whether the answer names the group of an A/B test.
    pub returns_group: bool,
    /// Whether it comes from a browser, or continues a list in one: then nobody is made, no user is said to be missing, and none of its expressions reads what users
    /// did, or of them more than what the workspace has made public.
    pub is_public: bool,
}

impl RecommendationRequest {
    /// A call that says nothing more.
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
            missing: Missing::Refused,
            left_out: Vec::new(),
            returns_group: false,
            is_public: false,
        }
    }
}

/// What a call says of a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ListOptions {
    /// How the list is made.
    pub settings: ScenarioSettings,
    /// What is evaluated for each entry, by names.
    pub expressions: Vec<(String, String)>,
    /// Which properties come with each entry.
    pub properties: ReturnedProperties,
}

/// Which properties come with each entry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum ReturnedProperties {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// Those of these names.
    Only(Vec<String>),
}

impl ReturnedProperties {
    /// The names that are asked for; none where all properties are.
    pub fn names(&self) -> Option<&[String]> {
        match self {
            Self::None => Some(&[]),
            Self::All => None,
            Self::Only(names) => Some(names),
        }
    }
}

/// What becomes of users and items that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missing {
    /// The call is refused.
    Refused,
    /// They are made.
    Created,
    /// They are nobody and nothing.
    Ignored,
}

/// What a call gets.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendationResponse {
    /// Cites it later.
    pub recomm_id: Uuid,
    /// The group of an A/B test that the user is in.
    pub group: Option<String>,
    /// What the list goes with, of a composite recommendation.
    pub source: Option<Recommended>,
    /// Best first.
    pub recommended: Vec<Recommended>,
    /// How many lists have continued the first one.
    pub n_next: u32,
}

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum RecommendationError {
    /// Parts of the call do not go together.
    #[error("{0}")]
    Invalid(String),
    /// What it is for is not there.
    #[error("{0}")]
    NotFound(String),
    /// A filter, booster or other expression is wrong, or asks for too much.
    #[error("{what}: {source}")]
    Expression {
        /// Which.
        what: String,
        /// Why.
        source: ExpressionError,
    },
    /// Nothing can be searched yet.
    #[error("the search index is being made: come back in some seconds")]
    IndexNotReady,
    /// The request may cost no more.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// Of whatever the list is made of.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<SubmitError> for RecommendationError {
    fn from(error: SubmitError) -> Self {
        Self::Engine(error.into())
    }
}

impl RecommendationError {
    fn missing(kind: EntityKind, id: &str) -> Self {
        Self::NotFound(format!("there is no {} {id:?}", kind.word()))
    }
}

impl Engine {
    /// Makes the list, or the two, that a call asks for, and remembers what it handed out.
    pub fn request_recommendations(
        &self,
        request: &RecommendationRequest,
        budget: &Arc<RequestBudget>,
    ) -> Result<RecommendationResponse, RecommendationError> {
        self.respond(request, new_recomm_id(now()), 0, budget)
    }

    /// Makes the users and items that a call names and wants made, so that the call itself waits for no disk.
    pub fn create_missing(&self, request: &RecommendationRequest) -> Result<(), RecommendationError> {
        let (of_scenario, _) = self.scenario_of(request, new_recomm_id(now()))?;
        self.checked_stages(request, &of_scenario)?;
        self.see_to_missing(request)
    }

    /// The stages of a call, with expressions that are right.
    fn checked_stages<'a>(
        &self,
        request: &'a RecommendationRequest,
        of_scenario: &ScenarioSettings,
    ) -> Result<(Stage<'a>, Option<Stage<'a>>), RecommendationError> {
        let (first, second) = stages(request, of_scenario)?;
        for stage in [Some(&first), second.as_ref()].into_iter().flatten() {
            self.check(stage)?;
        }
        Ok((first, second))
    }

    fn respond(
        &self,
        request: &RecommendationRequest,
        recomm_id: Uuid,
        n_next: u32,
        budget: &Arc<RequestBudget>,
    ) -> Result<RecommendationResponse, RecommendationError> {
        budget.check()?;
        let (of_scenario, group) = self.scenario_of(request, recomm_id)?;
        let (first, second) = self.checked_stages(request, &of_scenario)?;
        self.see_to_missing(request)?;
        let mut listed = self.list_stage(&first, budget)?;
        let mut source = None;
        if let Some(second) = second {
            let found = std::mem::take(&mut listed.recommended).into_iter().next();
            if let Some(found) = found {
                listed = self.list_stage(&second.with_source(&found.id), budget)?;
                source = Some(found);
            }
        }
        let Listed { recommended, model, rotates } = listed;
        let response =
            RecommendationResponse { recomm_id, group: group.clone(), source, recommended, n_next };
        self.remember(request, &response, model, rotates)?;
        Ok(response)
    }

    /// What the scenario of a call says, for the group that the user is in.
    fn scenario_of(
        &self,
        request: &RecommendationRequest,
        recomm_id: Uuid,
    ) -> Result<(ScenarioSettings, Option<String>), RecommendationError> {
        let endpoint = request.endpoint;
        let is_needed = endpoint.needs_segmentation() || endpoint == Endpoint::CompositeRecommendation;
        let views = self.shared.views.read();
        let named = request.scenario.as_deref().and_then(|name| views.setup.config.scenario(name));
        let Some(scenario) = named.filter(|scenario| scenario.endpoint == endpoint) else {
            let what = match (&request.scenario, named) {
                _ if !is_needed => return Ok(Default::default()),
                (None, _) => format!("{endpoint} needs a scenario"),
                (Some(name), None) => format!("there is no scenario {name:?}, and {endpoint} needs one"),
                (Some(name), Some(other)) => {
                    format!("scenario {name:?} is for {}, not for {endpoint}", other.endpoint)
                }
            };
            return Err(RecommendationError::Invalid(what));
        };
        let fallbacks = self.scenario_fallbacks(&views);
        let scenario = fallbacks.get(&scenario.name).unwrap_or(scenario);
        let group = group_of(scenario, request.user_id.as_deref(), recomm_id);
        Ok((scenario.settings_of(group), group.map(|group| group.name.clone())))
    }

    /// Makes users and items that are missing, or says that they are.
    fn see_to_missing(&self, request: &RecommendationRequest) -> Result<(), RecommendationError> {
        let named = [(EntityKind::User, &request.user_id), (EntityKind::Item, &request.item_id)];
        let missing: Vec<(EntityKind, &String)> = {
            let views = self.shared.views.read();
            let is_missing = |kind, id: &str| match kind {
                EntityKind::User => user_of(&views, id).is_none(),
                EntityKind::Item => views.catalog.existing(id).is_none(),
            };
            let named = named.into_iter().filter_map(|(kind, id)| Some((kind, id.as_ref()?)));
            // Browsers do not learn who is there.
            let named = named.filter(|(kind, _)| !request.is_public || *kind == EntityKind::Item);
            named.filter(|(kind, id)| is_missing(*kind, id)).collect()
        };
        match (request.missing, missing.first()) {
            (_, None) | (Missing::Ignored, _) => Ok(()),
            (Missing::Created, _) if request.is_public => Ok(()),
            (Missing::Refused, Some((kind, id))) => Err(RecommendationError::missing(*kind, id)),
            (Missing::Created, _) => {
                let received_at = now();
                let add = |(kind, id): (EntityKind, &String)| Entry::Command {
                    received_at,
                    command: Box::new(Command::Add { kind, id: id.clone() }),
                };
                // Another call may have made them meanwhile.
                for outcome in self.submit_blocking(missing.into_iter().map(add).collect())? {
                    if let Outcome::Refused(Refusal::Invalid(what) | Refusal::NotFound(what)) = outcome {
                        return Err(RecommendationError::Invalid(what));
                    }
                }
                Ok(())
            }
        }
    }

    fn list_stage(
        &self,
        stage: &Stage<'_>,
        budget: &Arc<RequestBudget>,
    ) -> Result<Listed, RecommendationError> {
        match stage.subject() {
            Subject::Items => self.list_items(stage, budget),
            Subject::Segments => self.list_segments(stage, budget),
            Subject::Users => self.list_users(stage, budget),
        }
    }

    /// Remembers what was handed out.
    fn remember(
        &self,
        request: &RecommendationRequest,
        response: &RecommendationResponse,
        model: Option<String>,
        rotates: bool,
    ) -> Result<(), RecommendationError> {
        let user = request.user_id.as_deref().and_then(|id| self.user_of_text(id));
        let can_be_continued = request.endpoint.can_be_continued() && response.n_next == 0;
        let list = ServedList {
            recomm_id: Some(response.recomm_id),
            user: None,
            at: now(),
            items: response.recommended.iter().map(|entry| entry.id.clone()).collect(),
            place: Place::Scenario {
                endpoint: request.endpoint.word().to_owned(),
                scenario: request.scenario.clone(),
            },
            group: response.group.clone(),
            model,
            rotates,
            n_next: response.n_next,
            request: can_be_continued
                .then(|| serde_json::to_string(request).expect("plain fields always encode")),
        };
        Ok(self.note(user, list, request.is_public)?)
    }
}

/// The stage of a call, or both.
fn stages<'a>(
    request: &'a RecommendationRequest,
    of_scenario: &ScenarioSettings,
) -> Result<(Stage<'a>, Option<Stage<'a>>), RecommendationError> {
    let whole = Stage::new(request, request.endpoint, &request.options, of_scenario);
    if request.endpoint != Endpoint::CompositeRecommendation {
        return Ok((whole, None));
    }
    // What it is for says the first of what is given.
    let is_for = match request {
        RecommendationRequest { search_query: Some(_), .. } => For::Query,
        RecommendationRequest { item_id: Some(_), .. } => For::Item,
        RecommendationRequest { segment_id: Some(_), .. } => For::Segment,
        RecommendationRequest { user_id: Some(_), .. } => For::User,
        _ => {
            let what = "one of userId, itemId, segmentId and searchQuery must say what it is for";
            return Err(RecommendationError::Invalid(what.to_owned()));
        }
    };
    let (entries, result) = match of_scenario.segmentation {
        Some(_) => (Entries::Segments, Endpoint::RecommendItemsToItemSegment),
        None => (Entries::Items, Endpoint::RecommendItemsToItem),
    };
    let is_known = is_for != For::Segment || of_scenario.segmentation.is_some();
    let Some(source) = Endpoint::of(entries, is_for).filter(|_| is_known) else {
        let what = "segmentId is for scenarios with a segmentation: give userId, itemId or searchQuery";
        return Err(RecommendationError::Invalid(what.to_owned()));
    };
    let segmentation = of_scenario.segmentation.clone();
    let of_source = ScenarioSettings { segmentation, ..ScenarioSettings::default() };
    let first = Stage::new(request, source, &request.source_options, &of_source);
    let first = Stage {
        count: 1,
        item: first.item.filter(|_| is_for == For::Item),
        segment: first.segment.filter(|_| is_for == For::Segment),
        ..first
    };
    let second = Stage { endpoint: result, item: first.item, segment: None, search_query: None, ..whole };
    Ok((first, Some(second)))
}

/// The group that a user is in: always the same one, as long as the shares stay. Whoever is nobody is in any.
fn group_of<'a>(scenario: &'a Scenario, user_id: Option<&str>, recomm_id: Uuid) -> Option<&'a Group> {
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
