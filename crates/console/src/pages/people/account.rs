//! An account: a company or team that group messages name, with its traits, who belongs to it and
//! what they did lately.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{Timestamp, WorkspaceId};
use maud::{Markup, html};
use resources::group_accounts::{self, FoundAccount, GroupAccount, GroupMembersPage, MEMBERS_MAX};
use serde::Deserialize;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::facts::{computed_table, traits_table};
use super::timeline::entries;
use super::{address, interactions_text, search_form};
use crate::page::{Area, Frame, Page};
use crate::ui::{Cell, Column, EmptyState, Icon, Pagination, RelativeTime, Table};

/// How many members stand on a page.
const MEMBERS_SHOWN: usize = 25;
const _: () = assert!(MEMBERS_SHOWN <= MEMBERS_MAX);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    after: Option<u32>,
}

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(Query { after }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let account = match group_accounts::read(&workspace, id.clone()).await {
        Err(error) if error.kind.status() == StatusCode::NOT_FOUND => {
            return Ok(unknown(&frame, workspace.id(), &id));
        }
        read => read?,
    };
    let members =
        group_accounts::members(&workspace, account.path_name(), after, MEMBERS_SHOWN).await?;
    let now = workspace.handle().now()?;
    let body = html! {
        (traits(&account, now))
        (members_section(workspace.id(), &account, &members, after, now))
        section class="section" {
            h2 { "Lately" }
            @if account.events.is_empty() {
                p { "No messages of the people who belong to it." }
            } @else {
                div class="card" {
                    (entries(&account.events, now, false, |event| {
                        let person = event.external_ids.first().map(|id| id.id.as_str());
                        person.into_iter().chain([event.source_id.as_str(), event.type_]).collect()
                    }))
                }
            }
        }
    };
    Ok(Page::new(&frame, Area::People, account.title())
        .lead(html! {
            "Account · group id " code { bdi { (account.id) } } " · known since "
            (RelativeTime { at: account.created_at, now })
        })
        .body(body)
        .into_response())
}

fn traits(account: &GroupAccount, now: Timestamp) -> Markup {
    html! {
        section class="section" {
            h2 { "Traits" }
            @if account.traits.is_empty() {
                p { "No source has set any. Traits come with group messages." }
            } @else {
                div class="card card-table" { (traits_table(&account.traits, now)) }
            }
        }
        @if !account.computed_traits.is_empty() {
            section class="section" {
                h2 { "Computed traits" }
                div class="card card-table" { (computed_table(&account.computed_traits, now)) }
            }
        }
    }
}

fn members_section(
    workspace: &WorkspaceId,
    account: &GroupAccount,
    page: &GroupMembersPage,
    after: Option<u32>,
    now: Timestamp,
) -> Markup {
    let columns = vec![
        Column::text("Person"),
        Column::text("Id"),
        Column::number("Interactions"),
        Column::text("Last seen"),
    ];
    let table = Table::new("Members", columns).rows(page.members.iter().map(|person| {
        let href = address::person(workspace, &person.path_name(), "");
        vec![
            Cell::new(html! { a href=(href) { bdi { (person.title()) } } }),
            Cell::new(html! { code { bdi { (person.id) } } }),
            Cell::new(interactions_text(person)),
            Cell::new(html! {
                @match person.last_seen {
                    Some(at) => (RelativeTime { at, now }),
                    None => "–",
                }
            }),
        ]
    }));
    let own = address::account(workspace, &account.path_name());
    let next = page.next.map(|next| format!("{own}?after={next}"));
    html! {
        section class="section" {
            h2 { "Members" }
            @if page.members.is_empty() && next.is_none() {
                (EmptyState {
                    icon: Icon::People,
                    title: "Nobody belongs to it",
                    text: "Group messages make people members. Who is deleted belongs to it no more.",
                    next: None,
                })
            } @else {
                div class="card card-table" { (table) }
                (Pagination {
                    of: "members",
                    shown: &format!("{} on this page", page.members.len()),
                    previous: after.map(|_| own.as_str()),
                    next: next.as_deref(),
                })
            }
        }
    }
}

/// Links to accounts that were found.
pub(super) fn found(workspace: &WorkspaceId, accounts: &[FoundAccount]) -> Markup {
    let columns = vec![Column::text("Account"), Column::text("Group id")];
    let table = Table::new("Accounts that were found", columns).rows(accounts.iter().map(|one| {
        let href = address::account(workspace, &one.path_name());
        vec![
            Cell::new(html! { a href=(href) { bdi { (one.title()) } } }),
            Cell::new(html! { code { bdi { (one.id) } } }),
        ]
    }));
    html! {
        section class="section" {
            h2 { "Accounts" }
            div class="card card-table" { (table) }
        }
    }
}

/// The page of a group id that no message has named.
fn unknown(frame: &Frame, workspace: &WorkspaceId, name: &str) -> Response {
    let id = name.strip_prefix(group_accounts::NAME_PREFIX).unwrap_or(name);
    let title = format!("There is no account “{id}”");
    let body = html! {
        (search_form(&Area::People.path(workspace), id))
        (EmptyState {
            icon: Icon::People,
            title: &title,
            text: "Group messages make accounts, in a workspace with identity rules. The search in the head of the page finds them by their group id, or how it begins.",
            next: None,
        })
    };
    (StatusCode::NOT_FOUND, Page::new(frame, Area::People, "No account found").body(body))
        .into_response()
}
