//! The section about retention: what is kept, what would be cut, and the last run.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Redirect;
use domain::{Right, Timestamp, WorkspaceId, grouped};
use engine::{JournalPart, RetentionRun};
use maud::{Markup, html};
use resources::retention::{self, RetentionReport};
use web::App;
use web::access::Caller;
use web::error::ApiError;
use web::workspaces::Workspace;

use crate::page::{Area, Frame};
use crate::ui::form::Form;
use crate::ui::{Button, RelativeTime, Unit};

pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Workspace(workspace): Workspace,
) -> Result<Redirect, ApiError> {
    let job = retention::start(&app, &workspace, caller.actor).await?;
    Ok(Redirect::to(&format!("/console/{}/jobs/{}", workspace.id(), job.id)))
}

pub(super) fn section(
    frame: &Frame,
    workspace: &WorkspaceId,
    caller: &Caller,
    report: &RetentionReport,
    now: Timestamp,
) -> Markup {
    let plan = &report.plan;
    let settings = format!("{}/general", Area::Settings.path(workspace));
    html! {
        section class="card" {
            h2 { "Retention" }
            p {
                @match report.retention {
                    Some(kept) => {
                        "Messages are kept for " strong { (grouped(kept.days.into())) " days" } ". "
                        "Older ones are cut from the journal, "
                        @if report.is_archived { "and archived before. " }
                        @else { "and archived nowhere. " }
                    }
                    None => { "Messages are kept for ever. " }
                }
                a href=(settings) { "Change it in the settings" } "."
            }
            p {
                "The journal has " (part(&plan.journal))
                @if let Some(at) = plan.first_at { ", the first from " (RelativeTime { at, now }) }
                "."
                @if report.retention.is_some() {
                    @if plan.cut.segments == 0 { " Nothing that could be cut is that old." }
                    @else { " A run now would cut " (part(&plan.cut)) "." }
                }
            }
            @if let Some(held) = &plan.held_back {
                p { "Entries from " (grouped(held.offset)) " on are held back: " (held.why) "." }
            }
            @if let Some(run) = &report.last_run { (last_run(run, now)) }
            @if report.retention.is_some() && caller.grant.role.has(Right::ChangeWorkspace) {
                (Form {
                    action: &format!("{}/retention", Area::Operations.path(workspace)),
                    csrf: &frame.csrf,
                    preview: None,
                    body: html! {
                        div class="actions" {
                            (Button::secondary("Cut now").disabled(plan.cut.segments == 0))
                        }
                    },
                })
            }
        }
    }
}

fn last_run(run: &RetentionRun, now: Timestamp) -> Markup {
    html! {
        p {
            "The last run ended " (RelativeTime { at: run.ended_at, now }) " and cut "
            @if run.cut.segments == 0 { "nothing" } @else { (part(&run.cut)) }
            @if let Some(why) = &run.not_cut { ": " (why) }
            "."
        }
    }
}

fn part(part: &JournalPart) -> String {
    format!("{} entries ({})", grouped(part.end - part.start), Unit::Bytes.text(part.bytes as f64))
}
