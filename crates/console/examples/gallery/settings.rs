use console::page::{Area, Frame, Page};
use console::ui::{Button, EmptyState, Icon};
use maud::{Markup, Render, html};

pub(crate) fn segments(frame: &Frame) -> Markup {
    let body = EmptyState {
        icon: Icon::Segments,
        title: "No segmentation yet",
        text: "A segmentation groups items, by a property such as the genre or by a filter. Scenarios can then recommend whole groups.",
        next: Some(html! {
            (Button::primary("New segmentation").icon(Icon::Add).href("/console/music/segments"))
            (Button::quiet("How it works").href("/console/music/segments"))
        }),
    };
    Page::new(frame, Area::Segments, "Segments").body(body.render()).render()
}
