//! One regulation: where it stands, and its receipt.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use domain::grouped;
use engine::{DestinationAnswer, ForwardOutcome, Receipt, ScanReport};
use maud::{Markup, Render, html};
use resources::privacy::{self, ShownRegulation};
use web::error::ApiError;
use web::workspaces::Workspace;

use super::super::jobs;
use super::{label, path, status};
use crate::page::{Area, Frame, Page};
use crate::ui::{Button, Callout, Cell, Column, Icon, Table};

pub(super) async fn show(
    frame: Frame,
    Workspace(workspace): Workspace,
    Path((_, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let own = workspace.id();
    let shown = privacy::read(&workspace, &id).await?;
    let body = match &shown.receipt {
        Some(receipt) => of_receipt(&shown, receipt),
        None => html! {
            section class="card" {
                p { (status(shown.status)) }
                p { "It is under way, and goes on by itself where it is interrupted. The receipt stands here when it has ended." }
                div class="actions" {
                    (Button::primary("Follow it").icon(Icon::Live).href(&jobs::path(own, shown.id)))
                    (Button::secondary("Look again").href(&format!("{}/{id}", path(own))))
                }
            }
        },
    };
    Ok(Page::new(&frame, Area::People, "Receipt")
        .lead(label(shown.type_))
        .actions(html! { (Button::secondary("Privacy").href(&path(own))) })
        .body(body)
        .into_response())
}

fn of_receipt(shown: &ShownRegulation, receipt: &Receipt) -> Markup {
    html! {
        section class="card" {
            p { (status(shown.status)) }
            p {
                "Asked for at " (receipt.requested_at) ", ended at " (receipt.finished_at) ". "
                (grouped(receipt.people.into())) " people with " (grouped(receipt.ids)) " ids."
            }
        }
        @if let Some(scan) = &receipt.scan { (proof(scan)) }
        section class="section" {
            h2 { "What was removed" }
            div class="card card-table" { (removed(receipt)) }
        }
        @if !receipt.destinations.is_empty() {
            section class="section" {
                h2 { "Destinations" }
                div class="card card-table" { (destinations(&receipt.destinations)) }
            }
        }
        @for left in &receipt.left {
            (Callout::warning("Left to be done").text(left))
        }
    }
}

fn proof(scan: &ScanReport) -> Markup {
    let searched = format!(
        "{} files, {} entries of the journal and {} rows were searched for {} ids.",
        grouped(scan.files),
        grouped(scan.entries),
        grouped(scan.rows),
        grouped(scan.ids)
    );
    html! {
        @if scan.found == 0 {
            (Callout::success("Nothing of them is left in any file").text(&searched))
        } @else {
            (Callout::error("Something of them is left").text(&searched))
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
        ("Entries of the journal", journal.erased),
        ("Segments of the journal, written anew", journal.segments),
        ("Files of the store, written anew", receipt.store_files),
        ("Exports", files.exports),
        ("Uploaded files", files.uploads),
        ("Ids suppressed, or free again", receipt.suppressed_ids),
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
