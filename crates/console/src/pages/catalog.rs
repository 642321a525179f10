//! The catalog: items to look through and to turn off, files that replace them, feeds, locations,
//! and what columns mean.

mod columns;
mod feeds;
mod import;
mod item;
mod list;
mod locations;
mod versions;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use domain::Right::{ChangeWorkspace, ReadWorkspace, SeePeople};
use domain::{WorkspaceConfig, WorkspaceId};
use maud::Markup;
use resources::items::ItemState;
use web::App;
use web::access::{Call, Caller};

use crate::gate::{edit, gated, preview, read};
use crate::page::{Area, Frame, encode, item_path};
use crate::ui::{Badge, Tab, Tone, tabs};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/catalog", SeePeople),
    read("/console/{workspace}/catalog/rows", SeePeople),
    read("/console/{workspace}/catalog/items/{item_id}", SeePeople),
    read("/console/{workspace}/catalog/items/{item_id}/people", SeePeople),
    read("/console/{workspace}/catalog/items/{item_id}/people/stream", SeePeople),
    read("/console/{workspace}/catalog/items/{item_id}/off", ChangeWorkspace),
    edit("/console/{workspace}/catalog/items/{item_id}/off", "item.off"),
    edit("/console/{workspace}/catalog/items/{item_id}/on", "item.on"),
    read("/console/{workspace}/catalog/versions", SeePeople),
    read("/console/{workspace}/catalog/versions/{version}/activate", ChangeWorkspace),
    edit("/console/{workspace}/catalog/versions/{version}/activate", "catalog.activate"),
    read("/console/{workspace}/catalog/import", ChangeWorkspace),
    preview("/console/{workspace}/catalog/import", ChangeWorkspace),
    read("/console/{workspace}/catalog/import/{draft}", ChangeWorkspace),
    edit("/console/{workspace}/catalog/import/{draft}", "catalog.import"),
    read("/console/{workspace}/catalog/feeds", ReadWorkspace),
    edit("/console/{workspace}/catalog/feeds", "feed.put"),
    edit("/console/{workspace}/catalog/feeds/{name}/run", "feed.run"),
    read("/console/{workspace}/catalog/feeds/{name}/remove", ChangeWorkspace),
    edit("/console/{workspace}/catalog/feeds/{name}/remove", "feed.delete"),
    read("/console/{workspace}/catalog/locations", ReadWorkspace),
    edit("/console/{workspace}/catalog/locations", "locations.import"),
    read("/console/{workspace}/catalog/locations/{catalog}", ReadWorkspace),
    read("/console/{workspace}/catalog/locations/{catalog}/remove", ChangeWorkspace),
    edit("/console/{workspace}/catalog/locations/{catalog}/remove", "locations.delete"),
    read("/console/{workspace}/catalog/columns", ReadWorkspace),
    edit("/console/{workspace}/catalog/columns", "settings.update"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/catalog", get(list::show))
        .route("/console/{workspace}/catalog/rows", get(list::rows))
        .route("/console/{workspace}/catalog/items/{item_id}", get(item::show))
        .route("/console/{workspace}/catalog/items/{item_id}/people", get(item::people))
        .route(
            "/console/{workspace}/catalog/items/{item_id}/people/stream",
            get(item::people_stream),
        )
        .route(
            "/console/{workspace}/catalog/items/{item_id}/off",
            get(item::ask_off).post(item::turn_off),
        )
        .route("/console/{workspace}/catalog/items/{item_id}/on", post(item::turn_on))
        .route("/console/{workspace}/catalog/versions", get(versions::show))
        .route(
            "/console/{workspace}/catalog/versions/{version}/activate",
            get(versions::ask).post(versions::activate),
        )
        .route("/console/{workspace}/catalog/import", get(import::start).post(import::upload))
        .route(
            "/console/{workspace}/catalog/import/{draft}",
            get(import::show).post(import::switch),
        )
        .route("/console/{workspace}/catalog/feeds", get(feeds::show).post(feeds::save))
        .route("/console/{workspace}/catalog/feeds/{name}/run", post(feeds::run))
        .route(
            "/console/{workspace}/catalog/feeds/{name}/remove",
            get(feeds::ask_removal).post(feeds::remove),
        )
        .route("/console/{workspace}/catalog/locations", get(locations::show).post(locations::take))
        .route("/console/{workspace}/catalog/locations/{catalog}", get(locations::show_one))
        .route(
            "/console/{workspace}/catalog/locations/{catalog}/remove",
            get(locations::ask_removal).post(locations::remove),
        )
        .route("/console/{workspace}/catalog/columns", get(columns::show).post(columns::save))
        .layer(DefaultBodyLimit::max(app.settings.catalog_bytes_max));
    gated(app, CALLS, routes)
}

/// The path of a page of the catalog: `""` is the list itself.
fn path(workspace: &WorkspaceId, rest: &str) -> String {
    format!("{}{rest}", Area::Catalog.path(workspace))
}

/// The tabs of the catalog's pages that the reader may open.
fn tab_list(frame: &Frame, workspace: &WorkspaceId, current: &str) -> Markup {
    let parts = [
        ("", "Items"),
        ("/versions", "Versions"),
        ("/feeds", "Feeds"),
        ("/locations", "Locations"),
        ("/columns", "What columns mean"),
    ];
    let parts = parts.map(|(part, label)| (path(workspace, part), label, part));
    let shown = parts.iter().filter(|(href, ..)| frame.may_open(href));
    let shown = shown.map(|(href, label, part)| Tab {
        label,
        href,
        count: None,
        is_current: *part == current,
    });
    tabs("Catalog", &shown.collect::<Vec<_>>())
}

fn may_change(caller: &Caller) -> bool {
    caller.grant.role.has(ChangeWorkspace)
}

fn state_badge(state: ItemState) -> Badge<'static> {
    match state {
        ItemState::On => Badge::of(Tone::Good, "on"),
        ItemState::Off => Badge::of(Tone::Warning, "off"),
        ItemState::Withdrawn => Badge::new("withdrawn"),
    }
}

/// A value of a property, short enough for a cell.
fn value_text(value: &serde_json::Value, chars_max: usize) -> String {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(members) => {
            let members = members.iter().map(|member| value_text(member, chars_max));
            members.collect::<Vec<_>>().join(", ")
        }
        serde_json::Value::Bool(true) => "yes".to_owned(),
        serde_json::Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The choice of a catalog of products. `none` is what it means to choose none.
pub(super) fn product_options<'a>(
    config: &'a WorkspaceConfig,
    none: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let names = config.catalog.product_catalogs().filter(|name| *name != none);
    std::iter::once(("", none)).chain(names.map(|name| (name, name))).collect()
}
