//! Exports that are made again and again: a list with their last runs, a form, run now, remove.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::{Exportable, Right, ScheduledExport, Timestamp, WorkspaceId};
use engine::{EXPORT_KINDS, Expected};
use maud::{Markup, Render, html};
use resources::exports::scheduled::{self, ExportReport};
use serde::Deserialize;
use serde_json::json;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::parameters::Parameters;
use web::workspaces::{RequestedWorkspace, Workspace};

use super::{FORMATS, ONLY_HINT, jobs, options, parts, tab_list};
use crate::page::{Area, Frame, Page, encode};
use crate::pages::scheduled_runs::last_run;
use crate::pages::settings::{Mistake, Typed, again};
use crate::ui::form::{Field, Form, InputKind, Select, TextInput};
use crate::ui::{Button, Callout, Cell, Column, Confirmation, EmptyState, Icon, Table};

const FIELDS: [&str; 6] = ["name", "what", "only", "format", "into", "every_hours"];
const EVERY: [(&str, &str); 4] = [
    ("1", "Every hour"),
    ("24", "Every day at 00:00 UTC"),
    ("168", "Every week"),
    ("672", "Every four weeks"),
];

/// The path of the page, or of a call below it.
pub(super) fn path(workspace: &WorkspaceId, below: &str) -> String {
    format!("/console/{workspace}/exports/scheduled{below}")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noticed {
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
            Self::Saved => "Saved. It is made for the first time within a minute.",
            Self::Removed => "Removed. What it has made stays.",
        };
        Callout::success(title).announced().render()
    }
}

pub(super) async fn show(
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(Noticed { notice }): Parameters<Noticed>,
) -> Result<Response, ApiError> {
    let typed = Typed::default();
    let body = body(&frame, &workspace, &caller, &typed, &Mistake::default()).await?;
    let page = page(&frame).body(body);
    Ok(page.notice_if(notice).into_response())
}

pub(super) async fn save(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    typed: Typed,
) -> Result<Response, ApiError> {
    match put(&app, &workspace, &typed).await {
        Ok(()) => Ok(Redirect::to(&path(workspace.id(), "?notice=saved")).into_response()),
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
    let every_hours: u32 = typed.number("every_hours")?;
    let [name, what, format, into] =
        ["name", "what", "format", "into"].map(|field| typed.text(field));
    let only = Some(typed.text("only")).filter(|only| !only.is_empty());
    let given = json!({ "what": what, "only": only, "format": format, "into": into,
        "every_hours": every_hours });
    let export: ScheduledExport = scheduled::parse(name, given.to_string().as_bytes())?;
    scheduled::put(app, workspace, export, Expected::Absent).await?;
    Ok(())
}

pub(super) async fn run(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    let job = scheduled::start(&app, &workspace, name, caller.actor).await?;
    Ok(Redirect::to(&jobs::path(workspace.id(), job.id)))
}

pub(super) async fn ask_removal(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let export = scheduled::read(&workspace, name).await?.value.export;
    let title = format!("Remove the export {}?", export.name);
    let back = path(workspace.id(), "");
    let body = Confirmation {
        consequences: &["It is not made any more. What it has made stays."],
        action: &path(workspace.id(), &format!("/{}/remove", encode(&export.name))),
        csrf: &frame.csrf,
        confirm: "Remove the export",
        back: &back,
    };
    Ok(Page::new(&frame, Area::People, &title).body(body.render()).into_response())
}

pub(super) async fn remove(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, name)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    scheduled::delete(&app, &workspace, name, Expected::Present).await?;
    Ok(Redirect::to(&path(workspace.id(), "?notice=removed")))
}

fn page(frame: &Frame) -> Page<'_> {
    Page::new(frame, Area::People, "Export")
        .lead("A scheduled export goes into the folder, bucket or database of a destination.")
}

async fn body(
    frame: &Frame,
    workspace: &RequestedWorkspace,
    caller: &Caller,
    typed: &Typed,
    mistake: &Mistake,
) -> Result<Markup, ApiError> {
    let (own, now) = (workspace.id(), workspace.handle().now()?);
    let exports = scheduled::list(workspace).await?;
    let may_change = caller.grant.role.has(Right::ChangeWorkspace);
    let config = workspace.config()?;
    let has_place =
        |kind: &Option<String>| kind.as_deref().is_some_and(|kind| EXPORT_KINDS.contains(&kind));
    let places: Vec<&str> = config
        .outgoing_destinations()
        .filter(|destination| has_place(&destination.kind))
        .map(|destination| destination.name.as_str())
        .collect();
    let parts = parts(&config);
    Ok(html! {
        (tab_list(frame, own, "scheduled"))
        @if !exports.is_empty() {
            section class="card card-table" { (table(frame, own, &exports, now, may_change)) }
        }
        @if places.is_empty() {
            (EmptyState {
                icon: Icon::Download,
                title: "No destination has a place for exports yet",
                text: "Add one of kind Parquet, which has a folder or a bucket, or PostgreSQL. It need not be on.",
                next: Some(html! {
                    (Button::secondary("Destinations").href(&Area::Destinations.path(own)))
                }),
            })
        } @else if may_change {
            section class="card" {
                h2 { "New scheduled export" }
                (mistake)
                (form(frame, own, (&places, &parts), typed, mistake))
            }
        }
    })
}

fn table(
    frame: &Frame,
    own: &WorkspaceId,
    exports: &[ExportReport],
    now: Timestamp,
    may_change: bool,
) -> Table<'static> {
    let columns = vec![
        Column::text("Name"),
        Column::text("What"),
        Column::text("Into"),
        Column::text("How often"),
        Column::text("Last run"),
        Column::actions("Actions"),
    ];
    let row = |report: &ExportReport| {
        let export = &report.export;
        let call = |what: &str| path(own, &format!("/{}/{what}", encode(&export.name)));
        let every = EVERY.iter().find(|(hours, _)| *hours == export.every_hours.to_string());
        let every = every.map_or_else(
            || format!("Every {} hours", export.every_hours),
            |(_, words)| (*words).to_owned(),
        );
        vec![
            Cell::new(&export.name),
            Cell::new(html! {
                (export.what.title())
                @if let Some(only) = &export.only { " of " code { (only) } }
            }),
            Cell::new(&export.into),
            Cell::new(if export.paused { "paused".to_owned() } else { every }),
            Cell::new(last_run(report.last_run.as_ref(), now, ("row", "rows"))),
            Cell::new(html! {
                @if may_change {
                    div class="row-actions" {
                        (Form {
                            action: &call("run"),
                            csrf: &frame.csrf,
                            preview: None,
                            body: html! { (Button::quiet("Make now")) },
                        })
                        (Button::quiet("Remove…").href(&call("remove")))
                    }
                }
            }),
        ]
    };
    Table::new("Scheduled exports", columns).captioned().rows(exports.iter().map(row))
}

fn form(
    frame: &Frame,
    own: &WorkspaceId,
    (places, parts): (&[&str], &[(String, String)]),
    typed: &Typed,
    mistake: &Mistake,
) -> Markup {
    let or = |field: &'static str, otherwise: &'static str| match typed.text(field) {
        "" => otherwise.to_owned(),
        text => text.to_owned(),
    };
    let places: Vec<(&str, &str)> = places.iter().map(|place| (*place, *place)).collect();
    Form {
        action: &path(own, ""),
        csrf: &frame.csrf,
        preview: None,
        body: html! {
            (TextInput::new(Field::new("name", "Name")
                .hint("Lower-case letters, digits and “_”. It names the folder of the files, or the table.")
                .error(mistake.at("name")))
                .kind(InputKind::Code)
                .value(typed.text("name")))
            (Select {
                field: Field::new("what", "What").error(mistake.at("what")),
                options: &Exportable::ALL.map(|what| (what.word(), what.title())),
                value: &or("what", "people"),
            })
            (Select {
                field: Field::new("only", "Audience or trait").optional().hint(ONLY_HINT).error(mistake.at("only")),
                options: &options(parts),
                value: typed.text("only"),
            })
            (Select {
                field: Field::new("into", "Into the place of").error(mistake.at("into")),
                options: &places,
                value: typed.text("into"),
            })
            (Select {
                field: Field::new("format", "Form of the files")
                    .hint("A table of a database has no use for it. Logs append what is new; everything else is written as it stands.")
                    .error(mistake.at("format")),
                options: &FORMATS,
                value: &or("format", "parquet"),
            })
            (Select {
                field: Field::new("every_hours", "How often").error(mistake.at("every_hours")),
                options: &EVERY,
                value: &or("every_hours", "24"),
            })
            div class="actions" { (Button::primary("Save").icon(Icon::Check)) }
        },
    }
    .render()
}
