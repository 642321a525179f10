use console::page::{Area, Frame, Page};
use console::ui::chart::{Bin, Histogram};
use console::ui::form::{Field, InputKind, TextInput};
use console::ui::{
    Badge, Button, Cell, Column, EmptyState, Explanation, Icon, ItemCard, Pagination, Reason,
    RelativeTime, Sorting, Tab, Table, TimelineEntry, Tone, Unit, tabs, timeline,
};
use maud::{Markup, Render, html};

use crate::data::{ALBUMS, NOW, ago};

const NAMES: [(&str, &str, f64, i64); 9] = [
    ("u-48211", "ada@example.com", 412.0, 24),
    ("u-48197", "b.okafor@example.org", 388.0, 310),
    ("u-47002", "", 251.0, 1_400),
    ("u-46650", "chiara.bianchi@example.it", 198.0, 3_700),
    ("u-46101", "a.person.with.a.rather.long.address@department.example.com", 144.0, 9_000),
    ("u-45990", "", 97.0, 40_000),
    ("u-45333", "dmitri@example.net", 61.0, 90_000),
    ("u-44871", "", 12.0, 700_000),
    ("u-44002", "eun-ji@example.kr", 3.0, 4_000_000),
];

fn search(value: &str) -> Markup {
    html! {
        form class="filters" {
            (TextInput::new(Field::new("q", "Any id").hint("User id, anonymous id, mail address or device"))
                .kind(InputKind::Search)
                .value(value))
            (Button::primary("Search").icon(Icon::Search))
        }
    }
}

pub(crate) fn list(frame: &Frame) -> Markup {
    let table = Table::new(
        "People",
        vec![
            Column::text("Person").sorted_by("id"),
            Column::text("Mail address"),
            Column::number("Interactions").sorted_by("interactions"),
            Column::text("Last seen").sorted_by("seen"),
            Column::text("State"),
        ],
    )
    .sorting(Sorting {
        key: "interactions",
        is_descending: true,
        href: "/console/music/people?",
        is_whole: true,
    })
    .rows(NAMES.map(|(id, mail, n, seconds)| {
        vec![
            Cell::new(html! { a href="/console/music/people/ada" { (id) } }).value(id),
            Cell::new(if mail.is_empty() { "–" } else { mail }),
            Cell::new(Unit::Count("").text(n)).value(n),
            Cell::new(RelativeTime { at: ago(seconds), now: NOW }).value(-seconds),
            Cell::new(if n > 100.0 {
                Badge::of(Tone::Good, "active")
            } else {
                Badge::new("quiet")
            }),
        ]
    }));
    let bins = [
        ("1", 4_210),
        ("2", 3_120),
        ("3", 2_480),
        ("4–5", 3_011),
        ("6–9", 2_750),
        ("10–19", 2_204),
        ("20–49", 1_490),
        ("50+", 848),
    ]
    .map(|(label, count)| Bin { label: label.to_owned(), count });
    let body = html! {
        (search(""))
        section class="card card-table" {
            (table)
            (Pagination {
                of: "people",
                shown: "1 to 9 of about 20,113",
                previous: None,
                next: Some("/console/music/people?after=u-44002"),
            })
        }
        section class="card" {
            (Histogram {
                title: "People by number of interactions",
                noun: "people",
                of: "Interactions",
                bins: &bins,
            })
        }
    };
    Page::new(frame, Area::People, "People")
        .lead("20,113 profiles, the busiest first.")
        .body(body)
        .render()
}

pub(crate) fn nobody(frame: &Frame) -> Markup {
    let body = html! {
        (search("u-99999"))
        (EmptyState {
            icon: Icon::Person,
            title: "Nobody has the id “u-99999”",
            text: "Ids are compared exactly, upper and lower case matter. Somebody who just arrived shows up in Live first.",
            next: Some(html! {
                (Button::secondary("Watch messages arrive").href("/console/music/live"))
                (Button::quiet("All people").href("/console/music/people"))
            }),
        })
    };
    Page::new(frame, Area::People, "Search").body(body).render()
}

pub(crate) fn profile(frame: &Frame) -> Markup {
    let body = html! {
        (tabs("Parts of the profile", &[
            Tab { label: "Overview", href: "/console/music/people/ada", count: None, is_current: true },
            Tab { label: "Timeline", href: "/console/music/people/ada?tab=timeline", count: Some(412), is_current: false },
            Tab { label: "Traits", href: "/console/music/people/ada?tab=traits", count: Some(9), is_current: false },
            Tab { label: "Merges", href: "/console/music/people/ada?tab=merges", count: Some(2), is_current: false },
        ]))
        div class="columns columns-wide-first" {
            div class="stack" {
                section class="section" {
                    div class="section-head" {
                        h2 { "Recommended now" }
                        p { "Scenario " a href="/console/music/scenarios/home" { "home" } ", made 0.8 ms ago" }
                    }
                    (recommended())
                }
                section class="section" {
                    h2 { "Lately" }
                    div class="card" { (timeline(&lately())) }
                }
            }
            aside class="stack" aria-label="Facts" {
                section class="card" {
                    h2 { "Identifiers" }
                    dl class="facts" {
                        div { dt { "User id" } dd { code { "u-48211" } } }
                        div { dt { "Mail address" } dd { "ada@example.com" } }
                        div { dt { "Anonymous ids" } dd { code { "5b1c-77aa" } " and 2 more" } }
                        div { dt { "First seen" } dd { (RelativeTime { at: ago(18_000_000), now: NOW }) } }
                    }
                }
                section class="card" {
                    h2 { "Traits" }
                    dl class="facts" {
                        div { dt { "plan" } dd { "premium" span class="fact-source" { "set by app, 3 days ago" } } }
                        div { dt { "country" } dd { "DE" span class="fact-source" { "set by web shop, 2 months ago" } } }
                        div { dt { "newsletter" } dd { "true" span class="fact-source" { "set by web shop, 2 months ago" } } }
                    }
                }
            }
        }
    };
    Page::new(frame, Area::People, "ada@example.com")
        .lead(html! { "Seen " (RelativeTime { at: ago(24), now: NOW }) " · 412 interactions · 17 purchases" })
        .actions(html! {
            (Button::secondary("Try settings").icon(Icon::TryIt).href("/console/music/try-it"))
        })
        .body(body)
        .render()
}

fn recommended() -> Markup {
    let reasons = [
        [("bought", 0, 0.62), ("viewed", 6, 0.27)],
        [("bought", 1, 0.55), ("viewed", 2, 0.31)],
        [("viewed", 4, 0.48), ("bookmarked", 5, 0.22)],
        [("bought", 0, 0.44), ("bought", 1, 0.18)],
    ];
    html! {
        ol class="recommended" {
            @for (n, (album, reasons)) in ALBUMS[7..].iter().zip(reasons).enumerate() {
                @let hrefs = reasons.map(|(_, item, _)| ALBUMS[item].href());
                @let reasons: Vec<Reason> = reasons.iter().zip(&hrefs).map(|((verb, item, share), href)| {
                    Reason { verb, item: ALBUMS[*item].title, href, share: *share }
                }).collect();
                li class="card" {
                    (ItemCard {
                        id: album.id,
                        title: Some(album.title),
                        detail: Some(&format!("{} · {}", album.artist, album.genre)),
                        picture: (n != 2).then(|| album.picture()).as_deref(),
                        href: &album.href(),
                        more: Some(Explanation { who: "she", reasons: &reasons }.render()),
                    })
                }
            }
        }
    }
}

fn lately() -> Vec<TimelineEntry<'static>> {
    let did = [
        (Icon::Purchase, "Bought ", 0, 24, "web shop"),
        (Icon::View, "Viewed ", 6, 190, "web shop"),
        (Icon::Bookmark, "Bookmarked ", 5, 7_400, "app"),
        (Icon::View, "Viewed ", 2, 86_400, "app"),
    ];
    let entries =
        did.into_iter().enumerate().map(|(n, (icon, verb, item, seconds, source))| TimelineEntry {
            icon,
            tone: if n == 0 { Tone::Good } else { Tone::Neutral },
            what: html! { (verb) a href=(ALBUMS[item].href()) { (ALBUMS[item].title) } },
            at: ago(seconds),
            now: NOW,
            facts: if source == "app" { &["app"] } else { &["web shop"] },
            outcome: (n == 0).then_some("14.90 EUR"),
            detail: None,
        });
    entries.collect()
}
