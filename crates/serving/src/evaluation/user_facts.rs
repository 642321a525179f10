//! What expressions read of the user of a request beside declared properties: audiences, computed
//! traits, and traits that sources have set, in this order where a name is several of them. Read
//! when an expression asks for it.

use domain::{ComputedTraitType, UserIdx};
use reql::{Set, Type, Value};
use state::Views;
use store::{Store, StoreError};

/// The type of a fact; none where there is none of the name.
pub(super) fn type_of(views: &Views, name: &str) -> Option<Type> {
    let config = &views.setup.config;
    if config.audience(name).is_some() {
        return Some(Type::Boolean);
    }
    if let Some(computed) = config.computed_trait_of_people(name) {
        return Some(match computed.type_ {
            ComputedTraitType::Count | ComputedTraitType::UniqueListCount => Type::Int,
            ComputedTraitType::Sum
            | ComputedTraitType::Average
            | ComputedTraitType::Minimum
            | ComputedTraitType::Maximum => Type::Double,
            ComputedTraitType::UniqueList => Type::Set,
            ComputedTraitType::MostFrequent
            | ComputedTraitType::First
            | ComputedTraitType::Last => Type::Any,
        });
    }
    views.source_schemas.traits().any(|known| known == name).then_some(Type::Any)
}

/// The names of all facts.
pub(super) fn names(views: &Views) -> impl Iterator<Item = &str> {
    let config = &views.setup.config;
    let audiences = config.audiences.iter().map(|audience| audience.key.as_str());
    let computed = config.computed_traits.iter().map(|computed| computed.key.as_str());
    audiences.chain(computed).chain(views.source_schemas.traits())
}

/// The value of a fact for a user. An expression cannot fail: what cannot be read is null, and
/// logged.
pub(super) fn read_logged(views: &Views, store: &Store, user: UserIdx, name: &str) -> Value {
    read(views, store, user, name).unwrap_or_else(|error| {
        let workspace = &views.setup.config.id;
        tracing::error!(%workspace, name, %error, "a fact of a user was not read: it is null");
        Value::Null
    })
}

fn read(views: &Views, store: &Store, user: UserIdx, name: &str) -> Result<Value, StoreError> {
    let config = &views.setup.config;
    if config.audience(name).is_some() {
        let stays = views.audiences.stays(store, name, user)?;
        // The last one is the present one, if there is any.
        return Ok(stays.last().map_or(Value::Null, |last| Value::Boolean(last.left.is_none())));
    }
    if let Some(definition) = config.computed_trait(name) {
        let is_list = definition.type_ == ComputedTraitType::UniqueList;
        let values = views.computed_traits.values(store, user)?;
        let computed = values.into_iter().find(|(key, _)| *key == name);
        return Ok(match computed {
            Some((_, computed)) => to_value(computed.value, is_list),
            None if is_list => Value::Set(Set::default()),
            None => Value::Null,
        });
    }
    let stored = views.profiles.stored_trait(store, user, name)?;
    let json = stored.and_then(|stored| serde_json::from_str(&stored.json).ok());
    Ok(json.map_or(Value::Null, |json| to_value(json, false)))
}

/// JSON as a value of the language. A list is a set where the order means nothing.
fn to_value(json: serde_json::Value, is_set: bool) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => number.as_f64().map_or(Value::Null, Value::Double),
        },
        Json::String(text) => Value::text(&text),
        Json::Array(elements) => {
            let elements = elements.into_iter().map(|element| to_value(element, false));
            match is_set {
                true => Value::Set(Set::new(elements.collect())),
                false => Value::Array(elements.collect()),
            }
        }
        Json::Object(members) => {
            let members =
                members.into_iter().map(|(name, value)| (name.into(), to_value(value, false)));
            Value::Dictionary(std::sync::Arc::new(members.collect()))
        }
    }
}

/// The known name that was probably meant.
pub(super) fn nearest<'n>(unknown: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    let distances = known.map(|known| (strsim::damerau_levenshtein(unknown, known), known));
    let (_, nearest) = distances
        .min()
        .filter(|(distance, known)| *distance <= known.len().max(unknown.len()) / 2)?;
    Some(nearest.to_owned())
}
