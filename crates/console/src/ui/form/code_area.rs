//! Code of some lines.

use maud::{Markup, Render, html};

use super::Field;

/// The most lines that are shown without scrolling.
const ROWS_MAX: usize = 16;
/// About so many characters stand in a line where browsers do not fit the area to its text.
const CHARS_PER_ROW: usize = 44;

/// A text of some lines in the code font, as high as its text.
pub struct CodeArea<'a> {
    /// Name, label, hint and error.
    pub field: Field<'a>,
    /// The text: as stored, or as typed where it was refused.
    pub value: &'a str,
    /// What stands below it and its error.
    pub below: Markup,
}

impl Render for CodeArea<'_> {
    fn render(&self) -> Markup {
        let field = &self.field;
        let rows = self.value.lines().map(|line| line.chars().count() / CHARS_PER_ROW + 1);
        let rows = rows.sum::<usize>().clamp(1, ROWS_MAX);
        let area = html! {
            textarea class="input input-code code-area" id=(field.id) name=(field.name) rows=(rows)
                required[field.is_required()] autocomplete="off" spellcheck="false"
                autocapitalize="off" aria-invalid=[field.invalid()]
                aria-describedby=[field.described_by()] {
                // Browsers drop a line break at the beginning.
                "\n" (self.value)
            }
        };
        html! { div class="field" { (field.wrap(&area)) (self.below) } }
    }
}
