//! `GET /api/workspaces/{workspace}/accounts/{id}` and the members of an account: companies and
//! teams that group messages name.

use axum::Json;
use axum::extract::Path;
use resources::group_accounts::{self, GroupAccount, GroupMembersPage, MEMBERS_MAX};
use serde::Deserialize;
use web::error::ApiError;
use web::parameters::{Parameters, count};
use web::workspaces::Workspace;

const MEMBERS_DEFAULT: usize = 20;

/// Shows what is known of an account.
///
/// Its traits, computed traits, and what its members did lately.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/accounts/{id}",
    responses((status = 200, description = "Done", body = GroupAccount)),
)]
pub(super) async fn read(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<GroupAccount>, ApiError> {
    Ok(Json(group_accounts::read(&workspace, id).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MembersQuery {
    /// The most people.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<u32>,
}

/// Lists who belongs to an account.
#[utoipa::path(
    get,
    path = "/api/workspaces/{workspace}/accounts/{id}/members",
    params(MembersQuery),
    responses((status = 200, description = "Done", body = GroupMembersPage)),
)]
pub(super) async fn members(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(query): Parameters<MembersQuery>,
) -> Result<Json<GroupMembersPage>, ApiError> {
    let limit = count("limit", query.limit, MEMBERS_DEFAULT, MEMBERS_MAX)?;
    Ok(Json(group_accounts::members(&workspace, id, query.after, limit).await?))
}
