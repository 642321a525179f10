//! How often each source's messages are rejected, and why; the latest ones where they are long ago.

use domain::{Timestamp, WorkspaceId};
use maud::{Markup, Render, html};
use resources::live::LiveOutcome;
use resources::rejections::Rejections;

use super::Query;
use crate::ui::{Cell, Column, Icon, JsonView, Mark, Table, TimelineEntry, Tone, Unit, timeline};

/// The reasons, the most frequent first; nothing where nothing was rejected.
pub(super) fn table(workspace: &WorkspaceId, rejections: &Rejections) -> Markup {
    if rejections.counts.is_empty() {
        return html! {};
    }
    let mut counts: Vec<_> = rejections.counts.iter().collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.count));
    let columns =
        vec![Column::text("Source"), Column::text("Reason"), Column::number("Since the beginning")];
    let rows = counts.into_iter().map(|count| {
        let of_source = Query { source: count.source.clone(), ..Query::default() };
        let outcome = match count.is_applied {
            true => LiveOutcome::AppliedInPart,
            false => LiveOutcome::Rejected,
        };
        let of_source = of_source.with_outcome(Some(outcome));
        vec![
            Cell::new(html! { a href=(of_source.address(workspace, "", None)) { (count.source) } }),
            Cell::new(count.title),
            Cell::new(Unit::Count("").text(count.count as f64)),
        ]
    });
    let table = Table::new(
        "Messages that were refused or understood in part, by source and reason",
        columns,
    )
    .rows(rows);
    html! { section class="card card-table" { (table.captioned().render()) } }
}

/// The latest rejected messages of a source, or of all, whose places in the journal are far back;
/// nothing where there are none.
pub(super) fn earlier(rejections: &Rejections, source: &str, now: Timestamp) -> Markup {
    let of_source = rejections
        .latest
        .iter()
        .filter(|rejection| source.is_empty() || rejection.source == source);
    let of_source: Vec<_> =
        of_source.map(|rejection| (rejection, [rejection.source.as_str()])).collect();
    let entries: Vec<TimelineEntry> = of_source
        .iter()
        .enumerate()
        .map(|(n, (rejection, facts))| {
            let marks = [Mark { pointer: rejection.place, text: &rejection.detail }];
            let id = format!("rejected-{n}");
            let raw = JsonView { id: &id, label: "Message", text: &rejection.json, marks: &marks };
            TimelineEntry {
                icon: Icon::Error,
                tone: Tone::Bad,
                what: html! { (rejection.detail) },
                at: rejection.received_at,
                now,
                facts,
                outcome: None,
                detail: Some(raw.render()),
            }
        })
        .collect();
    html! {
        @if !entries.is_empty() {
            section class="card" {
                h2 { "Earlier ones" }
                (timeline(&entries))
            }
        }
    }
}
