//! A word or two about a state.

use maud::{Markup, Render, html};

use super::Tone;

/// A short label: "accepted", "editor", "in use".
pub struct Badge<'a> {
    /// The words.
    pub label: &'a str,
    /// Their meaning.
    pub tone: Tone,
}

impl<'a> Badge<'a> {
    /// A badge without judgement.
    pub fn new(label: &'a str) -> Self {
        Self { label, tone: Tone::Neutral }
    }

    /// A badge with a meaning.
    pub fn of(tone: Tone, label: &'a str) -> Self {
        Self { label, tone }
    }
}

impl Render for Badge<'_> {
    fn render(&self) -> Markup {
        html! { span class={ "badge " (self.tone.class()) } { (self.label) } }
    }
}
