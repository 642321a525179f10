//! `GET .../traits`: what is known of a user, with the recommended-items traits computed now.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::OriginalUri;
use domain::TraitDefinition;
use domain::json::to_value;
use engine::{QueryError, RecommendedList};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::cursor;
use super::lookup::Lookup;
use crate::error::ApiError;
use crate::parameters::{self, Parameters};
use crate::recommendation::ListBody;

const LIMIT_DEFAULT: usize = 10;
const LIMIT_MAX: usize = 200;
/// The source of a trait that no source set.
const COMPUTED: &str = "computed";
/// What the companion of a recommended-items trait is called.
const DETAIL_SUFFIX: &str = "__detail";

#[derive(Deserialize)]
pub(super) struct Query {
    class: Option<String>,
    include: Option<String>,
    limit: Option<usize>,
    verbose: Option<bool>,
    next: Option<String>,
}

/// Computed traits come first, then those that sources set, each in the order of their keys.
pub(super) async fn read(
    lookup: Lookup,
    Parameters(query): Parameters<Query>,
    OriginalUri(uri): OriginalUri,
) -> Result<Json<Value>, ApiError> {
    let limit = parameters::count("limit", query.limit, LIMIT_DEFAULT, LIMIT_MAX)?;
    let include = cursor::list(query.include.as_deref());
    let (with_computed, with_stored) = match query.class.as_deref() {
        None => (true, true),
        Some("computed_trait") => (true, false),
        // There are no audiences yet: nobody is in one.
        Some("audience") => (false, false),
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "class is {other:?}, it must be audience or computed_trait"
            )));
        }
    };
    let config = lookup.engine.config();
    let definitions = &config.traits;
    let is_computed = |key: &str| {
        definitions.iter().any(|trait_| key.strip_suffix(DETAIL_SUFFIX).unwrap_or(key) == trait_.key)
    };
    let mut keys: Vec<(bool, String)> = Vec::new();
    if with_computed {
        let own = definitions
            .iter()
            .flat_map(|trait_| [trait_.key.clone(), format!("{}{DETAIL_SUFFIX}", trait_.key)]);
        keys.extend(own.map(|key| (false, key)));
    }
    let stored = if with_stored { lookup.engine.snapshot().stored_traits(lookup.user)? } else { Vec::new() };
    keys.extend(stored.iter().filter(|(key, _)| !is_computed(key)).map(|(key, _)| (true, key.clone())));
    keys.retain(|(_, key)| include.is_empty() || include.contains(key));
    keys.sort();

    if let Some(last) = cursor::next(query.next.as_deref())? {
        let (is_stored, key) = last.split_once(':').ok_or_else(cursor::wrong_next)?;
        let last = (is_stored == "s", key.to_owned());
        keys.retain(|key| *key > last);
    }
    let has_more = keys.len() > limit;
    keys.truncate(limit);

    let (mut traits, mut lists) = (Map::new(), BTreeMap::new());
    for (is_stored, key) in &keys {
        let (value, source, updated_at) = if *is_stored {
            let Some((_, trait_)) = stored.iter().find(|(name, _)| name == key) else { continue };
            (parsed(&trait_.json), trait_.source.clone(), trait_.updated_at)
        } else {
            let definition = definitions
                .iter()
                .find(|trait_| key.strip_suffix(DETAIL_SUFFIX).unwrap_or(key) == trait_.key);
            let Some(definition) = definition else { continue };
            // Only the companion tells the id, so without it nobody can cite the list.
            let is_cited = keys.contains(&(false, format!("{}{DETAIL_SUFFIX}", definition.key)));
            (
                computed(&lookup, &mut lists, definition, key, is_cited)?,
                COMPUTED.to_owned(),
                lookup.engine.now(),
            )
        };
        let shown = match query.verbose {
            Some(true) => {
                json!({ "value": value, "source_id": source, "updated_at": updated_at.to_string() })
            }
            _ => value,
        };
        traits.insert(key.clone(), shown);
    }
    let last = keys.last().map(|(is_stored, key)| format!("{}:{key}", if *is_stored { "s" } else { "c" }));
    Ok(Json(json!({
        "traits": traits,
        "cursor": cursor::cursor(uri.path(), limit, has_more, last.as_deref()),
    })))
}

/// The value of a computed trait or of its companion, which are of one list. A trait that its catalog cannot answer is empty and its companion
/// says why: it must not take the other traits with it.
fn computed(
    lookup: &Lookup,
    lists: &mut BTreeMap<String, Result<RecommendedList, String>>,
    definition: &TraitDefinition,
    key: &str,
    is_cited: bool,
) -> Result<Value, ApiError> {
    if !lists.contains_key(&definition.key) {
        let list = match lookup.engine.serve_trait(lookup.user, definition, is_cited) {
            Err(error @ QueryError::NoSuchProperty { .. }) => Err(error.to_string()),
            served => Ok(served?),
        };
        lists.insert(definition.key.clone(), list);
    }
    let is_detail = key != definition.key;
    Ok(match &lists[&definition.key] {
        Ok(list) if is_detail => to_value(&ListBody::new(list, lookup.engine.now())),
        Ok(list) => list.items.iter().map(|item| Value::from(item.item_id.as_str())).collect(),
        Err(why) if is_detail => json!({ "items": [], "error": why }),
        Err(_) => json!([]),
    })
}

/// Nested too deeply to be read as a value, a text is shown as a text.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json)
        .or_else(|_| serde_json::from_str::<&RawValue>(json).map(|raw| Value::from(raw.get())))
        .unwrap_or(Value::Null)
}
