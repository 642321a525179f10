//! `GET .../external_ids`: the ids that are one user, or the one of an account.

use axum::Json;
use axum::extract::OriginalUri;
use engine::{Engine, ExternalIdType, Identifier};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cursor;
use super::lookup::{GROUP_ID, Lookup, Subject};
use web::error::ApiError;
use web::parameters::{self, Parameters};

const LIMIT_DEFAULT: usize = 25;
const LIMIT_MAX: usize = 100;

#[derive(Deserialize)]
pub(super) struct Query {
    include: Option<String>,
    limit: Option<usize>,
    verbose: Option<bool>,
    next: Option<String>,
}

fn ids_of(engine: &Engine, subject: &Subject) -> Result<Vec<Identifier>, ApiError> {
    let group_id = match subject {
        Subject::User(user) => return Ok(engine.snapshot().identifiers(*user)?),
        Subject::Account(group_id) => group_id,
    };
    let account = engine.snapshot().account(group_id)?;
    let id = account.zip(ExternalIdType::from_word(GROUP_ID)).map(|(account, type_)| Identifier {
        type_,
        value: group_id.clone(),
        is_unique: true,
        created_at: account.created_at,
        first_message_id: account.first_message_id,
        source: account.first_source,
    });
    Ok(id.into_iter().collect())
}

/// In the order of type and id.
pub(super) async fn read(
    lookup: Lookup,
    Parameters(query): Parameters<Query>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ApiError> {
    let limit = parameters::count("limit", query.limit, LIMIT_DEFAULT, LIMIT_MAX)?;
    let include = cursor::list(query.include.as_deref());
    let mut ids = lookup.read(ids_of).await?;
    ids.retain(|id| include.is_empty() || include.iter().any(|type_| type_ == id.type_.word()));
    if let Some(last) = cursor::next(query.next.as_deref())? {
        let (type_, value) = last.split_once(':').ok_or_else(cursor::wrong_next)?;
        let type_ = ExternalIdType::from_word(type_).ok_or_else(cursor::wrong_next)?;
        ids.retain(|id| (id.type_, id.value.as_str()) > (type_, value));
    }
    let has_more = ids.len() > limit;
    ids.truncate(limit);
    let data: Vec<Value> = ids
        .iter()
        .map(|id| {
            let mut shown = json!({
                "id": id.value,
                "type": id.type_.word(),
                "source_id": id.source,
                "collection": if id.type_.word() == GROUP_ID { "accounts" } else { "users" },
                "created_at": id.created_at.to_string(),
                "encoding": "none",
            });
            if query.verbose == Some(true) {
                shown["first_message_id"] = id.first_message_id.as_str().into();
            }
            shown
        })
        .collect();
    let last = ids.last().map(|id| format!("{}:{}", id.type_.word(), id.value));
    Ok(Json(
        json!({ "data": data, "cursor": cursor::cursor(uri.path(), limit, has_more, last.as_deref()) }),
    ))
}
