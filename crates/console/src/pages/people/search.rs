//! Who is found, and who was active lately.

use axum::response::{IntoResponse, Redirect, Response};
use domain::Exportable;
use domain::{Timestamp, WorkspaceId};
use maud::{Markup, Render, html};
use resources::people::{self, FOUND_MAX, Found, ShownPerson};
use serde::Deserialize;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::super::{exports, privacy};
use super::{account, address};
use super::{interactions_text, search_form};
use crate::page::item_path;
use crate::page::{Area, Frame, Page};
use crate::ui::{Button, Cell, Column, EmptyState, Icon, ItemCard, RelativeTime, Table};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    q: String,
}

/// The search of the head: a whole id of one person leads there.
pub(super) async fn everything(
    frame: Frame,
    workspace: Workspace,
    Parameters(Query { q }): Parameters<Query>,
) -> Result<Response, ApiError> {
    page(frame, workspace, q.trim(), "Search").await
}

pub(super) async fn people(
    frame: Frame,
    workspace: Workspace,
    Parameters(Query { q }): Parameters<Query>,
) -> Result<Response, ApiError> {
    page(frame, workspace, q.trim(), "People").await
}

async fn page(
    frame: Frame,
    Workspace(workspace): Workspace,
    text: &str,
    title: &str,
) -> Result<Response, ApiError> {
    let id = workspace.id().clone();
    let now = workspace.handle().now()?;
    let action = Area::People.path(&id);
    if text.is_empty() {
        let recent = people::recent(&workspace).await?;
        let export = exports::path(&id, Exportable::People);
        let body = html! { (search_form(&action, "")) (recently(&id, &recent, now)) };
        return Ok(Page::new(&frame, Area::People, "People")
            .lead("Find anybody by an id, or look at who was active last.")
            .actions(html! {
                (Button::secondary("Privacy").href(&privacy::path(&id)))
                @if frame.may_open(&export) {
                    (Button::secondary("Export").icon(Icon::Download).href(&export))
                }
            })
            .body(body)
            .into_response());
    }
    let Found { people: found, items, is_item_id, accounts } = match title {
        "Search" => people::search_everything(&workspace, text.to_owned()).await?,
        _ => {
            let people = people::search(&workspace, text.to_owned()).await?;
            Found { people, ..Found::default() }
        }
    };
    // The text is the whole id of one person, item or account: nothing is to be chosen.
    let whole = found.iter().filter(|one| is_whole(one));
    let of_people = whole.map(|person| address::person(&id, &person.path_name(), ""));
    let of_item = is_item_id.then(|| item_path(&id, text));
    let own = accounts.iter().find(|account| account.id == text);
    let of_account = own.map(|account| address::account(&id, &account.path_name()));
    let mut paths = of_people.chain(of_item).chain(of_account);
    if let (Some(path), None) = (paths.next(), paths.next()) {
        return Ok(Redirect::to(&path).into_response());
    }
    let body = html! {
        (search_form(&action, text))
        @if found.is_empty() && items.is_empty() && accounts.is_empty() { (nobody(&id, text)) }
        @if !found.is_empty() {
            section class="section" {
                h2 { "People" }
                div class="card card-table" {
                    (table(&id, "People who were found", &found, now))
                }
                @if found.len() == FOUND_MAX {
                    p { "These are the first " (FOUND_MAX) ". Type more to see others." }
                }
            }
        }
        @if !accounts.is_empty() { (account::found(&id, &accounts)) }
        @if !items.is_empty() {
            section class="section" {
                h2 { "Items" }
                ol class="recommended" {
                    @for item in &items {
                        li class="card" {
                            (ItemCard {
                                id: &item.id,
                                title: item.title.as_deref(),
                                detail: item.detail.as_deref(),
                                picture: None,
                                href: &item_path(&id, &item.id),
                                more: None,
                            })
                        }
                    }
                }
            }
        }
    };
    let title = if title == "People" { "Found people" } else { title };
    Ok(Page::new(&frame, Area::People, title).body(body).into_response())
}

fn is_whole(person: &ShownPerson) -> bool {
    person.found_by.as_ref().is_some_and(|by| by.is_whole)
}

fn recently(workspace: &WorkspaceId, recent: &[ShownPerson], now: Timestamp) -> Markup {
    html! {
        @if recent.is_empty() {
            (EmptyState {
                icon: Icon::People,
                title: "Nobody was here lately",
                text: "People show up as soon as a source sends messages about them. To find somebody from before, type an id such as 42, a device such as 5b1c-77aa, or an address such as ada@example.com.",
                next: Some(html! {
                    (Button::secondary("Watch messages arrive").href(&Area::Live.path(workspace)))
                }),
            })
        } @else {
            section class="section" {
                h2 { "Active lately" }
                div class="card card-table" { (table(workspace, "People who were active lately", recent, now)) }
            }
        }
    }
}

/// What is said where nobody is found.
pub(super) fn nobody(workspace: &WorkspaceId, text: &str) -> Markup {
    let title = format!("Nothing is called “{text}”");
    html! {
        (EmptyState {
            icon: Icon::Person,
            title: &title,
            text: "Search takes user ids, anonymous ids, e-mail addresses, phone numbers, user names and names, or how one begins. Somebody who just arrived shows up in Live first.",
            next: Some(html! {
                (Button::secondary("Watch messages arrive").href(&Area::Live.path(workspace)))
                (Button::quiet("People who were active lately").href(&Area::People.path(workspace)))
            }),
        })
    }
}

fn table(workspace: &WorkspaceId, caption: &str, people: &[ShownPerson], now: Timestamp) -> Markup {
    let has_matches = people.iter().any(|person| person.found_by.is_some());
    let mut columns = vec![
        Column::text("Person"),
        Column::text("Id"),
        Column::text("E-mail address"),
        Column::number("Interactions"),
        Column::text("Last seen"),
    ];
    if has_matches {
        columns.push(Column::text("Found by"));
    }
    let rows = people.iter().map(|person| {
        let path = address::person(workspace, &person.path_name(), "");
        let seen = html! {
            @match person.last_seen {
                Some(at) => (RelativeTime { at, now }),
                None => "–",
            }
        };
        let mut cells = vec![
            Cell::new(html! { a href=(path) { bdi { (person.title()) } } }),
            Cell::new(html! { code { bdi { (person.id) } } }),
            Cell::new(html! { bdi { (person.email.as_deref().unwrap_or("–")) } }),
            Cell::new(interactions_text(person)),
            Cell::new(seen),
        ];
        if has_matches {
            cells.push(Cell::new(html! {
                @match &person.found_by {
                    Some(by) => { (words(&by.key)) " " bdi { (by.text) } },
                    None => "the id",
                }
            }));
        }
        cells
    });
    Table::new(caption, columns).rows(rows).render()
}

/// The word for a type of ids or the key of a trait.
pub(super) fn words(key: &str) -> String {
    match key {
        "user_id" => "user id".to_owned(),
        "anonymous_id" => "anonymous id".to_owned(),
        "email" => "e-mail".to_owned(),
        other => other.replace('_', " "),
    }
}

/// The page of an id that nobody has.
pub(super) fn unknown(frame: &Frame, workspace: &WorkspaceId, name: &str) -> Response {
    let shown = name.split_once(':').filter(|(type_, _)| type_.ends_with("_id"));
    let text = shown.map_or(name, |(_, id)| id);
    let action = Area::People.path(workspace);
    let body = html! { (search_form(&action, text)) (nobody(workspace, text)) };
    let page = Page::new(frame, Area::People, "Nobody found").body(body);
    (axum::http::StatusCode::NOT_FOUND, page).into_response()
}
