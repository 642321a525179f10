//! One audience: its condition and its members.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Redirect;
use domain::Right::ChangeWorkspace;
use domain::Timestamp;
use domain::quantity::grouped;
use engine::Expected;
use maud::{Markup, Render, html};
use resources::audience_preview;
use resources::audiences::{self, Audience, MembersPage};
use serde::Deserialize;
use serde_json::Value;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::{path, preview};
use crate::page::{Area, Frame, Page};
use crate::pages::people::address;
use crate::ui::{
    Button, Cell, Column, Confirmation, EmptyState, Icon, Pagination, RelativeTime, Table,
};

/// How many members stand on a page.
const MEMBERS_SHOWN: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// Behind which person the page begins.
    after: Option<u32>,
    /// Whether reach and overlap are worked out, which takes up to 2 s.
    #[serde(default)]
    reach: bool,
}

/// When the people of an audience that is made of items were last looked for.
fn last_search(audience: &Audience, now: Timestamp) -> Markup {
    html! {
        @match &audience.last_search {
            Some(last) => {
                "Looked for " (RelativeTime { at: last.at, now }) ": " (grouped(last.n_interested))
                " people had any interest."
            }
            None => "Its people are being looked for.",
        }
    }
}

pub(super) async fn show(
    frame: Frame,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
    Parameters(query): Parameters<Query>,
) -> Result<Markup, ApiError> {
    let audience = audiences::read(&workspace, key.clone()).await?.value;
    let page = audiences::members(&workspace, key.clone(), query.after, MEMBERS_SHOWN).await?;
    let reach = match query.reach {
        true => {
            let condition = Value::String(format!("in audience {key}"));
            Some(audience_preview::preview(&workspace, condition).await?)
        }
        false => None,
    };
    let (own, now) = (path(workspace.id(), &key), workspace.handle().now()?);
    let body = html! {
        section class="card" {
            h2 { "Who belongs to it" }
            @match audience.likely {
                Some(_) => {
                    p { "These are " (audience.described()) "." }
                    p { (last_search(&audience, now)) }
                }
                None => p { code { (audience.condition) } },
            }
            @if !audience.used_by.is_empty() {
                p {
                    "Named by "
                    @for (n, other) in audience.used_by.iter().enumerate() {
                        @if n > 0 { ", " }
                        a href=(path(workspace.id(), other)) { (other) }
                    }
                }
            }
        }
        section class="card" {
            h2 { "Reach and overlap" }
            @match &reach {
                Some(found) => (preview::shown(found, workspace.id())),
                None => {
                    (Button::secondary("Show reach and overlap").href(&format!("{own}?reach=true")))
                }
            }
        }
        (members(&workspace, &audience, &page, query.after)?)
    };
    let title = audience.name.as_deref().unwrap_or(&audience.key);
    let page = Page::new(&frame, Area::Audiences, title).lead(html! {
        (grouped(audience.n_members)) (if audience.n_members == 1 { " member" } else { " members" })
        " · " code { (audience.key) }
    });
    let page = match caller.grant.role.has(ChangeWorkspace) {
        true => page.actions(html! {
            (Button::secondary("Change").href(&format!("{own}/edit")))
            (Button::quiet("Delete").href(&format!("{own}/delete")))
        }),
        false => page,
    };
    Ok(page.body(body).render())
}

fn members(
    workspace: &RequestedWorkspace,
    audience: &Audience,
    page: &MembersPage,
    after: Option<u32>,
) -> Result<Markup, ApiError> {
    let now = workspace.handle().now()?;
    let own = path(workspace.id(), &audience.key);
    let table = Table::new("Members", vec![Column::text("Person"), Column::text("Since")]).rows(
        page.members.iter().map(|member| {
            let name = format!("{}:{}", member.type_, member.id);
            let href = address::person(workspace.id(), &name, "");
            vec![
                Cell::new(html! { a href=(href) { bdi { (member.id) } } }),
                Cell::new(RelativeTime { at: member.entered, now }),
            ]
        }),
    );
    let next = page.next.map(|next| format!("{own}?after={next}"));
    Ok(html! {
        section class="section" {
            h2 { "Members" }
            @if page.members.is_empty() {
                (EmptyState {
                    icon: Icon::Audiences,
                    title: "Nobody belongs to it now",
                    text: "Who matches later enters at that moment. A new audience takes a while until everybody is worked out.",
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
    })
}

pub(super) async fn ask(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Markup, ApiError> {
    let audience = audiences::read(&workspace, key).await?.value;
    let own = path(workspace.id(), &audience.key);
    let members =
        format!("{} members lose their trait {}.", grouped(audience.n_members), audience.key);
    let confirmation = Confirmation {
        consequences: &[&members, "When they belonged to it is forgotten."],
        action: &format!("{own}/delete"),
        csrf: &frame.csrf,
        confirm: "Delete this audience",
        back: &own,
    };
    let title = format!("Delete {}?", audience.key);
    Ok(Page::new(&frame, Area::Audiences, &title).body(confirmation.render()).render())
}

pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, key)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    audiences::delete(&app, &workspace, key, Expected::Present).await?;
    Ok(Redirect::to(&Area::Audiences.path(workspace.id())))
}
