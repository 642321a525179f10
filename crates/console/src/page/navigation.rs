//! The list of areas: at the side where there is room, a popover on phones.

use domain::WorkspaceId;
use maud::{Markup, html};

use super::{Area, Frame};

/// The groups with the areas whose first page the visitor may open.
pub(super) fn offered(frame: &Frame, workspace: &WorkspaceId) -> Vec<(&'static str, Vec<Area>)> {
    let groups = Area::GROUPS.into_iter().map(|(group, areas)| {
        let areas = areas.iter().copied();
        (group, areas.filter(|area| frame.may_open(&area.path(workspace))).collect::<Vec<_>>())
    });
    groups.filter(|(_, areas)| !areas.is_empty()).collect()
}

pub(super) fn render(frame: &Frame, current: Option<Area>) -> Markup {
    let Some(workspace) = &frame.workspace else { return html! {} };
    html! {
        nav class="navigation" id="navigation" aria-label="Main" popover="" {
            @for (n, (group, areas)) in offered(frame, workspace).into_iter().enumerate() {
                @let id = format!("navigation-{n}");
                p class="navigation-group" id=(id) { (group) }
                ul aria-labelledby=(id) {
                    @for area in areas {
                        li {
                            a href=(area.path(workspace)) data-key=(area.key())
                                aria-current=[(current == Some(area)).then_some("page")] {
                                (area.icon()) span { (area.label()) }
                            }
                        }
                    }
                }
            }
        }
    }
}
