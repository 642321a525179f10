//! The admin API: workspaces, accounts and keys, for people and programs with a role.

mod ab_tests;
mod account;
mod accounts;
mod api_keys;
mod audiences;
mod audit;
mod body;
mod campaigns;
mod catalog;
mod collections;
mod computed_traits;
mod description;
mod destinations;
mod events;
mod exports;
mod feeds;
mod group_accounts;
mod invitations;
mod items;
mod jobs;
mod journeys;
mod kpis;
mod limits;
mod live;
mod locations;
mod message_files;
mod operations;
mod overview;
mod people;
mod recommendations;
mod regulations;
mod rejections;
mod replays;
mod retention;
mod revision;
mod rights;
mod scenarios;
mod scheduled_exports;
mod segmentations;
mod session;
mod settings;
mod source_oauth;
mod sources;
mod subscriptions;
mod syncs;
mod synonyms;
mod tokens;
mod training;
mod traits;
mod versions;
mod workspaces;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::{Extension, Router};
use domain::WorkspaceId;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use web::App;
use web::access::{Gate, authorize};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use self::description::Description;

pub(crate) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let gate = Gate { access: Arc::clone(&app.access), calls: rights::CALLS };
    let (routes, document) = described_routes();
    routes
        .layer(Extension(Arc::new(Description::new(&document))))
        .layer(DefaultBodyLimit::max(app.settings.catalog_bytes_max))
        .route_layer(from_fn_with_state(gate, authorize))
}

/// The routes, and the document that describes them.
fn described_routes() -> (Router<Arc<App>>, OpenApi) {
    let (routes, mut document) = routes_without_parameters()
        .route_layer(from_fn(refuse_parameters))
        .merge(routes_with_parameters())
        .split_for_parts();
    description::complete(&mut document);
    (routes, document)
}

/// Their handlers say which query parameters there are.
fn routes_with_parameters() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(audit::read))
        .routes(routes!(destinations::dead_letters))
        .routes(routes!(workspaces::delete))
        .routes(routes!(catalog::import))
        .routes(routes!(catalog::remove_items))
        .routes(routes!(collections::series::remove_member))
        .routes(routes!(collections::groups::remove_member))
        .routes(routes!(items::list))
        .routes(routes!(kpis::read))
        .routes(routes!(people::search))
        .routes(routes!(people::timeline))
        .routes(routes!(people::interactions))
        .routes(routes!(people::list))
        .routes(routes!(people::everything))
        .routes(routes!(people::campaign_messages))
        .routes(routes!(campaigns::report))
        .routes(routes!(group_accounts::members))
        .routes(routes!(audiences::members))
        .routes(routes!(feeds::start))
        .routes(routes!(locations::read, locations::put))
        .routes(routes!(recommendations::read))
        .routes(routes!(live::follow))
        .routes(routes!(live::list))
        .routes(routes!(message_files::start))
        .routes(routes!(rejections::read))
        .routes(routes!(training::samples))
        .routes(routes!(retention::read, retention::start))
}

fn routes_without_parameters() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(description::document))
        .routes(routes!(description::page))
        .routes(routes!(session::open, session::end))
        .routes(routes!(account::read))
        .routes(routes!(account::set_password))
        .routes(routes!(account::end_sessions))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::update, accounts::delete))
        .routes(routes!(accounts::reset))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::accept))
        .routes(routes!(invitations::delete))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::delete))
        .routes(routes!(limits::list))
        .routes(routes!(workspaces::list, workspaces::create))
        .routes(routes!(workspaces::read))
        .routes(routes!(settings::read, settings::update))
        .routes(routes!(settings::read_weights, settings::put_weights))
        .routes(routes!(sources::list, sources::create))
        .routes(routes!(sources::read, sources::update, sources::delete))
        .routes(routes!(sources::schema))
        .routes(routes!(sources::violations))
        .routes(routes!(sources::rotate))
        .routes(routes!(sources::end_overlap))
        .routes(routes!(source_oauth::read, source_oauth::set, source_oauth::remove))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::read, tokens::delete))
        .routes(routes!(segmentations::list, segmentations::create))
        .routes(routes!(segmentations::read, segmentations::put, segmentations::delete))
        .routes(routes!(segmentations::try_rule))
        .routes(routes!(synonyms::list, synonyms::create))
        .routes(routes!(synonyms::delete))
        .routes(routes!(collections::series::list, collections::series::create))
        .routes(routes!(collections::series::read, collections::series::remove))
        .routes(routes!(collections::series::add_member))
        .routes(routes!(collections::groups::list, collections::groups::create))
        .routes(routes!(collections::groups::read, collections::groups::remove))
        .routes(routes!(collections::groups::add_member))
        .routes(routes!(destinations::list))
        .routes(routes!(destinations::kinds))
        .routes(routes!(destinations::read, destinations::put, destinations::delete))
        .routes(routes!(destinations::try_message))
        .routes(routes!(destinations::check))
        .routes(routes!(destinations::delivery))
        .routes(routes!(destinations::dead_letter))
        .routes(routes!(destinations::retry_letters))
        .routes(routes!(destinations::drop_letters))
        .routes(routes!(replays::back_fill))
        .routes(routes!(replays::list, replays::start))
        .routes(routes!(replays::go_on))
        .routes(routes!(audiences::list))
        .routes(routes!(audiences::read, audiences::put, audiences::delete))
        .routes(routes!(audiences::preview))
        .routes(routes!(audiences::preview_likely))
        .routes(routes!(audiences::of_person))
        .routes(routes!(computed_traits::list))
        .routes(routes!(computed_traits::read, computed_traits::put, computed_traits::delete))
        .routes(routes!(syncs::read_audience))
        .routes(routes!(syncs::send_audience_again))
        .routes(routes!(audiences::why))
        .routes(routes!(traits::list))
        .routes(routes!(traits::calculate))
        .routes(routes!(traits::read, traits::put, traits::delete))
        .routes(routes!(traits::holdout))
        .routes(routes!(syncs::read_trait))
        .routes(routes!(syncs::send_trait_again))
        .routes(routes!(versions::of_trait))
        .routes(routes!(versions::of_computed_trait))
        .routes(routes!(versions::of_audience))
        .routes(routes!(versions::of_scenario))
        .routes(routes!(events::read))
        .routes(routes!(live::read))
        .routes(routes!(operations::read))
        .routes(routes!(overview::read))
        .routes(routes!(scenarios::list))
        .routes(routes!(scenarios::read, scenarios::put, scenarios::delete))
        .routes(routes!(ab_tests::read, ab_tests::start, ab_tests::set_shares))
        .routes(routes!(ab_tests::end))
        .routes(routes!(recommendations::preview))
        .routes(routes!(recommendations::calculate))
        .routes(routes!(recommendations::read_one))
        .routes(routes!(recommendations::vocabulary))
        .routes(routes!(regulations::list, regulations::create))
        .routes(routes!(regulations::read))
        .routes(routes!(regulations::suppression))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::read))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::result))
        .routes(routes!(exports::start))
        .routes(routes!(scheduled_exports::list))
        .routes(routes!(scheduled_exports::read, scheduled_exports::put, scheduled_exports::delete))
        .routes(routes!(scheduled_exports::start))
        .routes(routes!(campaigns::list))
        .routes(routes!(campaigns::preview))
        .routes(routes!(feeds::list))
        .routes(routes!(locations::list))
        .routes(routes!(locations::delete))
        .routes(routes!(campaigns::read, campaigns::put, campaigns::delete))
        .routes(routes!(journeys::list))
        .routes(routes!(journeys::read, journeys::put, journeys::delete))
        .routes(routes!(journeys::text))
        .routes(routes!(journeys::statistics))
        .routes(routes!(journeys::trigger))
        .routes(routes!(journeys::simulate))
        .routes(routes!(journeys::of_person))
        .routes(routes!(campaigns::trigger))
        .routes(routes!(campaigns::tell_business_event))
        .routes(routes!(feeds::read, feeds::put, feeds::delete))
        .routes(routes!(training::start, training::read))
        .routes(routes!(training::read_run))
        .routes(routes!(training::models))
        .routes(routes!(training::activate))
        .routes(routes!(people::read))
        .routes(routes!(people::lists))
        .routes(routes!(subscriptions::read, subscriptions::update))
        .routes(routes!(group_accounts::read))
        .routes(routes!(items::read))
        .routes(routes!(items::turn_off, items::turn_on))
        .routes(routes!(items::similar))
        .routes(routes!(items::people))
        .routes(routes!(catalog::versions))
        .routes(routes!(catalog::activate))
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

/// The document that describes the API.
#[cfg(test)]
fn document() -> OpenApi {
    described_routes().1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::rights::CALLS;

    #[test]
    fn the_how_to_page_lists_every_route_and_no_other() {
        let page = include_str!("../../../docs/admin-api.md");
        let listed: BTreeSet<&str> = page
            .lines()
            .filter(|line| line.starts_with("| `"))
            .filter_map(|line| line.split('`').nth(1)?.split_once(' '))
            .map(|(_, path)| path.split('?').next().unwrap_or(path))
            .collect();
        let served: BTreeSet<&str> = CALLS.iter().map(|call| call.path).collect();
        assert_eq!(listed, served);
    }
}
