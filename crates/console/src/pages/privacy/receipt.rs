//! One regulation: where it stands, and its receipt.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::{Timestamp, WorkspaceId, counted, grouped};
use engine::{
    DestinationAnswer, ForwardOutcome, ModelContribution, Receipt, RegulationStatus, ScanReport,
};
use maud::{Markup, Render, html};
use resources::privacy::{self, ShownRegulation};
use web::App;
use web::error::ApiError;
use web::jobs::Job;
use web::workspaces::Workspace;

use super::super::jobs;
use super::{label, path, status};
use crate::page::{Area, Frame, Page};
use crate::ui::{Button, Callout, Cell, Column, RelativeTime, Table};

pub(super) async fn show(
    State(app): State<Arc<App>>,
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let (own, now) = (workspace.id(), workspace.handle().now()?);
    let shown = privacy::read(&workspace, &id).await?;
    let body = match &shown.receipt {
        Some(receipt) => of_receipt(own, &shown, receipt, now),
        None => {
            let job = resources::jobs::read(&app, own, &id).ok();
            under_way(&frame, own, &shown, job.as_ref(), now)
        }
    };
    Ok(Page::new(&frame, Area::People, "Receipt")
        .lead(label(shown.type_))
        .actions(html! { (Button::secondary("Privacy").href(&path(own))) })
        .body(body)
        .into_response())
}

/// Its job is there once the server has begun with it.
fn under_way(
    frame: &Frame,
    own: &WorkspaceId,
    shown: &ShownRegulation,
    job: Option<&Job>,
    now: Timestamp,
) -> Markup {
    html! {
        section class="card section" {
            p { (status(shown.status)) }
            p {
                (counted(shown.people.into(), "person", "people")) ", asked for "
                (RelativeTime { at: shown.requested_at, now })
                ". It goes on by itself where it is interrupted. The receipt stands here when it has ended."
            }
            @if job.is_none_or(|job| job.state.has_ended()) {
                div class="actions" {
                    (Button::secondary("Look again").href(&format!("{}/{}", path(own), shown.id)))
                }
            }
        }
        @if let Some(job) = job {
            @if let Some(error) = &job.error {
                (Callout::warning("It waits").text(&format!("{}.", capitalized(&error.detail))))
            } @else {
                (jobs::live_progress(frame, own, job))
            }
        }
    }
}

fn of_receipt(
    own: &WorkspaceId,
    shown: &ShownRegulation,
    receipt: &Receipt,
    now: Timestamp,
) -> Markup {
    html! {
        section class="card section" {
            p { (status(shown.status)) }
            p {
                (counted(receipt.people.into(), "person", "people"))
                @if receipt.ids > 0 { " with " (counted(receipt.ids, "id", "ids")) }
                ", asked for " (RelativeTime { at: receipt.requested_at, now }) ", ended "
                (RelativeTime { at: receipt.finished_at, now }) "."
            }
            @if receipt.suppressed_ids > 0 || !receipt.type_.deletes() {
                p { (suppressed(receipt)) }
            }
        }
        @if let Some(error) = &receipt.error {
            (Callout::error("It could not be done").text(&format!("{}.", capitalized(error)))
                .way_out("Ask for it again", &path(own)))
        }
        @if let Some(scan) = &receipt.scan {
            (proof(own, scan))
            section class="section" {
                h2 { "What was removed" }
                @if receipt.regulations > 1 {
                    p class="muted" {
                        "Done in one pass with "
                        (counted(u64::from(receipt.regulations) - 1, "other", "others"))
                        ": the journal, the files and the search were counted for all of them together."
                    }
                }
                @if receipt.resumed {
                    p class="muted" {
                        "It was interrupted and went on: the journal and the files were counted since then."
                    }
                }
                div class="card card-table" { (removed(receipt)) }
            }
        }
        @if !receipt.destinations.is_empty() {
            section class="section" {
                h2 { "Destinations" }
                div class="card card-table" { (destinations(&receipt.destinations)) }
            }
        }
        @if let Some(contribution) = &receipt.contribution {
            (of_models(own, contribution, now))
        }
        @if receipt.status != RegulationStatus::Failed {
            @for left in &receipt.left {
                (Callout::warning("Left to be done").text(left))
            }
        }
    }
}

/// A sentence of an error, which begins with a small letter.
fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn suppressed(receipt: &Receipt) -> String {
    let ids = counted(receipt.suppressed_ids, "id", "ids");
    match receipt.type_.suppresses() {
        true => format!("New data with {ids} is refused."),
        false => format!("New data with {ids} is taken again."),
    }
}

/// What lists still have of these people.
fn of_models(own: &WorkspaceId, contribution: &ModelContribution, now: Timestamp) -> Markup {
    let models = Area::Models.path(own);
    match contribution {
        ModelContribution::NoModel => html! {},
        ModelContribution::Gone { at } => html! {
            section class="card" {
                p { "Lists have nothing of what they did since the training that ended " (RelativeTime { at: *at, now }) "." }
            }
        },
        ModelContribution::Due => {
            let text = "It is from before the deletion. The next training is due, and makes one without what they did.";
            let callout = Callout::info("The model in use has learned from them").text(text);
            callout.way_out("Show the models", &models).render()
        }
        ModelContribution::Refused { why, .. } => {
            let text = format!(
                "The training since was refused: {why}. The model from before stays in use until a later one is accepted."
            );
            let callout = Callout::warning("The model in use has learned from them").text(&text);
            callout.way_out("Show the models", &models).render()
        }
    }
}

fn proof(own: &WorkspaceId, scan: &ScanReport) -> Markup {
    let searched = format!(
        "{}, {} of the journal and {} were searched for {}.",
        counted(scan.files, "file", "files"),
        counted(scan.entries, "entry", "entries"),
        counted(scan.rows, "row", "rows"),
        counted(scan.ids, "id", "ids")
    );
    html! {
        @if scan.found == 0 {
            (Callout::success("Nothing of them is left in any file").text(&searched))
        } @else {
            (Callout::error("Something of them is left").text(&searched)
                .way_out("Ask for it again", &path(own)))
        }
        @if !scan.places.is_empty() {
            section class="card" {
                h2 { "Where an id stands" }
                p {
                    (grouped(scan.found)) " places hold an id of theirs; "
                    (grouped(scan.mentions)) " are texts of others, or items of the same id."
                }
                ul {
                    @for place in &scan.places {
                        li {
                            (place.place)
                            @if let Some(offset) = place.offset { ", entry " (grouped(offset)) }
                        }
                    }
                }
            }
        }
    }
}

fn removed(receipt: &Receipt) -> Markup {
    let (state, journal, files) = (&receipt.state, &receipt.journal, &receipt.files);
    let rows = [
        ("Profiles", state.profiles),
        ("Messages", state.messages),
        ("Interactions", state.interactions),
        ("Dead letters that had been sent again", state.dead_letters),
        ("Computed traits of others that named them, worked out anew", receipt.recounted),
        ("Entries of the journal", journal.erased),
        ("Segments of the journal, written anew", journal.segments),
        ("Files of the store, written anew", receipt.store_files),
        ("Exports", files.exports),
        ("Uploaded files", files.uploads),
    ];
    let rows = rows.map(|(what, n)| vec![Cell::new(what), Cell::new(grouped(n)).value(n)]);
    Table::new("What was removed", vec![Column::text("Where"), Column::number("Number")])
        .rows(rows)
        .render()
}

fn destinations(answers: &[DestinationAnswer]) -> Markup {
    let columns = vec![
        Column::text("Destination"),
        Column::text("Answer"),
        Column::number("Deleted"),
        Column::number("Not deleted"),
    ];
    let rows = answers.iter().map(|answer| {
        let text = match answer.outcome {
            ForwardOutcome::Deleted => "deleted",
            ForwardOutcome::CannotDelete => "cannot delete: delete them there by other means",
            ForwardOutcome::Failed => "failed",
        };
        let reason = answer.reason.as_ref().filter(|_| answer.outcome == ForwardOutcome::Failed);
        vec![
            Cell::new(&answer.destination),
            Cell::new(html! {
                (text)
                @if let Some(reason) = reason { ": " (reason) }
            }),
            Cell::new(grouped(answer.deleted)).value(answer.deleted),
            Cell::new(grouped(answer.failed)).value(answer.failed),
        ]
    });
    Table::new("Destinations", columns).rows(rows).render()
}
