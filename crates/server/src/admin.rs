//! The admin API: workspaces, accounts and keys, for people and programs with a role.

mod ab_tests;
mod account;
mod accounts;
mod api_keys;
mod audit;
mod body;
mod catalog;
mod collections;
mod events;
mod exports;
mod invitations;
mod items;
mod jobs;
mod kpis;
mod limits;
mod live;
mod operations;
mod overview;
mod people;
mod recommendations;
mod rejections;
mod revision;
mod rights;
mod scenarios;
mod segmentations;
mod session;
mod settings;
mod sources;
mod synonyms;
mod tokens;
mod training;
mod traits;
mod workspaces;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, get, patch, post, put};
use domain::WorkspaceId;
use engine::CollectionKind;

use web::App;
use web::access::{Gate, authorize};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let gate = Gate { access: Arc::clone(&app.access), calls: rights::CALLS };
    routes_without_parameters()
        .route_layer(from_fn(refuse_parameters))
        .merge(routes_with_parameters())
        .layer(DefaultBodyLimit::max(app.settings.catalog_bytes_max))
        .route_layer(from_fn_with_state(gate, authorize))
}

/// Their handlers say which query parameters there are.
fn routes_with_parameters() -> Router<Arc<App>> {
    Router::new()
        .route("/api/audit", get(audit::read))
        .route("/api/workspaces/{workspace}", delete(workspaces::delete))
        .route("/api/workspaces/{workspace}/catalog", post(catalog::import))
        .merge(collections::routes(
            CollectionKind::Series,
            [
                "/api/workspaces/{workspace}/series",
                "/api/workspaces/{workspace}/series/{id}",
                "/api/workspaces/{workspace}/series/{id}/members",
                "/api/workspaces/{workspace}/series/{id}/members/{member}",
            ],
        ))
        .merge(collections::routes(
            CollectionKind::Group,
            [
                "/api/workspaces/{workspace}/groups",
                "/api/workspaces/{workspace}/groups/{id}",
                "/api/workspaces/{workspace}/groups/{id}/members",
                "/api/workspaces/{workspace}/groups/{id}/members/{member}",
            ],
        ))
        .route("/api/workspaces/{workspace}/items", get(items::list))
        .route("/api/workspaces/{workspace}/kpis", get(kpis::read))
        .route("/api/workspaces/{workspace}/people", get(people::search))
        .route("/api/workspaces/{workspace}/people/{id}", get(people::read))
        .route("/api/workspaces/{workspace}/people/{id}/timeline", get(people::timeline))
        .route("/api/workspaces/{workspace}/people/{id}/interactions", get(people::interactions))
        .route("/api/workspaces/{workspace}/people/{id}/lists", get(people::lists))
        .route("/api/workspaces/{workspace}/people/{id}/list", get(people::list))
        .route("/api/workspaces/{workspace}/search", get(people::everything))
        .route(
            "/api/workspaces/{workspace}/recommendations",
            get(recommendations::read).post(recommendations::preview),
        )
        .route("/api/workspaces/{workspace}/live", get(live::follow))
        .route("/api/workspaces/{workspace}/messages", get(live::list))
        .route("/api/workspaces/{workspace}/rejections", get(rejections::read))
}

fn routes_without_parameters() -> Router<Arc<App>> {
    Router::new()
        .route("/api/session", post(session::open).delete(session::end))
        .route("/api/account", get(account::read))
        .route("/api/account/password", put(account::set_password))
        .route("/api/account/sessions", delete(account::end_sessions))
        .route("/api/accounts", get(accounts::list))
        .route("/api/accounts/{email}", patch(accounts::update).delete(accounts::delete))
        .route("/api/accounts/{email}/reset", post(accounts::reset))
        .route("/api/invitations", get(invitations::list).post(invitations::create))
        .route("/api/invitations/accept", post(invitations::accept))
        .route("/api/invitations/{email}", delete(invitations::delete))
        .route("/api/api_keys", get(api_keys::list).post(api_keys::create))
        .route("/api/api_keys/{name}", delete(api_keys::delete))
        .route("/api/limits", get(limits::list))
        .route("/api/workspaces", get(workspaces::list).post(workspaces::create))
        .route("/api/workspaces/{workspace}", get(workspaces::read))
        .route("/api/workspaces/{workspace}/settings", get(settings::read).patch(settings::update))
        .route(
            "/api/workspaces/{workspace}/interaction_weights",
            get(settings::read_weights).put(settings::put_weights),
        )
        .route("/api/workspaces/{workspace}/sources", get(sources::list).post(sources::create))
        .route(
            "/api/workspaces/{workspace}/sources/{name}",
            get(sources::read).patch(sources::update).delete(sources::delete),
        )
        .route("/api/workspaces/{workspace}/sources/{name}/rotate", post(sources::rotate))
        .route(
            "/api/workspaces/{workspace}/sources/{name}/earlier_key",
            delete(sources::end_overlap),
        )
        .route("/api/workspaces/{workspace}/tokens", get(tokens::list).post(tokens::create))
        .route(
            "/api/workspaces/{workspace}/tokens/{name}",
            get(tokens::read).delete(tokens::delete),
        )
        .route(
            "/api/workspaces/{workspace}/segmentations",
            get(segmentations::list).post(segmentations::create),
        )
        .route(
            "/api/workspaces/{workspace}/segmentations/{id}",
            get(segmentations::read).put(segmentations::put).delete(segmentations::delete),
        )
        .route("/api/workspaces/{workspace}/segmentation_trials", post(segmentations::try_rule))
        .route("/api/workspaces/{workspace}/synonyms", get(synonyms::list).post(synonyms::create))
        .route("/api/workspaces/{workspace}/synonyms/{id}", delete(synonyms::delete))
        .route("/api/workspaces/{workspace}/traits", get(traits::list))
        .route(
            "/api/workspaces/{workspace}/traits/{key}",
            get(traits::read).put(traits::put).delete(traits::delete),
        )
        .route("/api/workspaces/{workspace}/events", get(events::read))
        .route("/api/workspaces/{workspace}/messages/{offset}", get(live::read))
        .route("/api/workspaces/{workspace}/operations", get(operations::read))
        .route("/api/workspaces/{workspace}/overview", get(overview::read))
        .route("/api/workspaces/{workspace}/scenarios", get(scenarios::list))
        .route(
            "/api/workspaces/{workspace}/scenarios/{name}",
            get(scenarios::read).put(scenarios::put).delete(scenarios::delete),
        )
        .route(
            "/api/workspaces/{workspace}/scenarios/{name}/test",
            get(ab_tests::read).post(ab_tests::start).patch(ab_tests::set_shares),
        )
        .route("/api/workspaces/{workspace}/scenarios/{name}/test/end", post(ab_tests::end))
        .route(
            "/api/workspaces/{workspace}/recommendations/{recomm_id}",
            get(recommendations::read_one),
        )
        .route("/api/workspaces/{workspace}/vocabulary", get(recommendations::vocabulary))
        .route("/api/workspaces/{workspace}/jobs", get(jobs::list))
        .route("/api/workspaces/{workspace}/jobs/{id}", get(jobs::read))
        .route("/api/workspaces/{workspace}/jobs/{id}/cancel", post(jobs::cancel))
        .route("/api/workspaces/{workspace}/jobs/{id}/result", get(jobs::result))
        .route("/api/workspaces/{workspace}/exports", post(exports::start))
        .route("/api/workspaces/{workspace}/training", post(training::start).get(training::read))
        .route("/api/workspaces/{workspace}/training/{id}", get(training::read_run))
        .route("/api/workspaces/{workspace}/models", get(training::models))
        .route("/api/workspaces/{workspace}/models/{version}/activate", post(training::activate))
        .route("/api/workspaces/{workspace}/items/{item_id}", get(items::read))
        .route(
            "/api/workspaces/{workspace}/items/{item_id}/off",
            put(items::turn_off).delete(items::turn_on),
        )
        .route("/api/workspaces/{workspace}/items/{item_id}/similar", get(items::similar))
        .route("/api/workspaces/{workspace}/items/{item_id}/people", get(items::people))
        .route("/api/workspaces/{workspace}/catalog", get(catalog::versions))
        .route(
            "/api/workspaces/{workspace}/catalog/versions/{version}/activate",
            post(catalog::activate),
        )
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoParameters {}

/// A parameter with a typing error must not pass for one that is not given.
async fn refuse_parameters(_: Parameters<NoParameters>, request: Request, next: Next) -> Response {
    next.run(request).await
}

/// The body of a request, read after the workspace in its path was found.
struct Upload<B>(RequestedWorkspace, B);

impl<B> FromRequest<Arc<App>> for Upload<B>
where
    B: FromRequest<Arc<App>> + Send,
    ApiError: From<B::Rejection>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        // A client need not send its body to a workspace that is not open.
        let Workspace(workspace) = Workspace::from_request_parts(&mut parts, app).await?;
        Ok(Self(workspace, B::from_request(Request::from_parts(parts, body), app).await?))
    }
}

/// The path of a resource of a workspace, for the header `Location`.
fn resource_path(workspace: &WorkspaceId, resources: &str, name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let name: String = name.bytes().map(encode).collect();
    ["", "api", "workspaces", workspace.as_str(), resources, &name].join("/")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::rights::CALLS;

    /// The paths that are served.
    fn served() -> BTreeSet<&'static str> {
        let (routes, _) =
            include_str!("admin.rs").split_once("#[cfg(test)]").expect("this is a test");
        // Only paths that are served stand in quotes with a slash before them.
        routes.split('"').filter(|text| text.starts_with("/api/")).collect()
    }

    #[test]
    fn every_route_has_its_rows_in_the_table_of_rights() {
        let rows: BTreeSet<&str> = CALLS.iter().map(|call| call.path).collect();
        assert_eq!(rows, served());
    }

    #[test]
    fn the_how_to_page_lists_every_route_and_no_other() {
        let page = include_str!("../../../docs/admin-api.md");
        let listed: BTreeSet<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .filter_map(|line| line.split('`').nth(1)?.split_once(' '))
            .map(|(_, path)| path.split('?').next().unwrap_or(path))
            .collect();
        assert_eq!(listed, served());
    }
}
