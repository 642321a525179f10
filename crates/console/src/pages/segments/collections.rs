//! Series and groups.

use std::sync::Arc;

use axum::extract::{Form, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::{ChangeWorkspace, ReadWorkspace};
use engine::CollectionKind;
use maud::{Markup, Render, html};
use resources::collections::{self, NewMember, ShownCollection, ShownMember};
use serde::Deserialize;
use web::App;
use web::access::{Call, Caller};
use web::error::ApiError;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::{Part, part_tabs};
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page};
use crate::ui::form::{Checkbox, Field, Form as FormElement, InputKind, NumberInput, TextInput};
use crate::ui::{Button, Cell, Column, Confirmation, EmptyState, Icon, Table};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/segments/series", ReadWorkspace),
    edit("/console/{workspace}/segments/series", "series.create"),
    read("/console/{workspace}/segments/series/{id}", ReadWorkspace),
    edit("/console/{workspace}/segments/series/{id}", "series.add_member"),
    edit("/console/{workspace}/segments/series/{id}/remove", "series.remove_member"),
    read("/console/{workspace}/segments/series/{id}/delete", ChangeWorkspace),
    edit("/console/{workspace}/segments/series/{id}/delete", "series.delete"),
    read("/console/{workspace}/segments/groups", ReadWorkspace),
    edit("/console/{workspace}/segments/groups", "groups.create"),
    read("/console/{workspace}/segments/groups/{id}", ReadWorkspace),
    edit("/console/{workspace}/segments/groups/{id}", "groups.add_member"),
    edit("/console/{workspace}/segments/groups/{id}/remove", "groups.remove_member"),
    read("/console/{workspace}/segments/groups/{id}/delete", ChangeWorkspace),
    edit("/console/{workspace}/segments/groups/{id}/delete", "groups.delete"),
];

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let mut routes = Router::new();
    for kind in [CollectionKind::Series, CollectionKind::Group] {
        let words = Words::of(kind);
        let all = format!("/console/{{workspace}}/segments/{}", words.path);
        let list = async move |frame: Frame, caller: Extension<Caller>, workspace: Workspace| {
            list_page(kind, &frame, &caller, &workspace.0, "", None).await
        };
        let create = async move |frame: Frame,
                                 caller: Extension<Caller>,
                                 workspace: Workspace,
                                 Form(typed): Form<NewCollection>| {
            create(kind, &frame, &caller, &workspace.0, typed).await
        };
        let read = async move |frame: Frame,
                               caller: Extension<Caller>,
                               workspace: Workspace,
                               Path((_, id)): Path<(String, String)>| {
            let collection = collections::read(&workspace.0, kind, id).await?;
            let typed = TypedMember::after(&collection);
            Ok::<_, ApiError>(one_page(kind, &frame, &caller, &collection, &typed, None))
        };
        let add = async move |frame: Frame,
                              caller: Extension<Caller>,
                              workspace: Workspace,
                              Path((_, id)): Path<(String, String)>,
                              Form(typed): Form<TypedMember>| {
            add_member(kind, &frame, &caller, &workspace.0, id, typed).await
        };
        let remove = async move |workspace: Workspace,
                                 Path((_, id)): Path<(String, String)>,
                                 Form(removed): Form<RemovedMember>| {
            let path = path_of(kind, &workspace.0, &id);
            let is_collection = removed.is_collection.is_some();
            let member = removed.member;
            collections::remove_member(&workspace.0, kind, id, member, is_collection).await?;
            Ok::<_, ApiError>(Redirect::to(&path))
        };
        let ask = async move |frame: Frame,
                              workspace: Workspace,
                              Path((_, id)): Path<(String, String)>| {
            let collection = collections::read(&workspace.0, kind, id).await?;
            Ok::<_, ApiError>(delete_page(kind, &frame, &workspace.0, &collection))
        };
        let delete = async move |workspace: Workspace, Path((_, id)): Path<(String, String)>| {
            collections::delete(&workspace.0, kind, id).await?;
            Ok::<_, ApiError>(Redirect::to(&Part::Collections(kind).path(workspace.0.id())))
        };
        routes = routes
            .route(&all, get(list).post(create))
            .route(&format!("{all}/{{id}}"), get(read).post(add))
            .route(&format!("{all}/{{id}}/remove"), post(remove))
            .route(&format!("{all}/{{id}}/delete"), get(ask).post(delete));
    }
    gated(app, CALLS, routes)
}

/// What a kind is called on pages.
struct Words {
    path: &'static str,
    one: &'static str,
    title: &'static str,
    lead: &'static str,
    nothing: &'static str,
    explanation: &'static str,
}

impl Words {
    fn of(kind: CollectionKind) -> Self {
        match kind {
            CollectionKind::Series => Self {
                path: "series",
                one: "series",
                title: "Series",
                lead: "Items in an order, such as the episodes of a season.",
                nothing: "No series yet",
                explanation: "With a series, people are shown what comes next after what they have seen.",
            },
            CollectionKind::Group => Self {
                path: "groups",
                one: "group",
                title: "Groups",
                lead: "Items that belong together without an order, such as the sizes of a shoe.",
                nothing: "No group yet",
                explanation: "A group keeps items together that are one thing to people.",
            },
        }
    }
}

fn path_of(kind: CollectionKind, workspace: &RequestedWorkspace, id: &str) -> String {
    format!("{}/{id}", Part::Collections(kind).path(workspace.id()))
}

#[derive(Deserialize)]
struct NewCollection {
    id: String,
}

#[derive(Deserialize)]
struct RemovedMember {
    member: String,
    is_collection: Option<String>,
}

#[derive(Deserialize)]
struct TypedMember {
    member: String,
    #[serde(default)]
    time: String,
    is_collection: Option<String>,
}

impl TypedMember {
    /// An empty form whose place is behind the last member.
    fn after(collection: &ShownCollection) -> Self {
        let last = collection.members.last().map_or(0.0, |member| member.time);
        Self { member: String::new(), time: (last.floor() + 1.0).to_string(), is_collection: None }
    }
}

async fn list_page(
    kind: CollectionKind,
    frame: &Frame,
    caller: &Caller,
    workspace: &RequestedWorkspace,
    typed: &str,
    error: Option<&str>,
) -> Result<Markup, ApiError> {
    let all = collections::list(workspace, kind).await?;
    let (words, start) = (Words::of(kind), Part::Collections(kind).path(workspace.id()));
    let table = Table::new(words.title, vec![Column::text("Id"), Column::number("Members")]).rows(
        all.iter().map(|own| {
            let link = html! { a href={ (start) "/" (own.id) } { (own.id) } };
            vec![Cell::new(link), Cell::new(domain::quantity::grouped(own.n_members as u64))]
        }),
    );
    let body = html! {
        (part_tabs(workspace.id(), Part::Collections(kind)))
        @if caller.grant.role.has(ChangeWorkspace) {
            section class="card" {
                (FormElement {
                    action: &start,
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! {
                        (TextInput::new(Field::new("id", "Id of a new one").error(error))
                            .kind(InputKind::Code)
                            .value(typed))
                        div class="actions" { (Button::primary("Make it")) }
                    },
                })
            }
        }
        @if all.is_empty() {
            (EmptyState {
                icon: Icon::Segments,
                title: words.nothing,
                text: words.explanation,
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
        }
    };
    Ok(Page::new(frame, Area::Segments, words.title).lead(words.lead).body(body).render())
}

async fn create(
    kind: CollectionKind,
    frame: &Frame,
    caller: &Caller,
    workspace: &RequestedWorkspace,
    NewCollection { id }: NewCollection,
) -> Result<Response, ApiError> {
    match collections::create(workspace, kind, id.clone()).await {
        Ok(()) => Ok(Redirect::to(&path_of(kind, workspace, &id)).into_response()),
        Err(error) if error.kind.status().is_client_error() => {
            let message = Some(error.message.as_str());
            let page = list_page(kind, frame, caller, workspace, &id, message).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

async fn add_member(
    kind: CollectionKind,
    frame: &Frame,
    caller: &Caller,
    workspace: &RequestedWorkspace,
    id: String,
    typed: TypedMember,
) -> Result<Response, ApiError> {
    let is_collection = typed.is_collection.is_some();
    let time = match kind {
        CollectionKind::Group => Ok(0.0),
        CollectionKind::Series => typed.time.trim().parse::<f64>().map_err(|_| {
            ApiError::invalid("This is no number. Members are in the order of their places.")
                .at("/time")
        }),
    };
    let added = match time {
        Ok(time) => {
            let member = NewMember { id: typed.member.trim().to_owned(), is_collection, time };
            collections::add_member(workspace, kind, id.clone(), member).await
        }
        Err(error) => Err(error),
    };
    match added {
        Ok(()) => Ok(Redirect::to(&path_of(kind, workspace, &id)).into_response()),
        Err(error) if error.kind.status().is_client_error() => {
            let collection = collections::read(workspace, kind, id).await?;
            let page = one_page(kind, frame, caller, &collection, &typed, Some(&error));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error),
    }
}

fn one_page(
    kind: CollectionKind,
    frame: &Frame,
    caller: &Caller,
    collection: &ShownCollection,
    typed: &TypedMember,
    error: Option<&ApiError>,
) -> Markup {
    let words = Words::of(kind);
    let is_series = kind == CollectionKind::Series;
    let start = frame.workspace.as_ref().map(|own| Part::Collections(kind).path(own));
    let start = start.unwrap_or_default();
    let path = format!("{start}/{}", collection.id);
    let may_change = caller.grant.role.has(ChangeWorkspace);
    let is_at = |own: &&ApiError, pointer| own.pointer.as_deref().unwrap_or("/member") == pointer;
    let error_at =
        |pointer| error.filter(|own| is_at(own, pointer)).map(|own| own.message.as_str());
    let mut columns = vec![Column::text("Member")];
    if is_series {
        columns.push(Column::number("Place"));
    }
    if may_change {
        columns.push(Column::actions("Remove"));
    }
    let table = Table::new("Members", columns).rows(collection.members.iter().map(|member| {
        let mut row = vec![Cell::new(member_name(member, words.one))];
        if is_series {
            row.push(Cell::new(member.time.to_string()));
        }
        if may_change {
            row.push(Cell::new(FormElement {
                action: &format!("{path}/remove"),
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    input type="hidden" name="member" value=(member.id);
                    @if member.is_collection {
                        input type="hidden" name="is_collection" value="true";
                    }
                    (Button::quiet("Remove"))
                },
            }));
        }
        row
    }));
    let body = html! {
        @if collection.members.is_empty() {
            (EmptyState {
                icon: Icon::Segments,
                title: "No member yet",
                text: "Add items of the catalog by their ids.",
                next: None,
            })
        } @else {
            section class="card card-table" { (table) }
        }
        @if may_change {
            section class="card" {
                h2 { "Add a member" }
                (FormElement {
                    action: &path,
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! {
                        div class="fields" {
                            (TextInput::new(Field::new("member", "Id").error(error_at("/member")))
                                .kind(InputKind::Code)
                                .value(&typed.member))
                            @if is_series {
                                (NumberInput {
                                    field: Field::new("time", "Place").error(error_at("/time")),
                                    value: &typed.time,
                                    unit: "",
                                })
                            }
                        }
                        (Checkbox {
                            field: Field::new("is_collection", &format!("It is another {}", words.one)),
                            is_checked: typed.is_collection.is_some(),
                        })
                        div class="actions" { (Button::primary("Add")) }
                    },
                })
            }
        }
    };
    let page = Page::new(frame, Area::Segments, &collection.id).below(words.title, &start);
    let delete = format!("{path}/delete");
    let page = match may_change {
        true => page.actions(html! { (Button::quiet("Delete").href(&delete)) }),
        false => page,
    };
    page.body(body).render()
}

fn member_name(member: &ShownMember, kind: &str) -> Markup {
    html! {
        (member.title.as_deref().unwrap_or(&member.id))
        @if member.title.is_some() || member.is_collection {
            span class="under" {
                @if member.is_collection { (kind) } @else { (member.id) }
            }
        }
    }
}

fn delete_page(
    kind: CollectionKind,
    frame: &Frame,
    workspace: &RequestedWorkspace,
    collection: &ShownCollection,
) -> Markup {
    let words = Words::of(kind);
    let path = path_of(kind, workspace, &collection.id);
    let what = format!(
        "{} is gone from the {} with its {} places; the items stay.",
        collection.id,
        words.path,
        collection.members.len()
    );
    let title = format!("Delete {}?", collection.id);
    Page::new(frame, Area::Segments, &title)
        .below(words.title, &Part::Collections(kind).path(workspace.id()))
        .body(
            Confirmation {
                consequences: &[&what],
                action: &format!("{path}/delete"),
                csrf: &frame.csrf,
                confirm: &format!("Delete this {}", words.one),
                back: &path,
            }
            .render(),
        )
        .render()
}
