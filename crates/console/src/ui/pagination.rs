//! Paging by cursor: what comes before and after, not page numbers.

use maud::{Markup, Render, html};

use super::Icon;

/// Links to the neighbours of a page of a list.
pub struct Pagination<'a> {
    /// What the list holds, for screen readers: "people".
    pub of: &'a str,
    /// What is shown: "1 to 50 of about 20,113".
    pub shown: &'a str,
    /// The address of the page before.
    pub previous: Option<&'a str>,
    /// The address of the page after.
    pub next: Option<&'a str>,
}

impl Render for Pagination<'_> {
    fn render(&self) -> Markup {
        html! {
            nav class="pagination" aria-label={ "Pages of " (self.of) } {
                p { (self.shown) }
                div class="actions" {
                    @if let Some(href) = self.previous {
                        a class="button button-secondary" href=(href) rel="prev" {
                            (Icon::Previous) span { "Previous" }
                        }
                    }
                    @if let Some(href) = self.next {
                        a class="button button-secondary" href=(href) rel="next" {
                            span { "Next" } (Icon::Next)
                        }
                    }
                }
            }
        }
    }
}
