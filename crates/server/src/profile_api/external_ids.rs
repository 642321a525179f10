//! `GET .../external_ids`: the ids that are one user.

use axum::Json;
use axum::extract::OriginalUri;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cursor;
use super::lookup::Lookup;
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

/// In the order of type and id.
pub(super) async fn read(
    lookup: Lookup,
    Parameters(query): Parameters<Query>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ApiError> {
    let limit = parameters::count("limit", query.limit, LIMIT_DEFAULT, LIMIT_MAX)?;
    let include = cursor::list(query.include.as_deref());
    let mut ids = lookup.read(|engine, user| Ok(engine.snapshot().identifiers(user)?)).await?;
    ids.retain(|id| include.is_empty() || include.iter().any(|type_| type_ == id.type_.word()));
    if let Some(last) = cursor::next(query.next.as_deref())? {
        let (type_, value) = last.split_once(':').ok_or_else(cursor::wrong_next)?;
        let type_ = engine::ExternalIdType::from_word(type_).ok_or_else(cursor::wrong_next)?;
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
                "collection": "users",
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
