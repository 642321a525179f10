//! Series and groups: items that belong together, in an order or without one.

use domain::id::check_strict_id;
use engine::{CollectionKind, Command, Engine, Member};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::workspaces::RequestedWorkspace;

use crate::commands::submit;
use crate::unknown_resource;

/// How many members of a series or group are counted for the list of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CollectionSummary {
    /// The id.
    pub id: String,
    /// How many members it has.
    pub n_members: usize,
}

/// A series or group.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownCollection {
    /// The id.
    pub id: String,
    /// Its members; those of a series in their order.
    pub members: Vec<ShownMember>,
}

/// A member of a series or group.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ShownMember {
    /// Its id.
    pub id: String,
    /// Whether it is a series or group itself, and no item.
    pub is_collection: bool,
    /// The title of an item, where the catalog has one.
    pub title: Option<String>,
    /// The place in a series; 0 in a group.
    pub time: f64,
}

/// A member that is to be.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// The id of an item, or of a series or group.
    pub id: String,
    /// Whether it is a series or group itself, and no item.
    #[serde(default)]
    pub is_collection: bool,
    /// The place in a series.
    #[serde(default)]
    pub time: f64,
}

/// All series, or all groups, by id.
///
/// # Errors
/// 503 where the workspace is closed.
pub async fn list(
    workspace: &RequestedWorkspace,
    kind: CollectionKind,
) -> Result<Vec<CollectionSummary>, ApiError> {
    let list = move |engine: &Engine| {
        let snapshot = engine.snapshot();
        let collections = snapshot.collections(kind);
        let summary = |id: &str| CollectionSummary {
            id: id.to_owned(),
            n_members: collections.members(id).map_or(0, <[Member]>::len),
        };
        Ok(collections.ids().map(summary).collect())
    };
    workspace.run(list).await
}

/// A series or group.
///
/// # Errors
/// 404 where there is none of the id.
pub async fn read(
    workspace: &RequestedWorkspace,
    kind: CollectionKind,
    id: String,
) -> Result<ShownCollection, ApiError> {
    let read = move |engine: &Engine| {
        let snapshot = engine.snapshot();
        let Some(members) = snapshot.members(kind, &id) else {
            return Err(unknown_resource(kind.word(), &id, &snapshot.collection_ids(kind)));
        };
        let show = |Member { is_collection, id, time }: Member| {
            let title = if is_collection { None } else { snapshot.item_title(&id) };
            ShownMember { id, is_collection, title, time }
        };
        Ok(ShownCollection { members: members.into_iter().map(show).collect(), id })
    };
    workspace.run(read).await
}

/// Makes an empty series or group.
///
/// # Errors
/// If the id is taken or none.
pub async fn create(
    workspace: &RequestedWorkspace,
    kind: CollectionKind,
    id: String,
) -> Result<(), ApiError> {
    check_strict_id("id", &id).map_err(|what| ApiError::invalid(what).at("/id"))?;
    submit(workspace, Command::AddCollection { kind, id, cascade_create: false }).await
}

/// Removes a series or group. Its items stay.
///
/// # Errors
/// 404 where there is none of the id.
pub async fn delete(
    workspace: &RequestedWorkspace,
    kind: CollectionKind,
    id: String,
) -> Result<(), ApiError> {
    submit(workspace, Command::DeleteCollection { kind, id, cascade_delete: false }).await
}

/// Puts a member into a series or group.
///
/// # Errors
/// If either does not exist, it is a member already, or the limit is reached.
pub async fn add_member(
    workspace: &RequestedWorkspace,
    kind: CollectionKind,
    id: String,
    NewMember { id: member_id, is_collection, time }: NewMember,
) -> Result<(), ApiError> {
    if !time.is_finite() {
        return Err(ApiError::invalid("time must be a number").at("/time"));
    }
    let time = if kind == CollectionKind::Series { time } else { 0.0 };
    let member = Member { is_collection, id: member_id, time };
    submit(workspace, Command::InsertMember { kind, id, member, cascade_create: false }).await
}

/// Takes a member out of a series or group; of a series at all its places.
///
/// # Errors
/// If there is no such member.
pub async fn remove_member(
    workspace: &RequestedWorkspace,
    kind: CollectionKind,
    id: String,
    member_id: String,
    is_collection: bool,
) -> Result<(), ApiError> {
    let command = Command::RemoveMember { kind, id, is_collection, member_id, time: None };
    submit(workspace, command).await
}
