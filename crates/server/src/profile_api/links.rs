//! `GET .../links`: the accounts of a user, or the users of an account.

use axum::Json;
use axum::extract::OriginalUri;
use domain::UserIdx;
use engine::{Engine, Identifier};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cursor;
use super::lookup::{GROUP_ID, Lookup, Subject};
use web::error::ApiError;
use web::parameters::{self, Parameters};

const LIMIT_MAX: usize = 20;
/// How many ids of a linked user are told.
const IDS_TOLD_MAX: usize = 25;

#[derive(Deserialize)]
pub(super) struct Query {
    limit: Option<usize>,
    next: Option<String>,
}

/// Accounts in the order of their ids, users in that of their profiles.
pub(super) async fn read(
    lookup: Lookup,
    Parameters(query): Parameters<Query>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ApiError> {
    let limit = parameters::count("limit", query.limit, LIMIT_MAX, LIMIT_MAX)?;
    let after = cursor::next(query.next.as_deref())?;
    let (data, has_more, last) = lookup
        .read(move |engine, subject| match subject {
            Subject::User(user) => accounts(engine, *user, after.as_deref(), limit),
            Subject::Account(group_id) => users(engine, group_id, after.as_deref(), limit),
        })
        .await?;
    let cursor = cursor::cursor(uri.path(), limit, has_more, last.as_deref());
    Ok(Json(json!({ "data": data, "cursor": cursor })))
}

/// A page, whether there are more, and what the next one starts behind.
type Page = (Vec<Value>, bool, Option<String>);

fn accounts(
    engine: &Engine,
    user: UserIdx,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, ApiError> {
    let mut links = engine.snapshot().accounts_of(user)?;
    links.retain(|link| after.is_none_or(|after| link.group_id.as_str() > after));
    let has_more = links.len() > limit;
    links.truncate(limit);
    let last = links.last().map(|link| link.group_id.clone());
    let shown = |group_id: &str| {
        let id = external_id("accounts", GROUP_ID, group_id);
        json!({ "to_collection": "accounts", "external_ids": [id] })
    };
    Ok((links.iter().map(|link| shown(&link.group_id)).collect(), has_more, last))
}

fn users(
    engine: &Engine,
    group_id: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Page, ApiError> {
    let after = after.map(|text| text.parse().map(UserIdx).map_err(|_| cursor::wrong_next()));
    let snapshot = engine.snapshot();
    let mut users = snapshot.account_members(group_id, after.transpose()?, limit + 1)?;
    let has_more = users.len() > limit;
    users.truncate(limit);
    let last = users.last().map(|user| user.0.to_string());
    let mut data = Vec::with_capacity(users.len());
    for user in users {
        let ids = snapshot.identifiers(user)?;
        let shown = |id: &Identifier| external_id("users", id.type_.word(), &id.value);
        let ids: Vec<Value> = ids.iter().take(IDS_TOLD_MAX).map(shown).collect();
        data.push(json!({ "to_collection": "users", "external_ids": ids }));
    }
    Ok((data, has_more, last))
}

fn external_id(collection: &str, type_: &str, id: &str) -> Value {
    json!({ "id": id, "type": type_, "collection": collection, "encoding": "none" })
}
