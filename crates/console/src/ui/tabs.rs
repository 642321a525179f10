//! Parts of a page, or views of one thing, as links.

use maud::{Markup, html};

/// A part that has its own address.
pub struct Tab<'a> {
    /// Its name.
    pub label: &'a str,
    /// Its address.
    pub href: &'a str,
    /// How many things it holds.
    pub count: Option<u64>,
    /// Whether it is shown now.
    pub is_current: bool,
}

/// The tabs of a page; `label` names the group for screen readers.
pub fn tabs(label: &str, tabs: &[Tab]) -> Markup {
    html! {
        nav class="tabs" aria-label=(label) {
            ul {
                @for tab in tabs {
                    li {
                        a href=(tab.href) aria-current=[tab.is_current.then_some("page")] {
                            (tab.label)
                            @if let Some(count) = tab.count {
                                " " span class="tab-count" { (domain::quantity::grouped(count)) }
                            }
                        }
                    }
                }
            }
        }
    }
}
