//! Series and groups: `/series/...`, `/groups/...`.

use engine::{CollectionKind, Command, EntityKind, Member};
use serde_json::{Value, json};

use super::answer::OperationAnswer;
use super::call::{Call, Operation, change, create, operation, query};
use super::failure::Failure;
use super::parameters::{Ids, Parameters, check_id};

pub(super) fn find(method: &str, parts: &[&str], has_slash: bool) -> Option<Operation> {
    let (kind, id_name) = match *parts.first()? {
        "series" => (CollectionKind::Series, "seriesId"),
        "groups" => (CollectionKind::Group, "groupId"),
        _ => return None,
    };
    if let ("GET", ["list"], true) = (method, &parts[1..], has_slash) {
        return Some(operation(move |_, _| {
            query(move |engine| Ok(OperationAnswer::ok(engine.snapshot().collection_ids(kind))))
        }));
    }
    let (id, rest) = parts[1..].split_first()?;
    let id = (*id).to_owned();
    let read: fn(Ids<'_>, CollectionKind, String, &Parameters) -> Result<Call, Failure> =
        match (method, rest) {
            ("PUT", []) => add,
            ("DELETE", []) => delete,
            ("GET", ["items"]) => list_members,
            ("POST", ["items"]) => insert,
            ("DELETE", ["items"]) => remove,
            _ => return None,
        };
    Some(operation(move |ids, parameters| read(ids, kind, check_id(id_name, id)?, parameters)))
}

fn add(
    _: Ids<'_>,
    kind: CollectionKind,
    id: String,
    parameters: &Parameters,
) -> Result<Call, Failure> {
    let is_series = kind == CollectionKind::Series;
    let cascade_create = is_series && parameters.boolean("cascadeCreate", true)?;
    create(Command::AddCollection { kind, id, cascade_create })
}

fn delete(
    _: Ids<'_>,
    kind: CollectionKind,
    id: String,
    parameters: &Parameters,
) -> Result<Call, Failure> {
    let cascade_delete = parameters.boolean("cascadeDelete", false)?;
    change(Command::DeleteCollection { kind, id, cascade_delete })
}

fn list_members(
    _: Ids<'_>,
    kind: CollectionKind,
    id: String,
    _: &Parameters,
) -> Result<Call, Failure> {
    query(move |engine| {
        let members = engine.snapshot().members(kind, &id);
        let members = members
            .ok_or_else(|| Failure::not_found(format!("there is no {} {id:?}", kind.word())))?;
        let json = |member: &Member| {
            let type_ = if member.is_collection { kind.word() } else { "item" };
            let mut json = json!({ "itemType": type_, "itemId": member.id });
            if kind == CollectionKind::Series {
                json["time"] = member.time.into();
            }
            json
        };
        Ok(OperationAnswer::ok(members.iter().map(json).collect::<Vec<Value>>()))
    })
}

fn insert(
    ids: Ids<'_>,
    kind: CollectionKind,
    id: String,
    parameters: &Parameters,
) -> Result<Call, Failure> {
    let (is_collection, member_id) = read_member(ids, kind, parameters)?;
    let time = match kind {
        CollectionKind::Series => parameters.required_number("time")?,
        CollectionKind::Group => 0.0,
    };
    let cascade_create = parameters.boolean("cascadeCreate", false)?;
    let member = Member { is_collection, id: member_id, time };
    change(Command::InsertMember { kind, id, member, cascade_create })
}

fn remove(
    ids: Ids<'_>,
    kind: CollectionKind,
    id: String,
    parameters: &Parameters,
) -> Result<Call, Failure> {
    let (is_collection, member_id) = read_member(ids, kind, parameters)?;
    let time = parameters.number("time")?;
    change(Command::RemoveMember { kind, id, is_collection, member_id, time })
}

fn read_member(
    ids: Ids<'_>,
    kind: CollectionKind,
    parameters: &Parameters,
) -> Result<(bool, String), Failure> {
    let is_collection = match parameters.required_text("itemType")? {
        "item" => false,
        word if word == kind.word() => true,
        other => {
            return Err(Failure::invalid(format!(
                "itemType is {other:?}, it must be item or {}",
                kind.word()
            )));
        }
    };
    let member_id = match is_collection {
        true => parameters.required_id("itemId")?,
        false => parameters.required_entity_id(ids, EntityKind::Item, "itemId")?,
    };
    Ok((is_collection, member_id))
}
