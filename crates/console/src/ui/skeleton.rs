//! A place held for what a script brings later, so that nothing jumps.

use maud::{Markup, html};

/// As many grey lines as text will come. Without scripts nothing would come, so they are not shown.
pub fn skeleton_lines(n_lines: usize) -> Markup {
    html! {
        div class="skeleton needs-script" aria-hidden="true" {
            @for _ in 0..n_lines { span class="skeleton-line" {} }
        }
    }
}
