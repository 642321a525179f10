//! Catalog files that are fetched again and again: a list with their last runs, a form, fetch now,
//! remove.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::{Feed, FeedFormat, Timestamp, WorkspaceId};
use engine::{ConfirmedRemovals, Expected, ScheduledRun};
use maud::{Markup, Render, html};
use resources::feeds::{self, FeedReport};
use serde::Deserialize;
use serde_json::json;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::super::jobs;
use super::{encode, may_change, path, tab_list};
use crate::page::{Area, Frame, Page};
use crate::pages::settings::{Mistake, Typed, again};
use crate::ui::form::{Checkbox, Field, Form, InputKind, NumberInput, Select, TextInput};
use crate::ui::{
    Badge, Button, Callout, Cell, Column, Confirmation, Icon, RelativeTime, Table, Tone,
};

const FIELDS: [&str; 5] = ["name", "url", "format", "every_minutes", "catalog"];
/// Formats by the word under which they are sent.
const FORMATS: [(&str, &str); 3] = [
    ("google_merchant", FeedFormat::ALL[0].1),
    ("csv", FeedFormat::ALL[1].1),
    ("jsonl", FeedFormat::ALL[2].1),
];

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Query {
    /// The name of the feed that is changed; none for a new one.
    feed: Option<String>,
    notice: Option<Notice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Notice {
    Saved,
    Removed,
}

impl Render for Notice {
    fn render(&self) -> Markup {
        let title = match self {
            Self::Saved => "Saved. A feed that is not paused is fetched when it is due.",
            Self::Removed => "Removed. The catalog stays as it is.",
        };
        Callout::success(title).announced().render()
    }
}

pub(super) async fn show(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Query { feed, notice }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let typed = match feed {
        Some(name) => typed_of(feeds::read(&workspace, name).await?.value.feed),
        None => Typed(vec![("every_minutes".to_owned(), "60".to_owned())]),
    };
    let body = body(&frame, &workspace, &caller, &typed, &Mistake::default()).await?;
    let page = page(&frame).body(body);
    Ok(match notice {
        Some(notice) => page.notice(notice).into_response(),
        None => page.into_response(),
    })
}

/// A feed as the form has it.
fn typed_of(feed: Feed) -> Typed {
    let format = match feed.format {
        FeedFormat::GoogleMerchant => "google_merchant",
        FeedFormat::Csv => "csv",
        FeedFormat::Jsonl => "jsonl",
    };
    let fields = [
        ("was", feed.name.clone()),
        ("name", feed.name),
        ("url", feed.url),
        ("format", format.to_owned()),
        ("catalog", feed.catalog.unwrap_or_default()),
        ("every_minutes", feed.every_minutes.to_string()),
        ("skip_invalid", feed.skip_invalid.to_string()),
        ("allow_bad_cells", feed.allow_bad_cells.to_string()),
        ("paused", feed.paused.to_string()),
    ];
    Typed(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

pub(super) async fn save(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    match put(&app, &workspace, &typed).await {
        Ok(()) => Ok(Redirect::to(&path(workspace.id(), "/feeds?notice=saved")).into_response()),
        Err(error) => {
            let mistake = Mistake::of(error)?.or_at("name").among(&FIELDS);
            let body = body(&frame, &workspace, &caller, &typed, &mistake).await?;
            Ok(again(page(&frame).body(body)))
        }
    }
}

async fn put(
    app: &Arc<App>,
    workspace: &RequestedWorkspace,
    typed: &Typed,
) -> Result<(), ApiError> {
    let every_minutes: u32 = typed.number("every_minutes")?;
    let is_ticked = |field: &str| typed.text(field) == "true";
    let given = json!({
        "url": typed.text("url"),
        "format": typed.text("format"),
        "every_minutes": every_minutes,
        "catalog": typed.optional("catalog"),
        "skip_invalid": is_ticked("skip_invalid"),
        "allow_bad_cells": is_ticked("allow_bad_cells"),
        "paused": is_ticked("paused"),
    });
    let name = typed.text("name");
    let feed: Feed = feeds::parse(name, given.to_string().as_bytes())?;
    let expected = if typed.text("was") == name { Expected::Present } else { Expected::Absent };
    feeds::put(app, workspace, feed, expected).await?;
    Ok(())
}

pub(super) async fn run(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
    typed: Typed,
) -> Result<Redirect, ApiError> {
    let n_withdrawn = typed.optional("confirm").map(|_| typed.number("confirm")).transpose()?;
    let confirmed = ConfirmedRemovals { n_withdrawn, ..ConfirmedRemovals::default() };
    let job = feeds::start(&app, &workspace, name, confirmed, caller.actor).await?;
    Ok(Redirect::to(&jobs::path(workspace.id(), job.id)))
}

pub(super) async fn ask_removal(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let feed = feeds::read(&workspace, name).await?.value.feed;
    let title = format!("Remove the feed {}?", feed.name);
    let body = Confirmation {
        consequences: &["It is not fetched any more. The catalog stays as it is."],
        action: &path(workspace.id(), &format!("/feeds/{}/remove", encode(&feed.name))),
        csrf: &frame.csrf,
        confirm: "Remove the feed",
        back: &path(workspace.id(), "/feeds"),
    };
    Ok(Page::new(&frame, Area::Catalog, &title).body(body.render()).into_response())
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    feeds::delete(&app, &workspace, name, Expected::Present).await?;
    Ok(Redirect::to(&path(workspace.id(), "/feeds?notice=removed")))
}

fn page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::Catalog, "Feeds").lead(
        "A feed is a catalog file that is fetched again and again. Where it differs from the \
         catalog, it becomes the next version.",
    )
}

async fn body(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    typed: &Typed,
    mistake: &Mistake,
) -> Result<Markup, ApiError> {
    let (own, now) = (workspace.id(), workspace.handle().now()?);
    let feeds = feeds::list(workspace).await?;
    let may_change = may_change(caller);
    let was = typed.text("was");
    Ok(html! {
        (tab_list(frame, own, "/feeds"))
        @if !feeds.is_empty() {
            section class="card card-table" { (table(frame, own, &feeds, now, may_change)) }
        } @else if !may_change {
            p { "There are no feeds." }
        }
        @if may_change {
            section class="card" {
                h2 {
                    @if was.is_empty() { "New feed" } @else { "Change the feed " (was) }
                }
                (mistake)
                (form(frame, own, typed, mistake))
            }
        }
    })
}

fn table(
    frame: &Frame,
    own: &WorkspaceId,
    feeds: &[FeedReport],
    now: Timestamp,
    may_change: bool,
) -> Table<'static> {
    let columns = vec![
        Column::text("Name"),
        Column::text("Address"),
        Column::text("How often"),
        Column::text("Last run"),
        Column::actions("Actions"),
    ];
    let row = |report: &FeedReport| {
        let feed = &report.feed;
        let call = |what: &str| path(own, &format!("/feeds/{}/{what}", encode(&feed.name)));
        let every = format!("Every {} minutes", feed.every_minutes);
        let change = path(own, &format!("/feeds?feed={}", encode(&feed.name)));
        vec![
            Cell::new(&feed.name),
            Cell::new(html! { code { (feed.url) } }),
            Cell::new(if feed.paused { "paused".to_owned() } else { every }),
            Cell::new(last_run(report.last_run.as_ref(), now)),
            Cell::new(html! {
                @if may_change {
                    div class="row-actions" {
                        (Form {
                            action: &call("run"),
                            csrf: &frame.csrf,
                            preview: None,
                            body: html! { (Button::quiet("Fetch now")) },
                        })
                        (Button::quiet("Change").href(&change))
                        (Button::quiet("Remove…").href(&call("remove")))
                    }
                    @if report.last_run.as_ref().is_some_and(|run| run.error.is_some()) {
                        (fetch_with_removals(frame, &call("run"), &feed.name))
                    }
                }
            }),
        ]
    };
    Table::new("Feeds", columns).captioned().rows(feeds.iter().map(row))
}

/// A form for a file that leaves out more items than may go without a word.
fn fetch_with_removals(frame: &Frame, action: &str, name: &str) -> Markup {
    let id = format!("confirm-{name}");
    html! {
        details {
            summary { "Let items go" }
            (Form {
                action,
                csrf: &frame.csrf,
                preview: None,
                body: html! {
                    (NumberInput {
                        field: Field::new("confirm", "The file may withdraw").id(&id),
                        value: "",
                        unit: "items",
                    })
                    (Button::quiet("Fetch now"))
                },
            })
        }
    }
}

fn last_run(run: Option<&ScheduledRun>, now: Timestamp) -> Markup {
    let Some(run) = run else { return html! { "not yet" } };
    let left_out = domain::counted(run.n_skipped, "row was left out", "rows were left out");
    html! {
        (RelativeTime { at: run.ended_at, now }) " "
        @match &run.error {
            Some(error) => { (Badge::of(Tone::Bad, "failed")) p class="quiet" { (error) } }
            None => {
                (domain::counted(run.n_rows, "item", "items"))
                @if run.n_skipped > 0 { " " (Badge::of(Tone::Warning, &left_out)) }
                @if let Some(outcome) = &run.outcome { p class="quiet" { (outcome) } }
            }
        }
    }
}

fn form(frame: &Frame, own: &WorkspaceId, typed: &Typed, mistake: &Mistake) -> Markup {
    let is_ticked = |field: &str| typed.text(field) == "true";
    let format = typed.optional("format").unwrap_or_else(|| "google_merchant".to_owned());
    Form {
        action: &path(own, "/feeds"),
        csrf: &frame.csrf,
        preview: None,
        body: html! {
            input type="hidden" name="was" value=(typed.text("was"));
            (TextInput::new(Field::new("name", "Name")
                .hint("Lower-case letters, digits and “_”.")
                .error(mistake.at("name")))
                .kind(InputKind::Code)
                .value(typed.text("name")))
            (TextInput::new(Field::new("url", "Address of the file")
                .hint("https://…; each file is a whole catalog")
                .error(mistake.at("url")))
                .kind(InputKind::Code)
                .value(typed.text("url")))
            (Select {
                field: Field::new("format", "Form of the file").error(mistake.at("format")),
                options: &FORMATS,
                value: &format,
            })
            (TextInput::new(Field::new("catalog", "Catalog")
                .optional()
                .hint("The catalog of products that the file is; empty: items")
                .error(mistake.at("catalog")))
                .kind(InputKind::Code)
                .value(typed.text("catalog")))
            (NumberInput {
                field: Field::new("every_minutes", "Fetched every")
                    .hint("5 minutes to a week, which has 10080")
                    .error(mistake.at("every_minutes")),
                value: typed.text("every_minutes"),
                unit: "minutes",
            })
            (Checkbox {
                field: Field::new("skip_invalid", "Leave wrong rows out")
                    .hint("Otherwise a file with a wrong row is refused as a whole. The last run says how many were left out."),
                is_checked: is_ticked("skip_invalid"),
            })
            (Checkbox {
                field: Field::new("allow_bad_cells", "Take cells of the wrong type as empty"),
                is_checked: is_ticked("allow_bad_cells"),
            })
            (Checkbox {
                field: Field::new("paused", "Paused"),
                is_checked: is_ticked("paused"),
            })
            div class="actions" { (Button::primary("Save").icon(Icon::Check)) }
        },
    }
    .render()
}
