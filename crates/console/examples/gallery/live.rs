use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::Event;
use console::page::{Area, Frame, Page};
use console::ui::form::{Field, InputKind, Select, TextInput};
use console::ui::{Button, Icon, JsonView, LiveList, Mark, TimelineEntry, Tone, timeline};
use futures_util::{Stream, stream};
use maud::{Markup, Render, html};

use crate::data::{ALBUMS, NOW, ago};

/// Longer than the tests need to see that nothing moves on the page.
pub(crate) const BETWEEN_MESSAGES: Duration = Duration::from_secs(2);

const REFUSED: &str = r#"{"type": "track", "event": "Order Completed", "userId": "u-48211",
 "messageId": "ajs-next-1795867197-5b1c", "timestamp": "2026-11-28T11:59:57.120Z",
 "properties": {"order_id": "10482", "currency": "EUR", "total": 27.4,
  "products": [{"product_id": "night-ferry", "price": "14,90", "quantity": 1},
               {"product_id": "paper-lanterns", "price": 12.5, "quantity": 1}]},
 "context": {"ip": "203.0.113.7", "locale": "de-DE"}}"#;

pub(crate) fn page(frame: &Frame) -> Markup {
    let marks = [
        Mark { pointer: "/properties/products/0/price", text: "expected a number, found a text" },
        Mark { pointer: "/context/library", text: "missing: which library sent it" },
    ];
    let refused = JsonView { id: "refused", label: "As it was sent", text: REFUSED, marks: &marks };
    let mut entries: Vec<TimelineEntry> = (0..6).map(|n| viewed(n, 20 + 9 * n as i64)).collect();
    entries.insert(
        1,
        TimelineEntry {
            icon: Icon::Error,
            tone: Tone::Bad,
            what: html! { "Order Completed of " a href="/console/music/people/ada" { "u-48211" } },
            at: ago(22),
            now: NOW,
            facts: &["web shop", "products[0].price holds “14,90”, expected a number"],
            outcome: Some("refused"),
            detail: Some(refused.render()),
        },
    );
    let body = html! {
        form class="filters" {
            (Select {
                field: Field::new("source", "Source").optional(),
                options: &[("", "All sources"), ("web", "web shop"), ("app", "app")],
                value: "",
            })
            (TextInput::new(Field::new("event", "Event").optional()).kind(InputKind::Search))
            (TextInput::new(Field::new("user", "Person").optional()).kind(InputKind::Code))
            (Select {
                field: Field::new("outcome", "Outcome").optional(),
                options: &[("", "All outcomes"), ("accepted", "Accepted"), ("refused", "Refused")],
                value: "",
            })
            (Button::secondary("Filter").icon(Icon::Filter))
        }
        section class="card" {
            (LiveList {
                stream: "/console/music/live/stream",
                of: "messages",
                list: timeline(&entries),
                entries_max: 50,
            })
        }
    };
    Page::new(frame, Area::Live, "Live")
        .lead("Messages as they arrive, with what became of them.")
        .body(body)
        .render()
}

fn viewed(n: usize, seconds: i64) -> TimelineEntry<'static> {
    let album = &ALBUMS[n % ALBUMS.len()];
    TimelineEntry {
        icon: if n % 3 == 2 { Icon::Purchase } else { Icon::View },
        tone: Tone::Neutral,
        what: html! {
            a href="/console/music/people/ada" { "u-" (48_200 + n) }
            @if n % 3 == 2 { " bought " } @else { " viewed " }
            a href=(album.href()) { (album.title) }
        },
        at: ago(seconds),
        now: NOW,
        facts: if n.is_multiple_of(2) {
            &["web shop", "Product Viewed"]
        } else {
            &["app", "Product Viewed"]
        },
        outcome: None,
        detail: None,
    }
}

pub(crate) async fn stream() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::unfold(0, |n| async move {
        tokio::time::sleep(BETWEEN_MESSAGES).await;
        let html = viewed(n + 5, 0).render().into_string();
        Some((Ok(Event::default().event("entry").data(html)), n + 1))
    }))
}
