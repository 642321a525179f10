//! A person: what is recommended now, what was done, and who it is.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{Timestamp, WorkspaceId};
use maud::{Markup, Render, html};
use resources::group_accounts;
use resources::people::{self, InteractionsPage, Profile, ShownAccount, ShownMerge};
use resources::person_lists::ListName;
use serde::Deserialize;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::facts::{computed_text, source_name, traits_table, value_text};
use super::search::{unknown, words};
use super::{address, interactions_text, recommended, timeline};
use crate::page::item_path;
use crate::page::{Area, Frame, Page};
use crate::ui::{
    Button, Cell, Column, EmptyState, Icon, ItemCard, Pagination, RelativeTime, Tab, Table, tabs,
};

/// How many traits and identifiers stand beside the lists.
const FACTS_MAX: usize = 6;
/// How many interactions stand on a page.
const INTERACTIONS_SHOWN: usize = 24;

/// A person on a page of theirs.
pub(super) struct Person {
    pub(super) workspace: WorkspaceId,
    pub(super) profile: Profile,
    pub(super) name: String,
    pub(super) now: Timestamp,
}

/// The parts of a profile: the label and the end of the path.
const PARTS: [(&str, &str); 6] = [
    ("Overview", ""),
    ("Timeline", "timeline"),
    ("History", "history"),
    ("Audiences", "audiences"),
    ("Messages", "subscriptions"),
    ("Identity", "identity"),
];

impl Person {
    /// The page that says that nobody has the id, instead of an error.
    pub(super) async fn find(
        frame: &Frame,
        workspace: &RequestedWorkspace,
        id: String,
    ) -> Result<Result<Self, Response>, ApiError> {
        let profile = match people::read(workspace, id.clone()).await {
            Err(error) if error.kind.status() == StatusCode::NOT_FOUND => {
                return Ok(Err(unknown(frame, workspace.id(), &id)));
            }
            read => read?,
        };
        let name = profile.person.path_name();
        let now = workspace.handle().now()?;
        Ok(Ok(Self { workspace: workspace.id().clone(), profile, name, now }))
    }

    /// The address of a part of the profile.
    pub(super) fn path(&self, part: &str) -> String {
        address::person(&self.workspace, &self.name, part)
    }

    /// The page of a part.
    pub(super) fn page(&self, frame: &Frame, part: &str, body: &Markup) -> Response {
        let person = &self.profile.person;
        let paths = PARTS.map(|(_, part)| self.path(part));
        let shown: Vec<Tab> = PARTS
            .iter()
            .zip(&paths)
            .map(|((label, own), href)| Tab { label, href, count: None, is_current: *own == part })
            .collect();
        let try_it = address::try_it(&self.workspace, &person.id);
        let body = html! { (tabs("Parts of the profile", &shown)) (body) };
        Page::new(frame, Area::People, person.title())
            .lead(html! {
                @if let Some(at) = person.last_seen {
                    "Seen " (RelativeTime { at, now: self.now }) " · "
                }
                (interactions_text(person))
                (if person.n_interactions == 1 { " interaction" } else { " interactions" })
                " · " (words(&person.type_)) " " code { bdi { (person.id) } }
            })
            .actions(html! {
                (Button::secondary("Try settings").icon(Icon::TryIt).href(&try_it))
            })
            .body(body)
            .into_response()
    }

    pub(super) fn time(&self, at: Timestamp) -> RelativeTime {
        RelativeTime { at, now: self.now }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Overview {
    list: Option<ListName>,
}

pub(super) async fn overview(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(query): Parameters<Overview>,
) -> Result<Response, ApiError> {
    let person = match Person::find(&frame, &workspace, id).await? {
        Ok(person) => person,
        Err(nobody) => return Ok(nobody),
    };
    let recommended = recommended::section(&workspace, &person, query.list).await?;
    let lately = timeline::lately(&workspace, &person).await?;
    let body = html! {
        div class="columns columns-wide-first" {
            div class="stack" { (recommended) (lately) }
            aside class="stack" aria-label="Facts" { (person.facts()) }
        }
    };
    Ok(person.page(&frame, "", &body))
}

impl Person {
    /// The first identifiers, traits and merges.
    fn facts(&self) -> Markup {
        let Profile { identifiers, traits, computed_traits, merges, .. } = &self.profile;
        let identity = self.path("identity");
        html! {
            section class="card" {
                h2 { "Identifiers" }
                dl class="facts" {
                    @for id in identifiers.iter().take(FACTS_MAX) {
                        div {
                            dt { (words(&id.type_)) }
                            dd {
                                code { bdi { (id.id) } }
                                span class="fact-source" { (by_source(&id.source)) (self.time(id.created_at)) }
                            }
                        }
                    }
                }
                @if identifiers.len() > FACTS_MAX {
                    p { a href=(identity) { "All " (identifiers.len()) " identifiers" } }
                }
            }
            section class="card" {
                h2 { "Traits" }
                @if traits.is_empty() {
                    p { "No source has set any. Traits come with identify messages." }
                }
                dl class="facts" {
                    @for one in traits.iter().take(FACTS_MAX) {
                        div {
                            dt { bdi { (one.key) } }
                            dd {
                                bdi { (value_text(one)) }
                                span class="fact-source" { (by_source(&one.source)) (self.time(one.updated_at)) }
                            }
                        }
                    }
                }
                @if traits.len() > FACTS_MAX {
                    p { a href=(identity) { "All " (traits.len()) " traits" } }
                }
            }
            @if !computed_traits.is_empty() {
                section class="card" {
                    h2 { "Computed traits" }
                    dl class="facts" {
                        @for one in computed_traits {
                            div {
                                dt { bdi { (one.key) } }
                                dd {
                                    bdi { (computed_text(&one.value)) }
                                    span class="fact-source" { "since " (self.time(one.changed_at)) }
                                }
                            }
                        }
                    }
                }
            }
            (self.accounts())
            @if let Some(last) = merges.first() {
                section class="card" {
                    h2 { "Merges" }
                    p { (self.merge_sentence(last)) }
                    @if merges.len() > 1 {
                        p { a href=(identity) { "All " (merges.len()) " merges" } }
                    }
                }
            }
        }
    }

    /// The first accounts that the person belongs to.
    fn accounts(&self) -> Markup {
        let accounts = &self.profile.accounts;
        if accounts.is_empty() {
            return Markup::default();
        }
        html! {
            section class="card" {
                h2 { "Accounts" }
                dl class="facts" {
                    @for one in accounts.iter().take(FACTS_MAX) {
                        div {
                            dt {
                                a href=(self.account_path(one)) {
                                    bdi { (one.name.as_deref().unwrap_or(&one.id)) }
                                }
                            }
                            dd {
                                code { bdi { (one.id) } }
                                span class="fact-source" { (by_source(&one.source)) (self.time(one.since)) }
                                (account_values(one))
                            }
                        }
                    }
                }
                @if accounts.len() > FACTS_MAX {
                    p { a href=(self.path("identity")) { "All " (accounts.len()) " accounts" } }
                }
            }
        }
    }

    fn account_path(&self, account: &ShownAccount) -> String {
        address::account(&self.workspace, &group_accounts::path_name(&account.id))
    }

    fn merge_sentence(&self, merge: &ShownMerge) -> Markup {
        html! {
            @match (&merge.type_, &merge.id) {
                (Some(type_), Some(id)) => {
                    "The profile of " (words(type_)) " " code { bdi { (id) } }
                },
                _ => "A profile without ids",
            }
            " was merged into this one " (self.time(merge.at)) ", " (merge_cause(merge)) "."
        }
    }
}

/// What merged a profile, in words.
fn merge_cause(merge: &ShownMerge) -> String {
    let from =
        if merge.source.is_empty() { String::new() } else { format!(" from {}", merge.source) };
    match merge.by {
        Some("alias") => format!("because an alias message{from} asked for it"),
        Some("command") => "because a call of the recommender API asked for it".to_owned(),
        Some(type_) => {
            format!("because {} {type_} message{from} had the ids of both", article(type_))
        }
        None => "by the journal".to_owned(),
    }
}

fn article(type_: &str) -> &'static str {
    if type_.starts_with('i') { "an" } else { "a" }
}

fn by_source(source: &str) -> String {
    if source.is_empty() { String::new() } else { format!("from {source}, ") }
}

fn accounts_table(person: &Person) -> Table<'_> {
    let columns = ["Account", "Name", "Computed traits", "From", "Since"].map(Column::text).into();
    Table::new("Accounts", columns).rows(person.profile.accounts.iter().map(|one| {
        vec![
            Cell::new(html! {
                a href=(person.account_path(one)) { code { bdi { (one.id) } } }
            }),
            Cell::new(html! { bdi { (one.name.as_deref().unwrap_or_default()) } }),
            Cell::new(account_values(one)),
            Cell::new(html! { bdi { (one.source) } }),
            Cell::new(person.time(one.since)),
        ]
    }))
}

/// The first computed traits of an account.
fn account_values(account: &ShownAccount) -> Markup {
    let values = &account.computed_traits;
    html! {
        @for one in values.iter().take(FACTS_MAX) {
            div { code { (one.key) } " " bdi { (computed_text(&one.value)) } }
        }
        @if values.len() > FACTS_MAX { div { "and " (values.len() - FACTS_MAX) " more" } }
    }
}

pub(super) async fn identity(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let person = match Person::find(&frame, &workspace, id).await? {
        Ok(person) => person,
        Err(nobody) => return Ok(nobody),
    };
    let Profile { identifiers, traits, merges, .. } = &person.profile;
    let ids = Table::new(
        "Identifiers",
        vec![Column::text("Id"), Column::text("Type"), Column::text("From"), Column::text("Since")],
    )
    .rows(identifiers.iter().map(|id| {
        vec![
            Cell::new(html! { code { bdi { (id.id) } } }),
            Cell::new(words(&id.type_)),
            Cell::new(source_name(&id.source)),
            Cell::new(person.time(id.created_at)),
        ]
    }));
    let merged = Table::new(
        "Merges",
        vec![
            Column::text("Merged profile"),
            Column::number("Its ids"),
            Column::text("Why"),
            Column::text("When"),
        ],
    )
    .rows(merges.iter().map(|merge| {
        vec![
            Cell::new(html! { code { bdi { (merge.id.as_deref().unwrap_or("without ids")) } } }),
            Cell::new(merge.n_ids.to_string()),
            Cell::new(merge_cause(merge)),
            Cell::new(person.time(merge.at)),
        ]
    }));
    let first_source = &person.profile.first_source;
    let body = html! {
        p { "Known since " (person.time(person.profile.created_at))
            @if !first_source.is_empty() { ", first from " bdi { (first_source) } } "." }
        section class="section" { h2 { "Identifiers" } div class="card card-table" { (ids) } }
        section class="section" {
            h2 { "Traits" }
            @if traits.is_empty() {
                p { "No source has set any. Traits come with identify messages." }
            } @else { div class="card card-table" { (traits_table(traits, person.now)) } }
        }
        @if !person.profile.accounts.is_empty() {
            section class="section" {
                h2 { "Accounts" }
                div class="card card-table" { (accounts_table(&person)) }
            }
        }
        section class="section" {
            h2 { "Merges" }
            @if merges.is_empty() {
                p { "No other profile was merged into this one." }
            } @else { div class="card card-table" { (merged) } }
        }
    };
    Ok(person.page(&frame, "identity", &body))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct History {
    #[serde(default)]
    after: usize,
}

pub(super) async fn history(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
    Parameters(History { after }): Parameters<History>,
) -> Result<Response, ApiError> {
    let person = match Person::find(&frame, &workspace, id).await? {
        Ok(person) => person,
        Err(nobody) => return Ok(nobody),
    };
    let page =
        people::interactions(&workspace, person.name.clone(), after, INTERACTIONS_SHOWN).await?;
    let body = person.interactions(&page, after);
    Ok(person.page(&frame, "history", &body))
}

impl Person {
    fn interactions(&self, page: &InteractionsPage, after: usize) -> Markup {
        if page.interactions.is_empty() {
            return html! {
                (EmptyState {
                    icon: Icon::View,
                    title: "No interactions with items",
                    text: "Views, purchases, plays and ratings show up here. The timeline has all messages, also those that are about no item.",
                    next: Some(html! { (Button::secondary("Timeline").href(&self.path("timeline"))) }),
                })
            };
        }
        let until = after + page.interactions.len();
        let shown = format!(
            "{} to {until} of {}{}",
            after + 1,
            page.total,
            if page.has_older { " latest; older ones are in the timeline" } else { "" },
        );
        let at = |after: usize| format!("{}?after={after}", self.path("history"));
        let previous = (after > 0).then(|| at(after.saturating_sub(INTERACTIONS_SHOWN)));
        let next = (until < page.total).then(|| at(until));
        html! {
            h2 { "With which items" }
            ol class="recommended" {
                @for one in &page.interactions {
                    li class="card" {
                        (ItemCard {
                            id: &one.item.id,
                            title: one.item.title.as_deref(),
                            detail: one.item.detail.as_deref(),
                            picture: None,
                            href: &item_path(&self.workspace, &one.item.id),
                            more: Some(html! { p { (one.kind.participle()) " " (self.time(one.at)) } }),
                        })
                    }
                }
            }
            (Pagination {
                of: "interactions",
                shown: &shown,
                previous: previous.as_deref(),
                next: next.as_deref(),
            }.render())
        }
    }
}
