//! Catalogs of locations: a list, a file that becomes one, what is in it.

use axum::Extension;
use axum::extract::{Multipart, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use catalog::Format;
use domain::WorkspaceId;
use domain::quantity::grouped;
use maud::{Markup, Render, html};
use resources::locations::{
    self, Location, LocationCatalogReport, LocationOptions, LocationPage, LocationQuery,
};
use serde::Deserialize;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::{encode, may_change, path, tab_list, value_text};
use crate::page::{Area, Frame, Page};
use crate::ui::form::{CSRF_FIELD, Field, InputKind, TextInput};
use crate::ui::{Button, Callout, Cell, Column, Confirmation, EmptyState, Icon, Table, Unit};

/// The locations of a page.
const LOCATIONS_PER_PAGE: usize = 50;
/// The characters of a value in a cell.
const CELL_CHARS_MAX: usize = 60;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Query {
    notice: Option<Notice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Notice {
    Imported,
    Removed,
}

impl Render for Notice {
    fn render(&self) -> Markup {
        let title = match self {
            Self::Imported => "The file is in force.",
            Self::Removed => "Removed.",
        };
        Callout::success(title).announced().render()
    }
}

/// A file that was refused, and the name that was typed for it.
#[derive(Default)]
struct Refused {
    name: String,
    message: String,
}

pub(super) async fn show(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Query { notice }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let page = list_page(&frame, &workspace, &caller, &Refused::default()).await?;
    Ok(page.notice_if(notice).into_response())
}

async fn list_page<'f>(
    frame: &'f Frame,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    refused: &Refused,
) -> Result<Page<'f>, ApiError> {
    let own = workspace.id();
    let catalogs = locations::list(workspace).await?;
    let may_change = may_change(caller);
    let body = html! {
        (tab_list(frame, own, "/locations"))
        @if catalogs.is_empty() {
            (EmptyState {
                icon: Icon::Catalog,
                title: "No locations yet",
                text: "A file of shops, with where each is, lets lists show only what is near a person.",
                next: None,
            })
        } @else {
            section class="card card-table" { (catalog_table(own, &catalogs, may_change)) }
        }
        @if may_change { (upload_form(frame, own, refused)) }
    };
    Ok(Page::new(frame, Area::Catalog, "Locations")
        .lead("Where your shops are. A property of items says at which of them an item is.")
        .body(body))
}

fn catalog_table(
    own: &WorkspaceId,
    catalogs: &[LocationCatalogReport],
    may_change: bool,
) -> Table<'static> {
    let columns = vec![
        Column::text("Name"),
        Column::number("Locations"),
        Column::text("Property of items"),
        Column::text("In force since"),
        Column::actions("Actions"),
    ];
    let row = |catalog: &LocationCatalogReport| {
        let one = path(own, &format!("/locations/{}", encode(&catalog.name)));
        let since = catalog.activated_at.map(|at| at.to_string()).unwrap_or_default();
        vec![
            Cell::new(html! { a href=(one) { (catalog.name) } }),
            Cell::new(Unit::Count("").text(catalog.n_locations as f64)),
            Cell::new(html! {
                @match &catalog.item_property {
                    Some(property) => { code { (property) } }
                    None => { a href=(path(own, "/columns")) { "not said yet" } }
                }
            }),
            Cell::new(since),
            Cell::new(html! {
                @if may_change { (Button::quiet("Remove…").href(&format!("{one}/remove"))) }
            }),
        ]
    };
    Table::new("Catalogs of locations", columns).captioned().rows(catalogs.iter().map(row))
}

fn upload_form(frame: &Frame, own: &WorkspaceId, refused: &Refused) -> Markup {
    let action = path(own, "/locations");
    let is_refused = !refused.message.is_empty();
    let described = if is_refused { "field-file-error field-file-hint" } else { "field-file-hint" };
    html! {
        form class="form card" method="post" action=(action) enctype="multipart/form-data" {
            input type="hidden" name=(CSRF_FIELD) value=(frame.csrf);
            h2 { "A file of locations" }
            (TextInput::new(Field::new("name", "Name")
                .hint("Lower-case letters, digits and “_”, such as stores. The file takes the place of one of this name."))
                .kind(InputKind::Code)
                .value(&refused.name))
            div class="field" {
                label class="field-label" for="field-file" { "File" }
                p class="field-hint" id="field-file-hint" {
                    "CSV with a header, or JSON Lines. Columns location_id, latitude and longitude, and any others."
                }
                input class="input" type="file" id="field-file" name="file" required
                    accept=".csv,.tsv,.jsonl,.ndjson" aria-describedby=(described)
                    aria-invalid=[is_refused.then_some("true")];
                @if is_refused {
                    p class="field-error" id="field-file-error" {
                        (Icon::Error) span { (refused.message) }
                    }
                }
            }
            div class="actions" { (Button::primary("Put it in force").icon(Icon::Upload)) }
        }
    }
}

/// Takes a file, whole or not at all.
pub(super) async fn take(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    multipart: Multipart,
) -> Result<Response, ApiError> {
    let mut name = String::new();
    let taken = async {
        let (file, format) = receive(multipart, &mut name).await?;
        let options = LocationOptions::default();
        locations::put(&workspace, name.clone(), file, format, options).await
    };
    match taken.await {
        Ok(_) => {
            let to = path(workspace.id(), "/locations?notice=imported");
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) if error.kind.status().is_client_error() => {
            let message = match resources::catalog::refused_rows(&error).map(|rows| rows.errors) {
                Some(errors) if !errors.is_empty() => {
                    let first = &errors[0];
                    format!("{}: row {}: {}", error.message, first.row, first.detail)
                }
                _ => error.message,
            };
            let refused = Refused { name, message };
            let page = list_page(&frame, &workspace, &caller, &refused).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

/// The fields of the form: the name goes to `name`, the file and its format are returned.
async fn receive(
    mut multipart: Multipart,
    name: &mut String,
) -> Result<(axum::body::Bytes, Format), ApiError> {
    let broken = |error: axum::extract::multipart::MultipartError| {
        ApiError::bad_request(format!("the file cannot be read: {}", error.body_text()))
    };
    let mut file = None;
    while let Some(field) = multipart.next_field().await.map_err(broken)? {
        match field.name() {
            Some("name") => *name = field.text().await.map_err(broken)?.trim().to_owned(),
            Some("file") => {
                let file_name = field.file_name().unwrap_or_default().to_owned();
                file = Some((file_name, field.bytes().await.map_err(broken)?));
            }
            _ => {}
        }
    }
    let (file_name, bytes) = file
        .filter(|(file_name, _)| !file_name.is_empty())
        .ok_or_else(|| ApiError::invalid("choose a file"))?;
    let format = Format::from_name(&file_name);
    let unknown = || ApiError::invalid("the name of the file must end in .csv, .tsv or .jsonl");
    Ok((bytes, format.ok_or_else(unknown)?))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Offset {
    offset: usize,
}

pub(super) async fn show_one(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Parameters(Offset { offset }): Parameters<Offset>,
) -> Result<Response, ApiError> {
    let query =
        LocationQuery { offset, count: Some(LOCATIONS_PER_PAGE), ..LocationQuery::default() };
    let found = locations::read(&workspace, name, query).await?;
    let own = workspace.id();
    let href =
        |offset| path(own, &format!("/locations/{}?offset={offset}", encode(&found.catalog.name)));
    let body = html! {
        (tab_list(&frame, own, "/locations"))
        section class="card card-table" { (location_table(&found)) }
        div class="actions" {
            @if offset > 0 {
                (Button::secondary("Earlier").href(&href(offset.saturating_sub(LOCATIONS_PER_PAGE))))
            }
            @if ((offset + LOCATIONS_PER_PAGE) as u64) < found.n_found {
                (Button::secondary("Further").href(&href(offset + LOCATIONS_PER_PAGE)))
            }
        }
    };
    let lead = format!("{} locations.", grouped(found.catalog.n_locations));
    Ok(Page::new(&frame, Area::Catalog, &found.catalog.name).lead(lead).body(body).into_response())
}

fn location_table(found: &LocationPage) -> Table<'_> {
    let names = found.catalog.columns.iter().map(|column| column.name.as_str());
    let columns = std::iter::once("Location").chain(names).map(Column::text).collect();
    let row = |location: &Location| {
        let value = |name: &str| {
            let value = location.values.get(name);
            value.map(|value| value_text(value, CELL_CHARS_MAX)).unwrap_or_default()
        };
        let values = found.catalog.columns.iter().map(|column| Cell::new(value(&column.name)));
        std::iter::once(Cell::new(&location.location_id)).chain(values).collect()
    };
    Table::new("Locations", columns).rows(found.locations.iter().map(row))
}

pub(super) async fn ask_removal(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let query = LocationQuery { count: Some(1), ..LocationQuery::default() };
    let name = locations::read(&workspace, name, query).await?.catalog.name;
    let title = format!("Remove the locations {name}?");
    let body = Confirmation {
        consequences: &["No item is near anybody by them any more. Items keep their property."],
        action: &path(workspace.id(), &format!("/locations/{}/remove", encode(&name))),
        csrf: &frame.csrf,
        confirm: "Remove the locations",
        back: &path(workspace.id(), "/locations"),
    };
    Ok(Page::new(&frame, Area::Catalog, &title).body(body.render()).into_response())
}

pub(super) async fn remove(
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    locations::delete(&workspace, name).await?;
    Ok(Redirect::to(&path(workspace.id(), "/locations?notice=removed")))
}
