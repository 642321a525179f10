//! A file on its way to be the catalog: uploaded, read, corrected, compared, and then put in force.

use std::sync::Arc;

use ::catalog::ImportReport;
use axum::extract::{Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Form};
use domain::quantity::grouped;
use domain::{ITEMS_CATALOG, PropertyType, WorkspaceId};
use engine::CatalogPreview;
use maud::{Markup, Render, html};
use resources::catalog::{self, Options};
use resources::catalog_drafts::{self, DRAFT_HOURS_KEPT, Draft, Upload};
use web::App;
use web::access::{Caller, NothingDone};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::super::jobs;
use super::{item_path, path, value_text};
use crate::page::{Area, Frame, Page};
use crate::ui::form::{CSRF_FIELD, Checkbox, Field, Form as FormElement, Select};
use crate::ui::{Button, Callout, Cell, Column, Icon, StatTile, Table, Unit};

/// The characters of a value in the table of changes.
const CELL_CHARS_MAX: usize = 80;

pub(super) async fn start(
    frame: Frame,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    Ok(upload_page(&frame, &workspace, None)?.into_response())
}

fn upload_page<'a>(
    frame: &'a Frame,
    workspace: &RequestedWorkspace,
    error: Option<&ApiError>,
) -> Result<Page<'a>, ApiError> {
    let config = workspace.config()?;
    let catalogs: Vec<(&str, &str)> =
        config.catalog.product_catalogs().map(|name| (name, name)).collect();
    let workspace = workspace.id();
    let refused = error.and_then(catalog::refused_rows);
    let error = error.map(|error| error.message.as_str());
    let action = path(workspace, "/import");
    let hint = "CSV with a header, JSON Lines, or the XML of a Google Merchant feed. A column item_id, and one for each property.";
    let described =
        if error.is_some() { "field-file-error field-file-hint" } else { "field-file-hint" };
    let body = html! {
        form class="form card drop-zone" method="post" action=(action)
            enctype="multipart/form-data" data-drop="field-file" {
            input type="hidden" name=(CSRF_FIELD) value=(frame.csrf);
            @if catalogs.len() > 1 {
                (Select {
                    field: Field::new("catalog", "Catalog")
                        .hint("The file takes the place of the items of this catalog alone."),
                    options: &catalogs,
                    value: ITEMS_CATALOG,
                })
            }
            div class="field" {
                label class="field-label" for="field-file" { "File of items" }
                p class="field-hint" id="field-file-hint" { (hint) }
                input class="input" type="file" id="field-file" name="file" required
                    accept=".csv,.tsv,.jsonl,.ndjson,.xml" aria-describedby=(described)
                    aria-invalid=[error.map(|_| "true")];
                @if let Some(error) = error {
                    p class="field-error" id="field-file-error" { (Icon::Error) span { (error) } }
                }
            }
            p class="field-hint needs-script" { "Or drop the file here." }
            div class="actions" { (Button::primary("Look at it").icon(Icon::Upload)) }
        }
        @if let Some(refused) = &refused { (mistakes(refused)) }
    };
    let page = Page::new(frame, Area::Catalog, "Import").lead(html! {
        "Nothing changes until you switch. The file waits for "
        (DRAFT_HOURS_KEPT) " hours."
    });
    Ok(page.body(body))
}

/// Takes the file into a draft, part by part.
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    multipart: Multipart,
) -> Result<Response, ApiError> {
    let received = async {
        let (draft, catalog) = receive(&app, workspace.id(), multipart).await?;
        let options = Options { catalog, ..Options::default() };
        // The page that follows shows what is kept of this.
        catalog_drafts::preview(&workspace, &draft, &options).await.map(|_| (draft, options))
    };
    match received.await {
        Ok((draft, options)) => {
            let catalog = options.catalog.map(|name| format!("?catalog={}", super::encode(&name)));
            let of = catalog.unwrap_or_default();
            let to = path(workspace.id(), &format!("/import/{}{of}", draft.id));
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) if error.kind.status().is_client_error() => {
            let page = upload_page(&frame, &workspace, Some(&error))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

/// The file as a draft, and the catalog that it is for, which stands before it.
async fn receive(
    app: &Arc<App>,
    workspace: &WorkspaceId,
    mut multipart: Multipart,
) -> Result<(Draft, Option<String>), ApiError> {
    let broken = |error: axum::extract::multipart::MultipartError| {
        ApiError::bad_request(format!("the file cannot be read: {}", error.body_text()))
    };
    let nothing = || ApiError::invalid("choose a file").at("/file");
    let mut field = multipart.next_field().await.map_err(broken)?.ok_or_else(nothing)?;
    let mut catalog = None;
    if field.name() == Some("catalog") {
        let name = field.text().await.map_err(broken)?;
        catalog = Some(name).filter(|name| name != ITEMS_CATALOG);
        field = multipart.next_field().await.map_err(broken)?.ok_or_else(nothing)?;
    }
    let name = field.file_name().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(nothing());
    }
    let mut upload = Upload::begin(app, workspace, &name).await?;
    while let Some(part) = field.chunk().await.map_err(broken)? {
        upload = upload.write(part).await?;
    }
    Ok((upload.end(), catalog))
}

/// The draft as it would be imported with these options.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, draft)): Path<(String, String)>,
    Parameters(options): Parameters<Options>,
) -> Result<Response, ApiError> {
    if let Some(job) = catalog_drafts::job_of(&app, workspace.id(), &draft) {
        return Ok(Redirect::to(&jobs::path(workspace.id(), job.id)).into_response());
    }
    let draft = catalog_drafts::find(&app, workspace.id(), &draft).await?;
    match catalog_drafts::preview(&workspace, &draft, &options).await {
        Ok(preview) => {
            let page = draft_page(&frame, workspace.id(), &draft, &options, &preview, None);
            Ok(page.into_response())
        }
        Err(error) if error.kind.status().is_client_error() => {
            let page = upload_page(&frame, &workspace, Some(&error))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

/// Starts the job that puts the draft in force.
pub(super) async fn switch(
    State(app): State<Arc<App>>,
    frame: Frame,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Path((_, draft)): Path<(String, String)>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    if let Some(job) = catalog_drafts::job_of(&app, workspace.id(), &draft) {
        let to_first = Redirect::to(&jobs::path(workspace.id(), job.id));
        return Ok((Extension(NothingDone), to_first).into_response());
    }
    let options = read_options(pairs);
    let draft = catalog_drafts::find(&app, workspace.id(), &draft).await?;
    let preview = catalog_drafts::preview(&workspace, &draft, &options).await?;
    match catalog::check_removals(&workspace, preview.changes.clone(), &options).await {
        Ok(()) => {
            let (actor, format) = (caller.actor, draft.format);
            let job = catalog::start_import(&app, &workspace, actor, draft, format, &options)?;
            Ok(Redirect::to(&jobs::path(workspace.id(), job.id)).into_response())
        }
        Err(error) if error.kind.status().is_client_error() => {
            let why = Some(error.message.as_str());
            let page = draft_page(&frame, workspace.id(), &draft, &options, &preview, why);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

fn read_options(pairs: Vec<(String, String)>) -> Options {
    let mut options = Options::default();
    for (name, value) in pairs {
        match name.as_str() {
            "type" => options.types.push(value),
            "catalog" => options.catalog = Some(value),
            "skip_invalid" => options.skip_invalid = value == "true",
            "allow_bad_cells" => options.allow_bad_cells = value == "true",
            "confirm" => options.confirm = Some(value),
            "drop" => options.drop.push(value),
            _ => {}
        }
    }
    options
}

fn draft_page<'a>(
    frame: &'a Frame,
    workspace: &WorkspaceId,
    draft: &Draft,
    options: &Options,
    preview: &CatalogPreview,
    why_not: Option<&str>,
) -> Page<'a> {
    let here = path(workspace, &format!("/import/{}", draft.id));
    let changes = &preview.changes;
    let catalog = options.catalog.as_deref().unwrap_or(ITEMS_CATALOG);
    let body = html! {
        @if let Some(why_not) = why_not {
            (Callout::error("Nothing was imported").text(why_not).announced())
        }
        @for refused in preview.refused.iter().filter(|_| why_not.is_none()) {
            (Callout::warning("It cannot be imported like this").text(refused))
        }
        @for scenario in &preview.scenarios {
            (Callout::warning("A scenario would no longer fit").text(scenario))
        }
        div class="stats" {
            (tile("Rows", preview.report.n_rows))
            (tile("New items", changes.n_new))
            (tile("Changed", changes.n_changed))
            (tile("Unchanged", changes.n_unchanged))
            (tile("Withdrawn", changes.n_withdrawn))
        }
        div class="columns" {
            section class="card" {
                h2 { "Columns" }
                (types_form(&here, options, preview))
            }
            div class="stack" {
                @if !preview.report.errors.is_empty() { (mistakes(&preview.report)) }
                section class="card" {
                    h2 { "Switch" }
                    (switch_form(frame, &here, options, preview))
                }
            }
        }
        (examples(workspace, preview))
    };
    Page::new(frame, Area::Catalog, "Look at the file")
        .below("Import", &path(workspace, "/import"))
        .lead(html! {
            "The file takes the place of the catalog " strong { (catalog) } ". Nothing changes \
             until you switch. The version before stays, one press away."
        })
        .body(body)
}

fn tile(label: &str, n: u64) -> Markup {
    StatTile {
        label,
        value: Some(n as f64),
        unit: Unit::Count(""),
        interval: None,
        change: None,
        trend: &[],
        href: None,
    }
    .render()
}

/// The types, to be corrected: a question, which changes nothing.
fn types_form(here: &str, options: &Options, preview: &CatalogPreview) -> Markup {
    html! {
        form class="form" method="get" action=(here) {
            @if let Some(catalog) = &options.catalog {
                input type="hidden" name="catalog" value=(catalog);
            }
            @for column in &preview.report.columns {
                @let n_wrong = preview.report.errors.iter()
                    .filter(|error| error.column.as_ref() == Some(&column.name)).count();
                @let wrong = format!("{n_wrong} of the mistakes below are in this column");
                @let values: Vec<(String, &str)> = PropertyType::ALL.iter()
                    .map(|type_| (format!("{}={type_}", column.name), type_words(*type_)))
                    .collect();
                @let choices: Vec<(&str, &str)> =
                    values.iter().map(|(value, label)| (value.as_str(), *label)).collect();
                (Select {
                    field: Field::new("type", &column.name)
                        .id(&format!("field-type-{}", super::encode(&column.name)))
                        .error((n_wrong > 0).then_some(wrong.as_str())),
                    options: &choices,
                    value: &format!("{}={}", column.name, column.type_),
                })
            }
            (Checkbox {
                field: Field::new("allow_bad_cells", "Leave cells empty that do not fit"),
                is_checked: options.allow_bad_cells,
            })
            (Checkbox {
                field: Field::new("skip_invalid", "Leave out wrong rows"),
                is_checked: options.skip_invalid,
            })
            div class="actions" { (Button::secondary("Check again")) }
        }
    }
}

fn type_words(type_: PropertyType) -> &'static str {
    match type_ {
        PropertyType::Int => "Whole number",
        PropertyType::Double => "Number",
        PropertyType::String => "Text",
        PropertyType::Boolean => "Yes or no",
        PropertyType::Timestamp => "Time",
        PropertyType::Set => "Set of texts",
        PropertyType::Image => "Picture",
        PropertyType::ImageList => "Pictures",
    }
}

/// Says what is wrong, with row and reason.
fn mistakes(report: &ImportReport) -> Markup {
    let table = Table::new(
        "Mistakes",
        vec![
            Column::number("Row"),
            Column::text("Column"),
            Column::text("Reason"),
            Column::text("Detail"),
        ],
    )
    .captioned()
    .rows(report.errors.iter().map(|error| {
        vec![
            Cell::new(grouped(error.row)),
            Cell::new(error.column.as_deref().unwrap_or("–")),
            Cell::new(&error.reason),
            Cell::new(&error.detail),
        ]
    }));
    html! {
        section class="card card-table" {
            (table)
            @if report.n_invalid + report.n_bad_cells > report.errors.len() as u64 {
                p class="field-hint" { "These are the first " (report.errors.len()) " of them." }
            }
        }
    }
}

fn switch_form(frame: &Frame, here: &str, options: &Options, preview: &CatalogPreview) -> Markup {
    let n_withdrawn = preview.changes.n_withdrawn;
    let confirm = n_withdrawn.to_string();
    let withdraw = format!("Withdraw {} items", grouped(n_withdrawn));
    let dropped = preview.changes.properties.iter().filter(|change| change.to.is_none());
    let body = html! {
        @for type_ in &options.types { input type="hidden" name="type" value=(type_); }
        @if let Some(catalog) = &options.catalog {
            input type="hidden" name="catalog" value=(catalog);
        }
        @if options.allow_bad_cells { input type="hidden" name="allow_bad_cells" value="true"; }
        @if options.skip_invalid { input type="hidden" name="skip_invalid" value="true"; }
        @if n_withdrawn > 0 { (tick("confirm", &confirm, &withdraw)) }
        @for change in dropped {
            (tick("drop", &change.name, &format!("Remove the property {}", change.name)))
        }
        div class="actions" { (Button::primary("Switch to these items")) }
    };
    html! { (FormElement { action: here, csrf: &frame.csrf, preview: None, body }) }
}

/// A box whose value is what it confirms.
fn tick(name: &str, value: &str, label: &str) -> Markup {
    html! {
        label class="check" {
            input class="box" type="checkbox" name=(name) value=(value);
            span { (label) }
        }
    }
}

/// Some of what would change.
fn examples(workspace: &WorkspaceId, preview: &CatalogPreview) -> Markup {
    let examples = &preview.examples;
    let changed = Table::new(
        "Values that would change",
        vec![
            Column::text("Item"),
            Column::text("Property"),
            Column::text("Now"),
            Column::text("Then"),
        ],
    )
    .captioned()
    .rows(examples.changed.iter().map(|change| {
        vec![
            Cell::new(html! {
                a href=(item_path(workspace, &change.item_id)) { (change.item_id) }
            }),
            Cell::new(&change.property),
            Cell::new(html! { del { (shown(&change.from)) } }),
            Cell::new(html! { ins { (shown(&change.to)) } }),
        ]
    }));
    html! {
        @if !examples.changed.is_empty() { section class="card card-table" { (changed) } }
        div class="columns" {
            (ids("New items", &examples.added, preview.changes.n_new))
            (ids("Items that would be withdrawn", &examples.withdrawn, preview.changes.n_withdrawn))
        }
    }
}

fn shown(value: &serde_json::Value) -> String {
    match value.is_null() {
        true => "nothing".to_owned(),
        false => value_text(value, CELL_CHARS_MAX),
    }
}

fn ids(title: &str, ids: &[String], n: u64) -> Markup {
    html! {
        @if !ids.is_empty() {
            section class="card" {
                h2 { (title) }
                ul class="plain" { @for id in ids { li { code { (id) } } } }
                @if n > ids.len() as u64 {
                    p class="field-hint" { "and " (grouped(n - ids.len() as u64)) " more" }
                }
            }
        }
    }
}
