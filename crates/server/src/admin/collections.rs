//! `GET` and `POST /api/workspaces/{workspace}/series` and `/groups`; `GET` and `DELETE .../{id}`;
//! `POST .../{id}/members`, `DELETE .../{id}/members/{member}`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use engine::CollectionKind;
use resources::collections::{self, CollectionSummary, NewMember, ShownCollection};
use serde::{Deserialize, Serialize};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::Upload;
use super::body::Body;

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Collections {
    collections: Vec<CollectionSummary>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCollection {
    id: String,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RemovedMember {
    /// Whether the member is a series or group, and no item.
    is_collection: Option<bool>,
}

/// The calls of one kind of collection.
macro_rules! collection_calls {
    ($module:ident, $kind:expr, $all:literal, $one:literal, $members:literal, $member:literal) => {
        pub(super) mod $module {
            use super::*;

            /// Lists the collections of this kind.
            #[utoipa::path(
                        get,
                        path = $all,
                        responses((status = 200, description = "Done", body = Collections)),
                    )]
            pub(in super::super) async fn list(
                Workspace(workspace): Workspace,
            ) -> Result<Json<Collections>, ApiError> {
                Ok(Json(Collections { collections: collections::list(&workspace, $kind).await? }))
            }

            /// Makes an empty collection.
            #[utoipa::path(
                        post,
                        path = $all,
                        request_body = NewCollection,
                        responses((status = 201, description = "Made")),
                    )]
            pub(in super::super) async fn create(
                Upload(workspace, Body(NewCollection { id })): Upload<Body<NewCollection>>,
            ) -> Result<StatusCode, ApiError> {
                collections::create(&workspace, $kind, id).await?;
                Ok(StatusCode::CREATED)
            }

            /// Shows a collection with its members.
            #[utoipa::path(
                        get,
                        path = $one,
                        responses((status = 200, description = "Done", body = ShownCollection)),
                    )]
            pub(in super::super) async fn read(
                Workspace(workspace): Workspace,
                Path((_, id)): Path<(String, String)>,
            ) -> Result<Json<ShownCollection>, ApiError> {
                Ok(Json(collections::read(&workspace, $kind, id).await?))
            }

            /// Removes a collection. Its members stay.
            #[utoipa::path(
                        delete,
                        path = $one,
                        responses((status = 204, description = "Done")),
                    )]
            pub(in super::super) async fn remove(
                Workspace(workspace): Workspace,
                Path((_, id)): Path<(String, String)>,
            ) -> Result<StatusCode, ApiError> {
                collections::delete(&workspace, $kind, id).await?;
                Ok(StatusCode::NO_CONTENT)
            }

            /// Adds a member to a collection.
            #[utoipa::path(
                        post,
                        path = $members,
                        request_body = NewMember,
                        responses((status = 201, description = "Made")),
                    )]
            pub(in super::super) async fn add_member(
                Path((_, id)): Path<(String, String)>,
                Upload(workspace, Body(member)): Upload<Body<NewMember>>,
            ) -> Result<StatusCode, ApiError> {
                collections::add_member(&workspace, $kind, id, member).await?;
                Ok(StatusCode::CREATED)
            }

            /// Takes a member out of a collection.
            #[utoipa::path(
                        delete,
                        path = $member,
                        params(RemovedMember),
                        responses((status = 204, description = "Done")),
                    )]
            pub(in super::super) async fn remove_member(
                Workspace(workspace): Workspace,
                Path((_, id, member)): Path<(String, String, String)>,
                Parameters(removed): Parameters<RemovedMember>,
            ) -> Result<StatusCode, ApiError> {
                let is_collection = removed.is_collection.unwrap_or(false);
                collections::remove_member(&workspace, $kind, id, member, is_collection).await?;
                Ok(StatusCode::NO_CONTENT)
            }
        }
    };
}

collection_calls!(
    series,
    CollectionKind::Series,
    "/api/workspaces/{workspace}/series",
    "/api/workspaces/{workspace}/series/{id}",
    "/api/workspaces/{workspace}/series/{id}/members",
    "/api/workspaces/{workspace}/series/{id}/members/{member}"
);
collection_calls!(
    groups,
    CollectionKind::Group,
    "/api/workspaces/{workspace}/groups",
    "/api/workspaces/{workspace}/groups/{id}",
    "/api/workspaces/{workspace}/groups/{id}/members",
    "/api/workspaces/{workspace}/groups/{id}/members/{member}"
);
