use axum::Form as Posted;
use axum::http::StatusCode;
use console::page::{Area, Frame, Page};
use console::ui::form::{
    Choice, Field, Form, ReqlField, ReqlMistake, Select, Slider, TextInput, field_group,
};
use console::ui::{Button, Callout, CodeBlock, Icon, RankDiff, RankedItem, skeleton_lines};
use maud::{Markup, Render, html};
use serde::Deserialize;

use crate::data::{ALBUMS, Album};

const CURL: &str = "curl -X POST https://tastemaker.example/music/recomms/users/u-48211/items/ \\
  -H 'Content-Type: application/json' \\
  -d '{\"count\": 8, \"scenario\": \"home\", \"filter\": \"'\\''price'\\'' < 20\"}'";

/// What the form sends that matters here.
#[derive(Deserialize)]
pub(crate) struct Settings {
    filter: String,
    diversity: f64,
}

pub(crate) async fn preview(Posted(settings): Posted<Settings>) -> (StatusCode, Markup) {
    match mistake(&settings.filter) {
        Some((column, text)) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            html! {
                (Callout::error(&format!("Filter, column {column}: {text}")).announced())
                (ReqlMistake { text: &settings.filter, column })
            },
        ),
        None => (StatusCode::OK, moved(settings.diversity)),
    }
}

/// A property that the made-up catalog does not have.
fn mistake(filter: &str) -> Option<(usize, &'static str)> {
    let at = filter.find("prize")?;
    Some((filter[..at].chars().count() + 1, "no property “prize”, did you mean “price”?"))
}

/// The list for these settings beside the first eight albums: the more varied, the more new ones.
fn moved(diversity: f64) -> Markup {
    let list = match diversity {
        ..0.2 => [0, 1, 2, 4, 3, 5, 6, 7],
        ..0.6 => [0, 2, 1, 5, 10, 4, 7, 6],
        _ => [2, 9, 0, 10, 5, 8, 7, 11],
    };
    let hrefs: Vec<String> = ALBUMS.iter().map(Album::href).collect();
    let place_of = |n: usize| list.iter().position(|other| *other == n).map(|place| place + 1);
    let items: Vec<RankedItem> = (0..ALBUMS.len())
        .map(|n| RankedItem {
            title: ALBUMS[n].title,
            href: &hrefs[n],
            before: (n < list.len()).then_some(n + 1),
            after: place_of(n),
        })
        .collect();
    RankDiff { labels: ("Scenario home", "These settings"), items: &items }.render()
}

pub(crate) fn page(frame: &Frame) -> Markup {
    let filter = "'prize' < 20 and 'genre' != \"choral\"";
    let form = Form {
        action: "/console/music/try-it",
        csrf: &frame.csrf,
        preview: Some(("/console/music/try-it/preview", "preview")),
        body: html! {
            (Choice {
                name: "for",
                label: "For",
                options: &[("person", "A person"), ("item", "An item"), ("query", "A query"), ("new", "Somebody new")],
                value: "person",
            })
            (TextInput::new(Field::new("id", "Person")).value("ada@example.com"))
            (Select {
                field: Field::new("scenario", "Beside scenario"),
                options: &[("home", "home"), ("cart", "cart"), ("mail", "weekly mail")],
                value: "home",
            })
            (ReqlField {
                field: Field::new("filter", "Filter").optional().hint("Only items for which this is true"),
                value: filter,
                mistake: mistake(filter),
            })
            (ReqlField {
                field: Field::new("booster", "Booster").optional().hint("A factor for the score"),
                value: "if 'year' > 2020 then 1.2 else 1",
                mistake: None,
            })
            (field_group("Balance", &html! {
                (Slider { field: Field::new("diversity", "Diversity"), range: (0.0, 1.0), step: 0.05, value: 0.3, ends: ("alike", "varied") })
                (Slider { field: Field::new("rotation", "Rotation"), range: (0.0, 1.0), step: 0.05, value: 0.1, ends: ("steady", "fresh") })
                (Slider { field: Field::new("impact", "Impact of the person"), range: (0.0, 1.0), step: 0.05, value: 0.8, ends: ("everybody", "this person") })
            }))
            div class="actions" {
                (Button::primary("Show").named("do", "show"))
                (Button::secondary("Keep as scenario").named("do", "keep"))
            }
        },
    };
    let body = html! {
        div class="columns columns-form" {
            section class="card" { (form) }
            div class="stack" {
                section class="card" {
                    h2 { "What moves" }
                    div id="preview" class="preview" { (moved(0.3)) }
                }
                (Callout::info("“Low Tide” is not here because of your filter")
                    .text("'genre' != \"choral\" is false for it. Without the filter it would be at place 4."))
                (CodeBlock { id: "curl", label: "The same by curl", code: CURL })
                section class="card" {
                    h2 { "Why each item is there" }
                    p class="muted needs-script" { "Comes with the next preview." }
                    (skeleton_lines(3))
                }
            }
        }
    };
    Page::new(frame, Area::TryIt, "Try it")
        .lead("Change settings and see at once what would be recommended. Nobody else sees it.")
        .actions(html! { (Button::secondary("Start over").icon(Icon::Cross).href("/console/music/try-it")) })
        .body(body)
        .render()
}
