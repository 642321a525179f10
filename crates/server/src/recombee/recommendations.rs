//! Recommendations and searches: `/recomms/...`, `/search/...`, and the two calls of older clients.

use domain::list::ROTATION_TIME_S_MAX;
use domain::{Endpoint, Entries, ListSettings, Relevance, Target};
use engine::{
    EntityKind, ListOptions, MissingEntities, RECOMMENDED_MAX, RecommendationRequest,
    ReturnedProperties,
};
use uuid::Uuid;

use super::call::{Access, Call, Operation, operation};
use super::failure::Failure;
use super::logics;
use super::parameters::{Ids, Parameters};
use super::recommend::{Form, ListCall, RequestedList};

/// The longest search query, in bytes.
const QUERY_BYTES_MAX: usize = 4_096;
/// The longest name of a scenario, in bytes.
const SCENARIO_BYTES_MAX: usize = 255;
/// The most expressions that are evaluated for each entry.
const EXPRESSIONS_MAX: usize = 100;

/// The most names of properties that come with each entry, and the longest one, in bytes: there
/// cannot be more.
const INCLUDED_PROPERTIES_MAX: usize = 1_000;
const INCLUDED_PROPERTY_BYTES_MAX: usize = 255;

pub(super) fn find(method: &str, parts: &[&str]) -> Option<Operation> {
    // With GET, all parameters are in the query.
    if !matches!(method, "POST" | "GET") {
        return None;
    }
    let asked = parse_path(parts)?;
    // Calls of older clients, which answer with arrays.
    let is_array = matches!(parts, ["items" | "users", ..]);
    // Browsers do not learn who is there.
    let access = match &asked {
        ListPath::OfUser(endpoint, _) | ListPath::OfItem(endpoint, _)
            if is_array || endpoint.entries() == Entries::Users =>
        {
            Access::Private
        }
        _ => Access::Public,
    };
    let read = operation(move |ids, parameters| {
        let recommend = asked.read(ids, parameters)?;
        Ok(Call::Recommend(Box::new(if is_array { as_array(recommend) } else { recommend })))
    });
    Some(read.with_access(access).of_list())
}

/// The list that a path requests.
enum ListPath {
    OfUser(Endpoint, String),
    OfItem(Endpoint, String),
    OfSegment(Endpoint),
    Composite,
    Next { recomm_id: String, of_segments: bool },
}

fn parse_path(parts: &[&str]) -> Option<ListPath> {
    let of_user = |endpoint, id: &str| ListPath::OfUser(endpoint, id.to_owned());
    let of_item = |endpoint, id: &str| ListPath::OfItem(endpoint, id.to_owned());
    let next = |id: &str, of_segments| ListPath::Next { recomm_id: id.to_owned(), of_segments };
    Some(match parts {
        ["recomms", "users", id, "items"] => of_user(Endpoint::RecommendItemsToUser, id),
        ["recomms", "users", id, "users"] => of_user(Endpoint::RecommendUsersToUser, id),
        ["recomms", "users", id, "item-segments"] => {
            of_user(Endpoint::RecommendItemSegmentsToUser, id)
        }
        ["recomms", "items", id, "items"] => of_item(Endpoint::RecommendItemsToItem, id),
        ["recomms", "items", id, "users"] => of_item(Endpoint::RecommendUsersToItem, id),
        ["recomms", "items", id, "item-segments"] => {
            of_item(Endpoint::RecommendItemSegmentsToItem, id)
        }
        ["recomms", "item-segments", "items"] => {
            ListPath::OfSegment(Endpoint::RecommendItemsToItemSegment)
        }
        ["recomms", "item-segments", "item-segments"] => {
            ListPath::OfSegment(Endpoint::RecommendItemSegmentsToItemSegment)
        }
        ["recomms", "composite"] => ListPath::Composite,
        ["recomms", "next", "items", id] => next(id, false),
        ["recomms", "next", "item-segments", id] => next(id, true),
        ["search", "users", id, "items"] => of_user(Endpoint::SearchItems, id),
        ["search", "users", id, "item-segments"] => of_user(Endpoint::SearchItemSegments, id),
        ["items", id, "recomms"] => of_item(Endpoint::RecommendItemsToItem, id),
        ["users", id, "recomms"] => of_user(Endpoint::RecommendItemsToUser, id),
        _ => return None,
    })
}

impl ListPath {
    fn read(&self, ids: Ids<'_>, parameters: &Parameters) -> Result<ListCall, Failure> {
        match self {
            Self::OfUser(endpoint, id) => read_first(ids, *endpoint, parameters, Some(id), None),
            Self::OfItem(endpoint, id) => read_first(ids, *endpoint, parameters, None, Some(id)),
            Self::OfSegment(endpoint) => read_first(ids, *endpoint, parameters, None, None),
            Self::Composite => read_composite(ids, parameters),
            Self::Next { recomm_id, of_segments } => read_next(recomm_id, parameters, *of_segments),
        }
    }
}

fn as_array(recommend: ListCall) -> ListCall {
    ListCall { form: Form::Array, ..recommend }
}

fn read_first(
    ids: Ids<'_>,
    endpoint: Endpoint,
    parameters: &Parameters,
    user_id: Option<&str>,
    item_id: Option<&str>,
) -> Result<ListCall, Failure> {
    let user_id = match user_id {
        Some(id) => Some(ids.read(EntityKind::User, "userId", id.to_owned())?),
        None => parameters.entity_id(ids, EntityKind::User, "targetUserId")?,
    };
    let item_id =
        item_id.map(|id| ids.read(EntityKind::Item, "itemId", id.to_owned())).transpose()?;
    let is_segment = endpoint.target() == Target::Segment;
    let segment_id = is_segment
        .then(|| parameters.required_text("contextSegmentId").map(str::to_owned))
        .transpose()?;
    let is_search = endpoint.target() == Target::Query;
    let search_query = is_search.then(|| read_search_query(parameters)).transpose()?.flatten();
    if is_search && search_query.is_none() {
        return Err(Failure::invalid("parameter searchQuery is missing"));
    }
    let request = RecommendationRequest {
        user_id,
        item_id,
        segment_id,
        search_query,
        options: read_options(parameters, Some(endpoint))?,
        ..read_request(endpoint, parameters)?
    };
    Ok(ListCall { list: RequestedList::First(Box::new(request)), form: Form::Object })
}

/// The parameters that all calls have.
fn read_request(
    endpoint: Endpoint,
    parameters: &Parameters,
) -> Result<RecommendationRequest, Failure> {
    let scenario = parameters.text("scenario")?.filter(|name| !name.is_empty());
    if scenario.is_some_and(|name| name.len() > SCENARIO_BYTES_MAX) {
        return Err(Failure::invalid(format!("scenario is over {SCENARIO_BYTES_MAX} bytes")));
    }
    let missing = if parameters.boolean("allowNonexistent", false)? {
        MissingEntities::Ignored
    } else if parameters.boolean("cascadeCreate", false)? {
        MissingEntities::Created
    } else {
        MissingEntities::Refused
    };
    Ok(RecommendationRequest {
        scenario: scenario.map(str::to_owned),
        missing,
        returns_group: parameters.boolean("returnAbGroup", false)?,
        ..RecommendationRequest::new(endpoint, read_count(parameters)?)
    })
}

fn read_composite(ids: Ids<'_>, parameters: &Parameters) -> Result<ListCall, Failure> {
    parameters.required_text("scenario")?;
    let settings =
        |name| parameters.object(name).map(|settings| Parameters(settings.unwrap_or_default()));
    let within = |name: &'static str| {
        move |failure: Failure| Failure {
            message: format!("{name}: {}", failure.message),
            ..failure
        }
    };
    let mut of_result = settings("resultSettings")?;
    if let Some(logic) = parameters.get("logic") {
        of_result.0.entry("logic").or_insert_with(|| logic.clone());
    }
    let request = RecommendationRequest {
        user_id: parameters.entity_id(ids, EntityKind::User, "userId")?,
        item_id: parameters.entity_id(ids, EntityKind::Item, "itemId")?,
        segment_id: parameters.text("segmentId")?.map(str::to_owned),
        search_query: read_search_query(parameters)?,
        options: read_options(&of_result, None).map_err(within("resultSettings"))?,
        source_options: read_options(&settings("sourceSettings")?, None)
            .map_err(within("sourceSettings"))?,
        ..read_request(Endpoint::CompositeRecommendation, parameters)?
    };
    Ok(ListCall { list: RequestedList::First(Box::new(request)), form: Form::Object })
}

fn read_next(
    recomm_id: &str,
    parameters: &Parameters,
    of_segments: bool,
) -> Result<ListCall, Failure> {
    let parsed = Uuid::try_parse(recomm_id);
    let recomm_id =
        parsed.map_err(|_| Failure::invalid(format!("recommId {recomm_id:?} is no UUID")))?;
    let what = RequestedList::Next {
        recomm_id,
        count: read_count(parameters)?,
        of_segments,
        is_public: false,
    };
    Ok(ListCall { list: what, form: Form::Object })
}

fn read_count(parameters: &Parameters) -> Result<usize, Failure> {
    match parameters.count("count", 1)? {
        None => Err(Failure::invalid("parameter count is missing")),
        Some(count) if count > RECOMMENDED_MAX => Err(Failure::invalid(format!(
            "count is {count}, it must be from 1 to {RECOMMENDED_MAX}"
        ))),
        Some(count) => Ok(count),
    }
}

fn read_search_query(parameters: &Parameters) -> Result<Option<String>, Failure> {
    match parameters.text("searchQuery")? {
        Some(query) if query.len() > QUERY_BYTES_MAX => {
            Err(Failure::invalid(format!("searchQuery is over {QUERY_BYTES_MAX} bytes")))
        }
        query => Ok(query.map(str::to_owned)),
    }
}

/// Reads the options of a list. `endpoint` is none if the call has several.
fn read_options(
    parameters: &Parameters,
    endpoint: Option<Endpoint>,
) -> Result<ListOptions, Failure> {
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
    // A longer time counts as the longest for which impressions are kept, and zero as the shortest.
    let rotation_time_s =
        rotation_time_s.map(|time_s| (time_s as u32).clamp(1, ROTATION_TIME_S_MAX));
    let of_logic = logics::read(parameters, endpoint)?;
    let settings = ListSettings {
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
    Ok(ListOptions { settings, expressions: read_expressions(parameters)?, properties })
}

fn read_expressions(parameters: &Parameters) -> Result<Vec<(String, String)>, Failure> {
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
