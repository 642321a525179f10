//! Parts of a page that server-sent events keep up to date.

use maud::{Markup, Render, html};

use super::Icon;

/// A list whose newest entries arrive by server-sent events. Each event `entry` carries the HTML
/// of one entry. Without scripts the page shows what was there when it was made.
pub struct LiveList<'a> {
    /// The address of the stream.
    pub stream: &'a str,
    /// What it lists: "messages".
    pub of: &'a str,
    /// The list, an `ol` or `ul`.
    pub list: Markup,
    /// The most entries that stay on the page.
    pub entries_max: usize,
}

/// A part of a page that is replaced whole: each event `fragment` carries its HTML. An event `end`,
/// which needs some data to count, closes the stream. Without scripts it stays as it was when the
/// page was made.
pub struct LiveFragment<'a> {
    /// The address of the stream.
    pub stream: &'a str,
    /// What it holds now.
    pub content: Markup,
}

impl Render for LiveFragment<'_> {
    fn render(&self) -> Markup {
        html! { div data-live=(self.stream) { (self.content) } }
    }
}

impl Render for LiveList<'_> {
    fn render(&self) -> Markup {
        html! {
            div class="live" data-live=(self.stream) data-live-max=(self.entries_max) {
                div class="live-bar needs-script" {
                    span class="live-state" data-live-state="" role="status" { "connecting" }
                    button type="button" class="button button-secondary" data-live-pause=""
                        aria-pressed="false" aria-label={ "Pause " (self.of) } {
                        (Icon::Pause) span { "Pause" }
                    }
                }
                div data-live-list="" { (self.list) }
            }
        }
    }
}
