//! Administration: everything about a workspace, for whoever runs the server.

mod catalog;
mod events;
mod kpis;
mod recommendations;
mod rejections;
mod scenarios;
mod training;
mod workspaces;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use engine::Engine;

use crate::App;
use crate::admission::Origin;
use crate::auth::{Credentials, hash, is_same_hash};
use crate::error::ApiError;
use crate::workspaces::NotOpen;

pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    Router::new()
        .route("/api/workspaces", get(workspaces::list))
        .route("/api/workspaces/{workspace}", get(workspaces::read))
        .route("/api/workspaces/{workspace}/rejections", get(rejections::read))
        .route("/api/workspaces/{workspace}/events", get(events::read))
        .route("/api/workspaces/{workspace}/recommendations", get(recommendations::read))
        .route("/api/workspaces/{workspace}/scenarios", get(scenarios::list))
        .route(
            "/api/workspaces/{workspace}/scenarios/{name}",
            get(scenarios::read).put(scenarios::put).delete(scenarios::delete),
        )
        .route("/api/workspaces/{workspace}/recommendations/{recomm_id}", get(recommendations::read_one))
        .route("/api/workspaces/{workspace}/kpis", get(kpis::read))
        .route("/api/workspaces/{workspace}/training", post(training::start).get(training::read))
        .route("/api/workspaces/{workspace}/training/{id}", get(training::read_run))
        .route("/api/workspaces/{workspace}/models", get(training::models))
        .route("/api/workspaces/{workspace}/models/{version}/activate", post(training::activate))
        .route("/api/workspaces/{workspace}/catalog", post(catalog::import).get(catalog::versions))
        .route("/api/workspaces/{workspace}/catalog/versions/{version}/activate", post(catalog::activate))
        .layer(DefaultBodyLimit::max(app.settings.catalog_bytes_max))
        .route_layer(from_fn_with_state(Arc::clone(app), only_administrators))
}

async fn only_administrators(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let origin = Origin::of(request.headers(), request.extensions(), &app.settings.callers);
    let known = **app.admin_token_hash.load();
    let message = match (known, Credentials::of(request.headers())) {
        (None, _) => "no admin_token was ever set: start once with --bootstrap and a file that has one",
        (Some(known), Credentials::Bearer(shown)) if is_same_hash(&known, &hash(&shown)) => {
            origin.trust();
            // Administrators get in whatever the others do.
            return next.run(request).await;
        }
        (Some(_), Credentials::Bearer(_)) => "this is not the admin_token",
        (Some(_), _) => "show the admin_token as a bearer token",
    };
    app.admission.refuse(&origin).await;
    ApiError::unauthorized("authentication_error", message).into_response()
}

/// The workspace that a path names, for handlers that read no body.
struct Workspace(Arc<Engine>);

/// A body that is read, and the workspace for it, which is not held while the client sends.
struct Upload(Arc<Engine>, Bytes);

#[derive(serde::Deserialize)]
struct Place {
    workspace: String,
}

impl FromRequestParts<Arc<App>> for Workspace {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        // A path may have further parts.
        let Path(Place { workspace: id }) = Path::<Place>::from_request_parts(parts, app)
            .await
            .map_err(|error| ApiError::invalid(format!("the path is not URL-encoded UTF-8: {error}")))?;
        let known = || {
            let engines = app.workspaces.engines();
            engines.iter().map(|engine| engine.id().as_str()).collect::<Vec<_>>().join(", ")
        };
        app.workspaces.engine(&id).map(Self).map_err(|why| match why {
            NotOpen::Unknown(_) => {
                ApiError::not_found(format!("no workspace {id:?}; there are: {}", known()))
            }
            NotOpen::Closed(_) => why.into(),
        })
    }
}

impl FromRequest<Arc<App>> for Upload {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        // Refused before anything is sent where it is not open, and looked up again once everything is there.
        drop(Workspace::from_request_parts(&mut parts, app).await?);
        let mut again = parts.clone();
        let body = Bytes::from_request(Request::from_parts(parts, body), app)
            .await
            .map_err(|error| ApiError::bad_request(error.body_text()))?;
        let Workspace(engine) = Workspace::from_request_parts(&mut again, app).await?;
        Ok(Self(engine, body))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn the_how_to_page_lists_every_route_and_no_other() {
        let (routes, _) = include_str!("admin.rs").split_once("#[cfg(test)]").expect("this is a test");
        // Only paths that are served stand in quotes with a slash before them.
        let served: BTreeSet<&str> = routes.split('"').filter(|text| text.starts_with("/api/")).collect();
        let page = include_str!("../../../docs/admin-api.md");
        let listed: BTreeSet<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .filter_map(|line| line.split('`').nth(1)?.split_once(' '))
            .map(|(_, path)| path.split('?').next().unwrap_or(path))
            .collect();
        assert_eq!(listed, served);
    }
}
