//! What happened, newest first.

use domain::Timestamp;
use maud::{Markup, Render, html};

use super::{Badge, Icon, RelativeTime, Tone};

/// One thing that happened.
pub struct TimelineEntry<'a> {
    /// The kind of thing.
    pub icon: Icon,
    /// Its outcome or nature.
    pub tone: Tone,
    /// What happened, in a sentence with links.
    pub what: Markup,
    /// When it happened.
    pub at: Timestamp,
    /// The time of the page.
    pub now: Timestamp,
    /// From where it came, and further facts: "web shop", "accepted".
    pub facts: &'a [&'a str],
    /// A word about the outcome, in the tone of the entry.
    pub outcome: Option<&'a str>,
    /// What stands below, closed at first: the raw message.
    pub detail: Option<Markup>,
}

impl Render for TimelineEntry<'_> {
    fn render(&self) -> Markup {
        html! {
            li class={ "timeline-entry " (self.tone.class()) } {
                span class="timeline-icon" { (self.icon) }
                div class="timeline-body" {
                    p class="timeline-what" {
                        span { (self.what) }
                        @if let Some(outcome) = self.outcome { " " (Badge::of(self.tone, outcome)) }
                    }
                    p class="timeline-facts" {
                        (RelativeTime { at: self.at, now: self.now })
                        @for fact in self.facts { span { (fact) } }
                    }
                    @if let Some(detail) = &self.detail {
                        details class="timeline-detail" { summary { "Raw message" } (detail) }
                    }
                }
            }
        }
    }
}

/// A list of entries, in the order given.
pub fn timeline(entries: &[TimelineEntry]) -> Markup {
    html! { ol class="timeline" { @for entry in entries { (entry) } } }
}
