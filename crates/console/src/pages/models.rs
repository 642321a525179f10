//! Models: training runs, the model in use, and the way back to an earlier one.

mod run;
mod samples;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::{ChangeWorkspace, ReadWorkspace};
use domain::{Timestamp, WorkspaceId};
use engine::Comparison;
use maud::{Markup, Render, html};
use resources::blend::BlendPart;
use resources::training::{self, Models, ShownModel};
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use self::run::Run;
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page};
use crate::ui::chart::{Bar, BarChart};
use crate::ui::form::Form;
use crate::ui::{
    Badge, Button, Callout, Cell, Change, Column, Confirmation, EmptyState, Icon, Meter,
    RelativeTime, StatTile, Table, Tone, Unit,
};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/models", ReadWorkspace),
    read("/console/{workspace}/models/stream", ReadWorkspace),
    edit("/console/{workspace}/models/train", "training.start"),
    edit("/console/{workspace}/models/cancel", "job.cancel"),
    read("/console/{workspace}/models/samples", ReadWorkspace),
    read("/console/{workspace}/models/samples/stream", ReadWorkspace),
    read("/console/{workspace}/models/{version}/activate", ChangeWorkspace),
    edit("/console/{workspace}/models/{version}/activate", "model.activate"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/models", get(show))
        .route("/console/{workspace}/models/stream", get(run::follow))
        .route("/console/{workspace}/models/train", post(start))
        .route("/console/{workspace}/models/cancel", post(run::cancel))
        .route("/console/{workspace}/models/samples", get(samples::show))
        .route("/console/{workspace}/models/samples/stream", get(samples::follow))
        .route("/console/{workspace}/models/{version}/activate", get(confirm).post(activate));
    gated(app, CALLS, routes)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    notice: Option<Notice>,
}

/// What became of the last request.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Notice {
    Started,
    Cancelled,
    Ended,
    Activated,
}

async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Parameters(Query { notice }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let Models { active, models } = training::models(&workspace).await?;
    let run = Run::last(&app, &workspace).await?;
    let (id, now) = (workspace.id(), workspace.handle().now()?);
    let may_change = caller.grant.role.has(ChangeWorkspace);
    let in_use = models.iter().find(|model| Some(&model.training.version) == active.as_ref());
    let is_running = run.as_ref().is_some_and(Run::is_under_way);
    let body = html! {
        @if let Some(run) = &run { (run::section(id, run, may_change, &frame.csrf)) }
        @if let Some(model) = in_use {
            (current(model, before(&models, model), &samples::section(id, &models)))
        }
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
    let notice = notice.map(|notice| match notice {
        Notice::Started => "A training run was started",
        Notice::Cancelled => "The training run is cancelled: it ends after its present step",
        Notice::Ended => "The training run had ended before it could be cancelled",
        Notice::Activated => "The model is in use now",
    });
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
fn before<'a>(models: &'a [ShownModel], model: &ShownModel) -> Option<&'a ShownModel> {
    let earlier = models.iter().filter(|other| other.training.offset < model.training.offset);
    earlier
        .filter(|other| other.training.refused.is_none())
        .max_by_key(|other| other.training.offset)
}

/// The model in use: how good it is, beside popularity and the run before, and its parts, with the
/// way to what it changes for people.
fn current(
    ShownModel { training: model, blend, .. }: &ShownModel,
    before: Option<&ShownModel>,
    for_people: &Markup,
) -> Markup {
    let before = before.map(|before| &before.training);
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
                (tile("Accuracy", metrics.ndcg, Unit::Ratio, change(metrics.ndcg, earlier.map(|of| of.ndcg), Some(true))))
                (tile("Coverage of the catalog", metrics.coverage, Unit::Share, change(metrics.coverage, earlier.map(|of| of.coverage), Some(true))))
                (tile("Novelty", metrics.novelty, Unit::Ratio, change(metrics.novelty, earlier.map(|of| of.novelty), None)))
                (tile("Personal lists", metrics.personal, Unit::Share, change(metrics.personal, earlier.map(|of| of.personal), Some(true))))
            }
            p class="field-hint" {
                @if let Some(compared) = &model.beside_popularity { (compare(compared, "popularity")) " " }
                @if let Some(compared) = &model.beside_current {
                    (compare(compared, "the model that was in use before")) " "
                }
                "Judged on what " (Unit::Count("people").text(metrics.n_users as f64))
                " chose later and the model had not seen. "
                abbr title="NDCG of 20 places" { "Accuracy" }
                " is 1 where all of it stands at the top of a list, and 0 where nothing of it is \
                 in the list. "
                abbr title="Mean information content, in bits" { "Novelty" }
                " is higher the fewer people know the items: one more is half as many."
            }
        }
        div class="columns" {
            div class="stack" {
                section class="card" {
                    (BarChart { title: "Accuracy of the first 20 places", unit: Unit::Ratio, of: "Recommendations by", bars: &bars })
                }
                (for_people)
            }
            section class="card" { (made_of(blend)) }
        }
    }
}

/// How two sets of lists compare, with the interval of the difference.
pub(super) fn compare(compared: &Comparison, other: &str) -> String {
    let (low, high) = (compared.low, compared.high);
    let interval = Unit::Ratio.interval_text(low, high);
    let verdict = if low > 0.0 {
        "More accurate than"
    } else if high < 0.0 {
        "Less accurate than"
    } else {
        "About as accurate as"
    };
    format!("{verdict} {other}: accuracy differs by {interval}, with 95 % certainty.")
}

fn made_of(blend: &[BlendPart]) -> Markup {
    html! {
        h2 { "What it is made of" }
        @if blend.iter().any(|part| part.percent.is_some()) {
            p { "How much each part says in the lists that the model was judged by." }
        }
        ul class="parts" {
            @for part in blend {
                li {
                    p class="part-head" {
                        strong { (part.name) }
                        @if let Some(percent) = part.percent { (part_share(percent)) }
                    }
                    @if let Some(percent) = part.percent {
                        @let share = f64::from(percent) / 100.0;
                        (Meter { share, tone: Tone::Accent, label: None })
                    }
                    p class="field-hint" { (part.explanation) }
                }
            }
        }
    }
}

fn part_share(percent: u32) -> Markup {
    html! {
        span class="part-share" {
            @if percent == 0 { "under " (Unit::RoundShare.text(0.01)) }
            @else { (Unit::RoundShare.text(f64::from(percent) / 100.0)) }
        }
    }
}

fn runs(
    id: &WorkspaceId,
    models: &[ShownModel],
    active: Option<&str>,
    may_change: bool,
    now: Timestamp,
) -> Table<'static> {
    let columns = vec![
        Column::text("Model"),
        Column::text("Trained"),
        Column::number("Accuracy"),
        Column::number("Beside popularity"),
        Column::number("Took"),
        Column::text("State"),
        Column::actions("Actions"),
    ];
    let row = |ShownModel { training: model, is_on_disk, .. }: &ShownModel| {
        let is_active = Some(model.version.as_str()) == active;
        let badge = match &model.refused {
            Some(_) => Badge::of(Tone::Bad, "refused").render(),
            None if is_active => Badge::of(Tone::Good, "in use").render(),
            None if *is_on_disk => Badge::new("kept").render(),
            None => Badge::new("made again when used").render(),
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
                div class="row-actions" {
                    @if !is_active && *is_on_disk {
                        (Button::quiet("Compare lists").href(&samples::path(id, &model.version)))
                    }
                    @if may_change && !is_active && model.refused.is_none() {
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
    let known = models.iter().find(|model| model.training.version == version);
    let ShownModel { training: model, is_on_disk, .. } =
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
    let body = html! {
        (body)
        @if *is_on_disk && active.as_ref() != Some(&model.version) {
            p { a href=(samples::path(workspace.id(), &model.version)) { "See first what it changes for ten people" } }
        }
    };
    Ok(Page::new(&frame, Area::Models, &title).body(body).into_response())
}

async fn activate(
    Workspace(workspace): Workspace,
    Path((_, version)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    training::activate(&workspace, version).await?;
    let models = Area::Models.path(workspace.id());
    Ok(Redirect::to(&format!("{models}?notice=activated")).into_response())
}
