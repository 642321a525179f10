//! The overview of a workspace.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use domain::Right::SeePeople;
use domain::{Timestamp, WorkspaceId};
use maud::{Markup, Render, html};
use resources::overview::{
    self, Attention, AttentionPlace, Figures, Overview, Results, Severity, ShownRate,
};
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::workspaces::Workspace;

use super::models::compare;
use crate::gate::{gated, read};
use crate::live::{Part, fragments};
use crate::page::{Area, Frame, Page};
use crate::ui::chart::{Bar, BarChart, DayPoint, LineChart};
use crate::ui::{
    Button, Callout, Change, EmptyState, Icon, LiveFragment, RelativeTime, StatTile, Tone, Unit,
};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}", SeePeople),
    read("/console/{workspace}/overview/stream", SeePeople),
];

/// How often the part about now is made anew.
const LIVE_INTERVAL: Duration = Duration::from_secs(5);
/// The most notes about what needs attention.
const ATTENTION_SHOWN_MAX: usize = 8;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}", get(show))
        .route("/console/{workspace}/overview/stream", get(follow));
    gated(app, CALLS, routes)
}

async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Result<Response, ApiError> {
    let overview = overview::read(&app, &workspace, &caller).await?;
    let id = workspace.id();
    let is_new = overview.counts.interactions == 0;
    let body = html! {
        (LiveFragment { stream: &format!("/console/{id}/overview/stream"), content: now(&frame, id, &overview) })
        @if is_new { (first_steps(&frame, id)) }
        @if let Some(figures) = overview.figures.as_ref().filter(|_| !is_new) {
            (results(id, figures))
            (accuracy(id, figures, overview.at))
        }
    };
    let lead = format!("Messages, people and recommendations of {id}.");
    let page = Page::new(&frame, Area::Overview, "Overview").lead(lead.as_str()).actions(html! {
        (Button::primary("Try it").icon(Icon::TryIt).href(&Area::TryIt.path(id)))
    });
    Ok(page.body(body).into_response())
}

async fn follow(
    State(app): State<Arc<App>>,
    frame: Frame,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Response {
    let id = workspace.id().clone();
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let (app, caller, id, frame) =
            (Arc::clone(&app), caller.clone(), id.clone(), frame.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, id.as_str())?;
            let overview = overview::read(&app, &workspace, &caller).await?;
            Ok(Part::Fragment(now(&frame, &id, &overview)))
        }
    })
}

/// Messages, sizes, and what needs attention.
fn now(frame: &Frame, id: &WorkspaceId, overview: &Overview) -> Markup {
    let rates = &overview.messages;
    let total = rates.total();
    let arrived = |n: usize| {
        let counts = rates.minutes[n].counts;
        (counts.messages() + counts.commands()) as f64
    };
    // The last minute is not over yet.
    let n_whole = rates.minutes.len().saturating_sub(1);
    let trend: Vec<f64> = (0..n_whole).map(arrived).collect();
    let in_hour = (total.messages() + total.commands()) as f64;
    let refused = total.rejected as f64;
    let live = Area::Live.path(id);
    let refused_at = format!("{live}?outcome=rejected");
    let (people, catalog) = (Area::People.path(id), Area::Catalog.path(id));
    let tile = |label, value: f64, unit, trend, href| StatTile {
        label,
        value: Some(value),
        unit,
        interval: None,
        change: None,
        trend,
        href: Some(href),
    };
    let share = if total.messages() == 0 { 0.0 } else { refused / total.messages() as f64 };
    html! {
        div class="stack" {
            section class="section" {
                h2 { "Now" }
                div class="stats" {
                    (tile("Messages in the last minute", trend.last().copied().unwrap_or(0.0), Unit::Count(""), trend.as_slice(), live.as_str()))
                    (tile("Messages in the last hour", in_hour, Unit::Count(""), &[], live.as_str()))
                    (tile("Refused in the last hour", share, Unit::Share, &[], refused_at.as_str()))
                    (tile("People", overview.counts.known_users as f64, Unit::Count(""), &[], people.as_str()))
                    (tile("Items on offer", overview.items_on_offer as f64, Unit::Count(""), &[], catalog.as_str()))
                }
                p class="field-hint" {
                    (outcomes(&total))
                    @if rates.since > rates.minutes[0].at {
                        " Counted since the server opened the workspace, "
                        (RelativeTime { at: rates.since, now: overview.at }) "."
                    }
                }
            }
            section class="section" {
                h2 { "Needs attention" }
                @for attention in overview.attention.iter().take(ATTENTION_SHOWN_MAX) {
                    (callout(frame, id, attention))
                }
                @if overview.attention.len() > ATTENTION_SHOWN_MAX {
                    p class="field-hint" {
                        (overview.attention.len() - ATTENTION_SHOWN_MAX) " more of the same kind."
                    }
                }
                @if overview.attention.is_empty() { (Callout::success("Nothing needs attention")) }
            }
        }
    }
}

fn outcomes(total: &engine::MinuteCounts) -> String {
    let count = |n: u64| Unit::Count("").text(n as f64);
    let mut parts = vec![
        format!("{} taken", count(total.applied)),
        format!("{} understood in part", count(total.applied_in_part)),
        format!("{} sent twice", count(total.duplicates)),
        format!("{} refused", count(total.rejected)),
    ];
    if total.commands() > 0 {
        parts.push(format!("{} calls of the recommender API", count(total.commands())));
    }
    format!("What became of them: {}.", parts.join(", "))
}

fn callout(frame: &Frame, id: &WorkspaceId, attention: &Attention) -> Markup {
    let (label, href) = match attention.place {
        AttentionPlace::Rejections => {
            ("Look at the refused messages", format!("{}?outcome=rejected", Area::Live.path(id)))
        }
        AttentionPlace::AppliedInPart => {
            let href = format!("{}?outcome=applied_in_part", Area::Live.path(id));
            ("Look at these messages", href)
        }
        AttentionPlace::Models => ("Look at the models", Area::Models.path(id)),
        AttentionPlace::Operations => ("Look at operations", Area::Operations.path(id)),
    };
    let callout = match attention.severity {
        Severity::Error => Callout::error(&attention.title),
        Severity::Warning => Callout::warning(&attention.title),
        Severity::Note => Callout::info(&attention.title),
    };
    let callout = callout.text(&attention.text);
    match frame.may_open(&href) {
        true => callout.way_out(label, &href).render(),
        false => callout.render(),
    }
}

/// What to do in a workspace that has nothing yet.
fn first_steps(frame: &Frame, id: &WorkspaceId) -> Markup {
    let (settings, catalog) =
        (Area::Settings.path(id), format!("{}/import", Area::Catalog.path(id)));
    EmptyState {
        icon: Icon::Overview,
        title: "Nobody has done anything here yet",
        text: "Make a source and send it messages, import your catalog, and train a model once a \
               hundred interactions are there. Recommendations begin with what is popular.",
        next: Some(html! {
            @if frame.may_open(&settings) {
                (Button::primary("Make a source").href(&settings))
            }
            @if frame.may_open(&catalog) {
                (Button::secondary("Import a catalog").icon(Icon::Upload).href(&catalog))
            }
        }),
    }
    .render()
}

fn results(id: &WorkspaceId, figures: &Figures) -> Markup {
    let (last, before) = (&figures.results, &figures.results_before);
    if last.recommendations + before.recommendations == 0 {
        return EmptyState {
            icon: Icon::Results,
            title: "No recommendations in the last 28 days",
            text: "Ask for lists from your site or app. Clicks and purchases that cite a list are \
                   counted here.",
            next: Some(html! { (Button::secondary("Try it").href(&Area::TryIt.path(id))) }),
        }
        .render();
    }
    let href = Area::Results.path(id);
    let change = |of: fn(&Results) -> Option<f64>| {
        let (now, then) = (of(last)?, of(before).filter(|then| *then > 0.0)?);
        let relative = now / then - 1.0;
        Some(Change { relative, beside: "the 14 days before", more_is_better: Some(true) })
    };
    let rate = |label, rate: ShownRate, of: fn(&Results) -> Option<f64>| StatTile {
        label,
        value: rate.value,
        unit: Unit::Share,
        interval: rate.value.map(|_| (rate.low, rate.high)),
        change: change(of),
        trend: &[],
        href: Some(&href),
    };
    let sum = |label, value: f64, unit, of: fn(&Results) -> Option<f64>| StatTile {
        label,
        value: Some(value),
        unit,
        interval: None,
        change: change(of),
        trend: &[],
        href: Some(&href),
    };
    let (days_before, days) = figures.days.split_at(overview::RESULT_DAYS as usize);
    let point = |(day, before): (&overview::DayResults, &overview::DayResults)| {
        let rate = day.click_through_rate;
        DayPoint {
            day: day.day,
            value: rate.value,
            interval: rate.value.map(|_| (rate.low, rate.high)),
            before: before.click_through_rate.value,
        }
    };
    let points: Vec<DayPoint> = days.iter().zip(days_before).map(point).collect();
    html! {
        section class="section" {
            h2 { "Recommendations of the last 14 days" }
            div class="stats" {
                (rate("Click-through", last.click_through_rate, |of| of.click_through_rate.value))
                (rate("Conversion", last.conversion_rate, |of| of.conversion_rate.value))
                (sum("Recommendations", last.recommendations as f64, Unit::Count(""), |of| Some(of.recommendations as f64)))
                (sum("Revenue", last.revenue, Unit::Money(""), |of| Some(of.revenue)))
            }
            div class="card" {
                (LineChart {
                    title: "Click-through by day",
                    unit: Unit::Share,
                    days: &points,
                    before: Some("14 days before"),
                })
            }
        }
    }
}

fn accuracy(id: &WorkspaceId, figures: &Figures, now: Timestamp) -> Markup {
    let models = Area::Models.path(id);
    let Some(model) = &figures.model else {
        return EmptyState {
            icon: Icon::Models,
            title: "No model yet",
            text: "Until one is trained, everybody sees what is popular.",
            next: Some(html! { (Button::secondary("Go to models").href(&models)) }),
        }
        .render();
    };
    html! {
        section class="section" {
            h2 { "Model in use" }
            div class="card" {
                (BarChart {
                    title: "Accuracy of the first 20 places",
                    unit: Unit::Ratio,
                    of: "Recommendations by",
                    bars: &[
                        Bar { label: "Model in use", value: model.metrics.ndcg, interval: None, tone: Tone::Accent },
                        Bar { label: "Popularity", value: model.popularity.ndcg, interval: None, tone: Tone::Neutral },
                    ],
                })
                p class="field-hint" {
                    "Model " a href=(models) { (model.version) } ", trained "
                    (RelativeTime { at: model.finished_at, now }) " and judged with "
                    (Unit::Count("people").text(model.metrics.n_users as f64)) ". "
                    @if let Some(compared) = &model.beside_popularity {
                        (compare(compared, "popularity"))
                    }
                }
            }
        }
    }
}
