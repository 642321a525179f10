//! A message on a page: what happened, and the way out.

use maud::{Markup, Render, html};

use super::{Icon, Tone};

/// A message. Every warning and error names what to do next.
pub struct Callout<'a> {
    tone: Tone,
    title: &'a str,
    text: Option<&'a str>,
    way_out: Option<(&'a str, &'a str)>,
    is_announced: bool,
}

impl<'a> Callout<'a> {
    fn new(tone: Tone, title: &'a str) -> Self {
        Self { tone, title, text: None, way_out: None, is_announced: false }
    }

    /// Something worth knowing.
    pub fn info(title: &'a str) -> Self {
        Self::new(Tone::Accent, title)
    }

    /// Something that was done as asked.
    pub fn success(title: &'a str) -> Self {
        Self::new(Tone::Good, title)
    }

    /// Something that needs attention soon.
    pub fn warning(title: &'a str) -> Self {
        Self::new(Tone::Warning, title)
    }

    /// Something that failed.
    pub fn error(title: &'a str) -> Self {
        Self::new(Tone::Bad, title)
    }

    /// Adds a sentence or two.
    pub fn text(mut self, text: &'a str) -> Self {
        self.text = Some(text);
        self
    }

    /// Adds a link to the place where it can be mended.
    pub fn way_out(mut self, label: &'a str, href: &'a str) -> Self {
        self.way_out = Some((label, href));
        self
    }

    /// Reads it out to screen readers at once: the answer to what was just sent.
    pub fn announced(mut self) -> Self {
        self.is_announced = true;
        self
    }
}

impl Render for Callout<'_> {
    fn render(&self) -> Markup {
        let (icon, kind) = match self.tone {
            Tone::Good => (Icon::Check, "Done"),
            Tone::Warning => (Icon::Warning, "Warning"),
            Tone::Bad => (Icon::Error, "Error"),
            Tone::Neutral | Tone::Accent => (Icon::Info, "Note"),
        };
        let role = match self.tone {
            Tone::Bad if self.is_announced => Some("alert"),
            _ if self.is_announced => Some("status"),
            _ => None,
        };
        html! {
            div class={ "callout " (self.tone.class()) } role=[role] {
                (icon)
                div class="callout-body" {
                    div class="callout-words" {
                        p class="callout-title" {
                            span class="visually-hidden" { (kind) ": " } (self.title)
                        }
                        @if let Some(text) = self.text { p { (text) } }
                    }
                    @if let Some((label, href)) = self.way_out {
                        p { a href=(href) { (label) } }
                    }
                }
            }
        }
    }
}
