use console::page::{Area, Frame, Page};
use console::ui::chart::{Bar, BarChart, DayPoint, LineChart};
use console::ui::form::{Field, Select};
use console::ui::{Button, Cell, Column, Icon, Sorting, Tab, Table, Tone, Unit, tabs};
use maud::{Markup, Render, html};

use crate::data::days;

pub(crate) fn page(frame: &Frame) -> Markup {
    let mut clicks = days(90, 0.041, 3);
    // Two days on which nothing was measured.
    for gap in [40, 41] {
        clicks[gap] = DayPoint { value: None, interval: None, before: None, ..clicks[gap] };
    }
    let revenue = days(90, 3_400.0, 7);
    let table = Table::new(
        "Results by day",
        vec![
            Column::text("Day").sorted_by("day"),
            Column::number("Lists").sorted_by("lists"),
            Column::number("People").sorted_by("people"),
            Column::number("Clicks").sorted_by("clicks"),
            Column::number("Click-through").sorted_by("rate"),
            Column::number("Purchases").sorted_by("purchases"),
            Column::number("Revenue, EUR").sorted_by("revenue"),
        ],
    )
    .sorting(Sorting {
        key: "day",
        is_descending: true,
        href: "/console/music/results?",
        is_whole: true,
    })
    .rows(revenue.iter().rev().zip(clicks.iter().rev()).take(14).map(|(revenue, clicks)| {
        let (money, rate) = (revenue.value.unwrap_or(0.0), clicks.value.unwrap_or(0.0));
        let lists = (money * 3.9).round();
        let count = |n: f64| Cell::new(Unit::Count("").text(n)).value(n);
        vec![
            Cell::new(revenue.day.to_string()),
            count(lists),
            count((lists * 0.31).round()),
            count((lists * rate).round()),
            Cell::new(html! {
                (Unit::Share.text(rate))
                " " span class="beside" { "± 0.4" }
            })
            .value(rate),
            count((lists * rate * 0.2).round()),
            count(money),
        ]
    }));
    let body = html! {
        (tabs("Results by", &[
            Tab { label: "Day", href: "/console/music/results", count: None, is_current: true },
            Tab { label: "Scenario", href: "/console/music/results?by=scenario", count: Some(4), is_current: false },
            Tab { label: "Group", href: "/console/music/results?by=group", count: Some(2), is_current: false },
            Tab { label: "Kind", href: "/console/music/results?by=kind", count: None, is_current: false },
        ]))
        form class="filters" {
            (Select {
                field: Field::new("days", "Days"),
                options: &[("14", "Last 14"), ("28", "Last 28"), ("90", "Last 90")],
                value: "90",
            })
            (Select {
                field: Field::new("scenario", "Scenario").optional(),
                options: &[("", "All"), ("home", "home"), ("cart", "cart")],
                value: "",
            })
            (Button::secondary("Show"))
        }
        section class="card" {
            (LineChart { title: "Click-through", unit: Unit::Share, days: &clicks, before: Some("90 days before") })
        }
        div class="columns" {
            section class="card" {
                (LineChart { title: "Revenue", unit: Unit::Money("EUR"), days: &revenue[60..], before: None })
            }
            section class="card" {
                (BarChart {
                    title: "What came of a list",
                    unit: Unit::Share,
                    of: "Step",
                    bars: &[
                        Bar { label: "Clicked", value: 0.0432, interval: Some((0.0419, 0.0445)), tone: Tone::Accent },
                        Bar { label: "Put into a cart", value: 0.0181, interval: Some((0.0172, 0.019)), tone: Tone::Accent },
                        Bar { label: "Bought", value: 0.0087, interval: Some((0.0081, 0.0094)), tone: Tone::Accent },
                    ],
                })
            }
        }
        section class="card card-table" { (table) }
    };
    Page::new(frame, Area::Results, "Results")
        .lead("What people did with recommendations.")
        .actions(html! { (Button::secondary("Export CSV").icon(Icon::Download).href("/console/music/results")) })
        .body(body)
        .render()
}
