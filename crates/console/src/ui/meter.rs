//! A share as a bar, in SVG attributes: the content security policy allows no style attributes.

use maud::{Markup, Render, html};

use super::{Tone, Unit};

/// A bar filled to a share.
pub struct Meter<'a> {
    /// The share from 0 to 1; beyond that it is cut.
    pub share: f64,
    /// The colour of the filled part.
    pub tone: Tone,
    /// What it measures, for screen readers; nothing where the number stands beside it.
    pub label: Option<&'a str>,
}

impl Render for Meter<'_> {
    fn render(&self) -> Markup {
        let width = format!("{:.1}%", self.share.clamp(0.0, 1.0) * 100.0);
        let label = self.label.map(|label| format!("{label}: {}", Unit::Share.text(self.share)));
        let role = label.as_ref().map(|_| "img");
        html! {
            svg class={ "meter " (self.tone.class()) } role=[role] aria-label=[label]
                aria-hidden=[self.label.is_none().then_some("true")] {
                rect class="meter-track" width="100%" height="100%" rx="3" {}
                rect class="meter-fill" width=(width) height="100%" rx="3" {}
            }
        }
    }
}
