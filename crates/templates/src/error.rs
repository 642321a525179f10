//! What is wrong with a template, and why a message is not sent.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in the source of a template. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Place {
    /// The place of a byte of `source`.
    pub(crate) fn of(source: &str, offset: usize) -> Self {
        let before = prefix(source, offset);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        Self { line, column: before[start..].chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a source is no template: for whoever writes it, when it is saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct TemplateError {
    /// Where.
    pub place: Place,
    /// A sentence that names the thing and the way out.
    pub what: String,
}

/// Why a template gives no text for this person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A variable without a value and without a default is printed.
    #[error(
        "{place}: {variable} has no value for this person; give it a default: \
         {{{{ {variable} | default: \"...\" }}}}"
    )]
    Missing {
        /// As the template writes it.
        variable: String,
        /// Where.
        place: Place,
    },
    /// The message is not for this person: a tag of the template says so.
    #[error("{place}: {reason}")]
    Refused {
        /// Which tag, with its reason.
        reason: Refusal,
        /// Where.
        place: Place,
    },
    /// Something is too large or takes too long.
    #[error("{place}: {what}")]
    Limit {
        /// Which bound, and by what it is passed.
        what: String,
        /// Where.
        place: Place,
    },
    /// A value does not fit where it stands.
    #[error("{place}: {what}")]
    Value {
        /// The value's kind, and what fits.
        what: String,
        /// Where.
        place: Place,
    },
    /// Recommendations, a catalog or an external API did not answer.
    #[error("{place}: {what}")]
    Content {
        /// What was asked, and what went wrong.
        what: String,
        /// Where.
        place: Place,
    },
    /// The text as a whole is not of the template's form.
    #[error("the text is no {form}: {what}")]
    Form {
        /// JSON or address.
        form: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// What was recorded is not of this template.
    #[error(
        "{place}: what was recorded does not belong to this template; use the version that was sent"
    )]
    Recorded {
        /// The tag whose answer is not there.
        place: Place,
    },
}

/// Why a tag ends a render.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// `{% abort "reason" %}`.
    #[error("aborted by the template: {reason}")]
    Aborted {
        /// As the template gives it.
        reason: String,
    },
    /// `{% recommend %}` got fewer items than its `min`.
    #[error(
        "recommendation not available: {definition} gave {found} items, at least {min} are needed"
    )]
    RecommendationNotAvailable {
        /// The recommendation definition.
        definition: String,
        /// Items that it gave.
        found: usize,
        /// Items that the tag needs.
        min: usize,
    },
}

/// The longest start of a text that has at most so many bytes.
fn prefix(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
