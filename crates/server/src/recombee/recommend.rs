//! A call for a list: who asks, what is made for it, and its answer.

use std::sync::Arc;

use domain::{Endpoint, Entries, Logic};
use engine::{
    Engine, EntityKind, ListOptions, RecommendationRequest, RecommendationResponse, Recommended,
    RequestBudget, ReturnedProperties, Snapshot,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answer::{Body, OperationAnswer, Rows};
use super::entities::values_json;
use super::failure::Failure;
use super::signature::Caller;

/// The JSON around the id of an entry, in bytes.
const ENTRY_BYTES_AROUND: u64 = 10;

/// A call for a list.
pub(super) struct ListCall {
    pub(super) list: RequestedList,
    pub(super) form: Form,
}

/// The requested list.
pub(super) enum RequestedList {
    First(Box<RecommendationRequest>),
    /// The continuation of an earlier list.
    Next {
        recomm_id: Uuid,
        count: usize,
        of_segments: bool,
        is_public: bool,
    },
}

/// The form of the answer.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    Object,
    /// The form of older clients: ids, or objects with ids and properties.
    Array,
}

impl ListCall {
    /// The user that a list of items is for.
    pub(super) fn user_id(&self) -> Option<&str> {
        match &self.list {
            RequestedList::First(request) => {
                request.user_id.as_deref().filter(|_| request.endpoint.entries() == Entries::Items)
            }
            RequestedList::Next { .. } => None,
        }
    }

    /// Leaves further ids out of the list.
    pub(super) fn leave_out(&mut self, ids: impl IntoIterator<Item = String>) {
        if let RequestedList::First(request) = &mut self.list {
            request.left_out.extend(ids);
        }
    }

    /// Records the caller.
    ///
    /// # Errors
    /// 403 if a browser asks for a list that shows what a user, or a choice of users, did.
    pub(super) fn restrict_to(&mut self, caller: Caller) -> Result<(), Failure> {
        let is_by_browser = caller == Caller::Public;
        match &mut self.list {
            RequestedList::Next { is_public, .. } => *is_public = is_by_browser,
            RequestedList::First(request) => {
                request.is_public = is_by_browser;
                let asked = [&request.options, &request.source_options]
                    .map(|options| options.settings.logic);
                if is_by_browser && asked.into_iter().flatten().any(Logic::shows_history) {
                    let why = "logic: a public token may not ask for what a user has viewed or bought: name the logic in a scenario, \
                               or sign with the private token";
                    return Err(Failure::forbidden(why));
                }
                let all = [&request.options, &request.source_options];
                if is_by_browser && all.iter().any(|options| options.settings.user_filter.is_some())
                {
                    let why = "userSegmentFilter: a public token may not choose whose interactions count: name them in a scenario \
                               (user_filter), or sign with the private token";
                    return Err(Failure::forbidden(why));
                }
            }
        }
        Ok(())
    }

    /// Whether it creates users or items, which are missing now.
    pub(super) fn creates_missing(&self, engine: &Engine) -> bool {
        matches!(&self.list, RequestedList::First(request) if engine.creates_missing(request))
    }

    /// Creates the missing users and items that the call names. Waits for the disk.
    pub(super) fn create_missing(&self, engine: &Engine) -> Result<(), Failure> {
        match &self.list {
            RequestedList::First(request) if engine.creates_missing(request) => {
                Ok(engine.create_missing(request)?)
            }
            _ => Ok(()),
        }
    }

    /// Returns the answer, the user if it is a list of items, and the ids of the list.
    pub(super) fn answer(
        self,
        engine: &Engine,
        budget: &Arc<RequestBudget>,
    ) -> Result<(OperationAnswer, Option<String>, Vec<String>), Failure> {
        let _computing = engine.start_computing(budget);
        let (request, response) = match self.list {
            RequestedList::First(request) => {
                let response = engine.request_recommendations(&request, budget)?;
                (*request, response)
            }
            RequestedList::Next { recomm_id, count, of_segments, is_public } => {
                engine.next_recommendations(recomm_id, count, of_segments, is_public, budget)?
            }
        };
        let ids: Vec<String> = response.recommended.iter().map(|entry| entry.id.clone()).collect();
        let kind = kind_of_entries(&request);
        let properties = &request.options.properties;
        let with_values = *properties != ReturnedProperties::None;
        let values_bytes =
            if with_values { engine.values_bytes(kind, &ids, properties.names()) } else { 0 };
        let around = ids.iter().map(|id| id.len() as u64 + ENTRY_BYTES_AROUND).sum::<u64>();
        budget.check_answer(around + values_bytes)?;
        let user_id =
            request.user_id.clone().filter(|_| request.endpoint.entries() == Entries::Items);
        let rows = match self.form {
            Form::Object => object(engine, request, response),
            Form::Array => array(request, response),
        };
        Ok((OperationAnswer { status: 200, body: Body::Rows(rows) }, user_id, ids))
    }
}

fn kind_of_entries(request: &RecommendationRequest) -> EntityKind {
    if request.endpoint.entries() == Entries::Users { EntityKind::User } else { EntityKind::Item }
}

fn object(
    engine: &Engine,
    request: RecommendationRequest,
    response: RecommendationResponse,
) -> Rows {
    let kind = kind_of_entries(&request);
    let mut json = json!({
        "recommId": response.recomm_id.to_string(),
        "numberNextRecommsCalls": response.n_next,
    });
    if request.endpoint == Endpoint::CompositeRecommendation {
        let source = response
            .source
            .map(|source| entry_json(&engine.snapshot(), kind, &source, &request.source_options));
        json["source"] = source.unwrap_or(Value::Null);
    }
    if let Some(group) = response.group.filter(|_| request.returns_group) {
        json["abGroup"] = group.into();
    }
    let (held_bytes, entries) =
        (held_bytes(&response.recommended), response.recommended.into_iter());
    let make_row = move |snapshot: &Snapshot<'_>, entry| {
        Some(entry_json(snapshot, kind, &entry, &request.options))
    };
    Rows::within(&json, "recomms", held_bytes, entries, make_row)
}

/// The memory of the entries of a list, in bytes.
fn held_bytes(entries: &[Recommended]) -> usize {
    entries.iter().map(Recommended::n_bytes).sum()
}

fn entry_json(
    snapshot: &Snapshot<'_>,
    kind: EntityKind,
    entry: &Recommended,
    options: &ListOptions,
) -> Value {
    let mut json = json!({ "id": entry.id });
    if options.properties != ReturnedProperties::None
        && let Some(values) = values_json(snapshot, kind, &entry.id, options.properties.names())
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
    Rows::array(held_bytes, response.recommended.into_iter(), move |snapshot, entry| {
        let properties = &request.options.properties;
        if *properties == ReturnedProperties::None {
            return Some(Value::from(entry.id));
        }
        let values = values_json(snapshot, EntityKind::Item, &entry.id, properties.names());
        let mut row: Map<String, Value> = values.unwrap_or_default();
        row.insert("itemId".to_owned(), entry.id.into());
        Some(Value::Object(row))
    })
}
