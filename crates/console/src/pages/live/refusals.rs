//! How often each source's messages are rejected, and why.

use domain::WorkspaceId;
use maud::{Markup, Render, html};
use resources::live::LiveOutcome;
use resources::rejections::Rejections;

use super::Query;
use crate::ui::{Cell, Column, Table, Unit};

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
    let table = Table::new("Rejected messages by source and reason", columns).rows(rows);
    html! { section class="card card-table" { (table.captioned().render()) } }
}
