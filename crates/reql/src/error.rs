//! Errors in expressions, with their positions.

/// Why an expression is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at column {column}")]
pub struct ReqlError {
    /// The kind of error.
    pub kind: ErrorKind,
    /// The fault in words for the person who wrote the expression, without the place.
    pub message: String,
    /// The place of the fault, in characters from the start of the text; the first is 1.
    pub column: usize,
}

/// The ways in which an expression can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The text is no expression, or calls a function that does not exist.
    Syntax,
    /// A property that the schema does not have.
    UnknownProperty,
    /// An operand or argument of a type that has no meaning there, or the wrong number of
    /// arguments.
    Type,
    /// The text, its nesting or its number of parts passes a bound.
    TooLarge,
}

impl ReqlError {
    pub(crate) fn new(kind: ErrorKind, column: u32, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), column: column as usize }
    }
}
