use console::page::{Area, Frame, Page};
use console::ui::chart::{Bar, BarChart, LineChart};
use console::ui::form::{Field, Form, InputKind, ReqlField, Select, TextInput};
use console::ui::{
    Badge, Button, Callout, Cell, Column, Icon, ItemCard, Pagination, Progress, ProgressState,
    Sorting, Tab, Table, Tone, Unit, picture, tabs,
};
use maud::{Markup, Render, html};

use crate::data::{ALBUMS, days};

pub(crate) fn list(frame: &Frame) -> Markup {
    let table = Table::new(
        "Items",
        vec![
            Column::text("Item").sorted_by("title"),
            Column::text("Genre").sorted_by("genre"),
            Column::number("Price, EUR").sorted_by("price"),
            Column::number("Plays").sorted_by("plays"),
            Column::text("State"),
        ],
    )
    .sorting(Sorting { key: "plays", is_descending: true, href: "/console/music/catalog?", is_whole: true })
    .rows(ALBUMS.iter().enumerate().map(|(n, album)| {
        vec![
            Cell::new(html! {
                span class="with-picture" {
                    (picture(album.id, album.title, (n != 3).then(|| album.picture()).as_deref()))
                    span { a href=(album.href()) { (album.title) } span class="under" { (album.artist) } }
                }
            })
            .value(album.title),
            Cell::new(album.genre),
            Cell::new(format!("{:.2}", album.price)).value(album.price),
            Cell::new(Unit::Count("").text(album.plays as f64)).value(album.plays),
            Cell::new(if n == 4 { Badge::of(Tone::Warning, "off") } else { Badge::of(Tone::Good, "on offer") }),
        ]
    }));
    let body = html! {
        form class="filters" {
            (TextInput::new(Field::new("q", "Words").optional()).kind(InputKind::Search))
            (ReqlField {
                field: Field::new("filter", "Filter").optional(),
                value: "'price' < 20 and 'genre' in {\"folk\", \"jazz\", \"indie\"}",
                mistake: None,
            })
            (Button::primary("Filter").icon(Icon::Filter))
        }
        section class="card card-table" {
            (table)
            (Pagination {
                of: "items",
                shown: "1 to 12 of 1,480",
                previous: Some("/console/music/catalog?before=night-ferry"),
                next: Some("/console/music/catalog?after=salt-and-cedar"),
            })
        }
    };
    Page::new(frame, Area::Catalog, "Catalog")
        .lead("1,480 items on offer, 31 off.")
        .actions(html! {
            (Button::primary("Import").icon(Icon::Upload).href("/console/music/catalog/import"))
        })
        .body(body)
        .render()
}

pub(crate) fn item(frame: &Frame) -> Markup {
    let album = &ALBUMS[0];
    let body = html! {
        div class="columns columns-wide-first" {
            div class="stack" {
                section class="card" {
                    (LineChart {
                        title: "Views by day",
                        unit: Unit::Count(""),
                        days: &days(28, 320.0, 21),
                        before: None,
                    })
                }
                section class="card" {
                    (BarChart {
                        title: "Interactions of 28 days",
                        unit: Unit::Count(""),
                        of: "Kind",
                        bars: &[
                            Bar { label: "Views", value: 9_120.0, interval: None, tone: Tone::Accent },
                            Bar { label: "Bookmarks", value: 811.0, interval: None, tone: Tone::Accent },
                            Bar { label: "Carts", value: 604.0, interval: None, tone: Tone::Accent },
                            Bar { label: "Purchases", value: 377.0, interval: None, tone: Tone::Accent },
                        ],
                    })
                }
            }
            aside class="stack" aria-label="Facts" {
                section class="card" {
                    span class="cover" { (picture(album.id, album.title, Some(&album.picture()))) }
                    dl class="facts" {
                        div { dt { "Artist" } dd { (album.artist) } }
                        div { dt { "Genre" } dd { (album.genre) } }
                        div { dt { "Price" } dd { (Unit::Money("EUR").text(album.price)) } }
                        div { dt { "Item id" } dd { code { (album.id) } } }
                    }
                }
            }
        }
        section class="section" {
            h2 { "Similar items" }
            div class="items" {
                @for (n, other) in ALBUMS[1..9].iter().enumerate() {
                    (ItemCard {
                        id: other.id,
                        title: Some(other.title),
                        detail: Some(other.artist),
                        picture: (n % 4 != 2).then(|| other.picture()).as_deref(),
                        href: &other.href(),
                        more: None,
                    })
                }
            }
        }
    };
    Page::new(frame, Area::Catalog, album.title)
        .lead("Mara Lind · on offer since 12 March 2026")
        .actions(html! {
            (Button::secondary("Take off everywhere").href("/console/music/scenarios/home/delete"))
        })
        .body(body)
        .render()
}

pub(crate) fn import(frame: &Frame) -> Markup {
    let types = [("text", "Text"), ("number", "Number"), ("set", "Set of texts"), ("time", "Time")];
    let changes = Table::new(
        "What would change",
        vec![
            Column::text("Item"),
            Column::text("Property"),
            Column::text("Now"),
            Column::text("Then"),
        ],
    )
    .captioned()
    .rows(ALBUMS[..4].iter().map(|album| {
        vec![
            Cell::new(html! { a href=(album.href()) { (album.title) } }),
            Cell::new("price"),
            Cell::new(html! { del { (format!("{:.2}", album.price)) } }),
            Cell::new(html! { ins { (format!("{:.2}", album.price * 0.9)) } }),
        ]
    }));
    let body = html! {
        (Callout::error("3 of 1,483 rows cannot be read")
            .text("price: row 17 holds “n/a”, expected a number. Mend the rows, or declare the column as text."))
        (Progress {
            label: "albums-2026-11.csv",
            state: ProgressState::Running(Some(0.64)),
            detail: "949 of 1,483 rows compared, about 4 seconds left",
            actions: Some(html! { (Button::quiet("Cancel").icon(Icon::Cross)) }),
        })
        (tabs("Steps", &[
            Tab { label: "Columns", href: "/console/music/catalog/import", count: Some(4), is_current: true },
            Tab { label: "Mistakes", href: "/console/music/catalog/import?step=mistakes", count: Some(3), is_current: false },
            Tab { label: "Changes", href: "/console/music/catalog/import?step=changes", count: Some(212), is_current: false },
        ]))
        div class="columns" {
            section class="card" {
                (Form {
                    action: "/console/music/catalog/import",
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! {
                        (Select { field: Field::new("title", "title").hint("1,483 of 1,483 rows have one"), options: &types, value: "text" })
                        (Select {
                            field: Field::new("price", "price").error(Some("3 rows hold a text: 17, 204, 1,002")),
                            options: &types,
                            value: "number",
                        })
                        (Select { field: Field::new("genres", "genres").hint("Separated by “|”"), options: &types, value: "set" })
                        div class="actions" {
                            (Button::primary("Switch to these items").disabled(true))
                            (Button::secondary("Check again"))
                        }
                    },
                })
            }
            section class="card card-table" { (changes) }
        }
    };
    Page::new(frame, Area::Catalog, "Import")
        .lead("Nothing changes until you switch. The version before stays, one press away.")
        .body(body)
        .render()
}
