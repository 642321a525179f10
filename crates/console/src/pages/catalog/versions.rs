//! The versions of the catalog, and the way back.

use axum::Extension;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use domain::Timestamp;
use domain::quantity::grouped;
use maud::html;
use resources::catalog::{self, parse_version};
use serde::Deserialize;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::{may_change, path, tab_list};
use crate::page::{Area, Frame, Page};
use crate::ui::{
    Badge, Button, Callout, Cell, Column, Confirmation, EmptyState, Icon, Table, Tone, Unit,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    notice: Option<String>,
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let versions = catalog::versions(&workspace).await?;
    let id = workspace.id();
    let at = |at: Option<Timestamp>| at.map_or_else(|| "–".to_owned(), |at| at.to_string());
    let table = Table::new(
        "Versions of the catalog",
        vec![
            Column::text("Version"),
            Column::text("In force since"),
            Column::number("Items"),
            Column::actions("Actions"),
        ],
    )
    .rows(versions.versions.iter().map(|version| {
        let back = path(id, &format!("/versions/{}/activate", version.version));
        let is_current = version.version == versions.current;
        vec![
            Cell::new(html! {
                (version.version) " "
                @if is_current { (Badge::of(Tone::Good, "in force")) }
            }),
            Cell::new(at(version.activated_at)),
            Cell::new(Unit::Count("").text(version.n_items as f64)),
            Cell::new(html! {
                @if !is_current && may_change(&caller) {
                    (Button::quiet("Go back to it").href(&back))
                }
            }),
        ]
    }));
    let import = path(id, "/import");
    let body = html! {
        (tab_list(&frame, id, "/versions"))
        @if versions.versions.is_empty() {
            (EmptyState {
                icon: Icon::Catalog,
                title: "No version yet",
                text: "A file that is imported becomes the first one.",
                next: may_change(&caller).then(|| html! {
                    (Button::primary("Import").icon(Icon::Upload).href(&import))
                }),
            })
        } @else {
            section class="card card-table" { (table) }
        }
    };
    let mut page = Page::new(&frame, Area::Catalog, "Versions")
        .lead("Each import makes a version. The two before the one in force are kept.")
        .body(body);
    page = match query.notice.as_deref() {
        Some("activated") => {
            page.notice(Callout::success("The version is in force again").announced())
        }
        _ => page,
    };
    Ok(page.into_response())
}

/// Asks before a version comes back.
pub(super) async fn ask(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let number = parse_version(&version)?;
    let versions = catalog::versions(&workspace).await?;
    let found = versions.versions.iter().find(|version| version.version == number);
    let found = found
        .ok_or_else(|| ApiError::not_found(format!("catalog version {number} is not kept")))?;
    let id = workspace.id();
    let (list, title) = (path(id, "/versions"), format!("Go back to version {number}?"));
    let n_items = format!("The catalog has {} items then.", grouped(found.n_items));
    let body = html! {
        (Confirmation {
            consequences: &[
                &n_items,
                "Items and values are as they were when the version was replaced.",
                "The version in force now is kept, and can come back in turn.",
                "Items that were turned off by hand stay off.",
            ],
            action: &path(id, &format!("/versions/{number}/activate")),
            csrf: &frame.csrf,
            confirm: "Go back to it",
            back: &list,
        })
    };
    let page = Page::new(&frame, Area::Catalog, &title).below("Versions", &list).body(body);
    Ok(page.into_response())
}

pub(super) async fn activate(
    Workspace(workspace): Workspace,
    Path((_, version)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    catalog::activate(&workspace, parse_version(&version)?).await?;
    Ok(Redirect::to(&path(workspace.id(), "/versions?notice=activated")))
}
