//! An expression of ReQL, with the place of a mistake marked.

use maud::{Markup, Render, html};

use super::Field;

/// The place of a mistake in an expression: the text around it with one character marked. Stands
/// below a field, and in previews while somebody types.
pub struct ReqlMistake<'a> {
    /// The expression as typed.
    pub text: &'a str,
    /// The column of the mistake, in characters from 1.
    pub column: usize,
}

impl Render for ReqlMistake<'_> {
    fn render(&self) -> Markup {
        let (before, marked, after) = excerpt(self.text, self.column);
        html! {
            p class="reql-excerpt" aria-hidden="true" {
                code { (before) mark { (marked) } (after) }
            }
        }
    }
}

/// An expression and where it is wrong.
pub struct ReqlField<'a> {
    /// Name, label and hint. The error stands below the marked line.
    pub field: Field<'a>,
    /// The expression: as stored, or as typed where it was refused.
    pub value: &'a str,
    /// The column of the mistake, in characters from 1, and what is wrong there.
    pub mistake: Option<(usize, &'a str)>,
}

/// The id of the words that fields complete.
const WORDS: &str = "reql-words";

/// The words that a script completes in the fields of a page: item properties with their types, and
/// functions.
pub fn reql_words<'a>(
    properties: impl Iterator<Item = (&'a str, &'a str)>,
    functions: &[&str],
) -> Markup {
    html! {
        datalist id=(WORDS) {
            @for (name, type_) in properties { option value={ "'" (name) "'" } label=(type_) {} }
            @for name in functions { option value={ (name) "(" } label="function" {} }
        }
    }
}

/// How many characters stand before and behind a marked one.
const CONTEXT_CHARS: usize = 24;

impl Render for ReqlField<'_> {
    fn render(&self) -> Markup {
        let message = self.mistake.map(|(column, text)| format!("column {column}: {text}"));
        let field = self.field.clone().error(message.as_deref());
        field.wrap(&html! {
            textarea class="input input-code reql" id=(field.id) name=(field.name) rows="3"
                data-words=(WORDS) autocomplete="off" spellcheck="false" autocapitalize="off"
                aria-invalid=[field.invalid()] aria-describedby=[field.described_by()] {
                // Browsers drop a line break at the beginning.
                "\n" (self.value)
            }
            @if let Some((column, _)) = self.mistake {
                (ReqlMistake { text: self.value, column })
            }
        })
    }
}

/// The text around a column, in three parts. A column behind the end marks a space.
fn excerpt(text: &str, column: usize) -> (String, String, String) {
    let chars: Vec<char> = text.chars().collect();
    let at = column.saturating_sub(1).min(chars.len());
    let from = at.saturating_sub(CONTEXT_CHARS);
    let to = (at + 1 + CONTEXT_CHARS).min(chars.len());
    let mut before: String = chars[from..at].iter().collect();
    if from > 0 {
        before.insert(0, '…');
    }
    let marked = chars.get(at).map_or_else(|| "\u{a0}".to_owned(), char::to_string);
    let mut after: String = chars.get(at + 1..to).unwrap_or_default().iter().collect();
    if to < chars.len() {
        after.push('…');
    }
    (before, marked, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marked_character_is_the_one_of_the_column() {
        let (before, marked, after) = excerpt("'price' < ä + 1", 11);
        assert_eq!((before.as_str(), marked.as_str(), after.as_str()), ("'price' < ", "ä", " + 1"));
        assert_eq!(excerpt("'a' ==", 7).1, "\u{a0}");
        assert_eq!(excerpt("", 99), (String::new(), "\u{a0}".to_owned(), String::new()));
        let (before, _, after) = excerpt(&"x".repeat(100), 50);
        assert_eq!((before.chars().count(), after.chars().count()), (25, 25));
    }
}
