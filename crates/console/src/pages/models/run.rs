//! The training run under way, or the last one: how far it is, and cancelling it.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Form as Posted, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::WorkspaceId;
use engine::{TrainingRun, TrainingRunState};
use maud::{Markup, Render, html};
use resources::{jobs, training};
use serde::Deserialize;
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::jobs::{Job, JobState};
use web::workspaces::{RequestedWorkspace, Workspace};

use crate::live::{Part, fragments};
use crate::page::Area;
use crate::ui::form::Form;
use crate::ui::{Button, LiveFragment, Progress, ProgressState};

/// How often the progress of a run is told.
const LIVE_INTERVAL: Duration = Duration::from_secs(1);

/// A training run with its job, which has the same id; runs that the server begins itself have
/// none.
pub(super) struct Run {
    run: TrainingRun,
    job: Option<Job>,
}

impl Run {
    /// The run under way, or the last one.
    pub(super) async fn last(
        app: &App,
        workspace: &RequestedWorkspace,
    ) -> Result<Option<Self>, ApiError> {
        let run = training::read(workspace).await?.run;
        Ok(run.map(|run| {
            let job = jobs::read(app, workspace.id(), &run.id.to_string()).ok();
            Self { run, job }
        }))
    }

    pub(super) fn is_under_way(&self) -> bool {
        matches!(self.run.state, TrainingRunState::Running { .. })
    }

    /// Somebody has cancelled it, whether or not it has ended yet.
    fn is_cancelled(&self) -> bool {
        let is = |job: &Job| job.is_being_cancelled || job.state == JobState::Cancelled;
        self.job.as_ref().is_some_and(is)
    }
}

/// How far the last run is, and the way to cancel it.
pub(super) fn section(id: &WorkspaceId, run: &Run, may_change: bool, csrf: &str) -> Markup {
    let stream = format!("/console/{id}/models/stream");
    html! {
        @if !run.is_under_way() {
            (progress(run))
        } @else {
            (LiveFragment { stream: &stream, content: progress(run) })
            @if may_change && run.job.is_some() {
                (Form {
                    action: &format!("/console/{id}/models/cancel"),
                    csrf,
                    preview: None,
                    body: html! {
                        input type="hidden" name="run" value=(run.run.id);
                        div class="actions" {
                            (Button::secondary("Cancel the run").disabled(run.is_cancelled()))
                        }
                    },
                })
            } @else if run.job.is_none() {
                p class="field-hint" {
                    "The server has begun this run itself, since enough was new. It cannot be cancelled."
                }
            }
        }
    }
}

pub(super) async fn follow(
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
) -> Response {
    let id = workspace.id().clone();
    fragments(Arc::clone(&app), LIVE_INTERVAL, move || {
        let (app, id) = (Arc::clone(&app), id.clone());
        async move {
            let Workspace(workspace) = Workspace::find(&app, id.as_str())?;
            let run = Run::last(&app, &workspace).await?;
            let html = run.as_ref().map_or(html! {}, progress);
            match run.is_some_and(|run| run.is_under_way()) {
                true => Ok(Part::Fragment(html)),
                false => Ok(Part::Last(html! {
                    (html)
                    p { a href=(Area::Models.path(&id)) { "Show the result" } }
                })),
            }
        }
    })
}

fn progress(run: &Run) -> Markup {
    let (state, detail) = match &run.run.state {
        TrainingRunState::Running { progress } => (
            ProgressState::Running(Some(*progress)),
            match run.is_cancelled() {
                true => "It is being cancelled: it ends after its present step.".to_owned(),
                false => "Searches for the best model and trains it. Lists are made as before \
                          meanwhile."
                    .to_owned(),
            },
        ),
        TrainingRunState::Done { training } => match &training.refused {
            None => (ProgressState::Done, format!("Model {} is trained.", training.version)),
            Some(why) => {
                (ProgressState::Failed, format!("Refused: {why}. Lists stay as they were."))
            }
        },
        TrainingRunState::Failed { .. } if run.is_cancelled() => {
            (ProgressState::Cancelled, "Lists stay as they were.".to_owned())
        }
        TrainingRunState::Failed { error } => (ProgressState::Failed, format!("{error}.")),
    };
    Progress { label: "Latest training run", state, detail: &detail, actions: None }.render()
}

#[derive(Deserialize)]
pub(super) struct Cancelled {
    /// The id of the run, which its job has too.
    run: String,
}

pub(super) async fn cancel(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
    Posted(Cancelled { run }): Posted<Cancelled>,
) -> Result<Response, ApiError> {
    let job = jobs::cancel(&app, workspace.id(), &caller, &run)?;
    let was_in_time = job.is_being_cancelled || job.state == JobState::Cancelled;
    let notice = if was_in_time { "cancelled" } else { "ended" };
    let models = Area::Models.path(workspace.id());
    Ok(Redirect::to(&format!("{models}?notice={notice}")).into_response())
}
