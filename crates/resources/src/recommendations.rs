//! Recommendations: lists as somebody sees them who tries settings, with the reasons of each entry,
//! and past recommendations.

mod removed;
mod vocabulary;

pub use removed::{NamedItem, ShownRemoved, ShownRemovedByRule};
pub use vocabulary::{Vocabulary, VocabularyProperty, vocabulary};

use std::fmt;
use std::sync::Arc;

use domain::list::LIST_COUNT_MAX;
use domain::{
    Endpoint, ExpressionRole, InteractionKind, ListCaller, ListRequest, ListSettings,
    WorkspaceConfig,
};
use engine::{
    Engine, EntityKind, ListOptions, ListQuestions, ListedContribution, ListedItem,
    MissingEntities, Origin, PastRecommendation, Placement, PreviewedEntries,
    RecommendationRequest, Recommended, RecommendedList, RequestBudget,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use web::error::ApiError;
use web::parameters::count;
use web::workspaces::RequestedWorkspace;

use crate::accuracy::Accuracy;
use crate::configuration::place;

/// The number of entries of a list where nobody says how many.
pub const COUNT_DEFAULT: usize = 10;

/// A list that somebody wants to try. With neither user, item, segment nor query, it is for
/// somebody new.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PreviewRequest {
    /// Any id of the person whom the list is for.
    pub user: Option<String>,
    /// The item that the list is for.
    pub item: Option<String>,
    /// The segment that the list is for.
    pub segment: Option<String>,
    /// The text that is searched for.
    pub query: Option<String>,
    /// The operation. By default that of the scenario, or the one that lists items for what is
    /// given.
    pub endpoint: Option<Endpoint>,
    /// The scenario whose settings hold.
    pub scenario: Option<String>,
    /// Settings by hand: they override those of the scenario, as those of a call do.
    pub settings: ListSettings,
    /// The number of entries; 10 if absent.
    pub count: Option<usize>,
    /// An item: where is it in the list, or why is it not there?
    pub why_not: Option<String>,
    /// Whether the answer says what each rule keeps out of the list.
    pub with_removed: bool,
    /// Whether the answer says how accurate lists as this one are beside popularity.
    pub with_accuracy: bool,
}

/// The list that a request would get. No impression is recorded.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Preview {
    /// The operation of the recommender API that makes the same list.
    pub endpoint: Endpoint,
    /// Best first.
    pub items: Vec<PreviewedItem>,
    /// Of a composite recommendation: the item or segment that the list goes with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The version of the model that answered; none before the first training.
    pub model: Option<String>,
    /// The user's group of the scenario's A/B test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The scenario whose list it is, since that of the one asked for is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub followed_by: Option<String>,
    /// Whether the person exists; absent where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_known: Option<bool>,
    /// Whether all of the list is what is popular, though it could follow from a history.
    pub fallback: bool,
    /// When it was made.
    pub computed_at: String,
    /// Where the item is that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<PlacedItem>,
    /// What each rule keeps out, of lists of items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<ShownRemoved>,
    /// How accurate lists as this one were when the model was trained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
    /// Why it is absent, though it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_measured: Option<&'static str>,
}

/// The item that was asked about.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PlacedItem {
    /// The id.
    pub id: String,
    /// Its title, where the catalog has one.
    pub title: Option<String>,
    /// Where it is, or which rules keep it out.
    #[serde(flatten)]
    pub placement: Placement,
}

/// An entry of a list: an item, a segment or a user.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PreviewedItem {
    /// The id.
    pub id: String,
    /// The title of the item, where the catalog has one.
    pub title: Option<String>,
    /// Comparable within the list.
    pub score: f32,
    /// Where the item comes from: "model", "new", "trending", "recently_viewed", "buy_again",
    /// "picked", "match" or "together"; absent for segments and users.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<&'static str>,
    /// What the user did that it follows from, the strongest reason first.
    pub because: Vec<PreviewedReason>,
}

/// A reason: what the user did with another item, or in lists of what was viewed or is bought again
/// with the same.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PreviewedReason {
    /// The other item.
    pub id: String,
    /// Its title, where the catalog has one.
    pub title: Option<String>,
    /// What the user did with it.
    pub kind: InteractionKind,
    /// Its part of the score, in per cent.
    pub percent: f64,
    /// How many people did the same with it and acted on the listed item too; absent where nobody
    /// counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<u32>,
    /// The property in which both are alike, of items that the model does not know yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similar_in: Option<String>,
}

/// A mistake in an expression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ExpressionMistake {
    /// The setting that holds it: "filter".
    pub setting: &'static str,
    /// The place, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// Why a list cannot be made.
#[derive(Debug)]
pub struct PreviewError {
    /// The whole error.
    pub error: ApiError,
    /// The expressions that are wrong, if that is why.
    pub mistakes: Box<[ExpressionMistake]>,
}

impl<E: Into<ApiError>> From<E> for PreviewError {
    fn from(error: E) -> Self {
        Self { error: error.into(), mistakes: Box::default() }
    }
}

impl fmt::Display for ExpressionMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, column, message } = self;
        write!(f, "{setting}: {message} at column {column}")
    }
}

impl PreviewRequest {
    /// The operation that the list is of.
    ///
    /// # Errors
    /// 404 where there is no such scenario.
    pub fn endpoint(&self, config: &WorkspaceConfig) -> Result<Endpoint, ApiError> {
        if let Some(endpoint) = self.endpoint {
            return Ok(endpoint);
        }
        if let Some(name) = &self.scenario {
            return Ok(crate::scenarios::find(config, name)?.endpoint);
        }
        Ok(match self {
            Self { query: Some(_), .. } => Endpoint::SearchItems,
            Self { item: Some(_), .. } => Endpoint::RecommendItemsToItem,
            Self { segment: Some(_), .. } => Endpoint::RecommendItemsToItemSegment,
            _ => Endpoint::RecommendItemsToUser,
        })
    }

    /// The call of the recommender API that gets the same list.
    fn to_call(&self, endpoint: Endpoint) -> Result<RecommendationRequest, ApiError> {
        use domain::Target;
        let needs = |what: &str, given: &Option<String>| match given {
            Some(_) => Ok(()),
            None => Err(ApiError::invalid(format!("{endpoint} is for {what}: name one"))
                .at(format!("/{}", what.rsplit(' ').next().unwrap_or_default()))),
        };
        match endpoint.target() {
            Target::Item => needs("an item", &self.item)?,
            Target::Segment => needs("a segment", &self.segment)?,
            Target::Query => needs("a query", &self.query)?,
            Target::User | Target::Any => {}
        }
        let count = count("count", self.count, COUNT_DEFAULT, LIST_COUNT_MAX as usize)
            .map_err(|error| error.at("/count"))?;
        Ok(RecommendationRequest {
            user_id: self.user.clone(),
            item_id: self.item.clone(),
            segment_id: self.segment.clone(),
            search_query: self.query.clone(),
            scenario: self.scenario.clone(),
            options: ListOptions { settings: self.settings.clone(), ..ListOptions::default() },
            missing: MissingEntities::Ignored,
            ..RecommendationRequest::new(endpoint, count)
        })
    }
}

/// Makes the list that a request would get, with reasons, and says where the item `why_not` is.
///
/// # Errors
/// 404 where there is no such scenario or item, 400 where settings are wrong.
pub async fn preview(
    workspace: &RequestedWorkspace,
    request: PreviewRequest,
) -> Result<Preview, PreviewError> {
    let make = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        // The outer error is one of the workspace, the inner one of the request.
        Ok(make_preview(engine, &request, budget))
    };
    workspace.make_lists(make).await?
}

fn make_preview(
    engine: &Engine,
    request: &PreviewRequest,
    budget: &Arc<RequestBudget>,
) -> Result<Preview, PreviewError> {
    let endpoint = request.endpoint(&engine.config())?;
    check_settings(engine, endpoint, &request.settings)?;
    let call = request.to_call(endpoint)?;
    let is_missing = |item: &String| !engine.snapshot().has_entity(EntityKind::Item, item);
    if let Some(item) = call.item_id.as_ref().filter(|item| is_missing(item)) {
        return Err(ApiError::not_found(format!("there is no item {item:?}")).at("/item").into());
    }
    let questions =
        ListQuestions { place_of: request.why_not.as_deref(), removed: request.with_removed };
    let found = engine.preview_recommendations(&call, questions, budget)?;
    let snapshot = engine.snapshot();
    let title = |id: &str| snapshot.item_title(id);
    let items = match found.list.entries {
        PreviewedEntries::Items(items) => {
            items.into_iter().map(|item| PreviewedItem::of_item(item, &title)).collect()
        }
        PreviewedEntries::Others(others) => others.into_iter().map(PreviewedItem::of).collect(),
    };
    let is_popular = |item: &PreviewedItem| item.source == Some(source_word(Origin::Trending));
    let logic = request.settings.logic.unwrap_or(endpoint.default_logic());
    let why_not = request.why_not.as_ref().zip(found.list.placement);
    let why_not =
        why_not.map(|(id, placement)| PlacedItem { id: id.clone(), title: title(id), placement });
    let removed = found.list.removed.map(|removed| ShownRemoved::new(removed, &title));
    drop(snapshot);
    let (accuracy, not_measured) = match request.with_accuracy {
        true => match measure(engine, endpoint, request) {
            Ok(accuracy) => (Some(accuracy), None),
            Err(why) => (None, Some(why)),
        },
        false => (None, None),
    };
    Ok(Preview {
        endpoint,
        fallback: logic.has_relevance() && !Vec::is_empty(&items) && items.iter().all(is_popular),
        items,
        source: found.source.map(|source| source.id),
        model: found.list.model,
        group: found.group,
        followed_by: found.followed_by,
        user_known: request.user.as_ref().map(|user| engine.find_user(user).is_some()),
        computed_at: engine.now().to_string(),
        why_not,
        removed,
        accuracy,
        not_measured,
    })
}

/// Checks the settings of a call by hand.
pub(crate) fn check_settings(
    engine: &Engine,
    endpoint: Endpoint,
    settings: &ListSettings,
) -> Result<(), PreviewError> {
    settings
        .check_source()
        .map_err(|what| ApiError::invalid(format!("settings: {what}")).at("/settings/mix"))?;
    settings.validate(endpoint).map_err(|what| {
        let place = place(&what).unwrap_or_default();
        ApiError::invalid(format!("settings: {what}")).at(format!("/settings{place}"))
    })?;
    let mistakes = find_mistakes(engine, endpoint, settings);
    if let Some(first) = mistakes.first() {
        let error = ApiError::invalid(first.to_string()).at(format!("/settings/{}", first.setting));
        return Err(PreviewError { error, mistakes: mistakes.into() });
    }
    Ok(())
}

/// The accuracy of lists with the settings of a request, without the filters and other rules.
fn measure(
    engine: &Engine,
    endpoint: Endpoint,
    request: &PreviewRequest,
) -> Result<Accuracy, &'static str> {
    if endpoint != Endpoint::RecommendItemsToUser {
        return Err("training judges lists of items for people");
    }
    let config = engine.config();
    let scenario = request.scenario.as_ref().and_then(|name| config.scenario(name));
    let settings = match scenario {
        Some(scenario) => request.settings.or(&scenario.settings),
        None => request.settings.clone(),
    };
    let count = request.count.unwrap_or(COUNT_DEFAULT);
    let list = settings.request(count, ListCaller::Endpoint(endpoint));
    Accuracy::measured(engine, &list, count as u32)
}

/// The expressions of settings that are wrong for the workspace as it is.
fn find_mistakes(
    engine: &Engine,
    endpoint: Endpoint,
    settings: &ListSettings,
) -> Vec<ExpressionMistake> {
    let mistakes = engine.expression_mistakes(endpoint, settings).into_iter();
    mistakes
        .map(|(role, error): (ExpressionRole, _)| ExpressionMistake {
            setting: role.key(),
            column: error.column,
            message: error.message,
        })
        .collect()
}

impl PreviewedItem {
    fn of(Recommended { id, score, .. }: Recommended) -> Self {
        Self { id, title: None, score, source: None, because: Vec::new() }
    }

    fn of_item(item: ListedItem, title: &impl Fn(&str) -> Option<String>) -> Self {
        let because = item.explanation.into_iter();
        Self {
            title: title(&item.item_id),
            id: item.item_id,
            score: item.score,
            source: Some(source_word(item.origin)),
            because: because.map(|reason| PreviewedReason::new(reason, title)).collect(),
        }
    }
}

impl PreviewedReason {
    fn new(reason: ListedContribution, title: &impl Fn(&str) -> Option<String>) -> Self {
        Self {
            title: title(&reason.item_id),
            id: reason.item_id,
            kind: reason.kind,
            percent: (f64::from(reason.share) * 1_000.0).round() / 10.0,
            people: reason.n_people,
            similar_in: reason.similar_in,
        }
    }
}

/// The word for where an item came from.
pub fn source_word(origin: Origin) -> &'static str {
    match origin {
        Origin::Model => "model",
        Origin::ColdStart => "new",
        Origin::Trending => "trending",
        Origin::RecentlyViewed => "recently_viewed",
        Origin::BuyAgain => "buy_again",
        Origin::Picked => "picked",
        Origin::Match => "match",
        Origin::Content => "content",
        Origin::Newest => "newest",
        Origin::Together => "together",
    }
}

/// The item that a text means: the one with this id, or else the best match of a search.
///
/// # Errors
/// 404 where nothing matches.
pub async fn find_item(workspace: &RequestedWorkspace, text: &str) -> Result<String, ApiError> {
    let text = text.to_owned();
    let find = move |engine: &Engine, budget: &Arc<RequestBudget>| {
        if engine.snapshot().has_entity(EntityKind::Item, &text) {
            return Ok(text);
        }
        let search = RecommendationRequest {
            search_query: Some(text.clone()),
            ..RecommendationRequest::new(Endpoint::SearchItems, 1)
        };
        let found = engine.preview_recommendations(&search, ListQuestions::default(), budget)?;
        let first = match found.list.entries {
            PreviewedEntries::Items(items) => items.into_iter().next().map(|item| item.item_id),
            PreviewedEntries::Others(_) => None,
        };
        first.ok_or_else(|| {
            ApiError::not_found(format!(
                "no item has the id {text:?}, and none has it in its texts"
            ))
        })
    };
    workspace.make_lists(find).await
}

/// The list of a trait as somebody would get it.
#[derive(Debug)]
pub struct TraitPreview {
    /// The list.
    pub list: RecommendedList,
    /// Whether the person exists; none where none is named.
    pub user_known: Option<bool>,
    /// When it was made.
    pub computed_at: domain::Timestamp,
}

/// Makes the list that a trait with these settings would be. An unknown person gets what is
/// popular. No impression is recorded.
///
/// # Errors
/// If the settings do not go together.
pub async fn preview_trait(
    workspace: &RequestedWorkspace,
    user: Option<String>,
    request: ListRequest,
) -> Result<TraitPreview, ApiError> {
    request.validate_for_user().map_err(ApiError::invalid)?;
    let make = move |engine: &Engine, _: &Arc<RequestBudget>| {
        let user = user.as_deref().map(|user| engine.find_user(user));
        let list = engine.recommend(user.flatten(), &request)?;
        let user_known = user.map(|user| user.is_some());
        Ok(TraitPreview { list, user_known, computed_at: engine.now() })
    };
    workspace.make_lists(make).await
}

/// A recommendation that was made.
///
/// # Errors
/// 404 where there is none with this id, or it is too old to be cited.
pub async fn past(
    workspace: &RequestedWorkspace,
    recomm_id: &str,
) -> Result<(Uuid, PastRecommendation), ApiError> {
    let no_id = |_| ApiError::invalid(format!("{recomm_id:?} is not a recommendation id (a UUID)"));
    let recomm_id = Uuid::try_parse(recomm_id).map_err(no_id)?;
    let look_up = move |engine: &Engine| Ok(engine.recommendation(recomm_id)?);
    match workspace.run(look_up).await? {
        Some(past) => Ok((recomm_id, past)),
        None => Err(ApiError::not_found(format!(
            "no recommendation {recomm_id}: there never was one, or it is older than {} days",
            engine::RECOMMENDATION_DAYS_KEPT
        ))),
    }
}
