//! Requests that took long, by route and the latest.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use domain::Timestamp;
use maud::{Markup, html};
use resources::operations::Operations;
use web::slow_requests::SlowRequest;

use crate::ui::{Cell, Column, RelativeTime, Table, Unit};

/// The most routes in the table, those with the slowest requests.
const ROUTES_SHOWN_MAX: usize = 10;
/// The most requests in the table.
const LATEST_SHOWN_MAX: usize = 20;

/// The slow requests of one route.
struct SlowRoute<'a> {
    n: usize,
    slowest_ms: f64,
    latest: &'a SlowRequest,
}

pub(super) fn section(operations: &Operations) -> Markup {
    let limit = Unit::Seconds.text(operations.slow_request_ms as f64 / 1_000.0);
    let slow = &operations.slow_requests;
    html! {
        section class="section" {
            div class="section-head" {
                h2 { "Slow requests" }
                p {
                    "Those that the server worked on for longer than " (limit)
                    ", streams and jobs left out"
                }
            }
            @if slow.is_empty() {
                p class="card" { "No request has been slow since the server started." }
            } @else {
                div class="card card-table" { (by_route(slow, operations.at)) }
                div class="card card-table" { (latest(slow, operations.at)) }
            }
        }
    }
}

fn by_route(slow: &[SlowRequest], now: Timestamp) -> Table<'static> {
    let mut routes: BTreeMap<(&str, &str), SlowRoute<'_>> = BTreeMap::new();
    // The newest come first.
    for request in slow {
        let route = routes.entry((&request.route, request.method)).or_insert(SlowRoute {
            n: 0,
            slowest_ms: 0.0,
            latest: request,
        });
        route.n += 1;
        route.slowest_ms = route.slowest_ms.max(request.duration_ms);
    }
    let mut routes: Vec<_> = routes.into_values().collect();
    routes.sort_by_key(|route| Reverse(route.slowest_ms as u64));
    let columns = vec![
        Column::text("Route"),
        Column::number("Slow requests"),
        Column::number("The slowest"),
        Column::text("Last one"),
    ];
    let row = |route: &SlowRoute<'_>| {
        vec![
            Cell::new(route_text(route.latest)),
            Cell::new(Unit::Count("").text(route.n as f64)),
            Cell::new(Unit::Seconds.text(route.slowest_ms / 1_000.0)),
            Cell::new(RelativeTime { at: route.latest.at, now }),
        ]
    };
    Table::new("By route", columns).captioned().rows(routes.iter().take(ROUTES_SHOWN_MAX).map(row))
}

fn latest(slow: &[SlowRequest], now: Timestamp) -> Table<'static> {
    let columns = vec![
        Column::text("Route"),
        Column::text("When"),
        Column::number("Duration"),
        Column::number("Status"),
    ];
    let row = |request: &SlowRequest| {
        vec![
            Cell::new(route_text(request)),
            Cell::new(RelativeTime { at: request.at, now }),
            Cell::new(Unit::Seconds.text(request.duration_ms / 1_000.0)),
            Cell::new(request.status),
        ]
    };
    Table::new("The latest", columns).captioned().rows(slow.iter().take(LATEST_SHOWN_MAX).map(row))
}

fn route_text(request: &SlowRequest) -> Markup {
    html! { code { (request.method) " " (request.route) } }
}
