//! The list of scenarios, with what came of them lately.

use axum::Extension;
use axum::response::{IntoResponse, Response};
use domain::Right::ChangeWorkspace;
use domain::WorkspaceId;
use maud::{Markup, Render, html};
use resources::results::ResultRow;
use resources::scenarios::{self, ShownScenario};
use serde::Deserialize;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::{Parameters, one_of};
use web::workspaces::Workspace;

use super::form::endpoint_words;
use super::{may, notice, path_of, recent};
use crate::page::{Area, Frame, Page};
use crate::ui::{Badge, Button, Cell, Column, EmptyState, Icon, Sorting, Table, Tone, Unit};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    notice: Option<String>,
    sort: Option<String>,
    order: Option<String>,
}

pub(super) async fn list(
    frame: Frame,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Response, ApiError> {
    one_of("sort", query.sort.as_deref(), &["name", "lists", "clicks", "purchases"])?;
    one_of("order", query.order.as_deref(), &["asc", "desc"])?;
    let scenarios = scenarios::list(&workspace).await?;
    let rows = recent(&caller, &workspace, None).await?;
    let href = Area::Scenarios.path(workspace.id());
    let new = format!("{href}/-/new");
    let may_change = may(&caller, ChangeWorkspace);
    let body = if scenarios.is_empty() {
        EmptyState {
            icon: Icon::Scenarios,
            title: "No scenario yet",
            text: "A scenario is a place where recommendations are shown: the start page, the cart, \
                   a mail. It has rules and results of its own.",
            next: may_change.then(|| html! { (Button::primary("New scenario").href(&new)) }),
        }
        .render()
    } else {
        let mut listed: Vec<(&ShownScenario, Option<&ResultRow>)> = scenarios
            .iter()
            .map(|shown| {
                let scenario = &shown.scenario;
                let row = rows.iter().flatten().find(|row| {
                    row.place.scenario.as_deref() == Some(&scenario.name)
                        && row.place.endpoint.as_deref() == Some(scenario.endpoint.word())
                });
                (shown, row)
            })
            .collect();
        let key = query.sort.as_deref().unwrap_or("name");
        let is_descending = query.order.as_deref() == Some("desc");
        let value = |row: Option<&ResultRow>| {
            row.map_or(0.0, |row| match key {
                "clicks" => row.counts.click_through_rate.value.unwrap_or(0.0),
                "purchases" => row.counts.conversion_rate.value.unwrap_or(0.0),
                _ => row.counts.recommendations as f64,
            })
        };
        if key != "name" {
            listed.sort_by(|(_, a), (_, b)| value(*a).total_cmp(&value(*b)));
        }
        if is_descending {
            listed.reverse();
        }
        let sort_href = format!("{href}?");
        let sorting = Sorting { key, is_descending, href: &sort_href, is_whole: true };
        html! { section class="card card-table" { (table(workspace.id(), &listed, rows.is_some(), sorting)) } }
    };
    let mut page = Page::new(&frame, Area::Scenarios, "Scenarios")
        .lead("Where recommendations are shown, and what came of them in the last 14 days.")
        .body(body);
    if may_change {
        let button = Button::primary("New scenario").icon(Icon::Add).href(&new);
        page = page.actions(html! { (button) });
    }
    Ok(page.notice_if(notice(query.notice.as_deref())?).into_response())
}

fn table<'a>(
    workspace: &WorkspaceId,
    listed: &[(&ShownScenario, Option<&ResultRow>)],
    has_results: bool,
    sorting: Sorting<'a>,
) -> Table<'a> {
    let mut columns = vec![Column::text("Scenario").sorted_by("name"), Column::text("State")];
    if has_results {
        columns.extend([
            Column::number("Lists").sorted_by("lists"),
            Column::number("Click-through").sorted_by("clicks"),
            Column::number("Conversion").sorted_by("purchases"),
        ]);
    }
    let rows = listed.iter().map(|(shown, row)| {
        let scenario = &shown.scenario;
        let first = html! {
            a href=(path_of(workspace, &scenario.name)) { (scenario.name) }
            span class="under" { (endpoint_words(scenario.endpoint)) }
        };
        let mut cells = vec![Cell::new(first).value(&scenario.name), Cell::new(state(shown, *row))];
        if has_results {
            let counts = row.map(|row| &row.counts);
            let lists = counts.map_or(0, |counts| counts.recommendations) as f64;
            cells.push(Cell::new(Unit::Count("").text(lists)).value(lists));
            for rate in [counts.map(|c| c.click_through_rate), counts.map(|c| c.conversion_rate)] {
                let value = rate.and_then(|rate| Some((rate.value?, rate.low, rate.high)));
                cells.push(match value {
                    Some((value, low, high)) => Cell::new(html! {
                        (Unit::Share.text(value))
                        span class="under" { (Unit::Share.interval_text(low, high)) }
                    })
                    .value(value),
                    None => Cell::new("–").value(-1),
                });
            }
        }
        cells
    });
    Table::new("Scenarios, last 14 days", columns).sorting(sorting).rows(rows)
}

fn state(shown: &ShownScenario, row: Option<&ResultRow>) -> Markup {
    html! {
        @if !shown.problems.is_empty() { (Badge::of(Tone::Warning, "needs a look")) " " }
        @if !shown.scenario.groups.is_empty() { (Badge::of(Tone::Accent, "A/B test")) }
        @else if row.is_some() { (Badge::of(Tone::Good, "in use")) }
        @else { (Badge::new("no lists")) }
    }
}
