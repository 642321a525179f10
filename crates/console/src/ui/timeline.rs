//! What happened, newest first.

use domain::Timestamp;
use maud::{Markup, Render, html};

use super::{Badge, ClockTime, Icon, RelativeTime, Tone};

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

/// One thing that just arrived, for lists that stay open: with the time of day, which stays right.
pub struct ArrivedEntry<'a> {
    /// The kind of thing.
    pub icon: Icon,
    /// Its outcome.
    pub tone: Tone,
    /// What it is, in a sentence with links.
    pub what: Markup,
    /// When it arrived.
    pub at: Timestamp,
    /// The time of the page.
    pub now: Timestamp,
    /// From where it came, and further facts.
    pub facts: &'a [&'a str],
    /// A word about the outcome, in the tone of the entry.
    pub outcome: &'a str,
}

impl Render for TimelineEntry<'_> {
    fn render(&self) -> Markup {
        let time = RelativeTime { at: self.at, now: self.now }.render();
        let body = html! {
            (head(&self.what, self.tone, self.outcome))
            (facts(&time, self.facts))
            @if let Some(detail) = &self.detail {
                details class="timeline-detail" { summary { "Raw message" } (detail) }
            }
        };
        element(self.icon, self.tone, &body)
    }
}

impl Render for ArrivedEntry<'_> {
    fn render(&self) -> Markup {
        let time = ClockTime { at: self.at, now: self.now }.render();
        let body = html! {
            (head(&self.what, self.tone, Some(self.outcome)))
            (facts(&time, self.facts))
        };
        element(self.icon, self.tone, &body)
    }
}

fn element(icon: Icon, tone: Tone, body: &Markup) -> Markup {
    html! {
        li class={ "timeline-entry " (tone.class()) } {
            span class="timeline-icon" { (icon) }
            div class="timeline-body" { (body) }
        }
    }
}

fn head(what: &Markup, tone: Tone, outcome: Option<&str>) -> Markup {
    html! {
        p class="timeline-what" {
            span { (what) }
            @if let Some(outcome) = outcome { " " (Badge::of(tone, outcome)) }
        }
    }
}

fn facts(time: &Markup, facts: &[&str]) -> Markup {
    html! {
        p class="timeline-facts" {
            (time)
            @for fact in facts { span { (fact) } }
        }
    }
}

/// A list of entries, in the order given.
pub fn timeline(entries: &[TimelineEntry]) -> Markup {
    html! { ol class="timeline" { @for entry in entries { (entry) } } }
}
