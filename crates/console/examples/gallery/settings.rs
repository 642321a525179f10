use console::page::{Area, Frame, Page};
use console::ui::form::{
    Checkbox, Field, Form, InputKind, NumberInput, Select, TextInput, field_group,
};
use console::ui::{
    Badge, Button, Callout, Cell, CodeBlock, Column, EmptyState, Icon, RelativeTime, Tab, Table,
    Tone, tabs,
};
use maud::{Markup, Render, html};

use crate::data::{NOW, ago};

pub(crate) fn page(frame: &Frame) -> Markup {
    let source = |name: &'static str, key: &'static str, seconds, badge| {
        vec![
            Cell::new(name),
            Cell::new(html! { code { (key) "…" } }),
            Cell::new(RelativeTime { at: ago(seconds), now: NOW }),
            Cell::new(badge),
            Cell::new(html! {
                div class="row-actions" {
                    (Button::quiet("Rotate").href("/console/music/settings"))
                    (Button::quiet("Off").href("/console/music/scenarios/home/delete"))
                }
            }),
        ]
    };
    let sources = Table::new(
        "Sources",
        vec![
            Column::text("Source"),
            Column::text("Write key"),
            Column::text("Last message"),
            Column::text("State"),
            Column::actions("Actions"),
        ],
    )
    .captioned()
    .row(source("web shop", "wk_9f3a", 1, Badge::of(Tone::Good, "on")))
    .row(source("app", "wk_77b0", 4, Badge::of(Tone::Good, "on")))
    .row(source("till", "wk_0c1d", 4_000_000, Badge::of(Tone::Warning, "silent")))
    .row(source("old shop", "wk_aa02", 9_000_000, Badge::new("off")));
    let body = html! {
        (tabs("Settings of", &[
            Tab { label: "Sources", href: "/console/music/settings", count: Some(4), is_current: true },
            Tab { label: "Traits", href: "/console/music/settings?tab=traits", count: Some(6), is_current: false },
            Tab { label: "Weights", href: "/console/music/settings?tab=weights", count: None, is_current: false },
            Tab { label: "Accounts", href: "/console/music/settings?tab=accounts", count: Some(5), is_current: false },
            Tab { label: "API keys", href: "/console/music/settings?tab=keys", count: Some(2), is_current: false },
            Tab { label: "Audit", href: "/console/music/settings?tab=audit", count: None, is_current: false },
        ]))
        section class="card card-table" { (sources) }
        section class="card" {
            h2 { "New source" }
            (Form {
                action: "/console/music/settings",
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    div class="fields" {
                        (TextInput::new(Field::new("name", "Name").error(Some("There is a source “web shop” already. Choose another name."))).value("web shop"))
                        (Select {
                            field: Field::new("kind", "It sends"),
                            options: &[("segment", "Segment's messages"), ("items", "Items only")],
                            value: "segment",
                        })
                        (NumberInput { field: Field::new("limit", "Limit").optional().hint("More than that waits"), value: "2000", unit: "messages a second" })
                        (TextInput::new(Field::new("secret", "Shared secret").optional()).kind(InputKind::Password).autocomplete("new-password"))
                    }
                    (field_group("What it may", &html! {
                        (Checkbox { field: Field::new("identify", "Set traits of people"), is_checked: true })
                        (Checkbox { field: Field::new("items", "Change items").hint("Off for browsers: their keys are public"), is_checked: false })
                    }))
                    div class="actions" { (Button::primary("Create source")) }
                },
            })
        }
        section class="section" {
            h2 { "Its key" }
            (Callout::warning("The key is shown once").text("Copy it now. A lost key cannot be read again, only rotated."))
            (CodeBlock { id: "key", label: "Write key of web shop 2", code: "wk_5e1f0a77c2d94b0fa6d1" })
        }
    };
    Page::new(frame, Area::Settings, "Settings")
        .lead("Sources of the workspace music.")
        .body(body)
        .render()
}

pub(crate) fn segments(frame: &Frame) -> Markup {
    let body = EmptyState {
        icon: Icon::Segments,
        title: "No segmentation yet",
        text: "A segmentation groups items, by a property such as the genre or by a filter. Scenarios can then recommend whole groups.",
        next: Some(html! {
            (Button::primary("New segmentation").icon(Icon::Add).href("/console/music/segments"))
            (Button::quiet("How it works").href("/console/music/segments"))
        }),
    };
    Page::new(frame, Area::Segments, "Segments").body(body.render()).render()
}
