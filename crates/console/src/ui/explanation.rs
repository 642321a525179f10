//! Why an item is recommended, in words and shares.

use maud::{Markup, Render, html};

use super::{Meter, Tone, Unit};

/// One reason, with its part of the whole.
pub struct Reason<'a> {
    /// What the person did: "bought", "viewed".
    pub verb: &'a str,
    /// The item with which it was done.
    pub item: &'a str,
    /// The address of that item.
    pub href: &'a str,
    /// How many people did the same and chose the recommended item too, where that was counted.
    pub people: Option<u32>,
    /// The part of the score that follows from it, from 0 to 1.
    pub share: f64,
}

/// The reasons of one recommendation, the strongest first.
pub struct Explanation<'a> {
    /// Who did it: "she", "this person".
    pub who: &'a str,
    /// The reasons.
    pub reasons: &'a [Reason<'a>],
}

impl Render for Explanation<'_> {
    fn render(&self) -> Markup {
        html! {
            ul class="explanation" {
                @for reason in self.reasons {
                    li {
                        span class="explanation-words" {
                            "because " (self.who) " " (reason.verb) " "
                            a href=(reason.href) { (reason.item) }
                            @if let Some(n) = reason.people {
                                ", and " (n) " people who did so chose this too"
                            }
                        }
                        (Meter { share: reason.share, tone: Tone::Accent, label: None })
                        span class="explanation-share" { (Unit::RoundShare.text(reason.share)) }
                    }
                }
            }
        }
    }
}
