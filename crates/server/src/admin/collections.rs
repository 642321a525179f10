//! `GET` and `POST /api/workspaces/{workspace}/series` and `/groups`; `GET` and `DELETE .../{id}`;
//! `POST .../{id}/members`, `DELETE .../{id}/members/{member}`.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use engine::CollectionKind;
use resources::collections::{self, CollectionSummary, NewMember, ShownCollection};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use web::App;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::Upload;
use super::body::Body;

#[derive(Serialize)]
struct Collections {
    collections: Vec<CollectionSummary>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCollection {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemovedMember {
    /// Whether the member is a series or group, and no item.
    is_collection: Option<bool>,
}

/// The routes of one kind. `paths` are those of all, of one, and of its members.
pub(super) fn routes(kind: CollectionKind, paths: [&str; 3]) -> Router<Arc<App>> {
    let [all, one, members] = paths;
    let list = async move |Workspace(workspace): Workspace| {
        let collections = collections::list(&workspace, kind).await?;
        Ok::<_, ApiError>(Json(Collections { collections }))
    };
    let create =
        async move |Upload(workspace, Body(NewCollection { id })): Upload<Body<NewCollection>>| {
            collections::create(&workspace, kind, id).await?;
            Ok::<_, ApiError>(StatusCode::CREATED)
        };
    let read = async move |Workspace(workspace): Workspace, Path((_, id)): Ids| {
        let collection: ShownCollection = collections::read(&workspace, kind, id).await?;
        Ok::<_, ApiError>(Json(collection))
    };
    let remove = async move |Workspace(workspace): Workspace, Path((_, id)): Ids| {
        collections::delete(&workspace, kind, id).await?;
        Ok::<_, ApiError>(StatusCode::NO_CONTENT)
    };
    let add_member = async move |Path((_, id)): Ids, upload: Upload<Body<NewMember>>| {
        let Upload(workspace, Body(member)) = upload;
        collections::add_member(&workspace, kind, id, member).await?;
        Ok::<_, ApiError>(StatusCode::CREATED)
    };
    Router::new()
        .route(all, get(list).post(create))
        .route(one, get(read).delete(remove))
        .route(members, post(add_member))
}

/// The route of one member, at this path.
pub(super) fn member_route(kind: CollectionKind, path: &str) -> Router<Arc<App>> {
    let remove_member =
        async move |Workspace(workspace): Workspace,
                    Path((_, id, member)): Path<(String, String, String)>,
                    Parameters(removed): Parameters<RemovedMember>| {
            let is_collection = removed.is_collection.unwrap_or(false);
            collections::remove_member(&workspace, kind, id, member, is_collection).await?;
            Ok::<_, ApiError>(StatusCode::NO_CONTENT)
        };
    Router::new().route(path, delete(remove_member))
}

type Ids = Path<(String, String)>;
