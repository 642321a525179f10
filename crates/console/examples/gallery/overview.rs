use console::page::{Area, Frame, Page};
use console::ui::chart::{Bar, BarChart, LineChart};
use console::ui::{
    Badge, Button, Callout, Cell, Change, Column, Icon, StatTile, Table, Tone, Unit,
};
use maud::{Markup, Render, html};

use crate::data::{days, trend};

const BEFORE: &str = "the 14 days before";

pub(crate) fn page(frame: &Frame) -> Markup {
    let change =
        |relative, more_is_better| Some(Change { relative, beside: BEFORE, more_is_better });
    let clicks = days(28, 0.041, 3);
    let body = html! {
        section class="section" {
            h2 { "Now" }
            div class="stats" {
                (StatTile {
                    label: "Messages a minute",
                    value: Some(1_284.0),
                    unit: Unit::Count(""),
                    interval: None,
                    change: Some(Change { relative: 0.031, beside: "an hour ago", more_is_better: None }),
                    trend: &trend(30, 1_200.0, 9),
                    href: Some("/console/music/live"),
                })
                (StatTile {
                    label: "Refused messages",
                    value: Some(0.0062),
                    unit: Unit::Share,
                    interval: None,
                    change: Some(Change { relative: 0.38, beside: "an hour ago", more_is_better: Some(false) }),
                    trend: &trend(30, 0.005, 12),
                    href: Some("/console/music/live"),
                })
                (StatTile {
                    label: "People",
                    value: Some(20_113.0),
                    unit: Unit::Count(""),
                    interval: None,
                    change: Some(Change { relative: 0.012, beside: "last week", more_is_better: Some(true) }),
                    trend: &[],
                    href: Some("/console/music/people"),
                })
                (StatTile {
                    label: "Items on offer",
                    value: Some(1_480.0),
                    unit: Unit::Count(""),
                    interval: None,
                    change: Some(Change { relative: 0.0, beside: "last week", more_is_better: None }),
                    trend: &[],
                    href: Some("/console/music/catalog"),
                })
            }
        }
        section class="section" {
            h2 { "Needs attention" }
            (Callout::warning("62 messages of the source “web shop” were refused in the last hour")
                .text("In 58 of them the price is a text such as “12,90”. Prices are numbers.")
                .way_out("Look at the refused messages", "/console/music/live"))
            (Callout::info("The model learned 3 days ago")
                .text("Since then 4,120 people did something new. Training takes about 40 seconds.")
                .way_out("Train now", "/console/music/models"))
        }
        section class="section" {
            h2 { "Recommendations of the last 14 days" }
            div class="stats" {
                (StatTile {
                    label: "Click-through",
                    value: Some(0.0432),
                    unit: Unit::Share,
                    interval: Some((0.0419, 0.0445)),
                    change: change(0.081, Some(true)),
                    trend: &trend(14, 0.04, 5),
                    href: None,
                })
                (StatTile {
                    label: "Conversion",
                    value: Some(0.0087),
                    unit: Unit::Share,
                    interval: Some((0.0081, 0.0094)),
                    change: change(-0.024, Some(true)),
                    trend: &trend(14, 0.008, 6),
                    href: None,
                })
                (StatTile {
                    label: "Revenue",
                    value: Some(48_204.5),
                    unit: Unit::Money("EUR"),
                    interval: None,
                    change: change(0.115, Some(true)),
                    trend: &trend(14, 3_400.0, 7),
                    href: None,
                })
                (StatTile {
                    label: "Carts",
                    value: None,
                    unit: Unit::Count(""),
                    interval: None,
                    change: None,
                    trend: &[],
                    href: None,
                })
            }
            div class="card" {
                (LineChart {
                    title: "Click-through by day",
                    unit: Unit::Share,
                    days: &clicks,
                    before: Some("28 days before"),
                })
            }
        }
        div class="columns" {
            section class="card" {
                (BarChart {
                    title: "Accuracy of the model in use",
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
                (sources())
            }
        }
    };
    Page::new(frame, Area::Overview, "Overview")
        .lead("Messages, people and recommendations of the workspace music.")
        .actions(html! {
            (Button::secondary("Export").icon(Icon::Download).href("/console/music/results"))
            (Button::primary("Try it").icon(Icon::TryIt).href("/console/music/try-it"))
        })
        .body(body)
        .render()
}

fn sources() -> Table<'static> {
    let row = |name: &'static str, n: f64, refused: f64, tone, state: &'static str| -> Vec<Cell> {
        vec![
            Cell::new(name),
            Cell::new(Unit::Count("").text(n)),
            Cell::new(Unit::Share.text(refused)),
            Cell::new(Badge::of(tone, state)),
        ]
    };
    Table::new(
        "Sources in the last hour",
        vec![
            Column::text("Source"),
            Column::number("Messages"),
            Column::number("Refused"),
            Column::text("State"),
        ],
    )
    .captioned()
    .row(row("web shop", 58_120.0, 0.0011, Tone::Warning, "mistakes"))
    .row(row("app", 18_402.0, 0.0, Tone::Good, "healthy"))
    .row(row("warehouse", 412.0, 0.0, Tone::Good, "healthy"))
    .row(row("till", 0.0, 0.0, Tone::Neutral, "silent"))
}
