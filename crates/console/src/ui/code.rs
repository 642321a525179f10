//! Code to read and copy.

use maud::{Markup, Render, html};

use super::{Button, Icon};

/// A block of code with a button that copies it.
pub struct CodeBlock<'a> {
    /// The id of the block on its page.
    pub id: &'a str,
    /// What it is: "curl", "Python".
    pub label: &'a str,
    /// The code.
    pub code: &'a str,
}

impl Render for CodeBlock<'_> {
    fn render(&self) -> Markup {
        html! {
            figure class="code-block" {
                figcaption {
                    span { (self.label) }
                    (Button::quiet("Copy").icon(Icon::Copy).copies(self.id))
                }
                // Can be scrolled, so it can be focused.
                pre tabindex="0" role="group" aria-label={ (self.label) " code" } { code id=(self.id) { (self.code) } }
            }
        }
    }
}
