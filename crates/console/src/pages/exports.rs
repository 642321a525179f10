//! Files of people, items and interactions: ask for one, and those that wait to be downloaded.

mod scheduled;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::ReadWorkspace;
use domain::{ExportFormat, Exportable, WorkspaceConfig, WorkspaceId};
use maud::{Markup, html};
use resources::exports::{self, NewExport};
use serde::Deserialize;
use web::App;
use web::access::{Audited, Call, Caller, Requirement};
use web::error::ApiError;
use web::jobs::{Job, JobKind, JobState};
use web::parameters::Parameters;
use web::workspaces::Workspace;

use super::jobs;
use crate::gate::{edit, gated, read};
use crate::page::{Area, Frame, Page};
use crate::ui::form::{Field, Form, Select};
use crate::ui::{Button, Cell, Column, Icon, RelativeTime, Tab, Table, tabs};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/exports", ReadWorkspace),
    Call {
        method: "POST",
        path: "/console/{workspace}/exports",
        requirement: Requirement::Right(ReadWorkspace),
        audited: Audited::Call("export.start"),
    },
    read("/console/{workspace}/exports/scheduled", ReadWorkspace),
    edit("/console/{workspace}/exports/scheduled", "export.put"),
    edit("/console/{workspace}/exports/scheduled/{name}/run", "export.run"),
    read("/console/{workspace}/exports/scheduled/{name}/remove", ReadWorkspace),
    edit("/console/{workspace}/exports/scheduled/{name}/remove", "export.delete"),
];

/// The forms of files, for selects.
const FORMATS: [(&str, &str); 3] =
    [("csv", "CSV"), ("jsonl", "JSON Lines"), ("parquet", "Parquet")];

/// For selects of one audience or trait.
const ONLY_HINT: &str = "Members of audiences, recommended items and computed traits can be limited to one audience or trait.";

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let one = "/console/{workspace}/exports/scheduled/{name}";
    let routes = Router::new()
        .route("/console/{workspace}/exports", get(show).post(start))
        .route("/console/{workspace}/exports/scheduled", get(scheduled::show).post(scheduled::save))
        .route(&format!("{one}/run"), post(scheduled::run))
        .route(&format!("{one}/remove"), get(scheduled::ask_removal).post(scheduled::remove));
    gated(app, CALLS, routes)
}

/// The path of the form, with what is to be exported.
pub(super) fn path(workspace: &WorkspaceId, what: Exportable) -> String {
    format!("/console/{workspace}/exports?what={}", what.word())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    what: Option<Exportable>,
}

async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Parameters(query): Parameters<Query>,
) -> Result<Response, ApiError> {
    let (own, now) = (workspace.id(), workspace.handle().now()?);
    let what = query.what.unwrap_or(Exportable::Items);
    let tables: Vec<_> = Exportable::tables().map(|what| (what.word(), what.title())).collect();
    let parts = parts(&*workspace.config()?);
    let all = resources::jobs::list(&app, own).into_iter();
    let exports: Vec<Job> = all.filter(|job| job.kind == JobKind::Export).collect();
    let form = Form {
        action: &format!("/console/{own}/exports"),
        csrf: &frame.csrf,
        preview: None,
        body: html! {
            (Select {
                field: Field::new("what", "What"),
                options: &tables,
                value: what.word(),
            })
            (Select {
                field: Field::new("only", "Audience or trait").optional().hint(ONLY_HINT),
                options: &options(&parts),
                value: "",
            })
            (Select {
                field: Field::new("format", "Form of the file")
                    .hint("JSON Lines is exact. CSV is for spreadsheets, Parquet for warehouses."),
                options: &FORMATS,
                value: "csv",
            })
            div class="actions" { (Button::primary("Make the file").icon(Icon::Download)) }
        },
    };
    let table = Table::new(
        "Exports",
        vec![Column::text("Asked for"), Column::text("By"), Column::text("State")],
    )
    .captioned()
    .rows(exports.iter().map(|job| {
        let href = jobs::path(own, job.id);
        vec![
            Cell::new(html! { (RelativeTime { at: job.created_at, now }) }),
            Cell::new(job.started_by.name.as_deref().unwrap_or("–")),
            Cell::new(html! { a href=(href) { (state_words(job.state)) } }),
        ]
    }));
    let body = html! {
        (tab_list(&frame, own, ""))
        section class="card" { (form) }
        @if !exports.is_empty() { section class="card card-table" { (table) } }
    };
    let area = if what == Exportable::Items { Area::Catalog } else { Area::People };
    let page = Page::new(&frame, area, "Export")
        .lead("A file is made beside everything else, and kept for a day.")
        .body(body);
    Ok(page.into_response())
}

async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    axum::Form(new): axum::Form<Asked>,
) -> Result<Redirect, ApiError> {
    let Asked { what, only, format } = new;
    let new = NewExport { what, only: only.filter(|only| !only.is_empty()), format };
    let job = exports::start(&app, &workspace, caller.actor, new)?;
    Ok(Redirect::to(&jobs::path(workspace.id(), job.id)))
}

/// The fields of the form, beside the token.
#[derive(Deserialize)]
struct Asked {
    what: Exportable,
    only: Option<String>,
    format: ExportFormat,
}

/// What audiences and traits there are, each by its key and in words.
fn parts(config: &WorkspaceConfig) -> Vec<(String, String)> {
    let audiences = config.audiences.iter().map(|one| ("Audience", &one.key));
    let traits = config.traits.iter().map(|one| ("Recommended items", &one.key));
    let computed = config.computed_traits.iter().map(|one| ("Computed trait", &one.key));
    let all = audiences.chain(traits).chain(computed);
    all.map(|(kind, key)| (key.clone(), format!("{kind} {key}"))).collect()
}

/// The options of a select of parts.
fn options(parts: &[(String, String)]) -> Vec<(&str, &str)> {
    let parts = parts.iter().map(|(key, words)| (key.as_str(), words.as_str()));
    std::iter::once(("", "All")).chain(parts).collect()
}

/// The tabs of the two pages.
fn tab_list(frame: &Frame, workspace: &WorkspaceId, current: &str) -> Markup {
    let once = format!("/console/{workspace}/exports");
    let again = scheduled::path(workspace, "");
    let parts = [("", "Once", &once), ("scheduled", "Again and again", &again)];
    let shown = parts.iter().filter(|(.., href)| frame.may_open(href));
    let shown = shown.map(|(own, label, href)| Tab {
        label,
        href,
        count: None,
        is_current: *own == current,
    });
    tabs("Exports", &shown.collect::<Vec<_>>())
}

fn state_words(state: JobState) -> &'static str {
    match state {
        JobState::Waiting => "waits",
        JobState::Running => "under way",
        JobState::Done => "ready to download",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
    }
}
