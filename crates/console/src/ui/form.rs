//! Forms: every control with its label, its hint, and the mistake beside it with what was typed.

mod choice;
mod code_area;
mod field;
mod reql;
mod slider;
mod text;

pub use choice::{Checkbox, Choice, Select};
pub use code_area::CodeArea;
pub use field::Field;
pub use reql::{ReqlField, ReqlMistake, reql_words};
pub use slider::Slider;
pub use text::{InputKind, NumberInput, TextInput};

use maud::{Markup, Render, html};

/// The name of the hidden field that carries the token against forged requests.
pub const CSRF_FIELD: &str = "csrf_token";

/// A form that changes something: it posts, and the answer redirects or shows it again.
pub struct Form<'a> {
    /// Where it is sent.
    pub action: &'a str,
    /// The token of the session.
    pub csrf: &'a str,
    /// The controls and buttons.
    pub body: Markup,
    /// Where a script posts it while somebody types, and the id of the element that takes the
    /// answer, a fragment.
    pub preview: Option<(&'a str, &'a str)>,
}

impl Render for Form<'_> {
    fn render(&self) -> Markup {
        html! {
            // The server says what is wrong, in the same words for all browsers.
            form class="form" method="post" action=(self.action) novalidate
                data-preview=[self.preview.map(|(url, _)| url)]
                data-preview-target=[self.preview.map(|(_, id)| id)] {
                input type="hidden" name=(CSRF_FIELD) value=(self.csrf);
                (self.body)
            }
        }
    }
}

impl Form<'_> {
    /// The form for those who may send it; for others what it holds, to read.
    pub fn for_those_who(&self, may_send: bool) -> Markup {
        match may_send {
            true => self.render(),
            false => html! { fieldset class="form" disabled { (self.body) } },
        }
    }
}

/// A form that only asks: its state is the query of the address, so that it can be shared.
pub struct QueryForm<'a> {
    /// The path of the page.
    pub action: &'a str,
    /// The controls and buttons.
    pub body: Markup,
    /// Where a script sends it while somebody types, and the id of the element that takes the
    /// answer, a fragment.
    pub preview: Option<(&'a str, &'a str)>,
}

impl Render for QueryForm<'_> {
    fn render(&self) -> Markup {
        html! {
            form class="form" method="get" action=(self.action) novalidate
                data-preview=[self.preview.map(|(url, _)| url)]
                data-preview-target=[self.preview.map(|(_, id)| id)] {
                (self.body)
            }
        }
    }
}

/// Controls that belong together, side by side where there is room.
pub fn field_group(title: &str, body: &Markup) -> Markup {
    html! {
        fieldset class="field-group" {
            legend { (title) }
            div class="field-group-body" { (body) }
        }
    }
}
