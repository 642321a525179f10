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

use super::likely::unknown_names;
use super::{history, path, preview};
use crate::page::{Area, Frame, Page};
use crate::pages::people::address;
use crate::pages::{sync, versions};
use crate::ui::{
    Button, Cell, Column, Confirmation, EmptyState, Icon, Pagination, RelativeTime, Tab, Table,
    tabs,
};

/// How many members stand on a page.
const MEMBERS_SHOWN: usize = 50;
/// In how many days people left, as the page offers it.
const LEFT_DAYS: [u32; 2] = [7, 30];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// Behind which person the page begins.
    after: Option<u32>,
    /// Whether reach and overlap are worked out, which takes up to 2 s.
    #[serde(default)]
    reach: bool,
    /// Who left in so many days stands in place of the members.
    left_days: Option<u32>,
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
    let page =
        audiences::members(&workspace, key.clone(), query.left_days, query.after, MEMBERS_SHOWN)
            .await?;
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
                    (unknown_names(&audience.unknown))
                    p { (last_search(&audience, now)) }
                }
                None => p { code { (audience.condition) } },
            }
            (history::section(workspace.id(), &audience))
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
        (members(&workspace, &audience, &page, &query)?)
    };
    let title = audience.name.as_deref().unwrap_or(&audience.key);
    let page = Page::new(&frame, Area::Audiences, title).lead(html! {
        (grouped(audience.n_members)) (if audience.n_members == 1 { " member" } else { " members" })
        " · " code { (audience.key) }
    });
    let destinations = sync::Kind::Audience.path(workspace.id(), &key);
    let versions = versions::Kind::Audience.path(workspace.id(), &key);
    let to_versions = Button::quiet("Versions").href(&versions);
    let to_destinations = Button::secondary("Destinations").href(&destinations);
    let page = match caller.grant.role.has(ChangeWorkspace) {
        true => page.actions(html! {
            (to_destinations)
            (to_versions)
            (Button::secondary("Change").href(&format!("{own}/edit")))
            (Button::quiet("Delete").href(&format!("{own}/delete")))
        }),
        false => page.actions(html! { (to_destinations) (to_versions) }),
    };
    Ok(page.body(body).render())
}

fn members(
    workspace: &RequestedWorkspace,
    audience: &Audience,
    page: &MembersPage,
    query: &Query,
) -> Result<Markup, ApiError> {
    let now = workspace.handle().now()?;
    let own = path(workspace.id(), &audience.key);
    let (title, when) = match query.left_days {
        Some(_) => ("Who left", "Left"),
        None => ("Members", "Since"),
    };
    let table = Table::new(title, vec![Column::text("Person"), Column::text(when)]).rows(
        page.members.iter().map(|member| {
            let name = format!("{}:{}", member.type_, member.id);
            let href = address::person(workspace.id(), &name, "");
            vec![
                Cell::new(html! { a href=(href) { bdi { (member.id) } } }),
                Cell::new(RelativeTime { at: member.left.unwrap_or(member.entered), now }),
            ]
        }),
    );
    let days = query.left_days.map(|days| format!("left_days={days}"));
    let first = days.as_ref().map_or(own.clone(), |days| format!("{own}?{days}"));
    let days = days.map(|days| format!("&{days}")).unwrap_or_default();
    let next = page.next.map(|next| format!("{own}?after={next}{days}"));
    let lists: Vec<(String, String, Option<u32>)> =
        std::iter::once(("Members".to_owned(), own.clone(), None))
            .chain(LEFT_DAYS.map(|days| {
                let href = format!("{own}?left_days={days}");
                (format!("Left in {days} days"), href, Some(days))
            }))
            .collect();
    let lists: Vec<Tab<'_>> = lists
        .iter()
        .map(|(label, href, days)| Tab {
            label,
            href,
            count: None,
            is_current: query.left_days == *days,
        })
        .collect();
    Ok(html! {
        section class="section" {
            h2 { (title) }
            (tabs("Members and who left", &lists))
            @if page.members.is_empty() && page.next.is_none() && query.left_days.is_some() {
                (EmptyState {
                    icon: Icon::Audiences,
                    title: "Nobody left in this time and is not back",
                    text: "Who leaves is listed from that moment on.",
                    next: None,
                })
            } @else if page.members.is_empty() && page.next.is_none() {
                (EmptyState {
                    icon: Icon::Audiences,
                    title: "Nobody belongs to it now",
                    text: "Who matches later enters at that moment. A new audience takes a while until everybody is worked out.",
                    next: None,
                })
            } @else {
                div class="card card-table" { (table) }
                (Pagination {
                    of: "people",
                    shown: &format!("{} on this page", page.members.len()),
                    previous: query.after.map(|_| first.as_str()),
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
