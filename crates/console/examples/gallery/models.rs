use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::Event;
use console::page::{Area, Frame, Page};
use console::ui::chart::{Bar, BarChart, Curve, SizePoint};
use console::ui::{
    Badge, Button, Cell, Change, Column, Icon, LiveFragment, Progress, ProgressState, RelativeTime,
    StatTile, Table, Tone, Unit,
};
use futures_util::{Stream, StreamExt, stream};
use maud::{Markup, Render, html};

use crate::data::{NOW, ago};

/// The training run that is under way.
fn under_way(share: f64) -> Markup {
    Progress {
        label: "Training run 42",
        state: if share < 1.0 { ProgressState::Running(Some(share)) } else { ProgressState::Done },
        detail: &format!("Judging {:.0} of 8 candidates", (share * 8.0).floor()),
        actions: (share < 1.0).then(|| html! { (Button::quiet("Cancel").icon(Icon::Cross)) }),
    }
    .render()
}

pub(crate) async fn stream() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events =
        [("fragment", under_way(0.71)), ("fragment", under_way(1.0)), ("end", html! { "done" })];
    Sse::new(stream::iter(events).then(|(name, html)| async move {
        tokio::time::sleep(BETWEEN_EVENTS).await;
        Ok(Event::default().event(name).data(html.into_string()))
    }))
}

/// Longer than the tests need to see that nothing moves on the page.
const BETWEEN_EVENTS: Duration = Duration::from_secs(2);

pub(crate) fn page(frame: &Frame) -> Markup {
    let run = |n: u32, seconds, accuracy: f64, interval: (f64, f64), badge| {
        vec![
            Cell::new(html! { a href="/console/music/models" { "Model " (n) } }),
            Cell::new(RelativeTime { at: ago(seconds), now: NOW }),
            Cell::new(html! {
                (Unit::Ratio.text(accuracy))
                span class="under" { (Unit::Ratio.interval_text(interval.0, interval.1)) }
            }),
            Cell::new(Unit::Seconds.text(38.4 + f64::from(n % 3))),
            Cell::new(badge),
            Cell::new(html! {
                @if n == 40 {
                    div class="row-actions" {
                        (Button::quiet("Go back to it").href("/console/music/models"))
                    }
                }
            }),
        ]
    };
    let table = Table::new(
        "Training runs",
        vec![
            Column::text("Model"),
            Column::text("Learned"),
            Column::number("Accuracy"),
            Column::number("Took"),
            Column::text("State"),
            Column::actions("Actions"),
        ],
    )
    .captioned()
    .row(run(41, 260_000, 0.312, (0.301, 0.323), Badge::of(Tone::Good, "in use")))
    .row(run(40, 870_000, 0.304, (0.293, 0.315), Badge::new("kept")))
    .row(run(39, 1_470_000, 0.271, (0.26, 0.282), Badge::of(Tone::Bad, "refused")))
    .row(run(38, 2_080_000, 0.302, (0.291, 0.313), Badge::new("kept")));
    let tile = |label, value, unit, relative, more_is_better| StatTile {
        label,
        value: Some(value),
        unit,
        interval: None,
        change: Some(Change { relative, beside: "model 40", more_is_better }),
        trend: &[],
        href: None,
    };
    let body = html! {
        (LiveFragment { stream: "/console/music/models/stream", content: under_way(0.42) })
        section class="section" {
            h2 { "Model 41, in use" }
            div class="stats" {
                (tile("Accuracy", 0.312, Unit::Ratio, 0.026, Some(true)))
                (tile("Coverage of the catalog", 0.71, Unit::Share, 0.04, Some(true)))
                (tile("Novelty", 5.813, Unit::Ratio, -0.011, None))
                (tile("Personal lists", 0.934, Unit::Share, 0.002, Some(true)))
            }
        }
        div class="columns" {
            section class="card" {
                (BarChart {
                    title: "Accuracy",
                    unit: Unit::Ratio,
                    of: "Recommendations by",
                    bars: &[
                        Bar { label: "Model 41", value: 0.312, interval: Some((0.301, 0.323)), tone: Tone::Accent },
                        Bar { label: "Model 40", value: 0.304, interval: Some((0.293, 0.315)), tone: Tone::Neutral },
                        Bar { label: "Popularity", value: 0.118, interval: Some((0.109, 0.127)), tone: Tone::Neutral },
                    ],
                })
            }
            section class="card" {
                (BarChart {
                    title: "What the blend is made of",
                    unit: Unit::Share,
                    of: "Part",
                    bars: &[
                        Bar { label: "What goes with what was bought", value: 0.52, interval: None, tone: Tone::Accent },
                        Bar { label: "Taste in common", value: 0.31, interval: None, tone: Tone::Accent },
                        Bar { label: "Properties of items", value: 0.12, interval: None, tone: Tone::Accent },
                        Bar { label: "Popularity", value: 0.05, interval: None, tone: Tone::Accent },
                    ],
                })
            }
        }
        section class="card" {
            (Curve {
                title: "Response by size",
                unit: Unit::Share,
                of: "People",
                detail: "Who would act",
                points: &sizes(),
                baseline: ("Of people at random", 0.02),
            })
        }
        section class="card card-table" { (table) }
        div class="columns" {
            (Progress { label: "Training run 39", state: ProgressState::Failed, detail: "Refused: 11 % less accurate than the model in use. Model 38 stayed.", actions: None })
            (Progress { label: "Export of results", state: ProgressState::Running(None), detail: "Waiting for its turn", actions: None })
        }
    };
    Page::new(frame, Area::Models, "Models")
        .lead("What was learned, how good it is, and which one is in use.")
        .actions(html! { (Button::primary("Train now").icon(Icon::Play)) })
        .body(body)
        .render()
}

fn sizes() -> Vec<SizePoint> {
    let point = |n: i32| {
        let (size, value) = (10 * 2_u64.pow(n as u32), 0.2 * 0.82_f64.powi(n) + 0.02);
        let half = 0.1 / f64::from(n + 2);
        SizePoint {
            size,
            value,
            interval: ((value - half).max(0.0), value + half),
            detail: format!("{:.0}", size as f64 * value),
            href: format!("?size={size}"),
            is_chosen: n == 5,
        }
    };
    (0..12).map(point).collect()
}
