//! Triggers: which messages a mapping maps. `type = "track" and event = "Order Completed"`.
//!
//! A trigger is parsed once. Its quirks are those of the language that it comes from, and
//! `docs/mappings.md` lists them: no precedence, one level of parentheses, unknown fields dropped.

mod evaluate;
mod parse;
mod reach;
mod token;

use crate::path::Path;
use crate::payload::Payload;

pub use reach::Reach;

/// The longest trigger, in bytes.
pub const TRIGGER_BYTES_MAX: usize = 10_000;

/// A condition on messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    text: String,
    root: Node,
    reach: Reach,
}

/// A text that is no trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TriggerError {
    /// The trigger is empty or no text.
    #[error("Failed to validate subscription")]
    Missing,
    /// The trigger cannot be read.
    #[error("Invalid subscription")]
    Invalid,
    /// The trigger is longer than [`TRIGGER_BYTES_MAX`].
    #[error("the trigger has {bytes} bytes, the limit is {TRIGGER_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// A part of a trigger.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// All of the parts hold, or one of them.
    Group {
        is_and: bool,
        parts: Vec<Node>,
    },
    Condition {
        field: Field,
        test: Test,
    },
    /// Parentheses without a condition: an error when it is reached.
    Nothing,
}

/// What a condition looks at.
#[derive(Debug, Clone, PartialEq)]
enum Field {
    Type,
    Event,
    Name,
    UserId,
    /// A path into properties, traits or context, which it begins with.
    In(Path),
}

/// What a condition asks.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    IsText(String),
    IsNotText(String),
    IsNumber(f64),
    IsNotNumber(f64),
    IsBool(bool),
    Exists,
    IsMissing,
    Compare {
        is_less: bool,
        or_equal: bool,
        /// Not a number where the right side is none: then no message passes.
        bound: f64,
    },
    /// A test of a text; of another value it fails, negated too.
    Text {
        test: TextTest,
        part: String,
        is_negated: bool,
    },
    /// A comparison by something that is no operator.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

impl Trigger {
    /// Reads a trigger.
    ///
    /// # Errors
    /// If the text is empty, too long, or no trigger.
    pub fn new(text: &str) -> Result<Self, TriggerError> {
        if text.is_empty() {
            return Err(TriggerError::Missing);
        }
        if text.len() > TRIGGER_BYTES_MAX {
            return Err(TriggerError::TooLong { bytes: text.len() });
        }
        let root = parse::parse(text)?;
        let reach = Reach::of(&root);
        Ok(Self { text: text.to_owned(), root, reach })
    }

    /// The text of the trigger as its author wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The types and events of messages that it can match.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Whether it matches a message.
    ///
    /// # Errors
    /// If the answer depends on parentheses that contain no condition.
    pub fn matches(&self, payload: &Payload<'_>) -> Result<bool, TriggerError> {
        evaluate::evaluate(&self.root, payload)
    }
}
