//! Items and users with their properties: `/items/...`, `/users/...`.

use catalog::Property;
use domain::{PropertyType, PropertyValue};
use engine::{Command, EntityKind, Outcome, Refusal, Snapshot};
use serde_json::{Map, Value, json};

use super::answer::{Body, OperationAnswer, Rows};
use super::call::{Access, Call, Operation, change, create, entry, operation, query, query_within};
use super::failure::Failure;
use super::parameters::{Ids, Parameters};

/// The longest name of a property, in bytes.
const PROPERTY_NAME_BYTES_MAX: usize = 63;
/// The roles of properties, with the types that they require.
const ROLES: [(&str, &[PropertyType]); 10] = [
    ("title", &[PropertyType::String]),
    ("summary", &[PropertyType::String]),
    ("url", &[PropertyType::String]),
    ("tags", &[PropertyType::Set]),
    ("categories", &[PropertyType::Set]),
    ("category", &[PropertyType::String]),
    ("genres", &[PropertyType::Set]),
    ("genre", &[PropertyType::String]),
    ("primaryImage", &[PropertyType::Image]),
    ("price", &[PropertyType::Double, PropertyType::Int]),
];
/// The role of moments.
const ROLE_PUBLISH_DATE: &str = "publishDate";
/// How many changes of one call go to the journal together.
const CHANGES_TOGETHER_MAX: usize = 500;
/// The JSON around an id in a list, in bytes.
const ID_BYTES_AROUND: u64 = 3;
/// The key among values that asks for the item or user to be made.
const CASCADE_KEY: &str = "!cascadeCreate";

/// The word of a kind in paths.
pub(super) fn parse_kind(word: &str) -> Option<EntityKind> {
    match word {
        "items" => Some(EntityKind::Item),
        "users" => Some(EntityKind::User),
        _ => None,
    }
}

pub(super) fn id_name(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Item => "itemId",
        EntityKind::User => "userId",
    }
}

pub(super) fn find(method: &str, parts: &[&str], has_slash: bool) -> Option<Operation> {
    match (method, parts) {
        ("POST", ["more-items"]) => {
            return Some(operation(|_, parameters| update_more(parameters)));
        }
        ("DELETE", ["more-items"]) => {
            return Some(operation(|_, parameters| delete_more(parameters)));
        }
        _ => {}
    }
    let kind = parse_kind(parts.first()?)?;
    match &parts[1..] {
        ["list"] if has_slash => {
            // Items of this name are addressed without the slash.
            (method == "GET").then(|| operation(move |_, parameters| list(kind, parameters)))
        }
        ["properties", "list"] if has_slash && method == "GET" => {
            Some(operation(move |_, _| list_properties(kind)))
        }
        ["properties"] if has_slash => {
            Some(operation(|_, _| Err(Failure::invalid("the name of the property is missing"))))
        }
        ["properties", name] => {
            let read = match method {
                "PUT" => add_property,
                "DELETE" => delete_property,
                "GET" => read_property,
                _ => return None,
            };
            let name = (*name).to_owned();
            Some(operation(move |_, parameters| {
                read(kind, check_property_name(kind, &name)?, parameters)
            }))
        }
        // Browsers know no PUT.
        [target, "merge", source]
            if kind == EntityKind::User && matches!(method, "PUT" | "POST") =>
        {
            let (target, source) = ((*target).to_owned(), (*source).to_owned());
            let merge = operation(move |ids, parameters| merge(ids, target, source, parameters));
            Some(merge.with_access(Access::PublicMerge))
        }
        [id] => {
            let read = match method {
                "PUT" => add,
                "DELETE" => delete,
                "POST" => set_values,
                "GET" => read_values,
                _ => return None,
            };
            let id = (*id).to_owned();
            Some(operation(move |ids, parameters| {
                read(kind, ids.read(kind, id_name(kind), id)?, parameters)
            }))
        }
        _ => None,
    }
}

fn add(kind: EntityKind, id: String, _: &Parameters) -> Result<Call, Failure> {
    create(Command::Add { kind, id })
}

fn delete(kind: EntityKind, id: String, _: &Parameters) -> Result<Call, Failure> {
    change(Command::Delete { kind, id })
}

fn read_values(kind: EntityKind, id: String, _: &Parameters) -> Result<Call, Failure> {
    query(move |engine| {
        let missing = || Failure::not_found(format!("there is no {} {id:?}", kind.word()));
        let values = values_json(&engine.snapshot(), kind, &id, None);
        Ok(OperationAnswer::ok(Value::Object(values.ok_or_else(missing)?)))
    })
}

fn list_properties(kind: EntityKind) -> Result<Call, Failure> {
    query(move |engine| {
        let all: Vec<Value> =
            engine.snapshot().properties(kind).iter().map(property_json).collect();
        Ok(OperationAnswer::ok(all))
    })
}

fn read_property(kind: EntityKind, name: String, _: &Parameters) -> Result<Call, Failure> {
    query(move |engine| {
        let found =
            engine.snapshot().properties(kind).into_iter().find(|property| property.name == name);
        found.map(|property| OperationAnswer::ok(property_json(&property))).ok_or_else(|| {
            Failure::not_found(format!("there is no {} property {name:?}", kind.word()))
        })
    })
}

fn delete_property(kind: EntityKind, name: String, _: &Parameters) -> Result<Call, Failure> {
    change(Command::DeleteProperty { kind, name })
}

fn check_property_name(kind: EntityKind, name: &str) -> Result<String, Failure> {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-:".contains(&b);
    if !(1..=PROPERTY_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(is_allowed) {
        return Err(Failure::invalid(format!(
            "property name {name:?} must be 1 to {PROPERTY_NAME_BYTES_MAX} characters of a-z, A-Z, 0-9, '_', '-' and ':'"
        )));
    }
    if ["id", id_name(kind)].iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(Failure::invalid(format!("property name {name:?} is reserved")));
    }
    Ok(name.to_owned())
}

fn list(kind: EntityKind, parameters: &Parameters) -> Result<Call, Failure> {
    let count = parameters.count("count", 1)?;
    let offset = parameters.count("offset", 0)?.unwrap_or(0);
    let with_values = parameters.boolean("returnProperties", false)?;
    let included = parameters.names("includedProperties")?;
    let filter = parameters.text("filter")?.map(str::to_owned);
    query_within(move |engine, budget| {
        let ids = engine.entity_page(
            kind,
            filter.as_deref(),
            offset,
            count.unwrap_or(usize::MAX),
            budget,
        )?;
        budget.check_answer(bytes_of_ids(&ids))?;
        let held_bytes = ids.iter().map(|id| size_of::<String>() + id.len()).sum();
        let rows = if with_values {
            budget.check_answer(engine.values_bytes(kind, &ids, included.as_deref()))?;
            Rows::array(held_bytes, ids.into_iter(), move |snapshot, id| {
                let mut row = values_json(snapshot, kind, &id, included.as_deref())?;
                row.insert(id_name(kind).to_owned(), id.into());
                Some(Value::Object(row))
            })
        } else {
            Rows::array(held_bytes, ids.into_iter(), |_, id| Some(Value::from(id)))
        };
        Ok(OperationAnswer { status: 200, body: Body::Rows(rows) })
    })
}

/// The bytes of a list of ids in an answer.
fn bytes_of_ids(ids: &[String]) -> u64 {
    ids.iter().map(|id| id.len() as u64 + ID_BYTES_AROUND).sum()
}

/// The values of all or of the requested properties; none if there is no such item or user.
pub(super) fn values_json(
    snapshot: &Snapshot<'_>,
    kind: EntityKind,
    id: &str,
    included: Option<&[String]>,
) -> Option<Map<String, Value>> {
    let values = snapshot.entity_values(kind, id, included)?.into_iter();
    Some(
        values
            .map(|(name, value)| (name, value.as_ref().map_or(Value::Null, value_json)))
            .collect(),
    )
}

/// Moments are seconds since 1970 in this API.
fn value_json(value: &PropertyValue) -> Value {
    match value {
        PropertyValue::Timestamp(at) => (at.0 as f64 / 1_000.0).into(),
        other => other.to_json(),
    }
}

fn property_json(property: &Property) -> Value {
    let mut json = json!({ "name": property.name, "type": property.type_ });
    let settings =
        property.settings.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    for key in ["role", "metadata"] {
        if let Some(value) = settings.as_ref().and_then(|settings| settings.get(key)) {
            json[key] = value.clone();
        }
    }
    json
}

fn add_property(kind: EntityKind, name: String, parameters: &Parameters) -> Result<Call, Failure> {
    let type_: PropertyType =
        parameters.required_text("type")?.parse().map_err(Failure::invalid)?;
    let said = parameters.get("role");
    let role = match said {
        None => None,
        Some(Value::String(role)) => Some(role.clone()),
        Some(Value::Object(role)) => {
            Some(role.get("name").and_then(Value::as_str).unwrap_or_default().to_owned())
        }
        Some(_) => return Err(Failure::invalid("role must be a string or an object with a name")),
    };
    if let Some(role) = &role {
        let known = ROLES.iter().find(|(known, _)| known == role).map(|(_, types)| *types);
        let types = match role.as_str() {
            ROLE_PUBLISH_DATE => Some(&[PropertyType::Timestamp][..]),
            _ => known,
        };
        let names = || ROLES.map(|(name, _)| name).join(", ");
        let Some(types) = types else {
            return Err(Failure::not_found(format!(
                "there is no role {role:?}; there are: {}, {ROLE_PUBLISH_DATE}",
                names()
            )));
        };
        if !types.contains(&type_) {
            return Err(Failure::invalid(format!(
                "a property of role {role:?} cannot be of type {type_}"
            )));
        }
    }
    let mut settings = Map::new();
    for key in ["role", "metadata"] {
        if let Some(value) = parameters.get(key) {
            settings.insert(key.to_owned(), value.clone());
        }
    }
    let settings = (!settings.is_empty()).then(|| Value::Object(settings).to_string());
    create(Command::AddProperty { kind, property: Property { name, type_, role, settings } })
}

fn set_values(kind: EntityKind, id: String, parameters: &Parameters) -> Result<Call, Failure> {
    let cascade_create =
        parameters.boolean(CASCADE_KEY, false)? || parameters.boolean("cascadeCreate", false)?;
    let mut values = parameters.0.clone();
    // A property may have the name of the second one; then it is no text of a query.
    values.remove(CASCADE_KEY);
    if matches!(values.get("cascadeCreate"), Some(Value::String(_) | Value::Bool(_))) {
        values.remove("cascadeCreate");
    }
    for name in values.keys() {
        check_property_name(kind, name)?;
    }
    change(Command::SetValues {
        kind,
        id,
        values: Value::Object(values).to_string(),
        cascade_create,
    })
}

/// Sets values of all items that a filter lets through.
fn update_more(parameters: &Parameters) -> Result<Call, Failure> {
    let filter = parameters.required_text("filter")?.to_owned();
    let Some(Value::Object(changes)) = parameters.get("changes") else {
        return Err(Failure::invalid("changes must be an object with properties and their values"));
    };
    for name in changes.keys() {
        check_property_name(EntityKind::Item, name)?;
    }
    let values = Value::Object(changes.clone()).to_string();
    change_more(filter, move |id| Command::SetValues {
        kind: EntityKind::Item,
        id,
        values: values.clone(),
        cascade_create: false,
    })
}

/// Deletes all items that a filter lets through.
fn delete_more(parameters: &Parameters) -> Result<Call, Failure> {
    let filter = parameters.required_text("filter")?.to_owned();
    change_more(filter, |id| Command::Delete { kind: EntityKind::Item, id })
}

/// Submits a change for each item that a filter lets through; those that are gone meanwhile are
/// passed over.
fn change_more(
    filter: String,
    change: impl Fn(String) -> Command + Send + 'static,
) -> Result<Call, Failure> {
    query_within(move |engine, budget| {
        let ids = engine.entity_page(EntityKind::Item, Some(&filter), 0, usize::MAX, budget)?;
        // Before anything is done: the answer says what was.
        budget.check_answer(bytes_of_ids(&ids))?;
        let mut changed = Vec::with_capacity(ids.len());
        for ids in ids.chunks(CHANGES_TOGETHER_MAX) {
            budget.check_caller()?;
            let entries = ids.iter().map(|id| entry(change(id.clone()), engine.now())).collect();
            for (id, outcome) in ids.iter().zip(engine.submit_blocking(entries)?) {
                match outcome {
                    Outcome::Refused(Refusal::NotFound(_))
                        if !engine.snapshot().has_entity(EntityKind::Item, id) => {}
                    Outcome::Refused(refusal) => return Err(refusal.into()),
                    _ => changed.push(id.clone()),
                }
            }
        }
        Ok(OperationAnswer::ok(json!({ "itemIds": changed, "count": changed.len() })))
    })
}

fn merge(
    ids: Ids<'_>,
    target: String,
    source: String,
    parameters: &Parameters,
) -> Result<Call, Failure> {
    let user_id = |name, id| ids.read(EntityKind::User, name, id);
    let target = user_id("targetUserId", target)?;
    let source = user_id("sourceUserId", source)?;
    let cascade_create = parameters.boolean("cascadeCreate", false)?;
    change(Command::MergeUsers { target, source, cascade_create })
}
