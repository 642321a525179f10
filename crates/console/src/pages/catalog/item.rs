//! One item: what it is, what became of it, what goes with it, and the switch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::{Day, InteractionKind, WorkspaceId};
use maud::{Markup, Render, html};
use resources::items::{self, ItemDetail, ItemState, LikelyPerson, SimilarItem};
use serde::Deserialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::{item_path, may_change, state_badge, value_text};
use crate::live::{Part, fragments};
use crate::page::{Area, Frame, Page, person_path};
use crate::ui::chart::{Bar, BarChart, DayPoint, LineChart};
use crate::ui::form::Form;
use crate::ui::{
    Button, Callout, Cell, Column, Confirmation, EmptyState, Icon, ItemCard, LiveFragment, Table,
    Tone, Unit, own_picture, picture,
};

/// The characters of a value beside its name.
const FACT_CHARS_MAX: usize = 400;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    notice: Option<String>,
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Extension(caller): Extension<Caller>,
    Path((_, id)): Path<(String, String)>,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let detail = items::read(&workspace, id.clone()).await?;
    let similar = items::similar(&workspace, id).await;
    let own = workspace.id();
    let item = &detail.item;
    let here = item_path(own, &item.item_id);
    let body = html! {
        div class="columns columns-wide-first" {
            div class="stack" {
                section class="card" { (by_day(&detail)) }
                section class="card" { (by_kind(&detail)) }
                section class="card" { (led(&detail)) }
            }
            aside class="stack" aria-label="Facts" {
                section class="card" {
                    span class="cover" {
                        (picture(&item.item_id, item.name(), own_picture(item.picture.as_deref())))
                    }
                    (facts(&detail))
                }
            }
        }
        section class="section" {
            div class="section-head" {
                h2 { "Similar items" }
                p { "As lists show them beside this one." }
            }
            (similar_items(own, &similar))
        }
        section class="section" {
            div class="section-head" {
                h2 { "Who is likely to want it" }
                p { "People without it whose history fits best." }
            }
            p { a class="button button-secondary" href={ (here) "/people" } { "Find them" } }
        }
    };
    let (off, on) = (format!("{here}/off"), format!("{here}/on"));
    let lead = html! {
        (state_badge(item.state)) " "
        (Unit::Count("interactions").text(item.n_interactions() as f64))
    };
    let mut page = Page::new(&frame, Area::Catalog, item.name()).lead(lead).body(body);
    if may_change(&caller) {
        page = page.actions(match item.state {
            ItemState::Off => html! {
                (Form {
                    action: &on,
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! { (Button::primary("Turn on again")) },
                })
            },
            _ => html! { (Button::secondary("Take off everywhere").href(&off)) },
        });
    }
    page = match query.notice.as_deref() {
        Some("off") => page.notice(
            Callout::success("No list has this item from now on")
                .text("It stays off, whatever files say, until somebody turns it on again.")
                .announced(),
        ),
        Some("on") => page.notice(Callout::success("Lists may have this item again").announced()),
        _ => page,
    };
    Ok(page.into_response())
}

fn facts(detail: &ItemDetail) -> Markup {
    let item = &detail.item;
    html! {
        dl class="facts" {
            div { dt { "Item id" } dd { code { (item.item_id) } } }
            @for property in &detail.schema {
                @if let Some(value) = item.properties.get(&property.name) {
                    div { dt { (property.name) } dd { (value_text(value, FACT_CHARS_MAX)) } }
                }
            }
        }
    }
}

/// A line over the days for all kinds, with the kinds apart in a table.
fn by_day(detail: &ItemDetail) -> Markup {
    let mut totals: BTreeMap<Day, f64> = BTreeMap::new();
    for day in &detail.days {
        *totals.entry(day.day_number).or_default() += day.n as f64;
    }
    let n_days = detail.n_days;
    let point = |ago: u32| {
        let day = detail.today.earlier(ago);
        let value = Some(totals.get(&day).copied().unwrap_or(0.0));
        DayPoint { day, value, interval: None, before: None }
    };
    let days: Vec<DayPoint> = (0..n_days).rev().map(point).collect();
    let table = Table::new(
        "Interactions by day and kind",
        vec![Column::text("Day"), Column::text("Kind"), Column::number("Interactions")],
    )
    .rows(detail.days.iter().rev().map(|day| {
        vec![
            Cell::new(&day.day),
            Cell::new(words(day.kind)),
            Cell::new(Unit::Count("").text(day.n as f64)),
        ]
    }));
    html! {
        (LineChart {
            title: "Interactions by day",
            unit: Unit::Count(""),
            days: &days,
            before: None,
        })
        @if !detail.days.is_empty() {
            details class="chart-data" {
                summary { "By day and kind" }
                (table)
            }
        }
        @if detail.n_sampled < detail.n_people {
            p class="field-hint" {
                "About: estimated from "
                (Unit::Count("people").text(detail.n_sampled as f64)) " of "
                (Unit::Count("").text(detail.n_people as f64)) "."
            }
        }
    }
}

fn by_kind(detail: &ItemDetail) -> Markup {
    let bars: Vec<Bar> = detail
        .item
        .interactions
        .iter()
        .map(|(kind, n)| Bar {
            label: words(*kind),
            value: *n as f64,
            interval: None,
            tone: Tone::Accent,
        })
        .collect();
    html! {
        @if bars.is_empty() {
            (EmptyState {
                icon: Icon::Live,
                title: "No interaction yet",
                text: "Nobody has done anything with this item.",
                next: None,
            })
        } @else {
            (BarChart {
                title: "Interactions of all time",
                unit: Unit::Count(""),
                of: "Kind",
                bars: &bars,
            })
        }
    }
}

/// What followed from recommendations of the item.
fn led(detail: &ItemDetail) -> Markup {
    let mut by_kind: BTreeMap<InteractionKind, (u64, u64)> = BTreeMap::new();
    for day in &detail.days {
        let (n, n_led) = by_kind.entry(day.kind).or_default();
        *n += day.n;
        *n_led += day.n_led;
    }
    let n_led: u64 = by_kind.values().map(|(_, n_led)| n_led).sum();
    let table = Table::new(
        "Interactions after recommendations",
        vec![
            Column::text("Kind"),
            Column::number("After a recommendation"),
            Column::number("Of all"),
            Column::number("Share"),
        ],
    )
    .rows(by_kind.iter().map(|(kind, (n, n_led))| {
        vec![
            Cell::new(words(*kind)),
            Cell::new(Unit::Count("").text(*n_led as f64)),
            Cell::new(Unit::Count("").text(*n as f64)),
            Cell::new(Unit::Share.text(if *n == 0 { 0.0 } else { *n_led as f64 / *n as f64 })),
        ]
    }));
    html! {
        h2 { "What came of recommendations" }
        @if n_led == 0 {
            p class="field-hint" {
                "In the last " (detail.n_days) " days no interaction with this item cited a "
                "recommendation. Clients cite one by its recommId."
            }
        } @else {
            (table)
        }
    }
}

fn similar_items(workspace: &WorkspaceId, similar: &Result<Vec<SimilarItem>, ApiError>) -> Markup {
    let similar = match similar {
        Err(error) => return html! { (Callout::warning("No list now").text(&error.message)) },
        Ok(similar) => similar,
    };
    html! {
        @if similar.is_empty() {
            (EmptyState {
                icon: Icon::Catalog,
                title: "Nothing goes with it yet",
                text: "A model learns it from what people do: train one under Models.",
                next: None,
            })
        }
        div class="items" {
            @for other in similar {
                @let href = item_path(workspace, &other.item.item_id);
                @let reason = match other.shared.is_empty() {
                    true => "liked by the same people".to_owned(),
                    false => format!("same {}", other.shared.join(", ")),
                };
                (ItemCard {
                    id: &other.item.item_id,
                    title: other.item.title.as_deref(),
                    detail: Some(&reason),
                    picture: own_picture(other.item.picture.as_deref()),
                    href: &href,
                    more: None,
                })
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeopleQuery {
    /// Makes the list with the page, for browsers without scripts.
    #[serde(default)]
    now: bool,
}

/// The page stands before its list, which takes a look at everybody.
pub(super) async fn people(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(query): Parameters<PeopleQuery>,
) -> Result<Response, ApiError> {
    let name = items::name(&workspace, id.clone()).await?;
    let own = workspace.id();
    let back = item_path(own, &id);
    let stream = format!("{back}/people/stream");
    let body = match query.now {
        true => people_list(own, &items::people(&workspace, id).await?),
        false => html! {
            (LiveFragment {
                stream: &stream,
                content: html! {
                    p class="needs-script" { "Everybody is looked at. This takes a moment." }
                    noscript {
                        a class="button button-secondary" href="?now=true" { "Make the list" }
                    }
                },
            })
        },
    };
    let page = Page::new(&frame, Area::Catalog, "Who is likely to want it")
        .below(&name, &back)
        .lead("People who have not had it, by how well it fits what they did.")
        .body(body);
    Ok(page.into_response())
}

/// The list alone, for the page that is there already.
pub(super) async fn people_stream(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Response {
    let own = workspace.id().clone();
    fragments(Arc::clone(&app), Duration::ZERO, move || {
        let (app, own, id) = (Arc::clone(&app), own.clone(), id.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, own.as_str())?;
            let list = items::people(&workspace, id).await;
            Ok(Part::Last(match list {
                Ok(people) => people_list(&own, &people),
                Err(error) => Callout::warning("No list now").text(&error.message).render(),
            }))
        }
    })
}

fn people_list(workspace: &WorkspaceId, people: &[LikelyPerson]) -> Markup {
    let top = people.first().map_or(1.0, |first| f64::from(first.score).max(f64::MIN_POSITIVE));
    let table = Table::new(
        "People who are likely to want it",
        vec![Column::text("Person"), Column::number("How likely, beside the first")],
    )
    .rows(people.iter().map(|person| {
        let href = person_path(workspace, &person.user_id);
        vec![
            Cell::new(html! { a href=(href) { (person.user_id) } }),
            Cell::new(Unit::RoundShare.text(f64::from(person.score) / top)),
        ]
    }));
    html! {
        @if people.is_empty() {
            (EmptyState {
                icon: Icon::People,
                title: "Nobody stands out",
                text: "A model learns it from what people do: train one under Models.",
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
        }
    }
}

/// Asks before an item is taken off all lists.
pub(super) async fn ask_off(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let item = items::read(&workspace, id).await?.item;
    let here = item_path(workspace.id(), &item.item_id);
    let title = format!("Take “{}” off everywhere?", item.name());
    let body = html! {
        (Confirmation {
            consequences: &[
                "No list and no search has it any more, in no scenario, from this moment on.",
                "It stays off whatever files say, until somebody turns it on again.",
                "Its properties and interactions stay, and go on being counted.",
            ],
            action: &format!("{here}/off"),
            csrf: &frame.csrf,
            confirm: "Take it off everywhere",
            back: &here,
        })
    };
    let page = Page::new(&frame, Area::Catalog, &title).below(item.name(), &here).body(body);
    Ok(page.into_response())
}

pub(super) async fn turn_off(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    items::switch(&workspace, id.clone(), false).await?;
    Ok(Redirect::to(&format!("{}?notice=off", item_path(workspace.id(), &id))))
}

pub(super) async fn turn_on(
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    items::switch(&workspace, id.clone(), true).await?;
    Ok(Redirect::to(&format!("{}?notice=on", item_path(workspace.id(), &id))))
}

fn words(kind: InteractionKind) -> &'static str {
    match kind {
        InteractionKind::DetailView => "Views",
        InteractionKind::Purchase => "Purchases",
        InteractionKind::Rating => "Ratings",
        InteractionKind::CartAddition => "Carts",
        InteractionKind::Bookmark => "Bookmarks",
        InteractionKind::ViewPortion => "Plays",
    }
}
