//! Catalog files that are fetched again and again: a list with their runs, a form, fetch now,
//! remove.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::{Feed, FeedFormat, ITEMS_CATALOG, Timestamp, WorkspaceConfig, WorkspaceId};
use engine::{ConfirmedRemovals, Expected};
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
use super::{encode, may_change, path, product_options, tab_list};
use crate::page::{Area, Frame, Page};
use crate::pages::scheduled_runs::last_run;
use crate::pages::settings::{Mistake, Typed, again};
use crate::ui::form::{Checkbox, Field, Form, InputKind, NumberInput, Select, TextInput};
use crate::ui::{Button, Callout, Cell, Column, Confirmation, Icon, Table};

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
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Query { feed, notice }): Parameters<Query>,
) -> Result<Response, ApiError> {
    let typed = match feed {
        Some(name) => typed_of(feeds::read(&app, &workspace, name).await?.value.feed),
        None => Typed(vec![("every_minutes".to_owned(), "60".to_owned())]),
    };
    let shown = Shown { typed: &typed, mistake: &Mistake::default() };
    let page = page(&frame).body(body(&app, &frame, &workspace, &caller, shown).await?);
    Ok(page.notice_if(notice).into_response())
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
            let shown = Shown { typed: &typed, mistake: &mistake };
            let body = body(&app, &frame, &workspace, &caller, shown).await?;
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
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let feed = feeds::read(&app, &workspace, name).await?.value.feed;
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

/// What the form shows.
#[derive(Clone, Copy)]
struct Shown<'a> {
    typed: &'a Typed,
    mistake: &'a Mistake,
}

async fn body(
    app: &Arc<App>,
    frame: &Frame,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    shown: Shown<'_>,
) -> Result<Markup, ApiError> {
    let Shown { typed, mistake } = shown;
    let (own, now) = (workspace.id(), workspace.handle().now()?);
    let (feeds, config) = (feeds::list(app, workspace).await?, workspace.config()?);
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
                (form(frame, &config, own, shown))
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
            Cell::new(html! {
                @match &report.job {
                    Some(job) => (jobs::live_progress(frame, own, job)),
                    None => (last_run(report.last_run.as_ref(), now, ("item", "items"))),
                }
            }),
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

fn form(
    frame: &Frame,
    config: &WorkspaceConfig,
    own: &WorkspaceId,
    Shown { typed, mistake }: Shown<'_>,
) -> Markup {
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
            (Select {
                field: Field::new("catalog", "Catalog")
                    .optional()
                    .hint("The catalog of products that the file is")
                    .error(mistake.at("catalog")),
                options: &product_options(config, ITEMS_CATALOG),
                value: typed.text("catalog"),
            })
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use domain::Role;
    use web::jobs::{JobControl, JobKind, JobOutcome, NewJob, Once};

    use super::*;
    use crate::pages::office::Office;

    #[tokio::test]
    async fn a_feed_shows_how_far_its_run_is_while_it_goes_on() {
        let office = Office::with_shop().await;
        let owner = office.visitor(Role::Owner);
        let page = "/console/shop/catalog/feeds";
        let form = "name=supplier&url=https%3A%2F%2Ffeed.invalid%2Fa.csv&format=csv\
                    &every_minutes=60&paused=true";
        owner.post(page, form).await.led(&format!("{page}?notice=saved"));
        let (release, is_released) = mpsc::channel::<()>();
        let new = NewJob {
            once: Some(Once::UnderWay("feed supplier".to_owned())),
            ..NewJob::of_server(WorkspaceId::new("shop").unwrap(), JobKind::Import)
        };
        let wait = move |_: &JobControl| {
            is_released.recv().ok();
            Ok(JobOutcome::of(&()))
        };
        let job = office.app.jobs.start(new, wait).unwrap();
        let live = format!("data-live=\"/console/shop/jobs/{}/stream\"", job.id);
        let shown = owner.get(page).await.text;
        assert!(shown.contains(&live) && !shown.contains("not yet"), "{shown}");
        drop(release);
        owner.ended(&format!("/console/shop/jobs/{}", job.id)).await;
        let shown = owner.get(page).await.text;
        assert!(!shown.contains(&live) && shown.contains("not yet"), "{shown}");
    }
}
