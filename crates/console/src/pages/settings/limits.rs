//! The limits in force, and how much of each is used now.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::Right::Administer;
use domain::quantity::grouped;
use maud::html;
use resources::limits::{self, Limit, LimitUnit};
use web::App;
use web::access::Call;

use super::chrome::installation_tabs;
use crate::gate::{gated, read};
use crate::page::{Area, Frame, Page};
use crate::ui::{Cell, Column, Meter, Table, Tone, Unit};

pub(super) const CALLS: &[Call] = &[read("/console/-/limits", Administer)];

/// From this share on a limit needs attention.
const SCARCE_SHARE: f64 = 0.8;

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    gated(app, CALLS, Router::new().route("/console/-/limits", get(show)))
}

fn text(limit: &Limit, n: u64) -> String {
    match limit.unit {
        LimitUnit::Count => grouped(n),
        LimitUnit::PerSecond => format!("{} a second", grouped(n)),
        LimitUnit::Bytes => Unit::Bytes.text(n as f64),
        LimitUnit::Milliseconds => Unit::Seconds.text(n as f64 / 1_000.0),
        LimitUnit::MillisecondsPerSecond => format!("{} ms a second", grouped(n)),
    }
}

async fn show(State(app): State<Arc<App>>, frame: Frame) -> Response {
    let row = |limit: &Limit| {
        let share = limit.used.map(|used| used as f64 / limit.max.max(1) as f64);
        vec![
            Cell::new(html! {
                (limit.meaning)
                @if limit.is_setting { br; code { (limit.name) } }
            }),
            Cell::new(match limit.used {
                Some(used) => html! { (text(limit, used)) },
                None => html! { "each by itself" },
            }),
            Cell::new(html! {
                @if let Some(share) = share {
                    (Meter {
                        share,
                        tone: if share < SCARCE_SHARE { Tone::Accent } else { Tone::Warning },
                        label: Some(limit.meaning),
                    })
                } @else { "–" }
            }),
            Cell::new(text(limit, limit.max)),
        ]
    };
    let columns = vec![
        Column::text("Limit"),
        Column::number("Used now"),
        Column::text("Share"),
        Column::number("At most"),
    ];
    let table = Table::new("Limits", columns).rows(limits::list(&app).iter().map(row));
    let body = html! {
        (installation_tabs("limits"))
        section class="card card-table" { (table) }
        p class="bare-note" {
            "Limits with a key are set in the section " code { "[limits]" } " of the settings file."
        }
    };
    Page::new(&frame, Area::Settings, "Limits")
        .lead("What the installation takes at most. Beyond a limit, callers are told to come back.")
        .body(body)
        .into_response()
}
