use console::page::{Area, Frame, Page};
use console::ui::chart::{Bar, BarChart};
use console::ui::form::{
    Checkbox, Field, Form, InputKind, NumberInput, ReqlField, Select, TextInput,
};
use console::ui::{
    Badge, Button, Callout, Cell, Column, Confirmation, Icon, Meter, Table, Tone, Unit,
};
use maud::{Markup, Render, html};

pub(crate) fn list(frame: &Frame) -> Markup {
    let row = |name: &'static str,
               what: &'static str,
               lists: f64,
               clicks: f64,
               interval: (f64, f64),
               state| {
        vec![
            Cell::new(html! {
                a href="/console/music/scenarios/home" { (name) }
                span class="under" { (what) }
            }),
            Cell::new(Unit::Count("").text(lists)),
            Cell::new(html! {
                (Unit::Share.text(clicks))
                span class="under" { (Unit::Share.interval_text(interval.0, interval.1)) }
            }),
            Cell::new(
                html! { (Meter { share: clicks * 10.0, tone: Tone::Accent, label: Some("Beside 10 %") }) },
            ),
            Cell::new(state),
        ]
    };
    let table = Table::new(
        "Scenarios, last 14 days",
        vec![
            Column::text("Scenario"),
            Column::number("Lists"),
            Column::number("Click-through"),
            Column::text("Beside 10 %"),
            Column::text("State"),
        ],
    )
    .row(row(
        "home",
        "Items for a person",
        184_002.0,
        0.0432,
        (0.0419, 0.0445),
        Badge::of(Tone::Accent, "A/B test"),
    ))
    .row(row(
        "cart",
        "Items that go with items",
        40_118.0,
        0.071,
        (0.068, 0.074),
        Badge::of(Tone::Good, "in use"),
    ))
    .row(row(
        "weekly mail",
        "Items for a person",
        20_400.0,
        0.012,
        (0.0106, 0.0135),
        Badge::of(Tone::Good, "in use"),
    ))
    .row(row(
        "label page",
        "Items of a segment",
        12.0,
        0.0833,
        (0.002, 0.385),
        Badge::new("too little data"),
    ));
    let body = html! { section class="card card-table" { (table) } };
    Page::new(frame, Area::Scenarios, "Scenarios")
        .lead("Where recommendations are shown, and what came of them in the last 14 days.")
        .actions(html! { (Button::primary("New scenario").icon(Icon::Add).href("/console/music/scenarios/home")) })
        .body(body)
        .render()
}

pub(crate) fn edit(frame: &Frame) -> Markup {
    let body = html! {
        (Callout::success("B is better by 4 to 11 %, 97 % sure")
            .text("Group B shows more varied lists. Everybody can have them now.")
            .way_out("Give everybody the settings of B", "/console/music/scenarios/home/delete"))
        div class="columns" {
            section class="card" {
                (BarChart {
                    title: "Click-through by group",
                    unit: Unit::Share,
                    of: "Group",
                    bars: &[
                        Bar { label: "A, half of all", value: 0.0415, interval: Some((0.0401, 0.0429)), tone: Tone::Neutral },
                        Bar { label: "B, half of all", value: 0.0446, interval: Some((0.0431, 0.0461)), tone: Tone::Accent },
                    ],
                })
            }
            section class="card" {
                (BarChart {
                    title: "Revenue by list",
                    unit: Unit::Money("EUR"),
                    of: "Group",
                    bars: &[
                        Bar { label: "A, half of all", value: 0.254, interval: Some((0.23, 0.278)), tone: Tone::Neutral },
                        Bar { label: "B, half of all", value: 0.271, interval: Some((0.246, 0.297)), tone: Tone::Accent },
                    ],
                })
            }
        }
        section class="card" {
            (Form {
                action: "/console/music/scenarios/home",
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    div class="fields" {
                        (TextInput::new(Field::new("name", "Name").hint("Calls of the API use it")).kind(InputKind::Code).value("home"))
                        (Select {
                            field: Field::new("endpoint", "It recommends"),
                            options: &[("user", "Items for a person"), ("item", "Items that go with an item")],
                            value: "user",
                        })
                        (NumberInput { field: Field::new("count", "Length").error(Some("Between 1 and 100")), value: "several", unit: "items" })
                        (NumberInput { field: Field::new("share", "Share of group B"), value: "50", unit: "%" })
                    }
                    (ReqlField { field: Field::new("filter", "Filter").optional(), value: "'price' < 20", mistake: None })
                    (Checkbox { field: Field::new("exclude", "Leave out what was bought").hint("Within the last 12 months"), is_checked: true })
                    div class="actions" {
                        (Button::primary("Save"))
                        (Button::secondary("Preview").href("/console/music/try-it"))
                        (Button::quiet("Delete scenario").href("/console/music/scenarios/home/delete"))
                    }
                },
            })
        }
    };
    Page::new(frame, Area::Scenarios, "home")
        .lead("Items for a person, on the start page of shop and app.")
        .notice(Callout::error("Nothing was saved: one field needs a look").announced())
        .body(body)
        .render()
}

pub(crate) fn delete(frame: &Frame) -> Markup {
    let body = Confirmation {
        consequences: &[
            "Calls that name the scenario “home” get the answer 404. In the last hour there were 7,680.",
            "Its results of 214 days stay and can be exported.",
            "The A/B test that runs on it ends without a result.",
        ],
        action: "/console/music/scenarios/home/delete",
        csrf: &frame.csrf,
        confirm: "Delete scenario home",
        back: "/console/music/scenarios/home",
    };
    Page::new(frame, Area::Scenarios, "Delete scenario home?")
        .below("home", "/console/music/scenarios/home")
        .body(body.render())
        .render()
}
