//! What the threads beside the requests do, and the check of the journal.

use domain::Timestamp;
use maud::{Markup, Render, html};
use resources::background::{BackgroundThread, ThreadActivity};
use resources::operations::{JournalCheck, Operations};

use crate::ui::{
    Badge, Callout, Cell, Column, Progress, ProgressState, RelativeTime, Table, Tone, Unit,
};

/// The threads that fail, and those that have ended.
pub(super) fn failing(threads: &[BackgroundThread]) -> Markup {
    html! {
        @for thread in threads.iter().filter(|thread| needs_attention(thread)) {
            @let title = match thread.activity {
                ThreadActivity::Ended => format!("Work in the background has ended: {}", thread.task),
                _ => format!("Work in the background fails: {}", thread.task),
            };
            @let text = thread.last_failure.as_ref().map_or("", |failure| failure.text.as_str());
            (Callout::error(&title).text(text))
        }
    }
}

pub(super) fn needs_attention(thread: &BackgroundThread) -> bool {
    thread.is_failing || thread.activity == ThreadActivity::Ended
}

pub(super) fn table(operations: &Operations) -> Table<'static> {
    let columns = vec![
        Column::text("Work"),
        Column::text("State"),
        Column::text("Last ran"),
        Column::number("Steps"),
        Column::number("Failures"),
        Column::text("Last failure"),
    ];
    let now = operations.at;
    Table::new("Background work", columns)
        .captioned()
        .rows(operations.background.iter().map(|thread| row(thread, now)))
}

fn row(thread: &BackgroundThread, now: Timestamp) -> Vec<Cell> {
    let count = |n: u64| Cell::new(Unit::Count("").text(n as f64));
    vec![
        Cell::new(html! { span title={ "Thread " (thread.name) } { (thread.task) } }),
        Cell::new(html! { div class="unbroken" { (state(thread, now)) } }),
        Cell::new(html! { div class="unbroken" { (last_run(thread, now)) } }),
        count(thread.steps),
        count(thread.failures),
        Cell::new(match &thread.last_failure {
            None => html! { "–" },
            Some(failure) => html! {
                (RelativeTime { at: failure.at, now })
                @if let Some(workspace) = &failure.workspace { " for " (workspace.as_str()) }
                " " span class="under" { (failure.text) }
            },
        }),
    ]
}

fn state(thread: &BackgroundThread, now: Timestamp) -> Markup {
    let since = RelativeTime { at: thread.since, now };
    html! {
        @match thread.activity {
            ThreadActivity::Ended => (Badge::of(Tone::Bad, "ended")),
            _ if thread.is_failing => (Badge::of(Tone::Bad, "fails")),
            ThreadActivity::AtWork => (Badge::of(Tone::Accent, "at work")),
            ThreadActivity::Waiting => (Badge::new("waits")),
        }
        @match thread.activity {
            ThreadActivity::AtWork => { " " span class="under" { "began " (since) } },
            ThreadActivity::Ended => { " " span class="under" { (since) } },
            ThreadActivity::Waiting => {},
        }
    }
}

fn last_run(thread: &BackgroundThread, now: Timestamp) -> Markup {
    html! {
        @if let Some(at) = thread.last_step_at {
            (RelativeTime { at, now })
            @if let Some(ms) = thread.last_step_ms {
                " " span class="under" {
                    @if ms < 1.0 { "took less than 1 ms" }
                    @else { "took " (Unit::Seconds.text(ms / 1_000.0)) }
                }
            }
        } @else { "not yet" }
    }
}

/// How far the check of the journal is, or how the last one ended.
pub(super) fn journal_check(check: Option<&JournalCheck>, now: Timestamp) -> Markup {
    let Some(check) = check else {
        return html! {
            p class="field-hint" { "The journal has not been read for damage since the workspace was opened." }
        };
    };
    let began = RelativeTime { at: check.started_at, now };
    match check.ended_at {
        None => Progress {
            label: "Check of the journal for damage",
            state: ProgressState::Running(Some(check.share)),
            detail: "Reads the whole journal slowly, so that it is in nobody's way.",
            actions: None,
        }
        .render(),
        Some(ended_at) => html! {
            p {
                @if check.is_complete {
                    "The whole journal was read for damage, which ended "
                    (RelativeTime { at: ended_at, now }) ". " (Badge::of(Tone::Good, "done"))
                } @else {
                    "The check of the journal for damage that began " (began) " was given up after "
                    (Unit::RoundShare.text(check.share)) ". " (Badge::new("given up"))
                }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use domain::WorkspaceId;
    use resources::background::ThreadFailure;

    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn thread(activity: ThreadActivity, is_failing: bool) -> BackgroundThread {
        BackgroundThread {
            name: "trainer",
            task: "Trains",
            activity,
            since: Timestamp(NOW.0 - 120_000),
            steps: 1_234,
            last_step_at: Some(Timestamp(NOW.0 - 60_000)),
            last_step_ms: Some(1_500.0),
            is_failing,
            failures: 3,
            last_failure: Some(ThreadFailure {
                at: Timestamp(NOW.0 - 3_600_000),
                workspace: Some(WorkspaceId::new("shop").unwrap()),
                text: "no room for <b>artifacts</b>".to_owned(),
            }),
        }
    }

    /// A row as text, its tags left out.
    fn text(thread: &BackgroundThread) -> String {
        let columns = ["a", "b", "c", "d", "e", "f"].map(Column::text).into_iter().collect();
        let table = Table::new("", columns).row(row(thread, NOW)).render().into_string();
        let body = table.split("<tbody").nth(1).unwrap().to_owned();
        body.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text).collect()
    }

    #[test]
    fn a_row_says_what_a_thread_is_at_when_it_ran_and_what_failed() {
        let failing = text(&thread(ThreadActivity::Waiting, true));
        for expected in [
            "Trains",
            "fails",
            "1 minute ago took 1.5",
            "1,234",
            "1 hour ago for shop no room for &lt;b&gt;artifacts",
        ] {
            assert!(failing.contains(expected), "{expected:?} in {failing}");
        }
        let well = text(&thread(ThreadActivity::AtWork, false));
        assert!(well.contains("at work began 2 minutes ago") && !well.contains("fails"), "{well}");
        assert!(text(&thread(ThreadActivity::Ended, false)).contains("ended 2 minutes ago"));
    }

    #[test]
    fn threads_that_fail_or_have_ended_stand_at_the_top_and_others_do_not() {
        let threads = [
            thread(ThreadActivity::Waiting, false),
            thread(ThreadActivity::Waiting, true),
            thread(ThreadActivity::Ended, false),
        ];
        let top = failing(&threads).into_string();
        assert_eq!(top.matches("class=\"callout ").count(), 2, "{top}");
        assert!(top.contains("fails: Trains") && top.contains("has ended: Trains"), "{top}");
        assert!(!top.contains("<b>"), "what failed is text: {top}");
    }
}
