//! The list of areas: at the side where there is room, a popover on phones.

use maud::{Markup, html};

use super::{Area, Frame};

pub(super) fn render(frame: &Frame, current: Option<Area>) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    html! {
        nav class="navigation" id="navigation" aria-label="Main" popover="" {
            @for (n, (group, areas)) in Area::GROUPS.into_iter().enumerate() {
                @let id = format!("navigation-{n}");
                p class="navigation-group" id=(id) { (group) }
                ul aria-labelledby=(id) {
                    @for area in areas {
                        li {
                            a href=(area.path(workspace)) data-key=(area.key())
                                aria-current=[(current == Some(*area)).then_some("page")] {
                                (area.icon()) span { (area.label()) }
                            }
                        }
                    }
                }
            }
        }
    }
}
