//! The A/B test of a scenario: starting it, its results by group, its shares, and its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Form as Body, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{Group, Scenario, WorkspaceConfig};
use engine::Expected;
use maud::{Markup, Render, html};
use resources::ab_tests::{self, GroupResults, NewShares, NewTest, TestEnd, TestResults};
use resources::comparison::{Comparison, Measure, Verdict};
use resources::results::ShownRate;
use resources::scenarios::{self, mistakes};
use serde::Deserialize;
use serde_json::{Map, Value};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::json;
use web::workspaces::Workspace;

use super::form::{ScenarioForm, SettingsForm};
use super::mistakes::Mistakes;
use super::numbers::{number, percent};
use super::{Outcome, one_page, path_of, see};
use crate::page::{Area, Frame, Page};
use crate::ui::chart::{Bar, BarChart};
use crate::ui::form::{Field, Form, InputKind, NumberInput, TextInput};
use crate::ui::{Button, Callout, Cell, Column, Table, Tone, Unit};

/// The form of a new test: two groups, of which the second has settings of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(super) struct TestForm {
    first: String,
    second: String,
    /// Of the second group, in percent.
    share: String,
    #[serde(flatten)]
    settings: SettingsForm,
}

impl Default for TestForm {
    fn default() -> Self {
        Self {
            first: "A".to_owned(),
            second: "B".to_owned(),
            share: "50".to_owned(),
            settings: SettingsForm::default(),
        }
    }
}

impl TestForm {
    fn groups(&self, scenario: &Scenario) -> Result<Vec<Group>, Mistakes> {
        let share = number("share", self.share.trim(), 100.0)?.as_f64().unwrap_or_default();
        let mut json = Map::new();
        json.insert("name".to_owned(), self.second.trim().into());
        json.insert("share".to_owned(), share.into());
        self.settings.write(&mut json)?;
        let text = Value::Object(json).to_string();
        let second: Group = json::read(text.as_bytes(), "the second group")
            .map_err(|error| Mistakes::of_error(&error))?;
        let first = Group {
            name: self.first.trim().to_owned(),
            share: (1.0 - share) as f32,
            settings: domain::ListSettings::default(),
        };
        let groups = vec![first, second];
        let tested = Scenario { groups: groups.clone(), ..scenario.clone() };
        match mistakes(&tested) {
            none if none.is_empty() => Ok(groups),
            some => Err(Mistakes::of_expressions(some)),
        }
    }
}

pub(super) async fn show_start(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let scenario = scenarios::read(&workspace, name).await?.value.scenario;
    let path = path_of(workspace.id(), &scenario.name);
    if !scenario.groups.is_empty() {
        return Ok(axum::response::Redirect::to(&path).into_response());
    }
    let form = TestForm::default();
    let config = workspace.config()?;
    let page = start_page(&frame, &config, (&scenario, &path), &form, &Mistakes::default());
    Ok(page.into_response())
}

fn start_page(
    frame: &Frame,
    config: &WorkspaceConfig,
    (scenario, path): (&Scenario, &str),
    form: &TestForm,
    mistakes: &Mistakes,
) -> Markup {
    let action = format!("{path}/test");
    let body = html! {
        section class="card" {
            (Form {
                action: &action,
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    div class="fields" {
                        (TextInput::new(Field::new("first", "First group").hint("Everything as it is").error(mistakes.of("first")))
                            .kind(InputKind::Code).value(&form.first))
                        (TextInput::new(Field::new("second", "Second group").hint("With the settings below").error(mistakes.of("second")))
                            .kind(InputKind::Code).value(&form.second))
                        (NumberInput {
                            field: Field::new("share", "Share of the second group").hint("Of all people; halves give an answer soonest").error(mistakes.of("share")),
                            value: &form.share, unit: "%",
                        })
                    }
                    h2 { "Where the second group differs" }
                    p class="field-hint" { "What stays empty is as for everybody. With nothing at all, both groups are the same, which shows how much chance does." }
                    (form.settings.controls(config, mistakes, true))
                    div class="actions" {
                        (Button::primary("Start the test"))
                        (Button::quiet("Cancel").href(path))
                    }
                },
            })
        }
    };
    let page = Page::new(frame, Area::Scenarios, "Start an A/B test")
        .below(&scenario.name, path)
        .lead("Every person is in one group, and stays in it as long as the test runs.")
        .body(body);
    page.notice_if(mistakes.notice()).render()
}

pub(super) async fn start(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Body(form): Body<TestForm>,
) -> Result<Response, ApiError> {
    let scenario = scenarios::read(&workspace, name.clone()).await?.value.scenario;
    let path = path_of(workspace.id(), &name);
    let refused = match form.groups(&scenario) {
        Err(mistakes) => mistakes,
        Ok(groups) => {
            let test = NewTest { groups };
            match ab_tests::start(&app, &workspace, name, test, Expected::Anything).await {
                Ok(_) => return Ok(see(&path, "test-started")),
                Err(error) if error.kind.status().is_client_error() => Mistakes::of_error(&error),
                Err(error) => return Err(error),
            }
        }
    };
    let config = workspace.config()?;
    let page = start_page(&frame, &config, (&scenario, &path), &form, &refused);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// The results of a test by group, on the page of its scenario.
pub(super) fn section(
    frame: &Frame,
    scenario: &Scenario,
    test: &TestResults,
    path: &str,
    may_change: bool,
    mistakes: &Mistakes,
) -> Markup {
    let end = format!("{path}/test/end");
    html! {
        section class="section" aria-labelledby="test-title" {
            div class="section-head" {
                h2 id="test-title" { "A/B test" }
                p { "Results from " (test.from) " to " (test.until) "; the lists of one person count together" }
            }
            @for comparison in &test.comparisons {
                @if comparison.measure == Measure::ClickThroughRate {
                    (verdict(comparison, may_change.then_some(&end)))
                }
            }
            div class="columns" {
                (chart("Click-through by group", &test.groups, |group| group.counts.click_through_rate))
                (chart("Conversion by group", &test.groups, |group| group.counts.conversion_rate))
            }
            (groups_table(test))
            @if may_change { (shares(frame, scenario, path, &end, mistakes)) }
        }
    }
}

fn verdict(comparison: &Comparison, end: Option<&String>) -> Markup {
    let sentence = &comparison.sentence;
    let title = {
        let mut letters = sentence.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_uppercase().chain(letters).collect::<String>()
        })
    };
    let title = match comparison.verdict {
        // The name of a group stays as it is.
        Verdict::TooEarly => &title,
        Verdict::Better | Verdict::Worse | Verdict::Alike => sentence,
    };
    let beside = format!("{} beside {}, by clicks.", comparison.group, comparison.beside);
    let callout = match comparison.verdict {
        Verdict::Better => Callout::success(title),
        Verdict::Worse => Callout::warning(title),
        Verdict::Alike | Verdict::TooEarly => Callout::info(title),
    };
    let callout = callout.text(&beside);
    match end.filter(|_| comparison.verdict != Verdict::TooEarly) {
        Some(end) => callout.way_out("End the test", end).render(),
        None => callout.render(),
    }
}

fn chart(
    title: &str,
    groups: &[GroupResults],
    rate: impl Fn(&GroupResults) -> ShownRate,
) -> Markup {
    let labels: Vec<String> = groups
        .iter()
        .map(|group| format!("{}, {} % of people", group.name, percent(group.share.into())))
        .collect();
    let bars: Vec<Bar> = groups
        .iter()
        .zip(&labels)
        .enumerate()
        .map(|(n, (group, label))| {
            let rate = rate(group);
            Bar {
                label,
                value: rate.value.unwrap_or(0.0),
                interval: rate.value.map(|_| (rate.low, rate.high)),
                tone: if n == 0 { Tone::Neutral } else { Tone::Accent },
            }
        })
        .collect();
    html! {
        section class="card" {
            (BarChart { title, unit: Unit::Share, of: "Group", bars: &bars })
        }
    }
}

fn groups_table(test: &TestResults) -> Markup {
    let columns = vec![
        Column::text("Group"),
        Column::number("Lists"),
        Column::number("People a day, summed"),
        Column::number("Clicks"),
        Column::number("Carts"),
        Column::number("Purchases"),
        Column::number("Revenue"),
        Column::text("By purchases"),
    ];
    let rows = test.groups.iter().map(|group| {
        let counts = &group.counts;
        let count = |n: u64| Cell::new(Unit::Count("").text(n as f64));
        let by_purchases = test.comparisons.iter().find(|comparison| {
            comparison.measure == Measure::ConversionRate && comparison.group == group.name
        });
        vec![
            Cell::new(&group.name),
            count(counts.recommendations),
            count(counts.users),
            count(counts.clicks),
            count(counts.cart_additions),
            count(counts.purchases),
            Cell::new(Unit::Money("").text(counts.revenue)),
            Cell::new(by_purchases.map_or("–", |comparison| comparison.sentence.as_str())),
        ]
    });
    html! {
        section class="card card-table" { (Table::new("Results by group", columns).rows(rows)) }
    }
}

fn shares(
    frame: &Frame,
    scenario: &Scenario,
    path: &str,
    end: &str,
    mistakes: &Mistakes,
) -> Markup {
    let action = format!("{path}/test/shares");
    let error = mistakes.of("share");
    html! {
        section class="card" {
            h2 { "Shares" }
            (Form {
                action: &action,
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    div class="fields" {
                        @for (n, group) in scenario.groups.iter().enumerate() {
                            @let name = format!("share-{n}");
                            (NumberInput {
                                field: Field::new(&name, &group.name).error(error.filter(|_| n == 0)),
                                value: &percent(group.share.into()),
                                unit: "%",
                            })
                        }
                    }
                    div class="actions" {
                        (Button::secondary("Change shares"))
                        (Button::quiet("End the test").href(end))
                    }
                },
            })
        }
    }
}

pub(super) async fn set_shares(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Path((_, name)): Path<(String, String)>,
    Body(typed): Body<BTreeMap<String, String>>,
) -> Result<Response, ApiError> {
    let stored = scenarios::read(&workspace, name.clone()).await?;
    let path = path_of(workspace.id(), &name);
    let groups = &stored.value.scenario.groups;
    let share = |(n, group): (usize, &Group)| {
        let text = typed.get(&format!("share-{n}")).map_or("", |text| text.trim());
        let share = number("share", text, 100.0)?.as_f64().unwrap_or_default();
        Ok((group.name.clone(), share as f32))
    };
    let shares: Result<BTreeMap<_, _>, Mistakes> = groups.iter().enumerate().map(share).collect();
    let refused = match shares {
        Err(mistakes) => mistakes,
        Ok(shares) if (shares.values().sum::<f32>() - 1.0).abs() > 1e-3 => {
            Mistakes::one("share", "Together the shares must be 100 %.")
        }
        Ok(shares) => {
            let expected = Expected::Revision(stored.revision);
            let shares = NewShares { shares };
            match ab_tests::set_shares(&app, &workspace, name, shares, expected).await {
                Ok(_) => return Ok(see(&path, "shares")),
                Err(error) if error.kind.status().is_client_error() => Mistakes::of_error(&error),
                Err(error) => return Err(error),
            }
        }
    };
    let form = ScenarioForm::of(&stored);
    let page =
        one_page(&frame, &workspace, &caller, &stored.value, &form, Outcome::refused(refused))
            .await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

pub(super) async fn ask_to_end(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let test = ab_tests::read(&workspace, name.clone()).await?;
    let path = path_of(workspace.id(), &name);
    let action = format!("{path}/test/end");
    let by_clicks = |comparison: &&Comparison| comparison.measure == Measure::ClickThroughRate;
    let body = html! {
        section class="card" {
            ul class="consequences" {
                @for comparison in test.comparisons.iter().filter(by_clicks) {
                    li { (comparison.group) " beside " (comparison.beside) ", by clicks: " (comparison.sentence) }
                }
                li { "Everybody gets the settings of the group that you choose. The results stay." }
            }
            (Form {
                action: &action,
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    div class="actions" {
                        @for group in &test.groups {
                            @let label = format!("Everybody gets {}", group.name);
                            (Button::secondary(&label).named("winner", &group.name))
                        }
                        (Button::quiet("Keep the test running").href(&path))
                    }
                },
            })
        }
    };
    Ok(Page::new(&frame, Area::Scenarios, "End the A/B test?")
        .below(&name, &path)
        .body(body)
        .into_response())
}

#[derive(Deserialize)]
pub(super) struct EndBody {
    winner: String,
}

pub(super) async fn end(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    Body(EndBody { winner }): Body<EndBody>,
) -> Result<Response, ApiError> {
    let path = path_of(workspace.id(), &name);
    let end = TestEnd { winner: Some(winner) };
    ab_tests::end(&app, &workspace, name, end, Expected::Anything).await?;
    Ok(see(&path, "test-ended"))
}
