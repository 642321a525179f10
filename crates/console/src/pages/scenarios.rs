//! Scenarios: their results, their settings with a preview, and their A/B tests.

mod ab_test;
mod calculation;
mod controls;
mod event_filter;
mod form;
mod list;
mod mistakes;
mod numbers;
mod place_and_age;
mod preview;
mod removed;

use std::sync::Arc;

use axum::extract::{Form as Body, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::{self, ChangeWorkspace, ReadWorkspace, SeePeople};
use domain::{Day, WorkspaceId};
use engine::Expected;
use maud::{Markup, Render, html};
use resources::ab_tests::{self, TestResults};
use resources::calculation::Calculation;
use resources::results::{self, By, ResultRow, ResultsQuery};
use resources::scenarios::{self, ShownScenario};
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::{Parameters, one_of};
use web::workspaces::{RequestedWorkspace, Workspace};

use self::form::{ScenarioForm, endpoint_words};
use self::mistakes::Mistakes;
use crate::gate::{edit, gated, preview, read};
use crate::page::{Area, Frame, Page, encode};
use crate::pages::versions;
use crate::ui::form::Form;
use crate::ui::{Button, Callout, Confirmation, StatTile, Unit};

const LIST: &str = "/console/{workspace}/scenarios";
const NEW: &str = "/console/{workspace}/scenarios/-/new";
const PREVIEW: &str = "/console/{workspace}/scenarios/-/preview";
const CALCULATE: &str = "/console/{workspace}/scenarios/-/calculate";
const ONE: &str = "/console/{workspace}/scenarios/{name}";
const DELETE: &str = "/console/{workspace}/scenarios/{name}/delete";
const TEST: &str = "/console/{workspace}/scenarios/{name}/test";
const SHARES: &str = "/console/{workspace}/scenarios/{name}/test/shares";
const END: &str = "/console/{workspace}/scenarios/{name}/test/end";

pub(super) const CALLS: &[Call] = &[
    read(LIST, SeePeople),
    read(NEW, ChangeWorkspace),
    edit(NEW, "scenario.put"),
    preview(PREVIEW, SeePeople),
    preview(CALCULATE, SeePeople),
    read(ONE, SeePeople),
    edit(ONE, "scenario.put"),
    read(DELETE, ChangeWorkspace),
    edit(DELETE, "scenario.delete"),
    read(TEST, ChangeWorkspace),
    edit(TEST, "ab_test.start"),
    edit(SHARES, "ab_test.update"),
    read(END, ChangeWorkspace),
    edit(END, "ab_test.end"),
];

/// How many days the results beside a scenario are of.
const DAYS: u32 = 14;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route(LIST, get(list::list))
        .route(NEW, get(show_new).post(create))
        .route(PREVIEW, post(show_preview))
        .route(CALCULATE, post(calculation::calculate))
        .route(ONE, get(show).post(save))
        .route(DELETE, get(ask_to_delete).post(delete))
        .route(TEST, get(ab_test::show_start).post(ab_test::start))
        .route(SHARES, post(ab_test::set_shares))
        .route(END, get(ab_test::ask_to_end).post(ab_test::end));
    gated(app, CALLS, routes)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeQuery {
    notice: Option<String>,
}

/// What became of the last form, by the word in the address.
const NOTICES: [(&str, &str); 6] = [
    ("created", "The scenario is there: calls can name it now"),
    ("saved", "Saved: the next list follows it"),
    ("deleted", "The scenario is gone"),
    ("test-started", "The test has started"),
    ("shares", "The shares are changed: as few people as possible changed their group"),
    ("test-ended", "The test has ended: everybody gets the same lists"),
];

fn notice(code: Option<&str>) -> Result<Option<Markup>, ApiError> {
    one_of("notice", code, &NOTICES.map(|(code, _)| code))?;
    let title = NOTICES.into_iter().find(|(known, _)| Some(*known) == code);
    Ok(title.map(|(_, title)| Callout::success(title).announced().render()))
}

fn may(caller: &Caller, right: Right) -> bool {
    caller.grant.role.has(right)
}

/// The path of a scenario's page.
fn path_of(workspace: &WorkspaceId, name: &str) -> String {
    format!("{}/{}", Area::Scenarios.path(workspace), encode(name))
}

/// The results of each scenario in the last days; none for roles that may not see them.
async fn recent(
    caller: &Caller,
    workspace: &RequestedWorkspace,
    scenario: Option<String>,
) -> Result<Option<Vec<ResultRow>>, ApiError> {
    if !may(caller, ReadWorkspace) {
        return Ok(None);
    }
    let today = Day::from_timestamp(workspace.handle().now()?);
    let query = ResultsQuery {
        from: Some(today.earlier(DAYS - 1).to_string()),
        by: Some(By::Scenario),
        scenario,
        ..ResultsQuery::default()
    };
    Ok(Some(results::read(workspace, query).await?.kpis))
}

async fn show_new(frame: Frame, Workspace(workspace): Workspace) -> Result<Response, ApiError> {
    let form = ScenarioForm::new_one();
    Ok(new_page(&frame, &workspace, &form, &Outcome::default()).await?.into_response())
}

/// What became of a form that is shown again.
#[derive(Default)]
struct Outcome {
    mistakes: Mistakes,
    notice: Option<Markup>,
    calculation: Option<Calculation>,
}

impl Outcome {
    fn refused(mistakes: Mistakes) -> Self {
        Self { mistakes, ..Self::default() }
    }

    /// What stands above the form.
    fn notice(&self) -> Option<Markup> {
        self.mistakes.notice().or_else(|| self.notice.clone())
    }
}

async fn new_page(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    form: &ScenarioForm,
    outcome: &Outcome,
) -> Result<Markup, ApiError> {
    let config = workspace.config()?;
    let named = ScenarioForm { name: "preview".to_owned(), ..form.clone() };
    let (_, list) = preview::list(frame, workspace, form, named.scenario(None)).await;
    let href = Area::Scenarios.path(workspace.id());
    let body = form_beside_preview(
        frame,
        &format!("{href}/-/new"),
        &html! {
            (form.controls(&config, &outcome.mistakes, true))
            div class="actions" {
                (Button::primary("Create scenario"))
                (Button::quiet("Cancel").href(&href))
            }
        },
        &html! { (preview::fields(form, None)) div id="preview" class="preview" { (list) } },
        Some(&calculation::section(frame, workspace.id(), outcome)),
    );
    let page = Page::new(frame, Area::Scenarios, "New scenario")
        .lead("A place where recommendations are shown. Everything but the name can be changed later.")
        .body(body);
    Ok(page.notice_if(outcome.notice()).render())
}

/// A form, and beside it the list that it would make. The fields of the preview belong to the form.
fn form_beside_preview(
    frame: &Frame,
    action: &str,
    controls: &Markup,
    list: &Markup,
    below: Option<&Markup>,
) -> Markup {
    let workspace = frame.workspace.as_ref().map(|id| Area::Scenarios.path(id)).unwrap_or_default();
    let preview = format!("{workspace}/-/preview");
    html! {
        (Form {
            action,
            csrf: &frame.csrf,
            preview: Some((&preview, "preview")),
            body: html! {
                div class="columns columns-preview" {
                    section class="card" { h2 { "Settings" } div class="stack" { (controls) } }
                    section class="card" aria-labelledby="preview-title" {
                        h2 id="preview-title" { "Preview" }
                        div class="stack" { (list) }
                    }
                }
                @if let Some(below) = below { (below) }
            },
        })
    }
}

async fn create(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Body(form): Body<ScenarioForm>,
) -> Result<Response, ApiError> {
    let refused = match form.scenario(None) {
        Err(mistakes) => mistakes,
        Ok(scenario) => {
            let path = path_of(workspace.id(), &scenario.name);
            match scenarios::put(&app, &workspace, scenario, Expected::Absent).await {
                Ok(_) => return Ok(see(&path, "created")),
                Err(error) if error.kind.status() == StatusCode::PRECONDITION_FAILED => {
                    Mistakes::one("name", "There is a scenario of this name: take another.")
                }
                Err(error) if error.kind.status().is_client_error() => Mistakes::of_error(&error),
                Err(error) => return Err(error),
            }
        }
    };
    let page = new_page(&frame, &workspace, &form, &Outcome::refused(refused)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Leads to a page that says what was done.
fn see(path: &str, notice: &str) -> Response {
    Redirect::to(&format!("{path}?notice={notice}")).into_response()
}

#[derive(Deserialize)]
struct PreviewBody {
    /// The scenario that is edited; none of a new one.
    #[serde(default)]
    edited: Option<String>,
    #[serde(flatten)]
    form: ScenarioForm,
}

/// The preview of a form as it is typed.
async fn show_preview(
    frame: Frame,
    Workspace(workspace): Workspace,
    Body(PreviewBody { edited, form }): Body<PreviewBody>,
) -> Result<Response, ApiError> {
    let scenario = match edited {
        Some(name) => {
            let stored = scenarios::read(&workspace, name).await?.value.scenario;
            form.scenario(Some(&stored))
        }
        None => ScenarioForm { name: "preview".to_owned(), ..form.clone() }.scenario(None),
    };
    let (is_list, list) = preview::list(&frame, &workspace, &form, scenario).await;
    let status = if is_list { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, list).into_response())
}

async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Path((_, name)): Path<(String, String)>,
    Parameters(query): Parameters<NoticeQuery>,
) -> Result<Response, ApiError> {
    let stored = scenarios::read(&workspace, name).await?;
    let form = ScenarioForm::of(&stored);
    let outcome = Outcome { notice: notice(query.notice.as_deref())?, ..Outcome::default() };
    let page = one_page(&frame, &workspace, &caller, &stored.value, &form, outcome).await?;
    Ok(page.into_response())
}

async fn one_page(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    stored: &ShownScenario,
    form: &ScenarioForm,
    outcome: Outcome,
) -> Result<Markup, ApiError> {
    let scenario = &stored.scenario;
    let may_change = may(caller, ChangeWorkspace);
    let rows = recent(caller, workspace, Some(scenario.name.clone())).await?;
    let test: Option<TestResults> = match scenario.groups.is_empty() || !may(caller, ReadWorkspace)
    {
        true => None,
        false => Some(ab_tests::read(workspace, scenario.name.clone()).await?),
    };
    let (_, list) = preview::list(frame, workspace, form, form.scenario(Some(scenario))).await;
    let path = path_of(workspace.id(), &scenario.name);
    let controls = html! {
        input type="hidden" name="edited" value=(scenario.name);
        (form.controls(&*workspace.config()?, &outcome.mistakes, false))
        @if may_change {
            div class="actions" {
                (Button::primary("Save"))
                (Button::quiet("Delete scenario").href(&format!("{path}/delete")))
            }
        } @else {
            p class="field-hint" { "Your role reads scenarios and does not change them." }
        }
    };
    let target = Some(scenario.endpoint.target());
    let list = html! {
        (preview::fields(form, target))
        div id="preview" class="preview" { (list) }
    };
    let calculated = calculation::is_for(scenario.endpoint)
        .then(|| calculation::section(frame, workspace.id(), &outcome));
    let results =
        format!("{}?scenario={}", Area::Results.path(workspace.id()), encode(&scenario.name));
    let body = html! {
        @for problem in &stored.problems {
            (Callout::warning("A part of it does not fit the catalog").text(problem))
        }
        @if let Some(rows) = &rows {
            @let endpoint = Some(scenario.endpoint.word());
            @let row = rows.iter().find(|row| row.place.endpoint.as_deref() == endpoint);
            (tiles(row, &results))
        }
        @if let Some(test) = &test {
            (ab_test::section(frame, scenario, test, &path, may_change, &outcome.mistakes))
        }
        (form_beside_preview(frame, &path, &controls, &list, calculated.as_ref()))
    };
    let mut page = Page::new(frame, Area::Scenarios, &scenario.name)
        .lead(endpoint_words(scenario.endpoint))
        .body(body);
    let versions = versions::Kind::Scenario.path(workspace.id(), &scenario.name);
    page = page.actions(html! {
        (Button::quiet("Versions").href(&versions))
        @if may_change && scenario.groups.is_empty() {
            (Button::secondary("Start an A/B test").href(&format!("{path}/test")))
        }
    });
    Ok(page.notice_if(outcome.notice()).render())
}

fn tiles(row: Option<&ResultRow>, results: &str) -> Markup {
    let counts = row.map(|row| &row.counts);
    let tile = |label, value: Option<f64>, unit, interval| StatTile {
        label,
        value,
        unit,
        interval,
        change: None,
        trend: &[],
        href: Some(results),
    };
    let clicks = counts.map(|counts| counts.click_through_rate);
    let bought = counts.map(|counts| counts.conversion_rate);
    html! {
        section class="section" aria-label="Last 14 days" {
            div class="stats" {
                (tile("Lists, last 14 days", Some(counts.map_or(0.0, |c| c.recommendations as f64)), Unit::Count(""), None))
                (tile("Click-through", clicks.and_then(|r| r.value), Unit::Share, clicks.map(|r| (r.low, r.high))))
                (tile("Conversion", bought.and_then(|r| r.value), Unit::Share, bought.map(|r| (r.low, r.high))))
                (tile("Revenue", counts.map(|c| c.revenue), Unit::Money(""), None))
            }
        }
    }
}

async fn save(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Path((_, name)): Path<(String, String)>,
    Body(form): Body<ScenarioForm>,
) -> Result<Response, ApiError> {
    let stored = scenarios::read(&workspace, name).await?;
    let refused = match form.scenario(Some(&stored.value.scenario)) {
        Err(mistakes) => mistakes,
        Ok(scenario) => {
            let path = path_of(workspace.id(), &scenario.name);
            match scenarios::put(&app, &workspace, scenario, form.expected()).await {
                Ok(_) => return Ok(see(&path, "saved")),
                Err(error) if error.kind.status().is_client_error() => Mistakes::of_error(&error),
                Err(error) => return Err(error),
            }
        }
    };
    let refused = Outcome::refused(refused);
    let page = one_page(&frame, &workspace, &caller, &stored.value, &form, refused).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn ask_to_delete(
    frame: Frame,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let scenario = scenarios::read(&workspace, name).await?.value.scenario;
    let rows = recent(&caller, &workspace, Some(scenario.name.clone())).await?;
    let n_lists = rows.iter().flatten().map(|row| row.counts.recommendations).sum::<u64>();
    let path = path_of(workspace.id(), &scenario.name);
    let calls = format!(
        "Calls that name the scenario get lists without its rules. In the last {DAYS} days there were {}.",
        domain::quantity::grouped(n_lists)
    );
    let mut consequences = vec![calls.as_str(), "Its results stay, and can be exported."];
    if !scenario.groups.is_empty() {
        consequences.push("The A/B test that runs on it ends without a winner.");
    }
    let action = format!("{path}/delete");
    let confirm = format!("Delete scenario {}", scenario.name);
    let body = Confirmation {
        consequences: &consequences,
        action: &action,
        csrf: &frame.csrf,
        confirm: &confirm,
        back: &path,
    };
    let title = format!("{confirm}?");
    Ok(Page::new(&frame, Area::Scenarios, &title)
        .below(&scenario.name, &path)
        .body(body.render())
        .into_response())
}

async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    scenarios::delete(&app, &workspace, name, Expected::Anything).await?;
    Ok(see(&Area::Scenarios.path(workspace.id()), "deleted"))
}
