//! Results: what people did with recommendations, by day, scenario, group and kind.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::Day;
use domain::Right::ReadWorkspace;
use maud::{Markup, Render, html};
use resources::results::{self, By, ResultRow, ResultsQuery, ShownRate, to_csv};
use resources::scenarios;
use serde::Deserialize;
use web::App;
use web::access::Call;
use web::error::ApiError;
use web::parameters::{Parameters, one_of};
use web::workspaces::{RequestedWorkspace, Workspace};

use crate::gate::{gated, read};
use crate::page::{Area, Frame, Page, encode};
use crate::ui::chart::{DayPoint, LineChart};
use crate::ui::form::{Field, InputKind, Select, TextInput};
use crate::ui::{
    Button, Callout, Cell, Column, EmptyState, Icon, Pagination, Sorting, Tab, Table, Unit, tabs,
};

const PAGE: &str = "/console/{workspace}/results";
const CSV: &str = "/console/{workspace}/results.csv";

pub(super) const CALLS: &[Call] = &[read(PAGE, ReadWorkspace), read(CSV, ReadWorkspace)];

/// The number of days where nobody says which.
const DAYS_DEFAULT: u32 = 28;
/// The most days of one page: each is a point of two charts.
const DAYS_MAX: u32 = 400;
/// The most rows of the table of one page.
const ROWS_MAX: usize = 100;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    gated(app, CALLS, Router::new().route(PAGE, get(show)).route(CSV, get(export)))
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Query {
    from: Option<String>,
    until: Option<String>,
    scenario: Option<String>,
    group: Option<String>,
    by: Option<By>,
    sort: Option<String>,
    order: Option<String>,
    page: Option<u32>,
}

impl Query {
    /// What is asked of the resource. Fields that a form leaves empty say nothing.
    fn wanted(&self, by: Option<By>) -> ResultsQuery {
        let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        ResultsQuery {
            from: said(&self.from),
            until: said(&self.until),
            scenario: said(&self.scenario),
            group: said(&self.group),
            by,
        }
    }

    /// The address of a view, up to where more parameters can follow.
    fn href(&self, path: &str, by: By) -> String {
        format!("{path}?by={}&{}", word(by), self.parameters())
    }

    /// The days and filters as parameters.
    fn parameters(&self) -> String {
        let texts = [
            ("from", &self.from),
            ("until", &self.until),
            ("scenario", &self.scenario),
            ("group", &self.group),
        ];
        let said = texts.into_iter().filter_map(|(name, text)| {
            let text = text.as_ref().filter(|text| !text.is_empty())?;
            Some(format!("{name}={}&", encode(text)))
        });
        said.collect()
    }
}

fn word(by: By) -> &'static str {
    match by {
        By::Day => "day",
        By::Scenario => "scenario",
        By::Group => "group",
        By::Kind => "kind",
    }
}

/// A query with its days, which are those of the last weeks where none are given.
fn with_days(
    workspace: &RequestedWorkspace,
    query: &mut ResultsQuery,
) -> Result<(Day, Day), ApiError> {
    if query.from.is_none() {
        let last = ResultsQuery { from: None, ..query.clone() };
        let (_, until) = results::range(workspace, &last)?;
        query.from = Some(until.earlier(DAYS_DEFAULT - 1).to_string());
    }
    let (from, until) = results::range(workspace, query)?;
    if until.earlier(DAYS_MAX - 1) > from {
        let what = format!("{from} to {until} are over {DAYS_MAX} days: take fewer, or the API");
        return Err(ApiError::invalid(what).at("/from"));
    }
    Ok((from, until))
}

async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let keys: Vec<&str> = std::iter::once("name").chain(NUMBERS.map(|(key, ..)| key)).collect();
    one_of("sort", query.sort.as_deref(), &keys)?;
    one_of("order", query.order.as_deref(), &["asc", "desc"])?;
    let mut wanted = query.wanted(None);
    let (mistake, (from, until)) = match with_days(&workspace, &mut wanted) {
        Ok(days) => (None, days),
        Err(error) => {
            // What was typed comes back; below it are the last weeks.
            wanted = ResultsQuery { from: None, until: None, ..wanted };
            (Some(error), with_days(&workspace, &mut wanted)?)
        }
    };
    let by = query.by.unwrap_or(By::Day);
    let of = |by| ResultsQuery { by: Some(by), ..wanted.clone() };
    let by_day = results::read(&workspace, of(By::Day)).await?.kpis;
    let rows = match by {
        By::Day => by_day.clone(),
        other => results::read(&workspace, of(other)).await?.kpis,
    };
    let path = Area::Results.path(workspace.id());
    let known = scenarios::list(&workspace).await?;
    let names: Vec<&str> = known.iter().map(|shown| shown.scenario.name.as_str()).collect();
    let body = html! {
        (filters(&query, &names, (from, until), mistake.as_ref()))
        @if by_day.is_empty() {
            (EmptyState {
                icon: Icon::Results,
                title: "No recommendations in these days",
                text: "Results appear as soon as calls ask for lists. Clicks and purchases count where they \
                       send the id of the list along.",
                next: Some(html! { (Button::secondary("Scenarios").href(&Area::Scenarios.path(workspace.id()))) }),
            })
        } @else {
            (charts(&by_day, from, until))
            (table_section(&query, &path, by, rows))
        }
    };
    let csv = csv_href(&query, &path, (from, until));
    let mut page = Page::new(&frame, Area::Results, "Results")
        .lead("What people did with recommendations.")
        .actions(html! { (Button::secondary("Export CSV").icon(Icon::Download).href(&csv)) })
        .body(body);
    if mistake.is_some() {
        let callout = Callout::error("These days cannot be shown").announced();
        page = page.notice(callout.text("Below are the last weeks. A field needs a look."));
    }
    Ok(page.into_response())
}

/// The address of the file with all rows of these days.
fn csv_href(query: &Query, path: &str, (from, until): (Day, Day)) -> String {
    let query =
        Query { from: Some(from.to_string()), until: Some(until.to_string()), ..query.clone() };
    let parameters = query.parameters();
    format!("{path}.csv?{}", parameters.trim_end_matches('&'))
}

fn filters(
    query: &Query,
    names: &[&str],
    (from, until): (Day, Day),
    mistake: Option<&ApiError>,
) -> Markup {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let scenario = text(&query.scenario);
    let mut options = vec![("", "All")];
    options.extend(names.iter().map(|name| (*name, *name)));
    if !scenario.is_empty() && !names.contains(&scenario.as_str()) {
        options.push((&scenario, &scenario));
    }
    let shown = |typed: &Option<String>, day: Day| {
        typed.clone().filter(|text| !text.is_empty()).unwrap_or_else(|| day.to_string())
    };
    let error_of = |field: &str| {
        let error = mistake.filter(|error| error.parameter.as_deref() == Some(field));
        error.map(|error| error.message.as_str())
    };
    html! {
        form class="filters" {
            input type="hidden" name="by" value=(word(query.by.unwrap_or(By::Day)));
            (TextInput::new(Field::new("from", "From").error(error_of("from")))
                .kind(InputKind::Code).value(&shown(&query.from, from)))
            (TextInput::new(Field::new("until", "Until").error(error_of("until")))
                .kind(InputKind::Code).value(&shown(&query.until, until)))
            (Select { field: Field::new("scenario", "Scenario").optional(), options: &options, value: &scenario })
            (TextInput::new(Field::new("group", "A/B group").optional())
                .kind(InputKind::Code).value(&text(&query.group)))
            (Button::secondary("Show"))
        }
    }
}

/// A value with its interval.
type Estimate = (Option<f64>, Option<(f64, f64)>);

fn charts(by_day: &[ResultRow], from: Day, until: Day) -> Markup {
    let row = |day: Day| {
        let name = day.to_string();
        by_day.iter().find(|row| row.day.as_deref() == Some(&name))
    };
    let points = |value: &dyn Fn(&ResultRow) -> Estimate| {
        (from.0..=until.0)
            .map(|day| {
                let (value, interval) = row(Day(day)).map_or((None, None), value);
                DayPoint { day: Day(day), value, interval, before: None }
            })
            .collect::<Vec<_>>()
    };
    let interval = |rate: ShownRate| (rate.value, rate.value.map(|_| (rate.low, rate.high)));
    let clicks = points(&|row| interval(row.counts.click_through_rate));
    let bought = points(&|row| interval(row.counts.conversion_rate));
    let lists = points(&|row| (Some(row.counts.recommendations as f64), None));
    html! {
        section class="card" {
            (LineChart { title: "Click-through", unit: Unit::Share, days: &clicks, before: None })
        }
        div class="columns" {
            section class="card" {
                (LineChart { title: "Conversion", unit: Unit::Share, days: &bought, before: None })
            }
            section class="card" {
                (LineChart { title: "Lists", unit: Unit::Count("lists"), days: &lists, before: None })
            }
        }
    }
}

/// The key of a column, its label, and its number in a row.
type NumberColumn = (&'static str, &'static str, fn(&ResultRow) -> f64);

const NUMBERS: [NumberColumn; 8] = [
    ("lists", "Lists", |row| row.counts.recommendations as f64),
    ("people", "People", |row| row.counts.users as f64),
    ("clicks", "Clicks", |row| row.counts.clicks as f64),
    ("rate", "Click-through", |row| row.counts.click_through_rate.value.unwrap_or(-1.0)),
    ("carts", "Carts", |row| row.counts.cart_additions as f64),
    ("purchases", "Purchases", |row| row.counts.purchases as f64),
    ("conversion", "Conversion", |row| row.counts.conversion_rate.value.unwrap_or(-1.0)),
    ("revenue", "Revenue", |row| row.counts.revenue),
];

fn table_section(query: &Query, path: &str, by: By, mut rows: Vec<ResultRow>) -> Markup {
    let key = query.sort.as_deref().unwrap_or(if by == By::Day { "name" } else { "lists" });
    let is_descending = query.order.as_deref().is_none_or(|order| order == "desc");
    match NUMBERS.iter().find(|(other, ..)| *other == key) {
        Some((_, _, number)) => rows.sort_by(|a, b| number(a).total_cmp(&number(b))),
        None => rows.sort_by_key(name_of),
    }
    if is_descending {
        rows.reverse();
    }
    let n_rows = rows.len();
    let page = query.page.unwrap_or(1).max(1) as usize;
    let skipped = ((page - 1) * ROWS_MAX).min(n_rows);
    let shown: Vec<ResultRow> = rows.into_iter().skip(skipped).take(ROWS_MAX).collect();
    let href = query.href(path, by);
    let first = match by {
        By::Day => "Day",
        By::Scenario => "Scenario",
        By::Group => "Scenario and group",
        By::Kind => "Kind",
    };
    let mut columns = vec![Column::text(first).sorted_by("name")];
    columns.extend(NUMBERS.iter().map(|(key, label, _)| Column::number(label).sorted_by(key)));
    let table = Table::new("Results", columns)
        .sorting(Sorting { key, is_descending, href: &href, is_whole: n_rows <= ROWS_MAX })
        .rows(shown.iter().map(cells));
    let order = if is_descending { "desc" } else { "asc" };
    let page_href = |page: usize| format!("{href}sort={key}&order={order}&page={page}");
    let (before, after) = (page_href(page.saturating_sub(1)), page_href(page + 1));
    let label = |by| match by {
        By::Day => "Day",
        By::Scenario => "Scenario",
        By::Group => "Group",
        By::Kind => "Kind",
    };
    let all = [By::Day, By::Scenario, By::Group, By::Kind];
    let hrefs = all.map(|by| query.href(path, by).trim_end_matches('&').to_owned());
    let links: Vec<Tab> = all
        .iter()
        .zip(&hrefs)
        .map(|(other, href)| Tab {
            label: label(*other),
            href,
            count: None,
            is_current: *other == by,
        })
        .collect();
    html! {
        section class="section" {
            (tabs("Results by", &links))
            div class="card card-table" { (table) }
            @if n_rows > ROWS_MAX {
                (pagination(skipped, shown.len(), n_rows, &before, &after))
            }
            p class="field-hint" {
                "People are counted anew each day and for each place and group. Clicks and purchases count on the day of the list, "
                "for 30 days. Intervals of rates are of 95 %."
            }
        }
    }
}

fn pagination(skipped: usize, n_shown: usize, n_rows: usize, before: &str, after: &str) -> Markup {
    let shown = format!("{} to {} of {n_rows}", skipped + 1, skipped + n_shown);
    Pagination {
        of: "results",
        shown: &shown,
        previous: (skipped > 0).then_some(before),
        next: (skipped + n_shown < n_rows).then_some(after),
    }
    .render()
}

/// What a row is of.
fn name_of(row: &ResultRow) -> String {
    let place = &row.place;
    if let Some(day) = &row.day {
        return day.clone();
    }
    let name = match (&place.scenario, &place.trait_, &place.endpoint) {
        (_, Some(all), _) if all == "*" => "Traits".to_owned(),
        (_, Some(key), _) => format!("Trait {key}"),
        (Some(scenario), ..) => scenario.clone(),
        (None, None, Some(endpoint)) => endpoint.clone(),
        (None, None, None) => "All".to_owned(),
    };
    match &row.group {
        Some(group) => format!("{name}, {group}"),
        None => name,
    }
}

fn cells(row: &ResultRow) -> Vec<Cell> {
    let name = name_of(row);
    let first = html! {
        (name)
        @if let (Some(endpoint), true) = (&row.place.endpoint, row.place.scenario.is_some()) {
            span class="under" { (endpoint) }
        }
    };
    let mut cells = vec![Cell::new(first).value(&name)];
    cells.extend(NUMBERS.iter().map(|(key, _, number)| {
        let value = number(row);
        let rate = match *key {
            "rate" => Some(row.counts.click_through_rate),
            "conversion" => Some(row.counts.conversion_rate),
            _ => None,
        };
        let shown = match rate {
            Some(rate) => html! {
                @if let Some(value) = rate.value {
                    (Unit::Share.text(value))
                    span class="under" { (Unit::Share.interval_text(rate.low, rate.high)) }
                } @else { "–" }
            },
            None if *key == "revenue" => html! { (Unit::Money("").text(value)) },
            None => html! { (Unit::Count("").text(value)) },
        };
        Cell::new(shown).value(value)
    }));
    cells
}

/// All rows of the days, by day, place and group.
async fn export(
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let mut wanted = query.wanted(query.by);
    let (from, until) = with_days(&workspace, &mut wanted)?;
    let csv = to_csv(&results::read(&workspace, wanted).await?)?;
    let name = format!("attachment; filename=\"results-{}-{from}-{until}.csv\"", workspace.id());
    Ok(([(header::CONTENT_TYPE, "text/csv".to_owned()), (header::CONTENT_DISPOSITION, name)], csv)
        .into_response())
}
