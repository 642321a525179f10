//! A page of its own for what cannot be taken back: no dialog, no script.

use maud::{Markup, Render, html};

use super::Button;
use super::form::Form;

/// Says what will happen, and asks.
pub struct Confirmation<'a> {
    /// What will happen, in sentences.
    pub consequences: &'a [&'a str],
    /// Where the answer is sent.
    pub action: &'a str,
    /// The token of the session.
    pub csrf: &'a str,
    /// The words of the button: the deed, not "OK".
    pub confirm: &'a str,
    /// The address of the page from which one came.
    pub back: &'a str,
}

impl Render for Confirmation<'_> {
    fn render(&self) -> Markup {
        html! {
            div class="card confirmation" {
                ul class="consequences" {
                    @for consequence in self.consequences { li { (consequence) } }
                }
                (Form {
                    action: self.action,
                    csrf: self.csrf,
                    preview: None,
                    body: html! {
                        div class="actions" {
                            (Button::danger(self.confirm).named("confirm", "yes"))
                            (Button::quiet("Keep everything as it is").href(self.back))
                        }
                    },
                })
            }
        }
    }
}
