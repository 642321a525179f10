//! A place where nothing is yet.

use maud::{Markup, Render, html};

use super::Icon;

/// Says why a place is empty and what to do next.
pub struct EmptyState<'a> {
    /// A picture of what would be there.
    pub icon: Icon,
    /// What is not there: "No scenario yet".
    pub title: &'a str,
    /// Why, and what to do.
    pub text: &'a str,
    /// The next step, usually a button or a line of code.
    pub next: Option<Markup>,
}

impl Render for EmptyState<'_> {
    fn render(&self) -> Markup {
        html! {
            div class="empty" {
                span class="empty-icon" { (self.icon) }
                p class="empty-title" { (self.title) }
                p class="empty-text" { (self.text) }
                @if let Some(next) = &self.next { div class="empty-next" { (next) } }
            }
        }
    }
}
