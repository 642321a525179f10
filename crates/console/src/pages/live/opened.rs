//! One message or call, opened: its text with the mistakes marked, what became of it, and a call
//! that sends it again.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use domain::{Right, Timestamp, WorkspaceId};
use maud::{Markup, Render, html};
use resources::live::{self, LiveEntry, LiveKind, LiveOutcome, OpenedEntry};
use web::App;
use web::admission::Origin;
use web::error::ApiError;
use web::workspaces::Workspace;

use super::entry::{in_words, outcome_label, person, title, tone};
use crate::page::{Area, Frame, Page, new_mapping_path};
use crate::ui::{Badge, Callout, CodeBlock, JsonView, Mark, RelativeTime};

pub(super) async fn show(
    frame: Frame,
    State(app): State<Arc<App>>,
    Workspace(workspace): Workspace,
    Path((_, offset)): Path<(String, String)>,
    Extension(origin): Extension<Origin>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let number = offset.parse();
    let number = number.map_err(|_| ApiError::not_found("there is no such message"))?;
    let opened = live::open(&workspace, number, origin.base_url(&headers)).await?;
    let (id, now) = (workspace.id(), app.installation.options.clock.now());
    let marks: Vec<Mark> = opened
        .mistakes
        .iter()
        .map(|mistake| Mark { pointer: &mistake.place, text: &mistake.text })
        .collect();
    let label = match (opened.entry.kind, opened.is_cut) {
        (LiveKind::Message, false) => "Message",
        (LiveKind::Message, true) => "Beginning of the message",
        (LiveKind::Call, _) => "Call",
        (LiveKind::Import, false) => "Interactions",
        (LiveKind::Import, true) => "First interactions",
    };
    let body = html! {
        (verdict(&opened))
        div class="columns columns-wide-first" {
            div class="stack" {
                (JsonView { id: "message", label, text: &opened.raw, marks: &marks })
                @if opened.is_cut && opened.is_message() {
                    p class="lead" { "Of a rejected message only the first 1,000 bytes are kept." }
                }
                (again(&opened))
            }
            div class="stack" {
                (facts(id, &opened, now))
                (made(&frame, id, &opened))
            }
        }
    };
    let title = title(&opened.entry);
    Ok(Page::new(&frame, Area::Live, &title).body(body).into_response())
}

/// Why it was not applied, or not all of it.
fn verdict(opened: &OpenedEntry) -> Markup {
    let detail = opened.entry.detail.as_deref().unwrap_or_default();
    match opened.entry.outcome {
        LiveOutcome::Rejected => Callout::error("Rejected: nothing was changed").text(detail),
        LiveOutcome::Refused => Callout::error("Refused: nothing was changed").text(detail),
        LiveOutcome::AppliedInPart => Callout::warning("Applied in part").text(detail),
        LiveOutcome::Duplicate => Callout::warning("Duplicate: nothing was changed")
            .text("A message with this message id came before."),
        LiveOutcome::Unknown => Callout::info("Received before the server was started").text(
            "Whether it was a duplicate, or refused, is known of later messages and calls only.",
        ),
        LiveOutcome::Accepted => return html! {},
    }
    .render()
}

fn facts(workspace: &WorkspaceId, opened: &OpenedEntry, now: Timestamp) -> Markup {
    let entry = &opened.entry;
    html! {
        section class="card" {
            h2 { "What is known" }
            dl class="facts" {
                div {
                    dt { "Outcome" }
                    dd { (Badge::of(tone(entry.outcome), outcome_label(entry.outcome))) }
                }
                @if let Some(reason) = entry.reason {
                    div { dt { "Reason" } dd { code { (reason) } } }
                }
                div { dt { "Arrived" } dd { (RelativeTime { at: entry.received_at, now }) } }
                @if let Some(at) = opened.timestamp {
                    div { dt { "Happened" } dd { (RelativeTime { at, now }) } }
                }
                @if let Some(source) = &entry.source { div { dt { "Source" } dd { (source) } } }
                @if let Some(id) = &entry.user_id {
                    div { dt { "Person" } dd { (person(workspace, id, entry)) } }
                }
                @if let Some(id) = &entry.anonymous_id {
                    div { dt { "Anonymous id" } dd { (person(workspace, id, entry)) } }
                }
                @if let Some(id) = &entry.message_id {
                    div { dt { "Message id" } dd { code { (id) } } }
                }
            }
        }
    }
}

/// What each mapping made of it, or what the call did.
fn made(frame: &Frame, workspace: &WorkspaceId, opened: &OpenedEntry) -> Markup {
    let entry = &opened.entry;
    let is_about_nothing = opened.mappings.is_empty() && entry.effects.is_empty();
    let was_applied = matches!(
        entry.outcome,
        LiveOutcome::Accepted | LiveOutcome::AppliedInPart | LiveOutcome::Unknown
    );
    let own = entry
        .effects
        .iter()
        .filter(|effect| !opened.mappings.iter().any(|mapping| mapping.effects.contains(effect)));
    html! {
        @if was_applied && !(is_about_nothing && entry.kind != LiveKind::Message) {
            section class="card" {
                h2 { "What it did" }
                dl class="facts" {
                    @for effect in own {
                        div { dt { "The person" } dd { (in_words(workspace, effect, Some(entry))) } }
                    }
                    @for mapping in &opened.mappings {
                        div {
                            dt { (mapping.mapping) }
                            dd {
                                @for effect in &mapping.effects {
                                    p { (in_words(workspace, effect, Some(entry))) }
                                }
                                @if let Some(error) = &mapping.error {
                                    (Badge::of(crate::ui::Tone::Warning, "nothing")) " " (error)
                                } @else if mapping.effects.is_empty() { "nothing" }
                            }
                        }
                    }
                }
                @if !entry.enriched.is_empty() {
                    p class="field-hint" {
                        "Added from the catalog when it arrived: " (entry.enriched.join(", ")) "."
                    }
                }
                @if entry.is_mapped_anew {
                    p class="field-hint" {
                        "The mappings were changed after it came. This is what it would become now."
                    }
                }
                @if is_about_nothing && !entry.is_mapped_anew {
                    p { "It is in the timeline of the person. No mapping takes it, so that recommendations learn nothing from it." }
                    (new_mapping(frame, workspace, entry))
                }
            }
        }
        @if let Some(near) = &opened.would_be_taken_by {
            section class="card" {
                h2 { "A preset that comes near" }
                p { (near.preset) " takes messages like this:" }
                @if let Some(example) = near.example {
                    (JsonView { id: "example", label: "Example", text: example.get(), marks: &[] })
                }
            }
        }
    }
}

/// The way to a mapping for it, for those who may make one.
fn new_mapping(frame: &Frame, workspace: &WorkspaceId, entry: &LiveEntry) -> Markup {
    let may_make = frame.account.role.has(Right::ChangeWorkspace);
    html! {
        @if let (true, Some(type_), Some(event)) = (may_make, entry.type_, &entry.event) {
            p { a href=(new_mapping_path(workspace, type_, event)) { "Make a mapping for it" } }
        }
    }
}

fn again(opened: &OpenedEntry) -> Markup {
    html! {
        @if let Some(call) = &opened.curl {
            section class="stack" {
                h2 { "Send it again" }
                p class="field-hint" {
                    "Put the write key of the source into WRITE_KEY first. "
                    @if opened.entry.outcome != LiveOutcome::Rejected {
                        "With the same messageId it is a duplicate: leave it out to have it count again."
                    }
                }
                (CodeBlock { id: "curl", label: "curl", code: call })
            }
        }
    }
}
