//! One job: how far it is, how it ended, and what it has made.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use domain::Right::ReadWorkspace;
use domain::{WorkspaceId, grouped};
use maud::{Markup, Render, html};
use resources::jobs;
use serde_json::Value;
use web::App;
use web::access::{Audited, Call, Caller, Requirement};
use web::error::ApiError;
use web::jobs::{Job, JobKind, JobState};
use web::workspaces::Workspace;

use super::replays;
use crate::gate::{gated, read};
use crate::live::{Part, fragments};
use crate::page::{Area, Frame, Page};
use crate::ui::form::Form;
use crate::ui::{Button, Icon, LiveFragment, Progress, ProgressState};

pub(super) const CALLS: &[Call] = &[
    read("/console/{workspace}/jobs/{id}", ReadWorkspace),
    read("/console/{workspace}/jobs/{id}/stream", ReadWorkspace),
    read("/console/{workspace}/jobs/{id}/result", ReadWorkspace),
    Call {
        method: "POST",
        path: "/console/{workspace}/jobs/{id}/cancel",
        requirement: Requirement::Right(ReadWorkspace),
        audited: Audited::Call("job.cancel"),
    },
];

/// How often the progress of a job is told.
const LIVE_INTERVAL: Duration = Duration::from_millis(500);

pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let routes = Router::new()
        .route("/console/{workspace}/jobs/{id}", get(show))
        .route("/console/{workspace}/jobs/{id}/stream", get(follow))
        .route("/console/{workspace}/jobs/{id}/result", get(download))
        .route("/console/{workspace}/jobs/{id}/cancel", post(cancel));
    gated(app, CALLS, routes)
}

/// The path of a job's page.
pub(super) fn path(workspace: &WorkspaceId, id: impl Display) -> String {
    format!("/console/{workspace}/jobs/{id}")
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (own, job) = (workspace.id(), jobs::read(&app, workspace.id(), &id)?);
    let here = path(own, job.id);
    let body = html! {
        (live_progress(&frame, own, &job))
        @if !job.state.has_ended() && jobs::may_cancel(&job, &caller) {
            (Form {
                action: &format!("{here}/cancel"),
                csrf: &frame.csrf,
                preview: None,
                body: html! { (Button::secondary("Cancel").disabled(job.is_being_cancelled)) },
            })
        }
    };
    let area = match job.kind {
        JobKind::Training => Area::Models,
        JobKind::Import | JobKind::Export => Area::Catalog,
        JobKind::Messages => Area::Live,
        JobKind::Privacy => Area::People,
        JobKind::Retention => Area::Operations,
        JobKind::Replay => Area::Destinations,
        JobKind::BackFill => Area::Mappings,
    };
    let page = Page::new(&frame, area, label(job.kind)).lead(lead(job.kind)).body(body);
    Ok(page.into_response())
}

async fn follow(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Response {
    let own = workspace.id().clone();
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let job = jobs::read(&app, &own, &id);
        let part = job.map(|job| match job.state.has_ended() {
            true => Part::Last(progress(&frame, &own, &job)),
            false => Part::Fragment(progress(&frame, &own, &job)),
        });
        std::future::ready(part)
    })
}

async fn download(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    jobs::file(&app, workspace.id(), &id)?.download().await
}

async fn cancel(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Redirect, ApiError> {
    let job = jobs::cancel(&app, workspace.id(), &caller, &id)?;
    Ok(Redirect::to(&path(workspace.id(), job.id)))
}

fn label(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Import => "Import of a catalog",
        JobKind::Training => "Training run",
        JobKind::Export => "Export",
        JobKind::Messages => "Messages of a file",
        JobKind::Privacy => "Deletion or suppression of people",
        JobKind::Retention => "Retention",
        JobKind::Replay => "Replay",
        JobKind::BackFill => "Mappings applied to the past",
    }
}

fn lead(kind: JobKind) -> &'static str {
    match kind {
        JobKind::Import => "The catalog stays as it is until the last step.",
        JobKind::Training => "Lists are made as before meanwhile.",
        JobKind::Export => "The file is made beside everything else, and kept for a day.",
        JobKind::Messages => "The messages of the file are taken in steps.",
        JobKind::Privacy => "It goes on by itself where it is interrupted.",
        JobKind::Retention => "Nothing is cut before a snapshot of the state is checked.",
        JobKind::Replay => "Messages of the past, in their order.",
        JobKind::BackFill => "Lists are made as before meanwhile.",
    }
}

/// How far a job is, as it goes on.
pub(super) fn live_progress(frame: &Frame, workspace: &WorkspaceId, job: &Job) -> Markup {
    let content = progress(frame, workspace, job);
    if job.state.has_ended() {
        return content;
    }
    let stream = format!("{}/stream", path(workspace, job.id));
    html! { (LiveFragment { stream: &stream, content }) }
}

/// How far a job is, and the way on from its end.
fn progress(frame: &Frame, workspace: &WorkspaceId, job: &Job) -> Markup {
    let catalog = |rest: &str| format!("{}{rest}", Area::Catalog.path(workspace));
    let error = job.error.as_ref().map_or("", |error| error.detail.as_str());
    let nothing_changed = match job.kind {
        JobKind::Messages => format!("What was taken before stays: {error}."),
        JobKind::Replay => format!("What was sent before is sent, and it can go on: {error}."),
        JobKind::BackFill => format!("What was changed before stays: {error}."),
        JobKind::Privacy => format!("It goes on by itself: {error}."),
        _ => format!("Nothing was changed: {error}."),
    };
    let (state, detail) = match job.state {
        JobState::Waiting => (ProgressState::Running(None), job.progress.doing.clone()),
        JobState::Running if job.is_being_cancelled => {
            (ProgressState::Running(Some(job.progress.share)), "It is being cancelled.".to_owned())
        }
        JobState::Running => {
            (ProgressState::Running(Some(job.progress.share)), job.progress.doing.clone())
        }
        JobState::Done => (ProgressState::Done, done_text(job)),
        JobState::Failed => (ProgressState::Failed, nothing_changed),
        JobState::Cancelled => (ProgressState::Cancelled, nothing_changed),
    };
    let next = match (job.kind, job.state) {
        (_, JobState::Waiting | JobState::Running) => None,
        (JobKind::Export, JobState::Done) => Some(
            Button::primary("Download")
                .icon(Icon::Download)
                .href(&format!("{}/result", path(workspace, job.id)))
                .render(),
        ),
        (JobKind::Import, state)
            if state == JobState::Done || !frame.may_open(&catalog("/import")) =>
        {
            Some(Button::primary("Show the catalog").href(&catalog("")).render())
        }
        (JobKind::Import, _) => {
            Some(Button::primary("Import again").href(&catalog("/import")).render())
        }
        (JobKind::Export, _) => {
            Some(Button::primary("Back to the catalog").href(&catalog("")).render())
        }
        (JobKind::Messages, _) => {
            Some(Button::primary("Show Live").href(&Area::Live.path(workspace)).render())
        }
        (JobKind::Privacy, _) => {
            let receipt = format!("{}/{}", super::privacy::path(workspace), job.id);
            Some(Button::primary("Show the receipt").href(&receipt).render())
        }
        (JobKind::Retention, _) => Some(
            Button::primary("Show operations").href(&Area::Operations.path(workspace)).render(),
        ),
        (JobKind::Replay, _) => {
            Some(Button::secondary("Show the replays").href(&replays::path(workspace)).render())
        }
        (JobKind::BackFill, _) => {
            let href = Area::Mappings.path(workspace);
            Some(Button::secondary("Show the mappings").href(&href).render())
        }
        (JobKind::Training, _) => {
            Some(Button::primary("Show the models").href(&Area::Models.path(workspace)).render())
        }
    };
    html! {
        (Progress { label: label(job.kind), state, detail: &detail, actions: next })
        @match job.kind {
            JobKind::Replay => (replays::replay_result(workspace, job)),
            JobKind::BackFill => (replays::back_fill_result(frame, workspace, job)),
            _ => {}
        }
    }
}

fn done_text(job: &Job) -> String {
    let result = job.result.as_ref();
    let count =
        |name: &str| grouped(result.and_then(|result| result[name].as_u64()).unwrap_or_default());
    let text = match job.kind {
        JobKind::Import => "The file is the catalog now. The version before can be brought back.",
        JobKind::Training => "The run has ended.",
        JobKind::Export => "The file is ready.",
        JobKind::Privacy => "It has come to its end: the receipt says what was removed where.",
        JobKind::Retention => {
            let cut = |name: &str| {
                job.result
                    .as_ref()
                    .and_then(|result| result["cut"][name].as_u64())
                    .unwrap_or_default()
            };
            return match cut("segments") {
                0 => "Nothing was cut. The page of operations says what kept it.".to_owned(),
                _ => format!(
                    "{} entries were cut, the journal begins at entry {}.",
                    grouped(cut("end") - cut("start")),
                    grouped(cut("end"))
                ),
            };
        }
        JobKind::Replay => return replays::replay_text(result.unwrap_or(&Value::Null)),
        JobKind::BackFill if result.is_some_and(|result| result["is_preview"] == true) => {
            "This is what would change."
        }
        JobKind::BackFill => "The past is as the mappings of now have it.",
        JobKind::Messages => {
            return format!(
                "{} messages were taken, {} had been before, {} rows were refused.",
                count("n_accepted"),
                count("n_duplicates"),
                count("n_refused")
            );
        }
    };
    text.to_owned()
}
