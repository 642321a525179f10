//! The last run of what is done again and again: feeds and scheduled exports.

use domain::Timestamp;
use engine::ScheduledRun;
use maud::{Markup, html};

use crate::ui::{Badge, RelativeTime, Tone};

/// When the last run ended, and what came of it. `of` is what its rows are, one and many of them.
pub(super) fn last_run(
    run: Option<&ScheduledRun>,
    now: Timestamp,
    of: (&'static str, &'static str),
) -> Markup {
    let Some(run) = run else { return html! { "not yet" } };
    let left_out = domain::counted(run.n_skipped, "row was left out", "rows were left out");
    html! {
        (RelativeTime { at: run.ended_at, now }) " "
        @match &run.error {
            Some(error) => { (Badge::of(Tone::Bad, "failed")) p class="quiet" { (error) } }
            None => {
                (domain::counted(run.n_rows, of.0, of.1))
                @if run.n_skipped > 0 { " " (Badge::of(Tone::Warning, &left_out)) }
                @if let Some(outcome) = &run.outcome { p class="quiet" { (outcome) } }
            }
        }
    }
}
