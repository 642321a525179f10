//! The items: searched and filtered while somebody types.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::Exportable;
use domain::WorkspaceId;
use domain::quantity::grouped;
use maud::{Markup, Render, html};
use resources::items::{self, FilterMistake, ItemPage, ItemState, ShownItem};
use serde::Deserialize;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::super::exports;
use super::{encode, item_path, may_change, path, state_badge, tab_list, value_text};
use crate::page::{Area, Frame, Page};
use crate::ui::form::{Field, InputKind, ReqlField, ReqlMistake, Select, TextInput};
use crate::ui::{
    Button, Callout, Cell, Column, EmptyState, Icon, Pagination, Table, Unit, own_picture, picture,
};

/// The items of a page.
const ITEMS_PER_PAGE: usize = 50;
/// The columns of properties where none are chosen.
const COLUMNS_DEFAULT: usize = 3;
/// The characters of a value in a cell.
const CELL_CHARS_MAX: usize = 60;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Query {
    q: Option<String>,
    filter: Option<String>,
    catalog: Option<String>,
    state: Option<String>,
    /// The properties to show; the first few where none is named.
    column: Vec<String>,
    offset: Option<usize>,
}

impl Query {
    fn resource(&self) -> items::Query {
        items::Query {
            q: self.q.clone(),
            filter: self.filter.clone(),
            catalog: self.catalog.clone().filter(|name| !name.is_empty()),
            state: match self.state.as_deref() {
                Some("on") => Some(ItemState::On),
                Some("off") => Some(ItemState::Off),
                _ => None,
            },
            offset: self.offset,
            count: Some(ITEMS_PER_PAGE),
        }
    }

    fn href(&self, workspace: &WorkspaceId, offset: usize) -> String {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        let texts = [
            ("q", &self.q),
            ("filter", &self.filter),
            ("catalog", &self.catalog),
            ("state", &self.state),
        ];
        for (name, text) in texts {
            pairs.extend(text.as_deref().filter(|text| !text.is_empty()).map(|text| (name, text)));
        }
        pairs.extend(self.column.iter().map(|name| ("column", name.as_str())));
        let offset = offset.to_string();
        if offset != "0" {
            pairs.push(("offset", &offset));
        }
        let pairs = pairs.iter().map(|(name, text)| format!("{name}={}", encode(text)));
        format!("{}?{}", path(workspace, ""), pairs.collect::<Vec<_>>().join("&"))
    }

    fn is_narrowed(&self) -> bool {
        [&self.q, &self.filter, &self.catalog, &self.state]
            .iter()
            .any(|text| text.as_deref().is_some_and(|text| !text.trim().is_empty()))
    }
}

/// The items, or the mistake in the filter.
async fn find(
    workspace: &RequestedWorkspace,
    query: &Query,
) -> Result<Result<ItemPage, FilterMistake>, ApiError> {
    let filter = query.filter.clone().unwrap_or_default();
    match items::check_filter(workspace, filter).await? {
        Some(mistake) => Ok(Err(mistake)),
        None => Ok(Ok(items::list(workspace, query.resource()).await?)),
    }
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let found = find(&workspace, &query).await?;
    // The fields and the counts stand above the rows, whatever is wrong with the filter.
    let page = match &found {
        Ok(page) => page.clone(),
        Err(_) => {
            items::list(&workspace, items::Query { count: Some(1), ..Default::default() }).await?
        }
    };
    let id = workspace.id();
    let lead = lead(&page);
    let rows_path = path(id, "/rows");
    let columns = columns(&query, &page);
    let mistake = found.as_ref().err().map(|mistake| (mistake.column, mistake.message.as_str()));
    let labels: Vec<String> = page
        .catalogs
        .iter()
        .map(|count| {
            format!(
                "{}: {} of {} on offer",
                count.name,
                grouped(count.n_offered),
                grouped(count.n_items)
            )
        })
        .collect();
    let catalogs = page.catalogs.iter().zip(&labels);
    let catalogs = catalogs.map(|(count, label)| (count.name.as_str(), label.as_str()));
    let catalogs: Vec<(&str, &str)> = [("", "all")].into_iter().chain(catalogs).collect();
    let body = html! {
        (tab_list(&frame, id, ""))
        form class="filters" method="get" action=(path(id, ""))
            data-preview=(rows_path) data-preview-target="items" {
            (TextInput::new(Field::new("q", "Words").optional())
                .kind(InputKind::Search)
                .value(query.q.as_deref().unwrap_or_default()))
            (ReqlField {
                field: Field::new("filter", "Filter").optional(),
                value: query.filter.as_deref().unwrap_or_default(),
                mistake,
            })
            @if page.catalogs.len() > 1 {
                (Select {
                    field: Field::new("catalog", "Catalog").optional(),
                    options: &catalogs,
                    value: query.catalog.as_deref().unwrap_or_default(),
                })
            }
            (Select {
                field: Field::new("state", "State").optional(),
                options: &[("", "on and off"), ("on", "on"), ("off", "turned off")],
                value: query.state.as_deref().unwrap_or_default(),
            })
            @if !page.properties.is_empty() {
                details class="choice-of-columns" {
                    summary { "Columns" }
                    div class="checks" {
                        @for property in &page.properties {
                            label class="check" {
                                input class="box" type="checkbox" name="column"
                                    value=(property.name)
                                    checked[columns.contains(&property.name)];
                                span { (property.name) }
                            }
                        }
                    }
                }
            }
            (Button::primary("Show").icon(Icon::Filter))
        }
        div id="items" class="stack" { (rows_fragment(&frame, id, &query, &found)) }
    };
    let status = if found.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page::new(&frame, Area::Catalog, "Catalog").lead(lead).body(body);
    let import = path(id, "/import");
    let export = exports::path(id, Exportable::Items);
    let actions = html! {
        @if frame.may_open(&export) {
            (Button::secondary("Export").icon(Icon::Download).href(&export))
        }
        @if may_change(&caller) {
            (Button::primary("Import").icon(Icon::Upload).href(&import))
        }
    };
    Ok((status, page.actions(actions)).into_response())
}

/// The rows alone, for the script that asks while somebody types.
pub(super) async fn rows(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let found = find(&workspace, &query).await?;
    let status = if found.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, rows_fragment(&frame, workspace.id(), &query, &found)).into_response())
}

fn lead(page: &ItemPage) -> String {
    let n_on = page.catalogs.iter().map(|count| count.n_offered).sum();
    match page.n_off {
        0 => format!("{} items on offer.", grouped(n_on)),
        n_off => format!("{} items on offer, {} off.", grouped(n_on), grouped(n_off)),
    }
}

/// The properties to show: those that are chosen, or the first.
fn columns(query: &Query, page: &ItemPage) -> Vec<String> {
    let names = page.properties.iter().map(|property| &property.name);
    match query.column.is_empty() {
        true => names.take(COLUMNS_DEFAULT).cloned().collect(),
        false => names.filter(|name| query.column.contains(name)).cloned().collect(),
    }
}

fn rows_fragment(
    frame: &Frame,
    workspace: &WorkspaceId,
    query: &Query,
    found: &Result<ItemPage, FilterMistake>,
) -> Markup {
    match found {
        Ok(page) if page.items.is_empty() => empty(frame, workspace, query, page),
        Ok(page) => table(workspace, query, page),
        Err(FilterMistake { column, message }) => html! {
            (Callout::error("The filter cannot be read")
                .text(&format!("column {column}: {message}"))
                .announced())
            (ReqlMistake { text: query.filter.as_deref().unwrap_or_default(), column: *column })
        },
    }
}

fn empty(frame: &Frame, workspace: &WorkspaceId, query: &Query, page: &ItemPage) -> Markup {
    let (all, import) = (path(workspace, ""), path(workspace, "/import"));
    let is_new = page.n_available == 0 && !query.is_narrowed();
    EmptyState {
        icon: Icon::Catalog,
        title: if is_new { "No items yet" } else { "No item is like this" },
        text: if is_new {
            "Import a file, or send messages that name items."
        } else {
            "Try fewer words, or another filter."
        },
        next: Some(html! {
            @if is_new && frame.may_open(&import) {
                (Button::primary("Import").icon(Icon::Upload).href(&import))
            } @else if !is_new {
                (Button::secondary("Show all items").href(&all))
            }
        }),
    }
    .render()
}

fn table(workspace: &WorkspaceId, query: &Query, page: &ItemPage) -> Markup {
    let shown = columns(query, page);
    let mut heads = vec![Column::text("Item")];
    heads.extend(shown.iter().map(|name| Column::text(name)));
    heads.extend([Column::number("Interactions"), Column::text("State")]);
    let row = |item: &ShownItem| {
        let mut cells = vec![Cell::new(html! {
            span class="with-picture" {
                (picture(&item.item_id, item.name(), own_picture(item.picture.as_deref())))
                span {
                    a href=(item_path(workspace, &item.item_id)) { (item.name()) }
                    @if item.title.is_some() { span class="under" { (item.item_id) } }
                }
            }
        })];
        cells.extend(shown.iter().map(|name| {
            let value = item.properties.get(name);
            Cell::new(value.map_or_else(|| "–".to_owned(), |v| value_text(v, CELL_CHARS_MAX)))
        }));
        cells.push(Cell::new(Unit::Count("").text(item.n_interactions() as f64)));
        cells.push(Cell::new(state_badge(item.state)));
        cells
    };
    let offset = query.offset.unwrap_or(0);
    let until = offset + page.items.len();
    let previous =
        (offset > 0).then(|| query.href(workspace, offset.saturating_sub(ITEMS_PER_PAGE)));
    let next = page.has_more.then(|| query.href(workspace, until));
    let more = if page.has_more { " and more" } else { "" };
    let range = format!("{} to {}{more}", grouped(offset as u64 + 1), grouped(until as u64));
    html! {
        section class="card card-table" {
            (Table::new("Items", heads).rows(page.items.iter().map(row)))
            (Pagination {
                of: "items",
                shown: &range,
                previous: previous.as_deref(),
                next: next.as_deref(),
            })
        }
    }
}
