//! The list of keyboard shortcuts, which `?` opens.

use maud::{Markup, html};

use super::Frame;
use super::navigation::offered;

pub(super) fn render(frame: &Frame) -> Markup {
    let offered = frame.workspace.iter().flat_map(|workspace| offered(frame, workspace));
    html! {
        dialog class="help" id="help" aria-labelledby="help-title" {
            div class="help-head" {
                h2 id="help-title" { "Keyboard shortcuts" }
                form method="dialog" {
                    button type="submit" class="button button-secondary" { "Close" }
                }
            }
            dl class="keys" {
                (row(&["/"], "Search"))
                (row(&["?"], "This list"))
                @for area in offered.flat_map(|(_, areas)| areas) {
                    (row(&["g", area.key()], area.label()))
                }
            }
            label class="help-switch" {
                input type="checkbox" class="box" id="shortcuts-on" autocomplete="off" checked;
                span { "Use these keys" }
            }
        }
    }
}

fn row(keys: &[&str], what: &str) -> Markup {
    html! {
        div {
            dt { @for key in keys { kbd { (key) } " " } }
            dd { (what) }
        }
    }
}
