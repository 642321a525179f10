//! Code of some lines.

use maud::{Markup, Render, html};

use super::Field;

/// The most lines that are shown without scrolling.
const ROWS_MAX: usize = 16;
/// About so many characters stand in a line.
const CHARS_PER_ROW: usize = 56;

/// A text of some lines in the code font, as high as its text at first.
pub struct CodeArea<'a> {
    /// Name, label, hint and error.
    pub field: Field<'a>,
    /// The text: as stored, or as typed where it was refused.
    pub value: &'a str,
    /// What stands below it.
    pub below: Markup,
}

impl Render for CodeArea<'_> {
    fn render(&self) -> Markup {
        let field = &self.field;
        let rows = self.value.lines().map(|line| line.chars().count() / CHARS_PER_ROW + 1);
        let rows = rows.sum::<usize>().clamp(1, ROWS_MAX);
        field.wrap(&html! {
            textarea class="input input-code" id=(field.id) name=(field.name) rows=(rows)
                required[field.is_required()] autocomplete="off" spellcheck="false"
                autocapitalize="off" aria-invalid=[field.invalid()]
                aria-describedby=[field.described_by()] {
                // Browsers drop a line break at the beginning.
                "\n" (self.value)
            }
            (self.below)
        })
    }
}
