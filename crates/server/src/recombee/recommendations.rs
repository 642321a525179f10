//! Recommendations and searches: `/recomms/...`, `/search/...`, and the two calls of older clients.

use std::sync::Arc;

use domain::list::ROTATION_TIME_S_MAX;
use domain::{Endpoint, Entries, Logic, Relevance, ScenarioSettings, Target};
use engine::{
    Engine, EntityKind, ListOptions, Missing, RECOMMENDED_MAX, RecommendationRequest, RecommendationResponse,
    Recommended, RequestBudget, ReturnedProperties,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answer::{Body, Rows};
use super::entities::values_json;
use super::failure::Failure;
use super::logics;
use super::operation::{Call, Done};
use super::parameters::{Ids, Parameters};
use super::signature::Caller;

/// The longest search query, in bytes.
const QUERY_BYTES_MAX: usize = 4_096;
/// The longest name of a scenario, in bytes.
const SCENARIO_BYTES_MAX: usize = 255;
/// The most expressions that are evaluated for each entry.
const EXPRESSIONS_MAX: usize = 100;

/// The most names of properties that come with each entry, and the longest one, in bytes: there cannot be more.
const INCLUDED_PROPERTIES_MAX: usize = 1_000;
const INCLUDED_PROPERTY_BYTES_MAX: usize = 255;
/// What stands around the id of an entry, in bytes.
const ENTRY_BYTES_AROUND: u64 = 10;

/// A call for a list.
pub(super) struct Recommend {
    what: What,
    form: Form,
}

enum What {
    First(Box<RecommendationRequest>),
    /// What comes after a list that was handed out.
    Next {
        recomm_id: Uuid,
        count: usize,
        of_segments: bool,
        is_public: bool,
    },
}

/// What the answer looks like.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Object,
    /// Of older clients: the ids, or objects with ids and properties.
    Array,
}

pub(super) fn call(
    ids: Ids<'_>,
    method: &str,
    parts: &[&str],
    parameters: &Parameters,
) -> Option<Result<Call, Failure>> {
    // With GET, all parameters are in the query.
    if !matches!(method, "POST" | "GET") {
        return None;
    }
    let of_user = |endpoint, id: &str| first(ids, endpoint, parameters, Some(id), None);
    let of_item = |endpoint, id: &str| first(ids, endpoint, parameters, None, Some(id));
    let recommend = match parts {
        ["recomms", "users", id, "items"] => of_user(Endpoint::RecommendItemsToUser, id),
        ["recomms", "users", id, "users"] => of_user(Endpoint::RecommendUsersToUser, id),
        ["recomms", "users", id, "item-segments"] => of_user(Endpoint::RecommendItemSegmentsToUser, id),
        ["recomms", "items", id, "items"] => of_item(Endpoint::RecommendItemsToItem, id),
        ["recomms", "items", id, "users"] => of_item(Endpoint::RecommendUsersToItem, id),
        ["recomms", "items", id, "item-segments"] => of_item(Endpoint::RecommendItemSegmentsToItem, id),
        ["recomms", "item-segments", "items"] => {
            first(ids, Endpoint::RecommendItemsToItemSegment, parameters, None, None)
        }
        ["recomms", "item-segments", "item-segments"] => {
            first(ids, Endpoint::RecommendItemSegmentsToItemSegment, parameters, None, None)
        }
        ["recomms", "composite"] => composite(ids, parameters),
        ["recomms", "next", "items", id] => next(id, parameters, false),
        ["recomms", "next", "item-segments", id] => next(id, parameters, true),
        ["search", "users", id, "items"] => of_user(Endpoint::SearchItems, id),
        ["search", "users", id, "item-segments"] => of_user(Endpoint::SearchItemSegments, id),
        ["items", id, "recomms"] => of_item(Endpoint::RecommendItemsToItem, id).map(as_array),
        ["users", id, "recomms"] => of_user(Endpoint::RecommendItemsToUser, id).map(as_array),
        _ => return None,
    };
    Some(recommend.map(|recommend| Call::Recommend(Box::new(recommend))))
}

fn as_array(recommend: Recommend) -> Recommend {
    Recommend { form: Form::Array, ..recommend }
}

fn first(
    ids: Ids<'_>,
    endpoint: Endpoint,
    parameters: &Parameters,
    user_id: Option<&str>,
    item_id: Option<&str>,
) -> Result<Recommend, Failure> {
    let user_id = match user_id {
        Some(id) => Some(ids.read(EntityKind::User, "userId", id.to_owned())?),
        None => parameters.entity_id(ids, EntityKind::User, "targetUserId")?,
    };
    let item_id = item_id.map(|id| ids.read(EntityKind::Item, "itemId", id.to_owned())).transpose()?;
    let is_segment = endpoint.target() == Target::Segment;
    let segment_id =
        is_segment.then(|| parameters.required_text("contextSegmentId").map(str::to_owned)).transpose()?;
    let is_search = endpoint.target() == Target::Query;
    let search_query = is_search.then(|| search_query(parameters)).transpose()?.flatten();
    if is_search && search_query.is_none() {
        return Err(Failure::invalid("parameter searchQuery is missing"));
    }
    let request = RecommendationRequest {
        user_id,
        item_id,
        segment_id,
        search_query,
        options: options(parameters, Some(endpoint))?,
        ..request(endpoint, parameters)?
    };
    Ok(Recommend { what: What::First(Box::new(request)), form: Form::Object })
}

/// What all calls have in common.
fn request(endpoint: Endpoint, parameters: &Parameters) -> Result<RecommendationRequest, Failure> {
    let scenario = parameters.text("scenario")?.filter(|name| !name.is_empty());
    if scenario.is_some_and(|name| name.len() > SCENARIO_BYTES_MAX) {
        return Err(Failure::invalid(format!("scenario is over {SCENARIO_BYTES_MAX} bytes")));
    }
    let missing = if parameters.boolean("allowNonexistent", false)? {
        Missing::Ignored
    } else if parameters.boolean("cascadeCreate", false)? {
        Missing::Created
    } else {
        Missing::Refused
    };
    Ok(RecommendationRequest {
        scenario: scenario.map(str::to_owned),
        missing,
        returns_group: parameters.boolean("returnAbGroup", false)?,
        ..RecommendationRequest::new(endpoint, count(parameters)?)
    })
}

fn composite(ids: Ids<'_>, parameters: &Parameters) -> Result<Recommend, Failure> {
    parameters.required_text("scenario")?;
    let settings = |name| parameters.object(name).map(|settings| Parameters(settings.unwrap_or_default()));
    let within = |name: &'static str| {
        move |failure: Failure| Failure { message: format!("{name}: {}", failure.message), ..failure }
    };
    let mut of_result = settings("resultSettings")?;
    if let Some(logic) = parameters.get("logic") {
        of_result.0.entry("logic").or_insert_with(|| logic.clone());
    }
    let request = RecommendationRequest {
        user_id: parameters.entity_id(ids, EntityKind::User, "userId")?,
        item_id: parameters.entity_id(ids, EntityKind::Item, "itemId")?,
        segment_id: parameters.text("segmentId")?.map(str::to_owned),
        search_query: search_query(parameters)?,
        options: options(&of_result, None).map_err(within("resultSettings"))?,
        source_options: options(&settings("sourceSettings")?, None).map_err(within("sourceSettings"))?,
        ..request(Endpoint::CompositeRecommendation, parameters)?
    };
    Ok(Recommend { what: What::First(Box::new(request)), form: Form::Object })
}

fn next(recomm_id: &str, parameters: &Parameters, of_segments: bool) -> Result<Recommend, Failure> {
    let parsed = Uuid::try_parse(recomm_id);
    let recomm_id = parsed.map_err(|_| Failure::invalid(format!("recommId {recomm_id:?} is no UUID")))?;
    let what = What::Next { recomm_id, count: count(parameters)?, of_segments, is_public: false };
    Ok(Recommend { what, form: Form::Object })
}

fn count(parameters: &Parameters) -> Result<usize, Failure> {
    match parameters.count("count", 1)? {
        None => Err(Failure::invalid("parameter count is missing")),
        Some(count) if count > RECOMMENDED_MAX => {
            Err(Failure::invalid(format!("count is {count}, it must be from 1 to {RECOMMENDED_MAX}")))
        }
        Some(count) => Ok(count),
    }
}

fn search_query(parameters: &Parameters) -> Result<Option<String>, Failure> {
    match parameters.text("searchQuery")? {
        Some(query) if query.len() > QUERY_BYTES_MAX => {
            Err(Failure::invalid(format!("searchQuery is over {QUERY_BYTES_MAX} bytes")))
        }
        query => Ok(query.map(str::to_owned)),
    }
}

/// What a call says of its list; `endpoint` is none where the call has several.
fn options(parameters: &Parameters, endpoint: Option<Endpoint>) -> Result<ListOptions, Failure> {
    let share = |name| -> Result<Option<f32>, Failure> {
        Ok(parameters.number_from(name, 0.0, 1.0)?.map(|share| share as f32))
    };
    let min_relevance = match parameters.text("minRelevance")? {
        None => None,
        Some("low") => Some(Relevance::Low),
        Some("medium") => Some(Relevance::Medium),
        Some("high") => Some(Relevance::High),
        Some(other) => {
            let what = format!("minRelevance is {other:?}, it must be low, medium or high");
            return Err(Failure::invalid(what));
        }
    };
    let rotation_time_s = parameters.number_from("rotationTime", 0.0, f64::MAX)?;
    // Longer than it is remembered is as good as that, and no time is as good as the shortest.
    let rotation_time_s = rotation_time_s.map(|time_s| (time_s as u32).clamp(1, ROTATION_TIME_S_MAX));
    let of_logic = logics::read(parameters, endpoint)?;
    let settings = ScenarioSettings {
        filter: parameters.text("filter")?.filter(|text| !text.is_empty()).map(str::to_owned),
        booster: parameters.text("booster")?.filter(|text| !text.is_empty()).map(str::to_owned),
        diversity: share("diversity")?,
        min_relevance,
        rotation_rate: share("rotationRate")?,
        rotation_time_s,
        user_impact: share("userImpact")?.or(of_logic.user_impact),
        ..of_logic
    };
    let properties = match (
        parameters.boolean("returnProperties", false)?,
        parameters.names("includedProperties")?,
    ) {
        (false, _) => ReturnedProperties::None,
        (true, None) => ReturnedProperties::All,
        (true, Some(names)) => {
            let n = names.len();
            if n > INCLUDED_PROPERTIES_MAX
                || names.iter().any(|name| name.len() > INCLUDED_PROPERTY_BYTES_MAX)
            {
                let what = format!(
                    "includedProperties has {n} names, it may have {INCLUDED_PROPERTIES_MAX} of {INCLUDED_PROPERTY_BYTES_MAX} bytes \
                         each"
                );
                return Err(Failure::invalid(what));
            }
            ReturnedProperties::Only(names)
        }
    };
    Ok(ListOptions { settings, expressions: expressions(parameters)?, properties })
}

fn expressions(parameters: &Parameters) -> Result<Vec<(String, String)>, Failure> {
    let wrong = || Failure::invalid("reqlExpressions must be an object of names with expressions");
    let named = parameters.object("reqlExpressions").map_err(|_| wrong())?.unwrap_or_default();
    if named.len() > EXPRESSIONS_MAX {
        return Err(Failure::invalid(format!("more than {EXPRESSIONS_MAX} reqlExpressions")));
    }
    if named.keys().any(|name| name.len() > SCENARIO_BYTES_MAX) {
        return Err(Failure::invalid(format!(
            "a name in reqlExpressions is over {SCENARIO_BYTES_MAX} bytes"
        )));
    }
    let named = named.into_iter().map(|(name, text)| Some((name, text.as_str()?.to_owned())));
    named.collect::<Option<_>>().ok_or_else(wrong)
}

impl Recommend {
    /// The user whom a list of items is for.
    pub(super) fn user_id(&self) -> Option<&str> {
        match &self.what {
            What::First(request) => {
                request.user_id.as_deref().filter(|_| request.endpoint.entries() == Entries::Items)
            }
            What::Next { .. } => None,
        }
    }

    /// Leaves more out of the list.
    pub(super) fn leave_out(&mut self, ids: impl IntoIterator<Item = String>) {
        if let What::First(request) = &mut self.what {
            request.left_out.extend(ids);
        }
    }

    /// Notes who calls.
    ///
    /// # Errors
    /// 403 where a browser asks for a list that shows what somebody did, or what a choice of users did.
    pub(super) fn called_by(&mut self, caller: Caller) -> Result<(), Failure> {
        let is_by_browser = caller == Caller::Public;
        match &mut self.what {
            What::Next { is_public, .. } => *is_public = is_by_browser,
            What::First(request) => {
                request.is_public = is_by_browser;
                let asked = [&request.options, &request.source_options].map(|options| options.settings.logic);
                if is_by_browser && asked.into_iter().flatten().any(Logic::shows_history) {
                    let why = "logic: a public token may not ask for what a user has viewed or bought: name the logic in a scenario, \
                               or sign with the private token";
                    return Err(Failure::forbidden(why));
                }
                let all = [&request.options, &request.source_options];
                if is_by_browser && all.iter().any(|options| options.settings.user_filter.is_some()) {
                    let why = "userSegmentFilter: a public token may not choose whose interactions count: name them in a scenario \
                               (user_filter), or sign with the private token";
                    return Err(Failure::forbidden(why));
                }
            }
        }
        Ok(())
    }

    /// Whether users and items that are missing are to be made.
    pub(super) fn creates(&self) -> bool {
        matches!(&self.what, What::First(request) if request.missing == Missing::Created)
    }

    /// Makes what the call names and wants made, which waits for the disk.
    pub(super) fn create_missing(&self, engine: &Engine) -> Result<(), Failure> {
        match &self.what {
            What::First(request) if self.creates() => Ok(engine.create_missing(request)?),
            _ => Ok(()),
        }
    }

    /// The answer, for whom its list is, if it is one of items, and the items.
    pub(super) fn answer(
        self,
        engine: &Engine,
        budget: &Arc<RequestBudget>,
    ) -> Result<(Done, Option<String>, Vec<String>), Failure> {
        let _computing = engine.start_computing(budget);
        let (request, response) = match self.what {
            What::First(request) => {
                let response = engine.request_recommendations(&request, budget)?;
                (*request, response)
            }
            What::Next { recomm_id, count, of_segments, is_public } => {
                engine.next_recommendations(recomm_id, count, of_segments, is_public, budget)?
            }
        };
        let ids: Vec<String> = response.recommended.iter().map(|entry| entry.id.clone()).collect();
        let kind = kind_of_entries(&request);
        let properties = &request.options.properties;
        let with_values = *properties != ReturnedProperties::None;
        let values_bytes = if with_values { engine.values_bytes(kind, &ids, properties.names()) } else { 0 };
        let around = ids.iter().map(|id| id.len() as u64 + ENTRY_BYTES_AROUND).sum::<u64>();
        budget.check_answer(around + values_bytes)?;
        let user_id = request.user_id.clone().filter(|_| request.endpoint.entries() == Entries::Items);
        let rows = match self.form {
            Form::Object => object(engine, request, response),
            Form::Array => array(request, response),
        };
        Ok((Done { status: 200, body: Body::Rows(rows) }, user_id, ids))
    }
}

fn kind_of_entries(request: &RecommendationRequest) -> EntityKind {
    if request.endpoint.entries() == Entries::Users { EntityKind::User } else { EntityKind::Item }
}

fn object(engine: &Engine, request: RecommendationRequest, response: RecommendationResponse) -> Rows {
    let kind = kind_of_entries(&request);
    let mut json = json!({
        "recommId": response.recomm_id.to_string(),
        "numberNextRecommsCalls": response.n_next,
    });
    if request.endpoint == Endpoint::CompositeRecommendation {
        let source = response.source.map(|source| entry_json(engine, kind, &source, &request.source_options));
        json["source"] = source.unwrap_or(Value::Null);
    }
    if let Some(group) = response.group.filter(|_| request.returns_group) {
        json["abGroup"] = group.into();
    }
    let (held_bytes, entries) = (held_bytes(&response.recommended), response.recommended.into_iter());
    let make_row = move |engine: &Engine, entry| Some(entry_json(engine, kind, &entry, &request.options));
    Rows::within(&json, "recomms", held_bytes, entries, make_row)
}

/// What the entries of a list take in memory, in bytes.
fn held_bytes(entries: &[Recommended]) -> usize {
    entries.iter().map(Recommended::n_bytes).sum()
}

fn entry_json(engine: &Engine, kind: EntityKind, entry: &Recommended, options: &ListOptions) -> Value {
    let mut json = json!({ "id": entry.id });
    if options.properties != ReturnedProperties::None
        && let Some(values) = values_json(engine, kind, &entry.id, options.properties.names())
    {
        json["values"] = Value::Object(values);
    }
    if !options.expressions.is_empty() {
        json["reqlEvaluations"] = Value::Object(entry.evaluations.iter().cloned().collect());
    }
    json
}

fn array(request: RecommendationRequest, response: RecommendationResponse) -> Rows {
    let held_bytes = held_bytes(&response.recommended);
    Rows::array(held_bytes, response.recommended.into_iter(), move |engine, entry| {
        let properties = &request.options.properties;
        if *properties == ReturnedProperties::None {
            return Some(Value::from(entry.id));
        }
        let values = values_json(engine, EntityKind::Item, &entry.id, properties.names());
        let mut row: Map<String, Value> = values.unwrap_or_default();
        row.insert("itemId".to_owned(), entry.id.into());
        Some(Value::Object(row))
    })
}
