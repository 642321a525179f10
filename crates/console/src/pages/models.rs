//! Models: training runs, the model in use, and the way back to an earlier one.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::{ChangeWorkspace, ReadWorkspace};
use domain::{Timestamp, WorkspaceId};
use engine::{Comparison, Component, ModelConfig, Training, TrainingRun, TrainingRunState};
use maud::{Markup, Render, html};
use resources::training::{self, Models};
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use crate::gate::{edit, gated, read};
use crate::live::{Part, fragments};
use crate::page::{Area, Frame, Page};
use crate::ui::chart::{Bar, BarChart};
use crate::ui::form::Form;
use crate::ui::{
    Badge, Button, Callout, Cell, Change, Column, Confirmation, EmptyState, Icon, LiveFragment,
    Progress, ProgressState, RelativeTime, StatTile, Table, Tone, Unit,
};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/models", ReadWorkspace),
    read("/console/{workspace}/models/stream", ReadWorkspace),
    edit("/console/{workspace}/models/train", "training.start"),
    read("/console/{workspace}/models/{version}/activate", ChangeWorkspace),
    edit("/console/{workspace}/models/{version}/activate", "model.activate"),
];

/// How often the progress of a run is told.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/models", get(show))
        .route("/console/{workspace}/models/stream", get(follow))
        .route("/console/{workspace}/models/train", post(start))
        .route("/console/{workspace}/models/{version}/activate", get(confirm).post(activate));
    gated(app, CALLS, routes)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    /// What became of the last request.
    notice: Option<String>,
}

async fn show(
    frame: Frame,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Parameters(Query { notice }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let Models { active, models } = training::models(&workspace).await?;
    let run = training::read(&workspace).await?.run;
    let (id, now) = (workspace.id(), workspace.handle().now()?);
    let may_change = caller.grant.role.has(ChangeWorkspace);
    let in_use = models.iter().find(|model| Some(&model.version) == active.as_ref());
    let is_running =
        run.as_ref().is_some_and(|run| matches!(run.state, TrainingRunState::Running { .. }));
    let stream = format!("/console/{id}/models/stream");
    let body = html! {
        @if let Some(run) = &run {
            @if is_running { (LiveFragment { stream: &stream, content: progress(run) }) }
            @else { (progress(run)) }
        }
        @if let Some(model) = in_use { (current(model, before(&models, model))) }
        @if models.is_empty() {
            (EmptyState {
                icon: Icon::Models,
                title: "No model yet",
                text: "A model learns from a hundred interactions or more which items go together. \
                       Until then everybody sees what is popular.",
                next: None,
            })
        } @else {
            section class="card card-table" {
                (runs(id, &models, active.as_deref(), may_change, now))
            }
        }
    };
    let train = html! {
        @if may_change {
            (Form {
                action: &format!("/console/{id}/models/train"),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (Button::primary("Train now").icon(Icon::Play).disabled(is_running))
                },
            })
        }
    };
    let notice = match notice.as_deref() {
        Some("started") => Some("A training run was started"),
        Some("activated") => Some("The model is in use now"),
        _ => None,
    };
    let page = Page::new(&frame, Area::Models, "Models")
        .lead("What was learned, how good it is, and which one is in use.")
        .actions(train);
    let page = match notice {
        Some(title) => page.notice(Callout::success(title).announced()),
        None => page,
    };
    Ok(page.body(body).into_response())
}

/// The accepted run before another one.
fn before<'a>(models: &'a [Training], model: &Training) -> Option<&'a Training> {
    let earlier = models.iter().filter(|other| other.offset < model.offset);
    earlier.filter(|other| other.refused.is_none()).max_by_key(|other| other.offset)
}

async fn follow(State(app): State<Arc<App>>, Workspace(workspace): Workspace) -> Response {
    let id = workspace.id().clone();
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let (app, id) = (Arc::clone(&app), id.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, id.as_str())?;
            let run = training::read(&workspace).await?.run;
            let html = run.as_ref().map_or(html! {}, progress);
            let is_running =
                |run: TrainingRun| matches!(run.state, TrainingRunState::Running { .. });
            match run.is_some_and(is_running) {
                true => Ok(Part::Fragment(html)),
                false => Ok(Part::Last(html! {
                    (html)
                    p { a href=(Area::Models.path(&id)) { "Show the result" } }
                })),
            }
        }
    })
}

fn progress(run: &TrainingRun) -> Markup {
    let (state, detail) = match &run.state {
        TrainingRunState::Running { progress } => (
            ProgressState::Running(Some(*progress)),
            "Searches for the best model and trains it. Lists are made as before meanwhile."
                .to_owned(),
        ),
        TrainingRunState::Done { training } => match &training.refused {
            None => (ProgressState::Done, format!("Model {} is trained.", training.version)),
            Some(why) => {
                (ProgressState::Failed, format!("Refused: {why}. Lists stay as they were."))
            }
        },
        TrainingRunState::Failed { error } => (ProgressState::Failed, format!("{error}.")),
    };
    Progress { label: "Latest training run", state, detail: &detail, actions: None }.render()
}

/// The model in use: how good it is, beside popularity and the run before, and its parts.
fn current(model: &Training, before: Option<&Training>) -> Markup {
    let metrics = &model.search.blend;
    let beside = before.map(|before| format!("model {}", before.version));
    let change = |own: f64, other: Option<f64>, more_is_better| {
        let (beside, other) = (beside.as_deref()?, other.filter(|other| *other > 0.0)?);
        Some(Change { relative: own / other - 1.0, beside, more_is_better })
    };
    let earlier = before.map(|before| before.search.blend);
    let tile = |label, value, unit, change| StatTile {
        label,
        value: Some(value),
        unit,
        interval: None,
        change,
        trend: &[],
        href: None,
    };
    let parts = &model.search.parameters.components;
    let sum: f32 = parts.iter().map(|part| part.weight).sum();
    let blend: Vec<Bar> = parts
        .iter()
        .map(|part| Bar {
            label: describe_part(part),
            value: f64::from(part.weight / sum.max(f32::MIN_POSITIVE)),
            interval: None,
            tone: Tone::Accent,
        })
        .collect();
    let mut bars = vec![Bar {
        label: "Model in use",
        value: metrics.ndcg,
        interval: None,
        tone: Tone::Accent,
    }];
    if let (Some(label), Some(earlier)) = (beside.as_deref(), &earlier) {
        bars.push(Bar { label, value: earlier.ndcg, interval: None, tone: Tone::Neutral });
    }
    let popularity = model.search.popularity.ndcg;
    bars.push(Bar { label: "Popularity", value: popularity, interval: None, tone: Tone::Neutral });
    html! {
        section class="section" {
            h2 { "Model " (model.version) ", in use" }
            div class="stats" {
                (tile("Accuracy, NDCG", metrics.ndcg, Unit::Ratio, change(metrics.ndcg, earlier.map(|of| of.ndcg), Some(true))))
                (tile("Coverage of the catalog", metrics.coverage, Unit::Share, change(metrics.coverage, earlier.map(|of| of.coverage), Some(true))))
                (tile("Novelty, bits", metrics.novelty, Unit::Ratio, change(metrics.novelty, earlier.map(|of| of.novelty), None)))
                (tile("Personal lists", metrics.personal, Unit::Share, change(metrics.personal, earlier.map(|of| of.personal), Some(true))))
            }
            p class="field-hint" {
                @if let Some(compared) = &model.beside_popularity { (compare(compared, "popularity")) " " }
                @if let Some(compared) = &model.beside_current {
                    (compare(compared, "the model that was in use before")) " "
                }
                "Judged on what " (Unit::Count("people").text(metrics.n_users as f64))
                " chose later and the model had not seen."
            }
        }
        div class="columns" {
            section class="card" {
                (BarChart { title: "Accuracy, NDCG of 20 places", unit: Unit::Ratio, of: "Recommendations by", bars: &bars })
            }
            section class="card" {
                (BarChart { title: "What the blend is made of", unit: Unit::Share, of: "Part", bars: &blend })
            }
        }
    }
}

fn compare(compared: &Comparison, other: &str) -> String {
    let (low, high) = (compared.low, compared.high);
    let interval = Unit::Ratio.interval_text(low, high);
    let verdict = if low > 0.0 {
        "More accurate than"
    } else if high < 0.0 {
        "Less accurate than"
    } else {
        "About as accurate as"
    };
    format!("{verdict} {other}: the NDCG differs by {interval}, with 95 % certainty.")
}

fn describe_part(part: &Component) -> &'static str {
    match part.model {
        ModelConfig::Neighbours(_) => "Items that the same people chose",
        ModelConfig::Spectral(_) => "Tastes that many have in common",
        ModelConfig::Ridge(_) => "How items together predict others",
        ModelConfig::Sequence(_) => "What is chosen next",
        ModelConfig::SequenceRidge(_) => "How the last items together predict the next",
        ModelConfig::Content(_) => "Properties that items share",
    }
}

fn runs(
    id: &WorkspaceId,
    models: &[Training],
    active: Option<&str>,
    may_change: bool,
    now: Timestamp,
) -> Table<'static> {
    let columns = vec![
        Column::text("Model"),
        Column::text("Trained"),
        Column::number("NDCG"),
        Column::number("Beside popularity"),
        Column::number("Took"),
        Column::text("State"),
        Column::actions("Actions"),
    ];
    let row = |model: &Training| {
        let is_active = Some(model.version.as_str()) == active;
        let badge = match &model.refused {
            Some(_) => Badge::of(Tone::Bad, "refused").render(),
            None if is_active => Badge::of(Tone::Good, "in use").render(),
            None => Badge::new("kept").render(),
        };
        let popularity = model.beside_popularity.as_ref();
        vec![
            Cell::new(html! { (model.version) }),
            Cell::new(RelativeTime { at: model.finished_at, now }),
            Cell::new(Unit::Ratio.text(model.search.blend.ndcg)),
            Cell::new(html! {
                @match popularity {
                    Some(compared) => {
                        (Unit::Ratio.text(compared.ndcg - compared.other_ndcg))
                        span class="under" { (Unit::Ratio.interval_text(compared.low, compared.high)) }
                    }
                    None => { "–" }
                }
            }),
            Cell::new(Unit::Seconds.text(model.duration_ms as f64 / 1_000.0)),
            Cell::new(html! {
                (badge)
                @if let Some(why) = &model.refused { span class="under" { (why) } }
            }),
            Cell::new(html! {
                @if may_change && !is_active && model.refused.is_none() {
                    div class="row-actions" {
                        (Button::quiet("Use this model").href(&activation(id, &model.version)))
                    }
                }
            }),
        ]
    };
    Table::new("Training runs", columns).captioned().rows(models.iter().map(row))
}

fn activation(id: &WorkspaceId, version: &str) -> String {
    format!("/console/{id}/models/{version}/activate")
}

async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    training::start(&app, &workspace, caller.actor).await?;
    let models = Area::Models.path(workspace.id());
    Ok(Redirect::to(&format!("{models}?notice=started")).into_response())
}

async fn confirm(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let Models { active, models } = training::models(&workspace).await?;
    let known = models.iter().find(|model| model.version == version);
    let model =
        known.ok_or_else(|| ApiError::not_found(format!("there is no model {version:?}")))?;
    let lists = "All lists are made with this model from then on.";
    let accuracy = format!(
        "Its accuracy was {} when it was judged, that of popularity {}.",
        Unit::Ratio.text(model.search.blend.ndcg),
        Unit::Ratio.text(model.search.popularity.ndcg)
    );
    let back = match &active {
        Some(active) => format!("Model {active} is kept: you can go back to it in the same way."),
        None => "No other model is in use.".to_owned(),
    };
    let models = Area::Models.path(workspace.id());
    let body = Confirmation {
        consequences: &[lists, &accuracy, &back],
        action: &activation(workspace.id(), &model.version),
        csrf: &frame.csrf,
        confirm: "Use this model",
        back: &models,
    };
    let title = format!("Use model {}?", model.version);
    Ok(Page::new(&frame, Area::Models, &title).body(body.render()).into_response())
}

async fn activate(
    Workspace(workspace): Workspace,
    Path((_, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    training::activate(&workspace, version).await?;
    let models = Area::Models.path(workspace.id());
    Ok(Redirect::to(&format!("{models}?notice=activated")).into_response())
}
