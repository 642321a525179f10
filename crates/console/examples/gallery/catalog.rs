use console::page::{Area, Frame, Page};
use console::ui::form::{Field, InputKind, ReqlField, TextInput};
use console::ui::{
    Badge, Button, Cell, Column, Icon, Pagination, Sorting, Table, Tone, Unit, picture,
};
use maud::{Markup, Render, html};

use crate::data::ALBUMS;

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
