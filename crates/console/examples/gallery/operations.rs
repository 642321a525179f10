use console::page::{Area, Frame, Page};
use console::ui::chart::{Bin, Histogram, LineChart};
use console::ui::{Badge, Cell, Change, Column, Meter, StatTile, Table, Tone, Unit};
use maud::{Markup, Render, html};

use crate::data::{days, trend};

pub(crate) fn page(frame: &Frame) -> Markup {
    let sizes = [
        ("Journal", 3_435_973_837.0, Unit::Bytes),
        ("Store", 1_203_400_000.0, Unit::Bytes),
        ("Memory", 812_000_000.0, Unit::Bytes),
        ("Fold behind the journal", 0.0021, Unit::Seconds),
    ];
    let work = |name: &'static str, last: &'static str, took: f64, badge| {
        vec![
            Cell::new(name),
            Cell::new(last),
            Cell::new(Unit::Seconds.text(took)).value(took),
            Cell::new(badge),
        ]
    };
    let bins =
        ["< 1", "1", "2", "3", "4", "5", "6", "8", "10", "15", "20", "30", "50", "100", "> 200"];
    let counts = [120, 940, 2_210, 1_870, 1_204, 720, 410, 260, 170, 90, 55, 31, 12, 4, 1];
    let bins: Vec<Bin> = bins
        .into_iter()
        .zip(counts)
        .map(|(label, count)| Bin { label: label.to_owned(), count })
        .collect();
    let body = html! {
        div class="stats" {
            @for (n, (label, value, unit)) in sizes.into_iter().enumerate() {
                (StatTile {
                    label,
                    value: Some(value),
                    unit,
                    interval: None,
                    change: Some(Change { relative: 0.004, beside: "yesterday", more_is_better: None }),
                    trend: &trend(24, value, 31 + n as u64),
                    href: None,
                })
            }
        }
        section class="card" {
            h2 { "Disk" }
            div class="gauge" {
                (Meter { share: 0.73, tone: Tone::Warning, label: Some("Disk in use") })
                p { strong { "73 %" } " of 40.0 GiB in use; at this rate full in 41 days" }
            }
        }
        div class="columns" {
            section class="card" {
                (LineChart { title: "Messages a second", unit: Unit::Count(""), days: &days(14, 21.0, 40), before: None })
            }
            section class="card" {
                (Histogram { title: "Time of lists, ms", noun: "lists", of: "Milliseconds", bins: &bins })
            }
        }
        section class="card card-table" {
            (Table::new("Background work", vec![Column::text("Work"), Column::text("Last"), Column::number("Took"), Column::text("State")])
                .captioned()
                .row(work("training", "3 days ago", 41.2, Badge::of(Tone::Warning, "long ago")))
                .row(work("check of the journal", "2 hours ago", 8.0, Badge::of(Tone::Good, "ok")))
                .row(work("backup", "never", f64::NAN, Badge::of(Tone::Bad, "failing"))))
        }
    };
    Page::new(frame, Area::Operations, "Operations")
        .lead("Sizes, lag and background work.")
        .body(body)
        .render()
}
