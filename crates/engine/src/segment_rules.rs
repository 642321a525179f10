//! Checks of what puts items into segments.

use serving::ExpressionSchema;
use state::Views;

/// A fault of an expression or filter of a segmentation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// It is no expression, or does not fit the properties of the items.
    #[error(transparent)]
    Expression(#[from] reql::ReqlError),
    /// It yields something else than ids of segments.
    #[error("a set of ids of segments is wanted, and this yields {found}{hint}")]
    NoSet {
        /// The type that it yields.
        found: reql::Type,
        /// How to make a set of it.
        hint: &'static str,
    },
}

impl RuleFault {
    /// The place of the fault, in characters from the start of the text; the first is 1.
    pub fn column(&self) -> usize {
        match self {
            Self::Expression(error) => error.column,
            Self::NoSet { .. } => 1,
        }
    }
}

/// Checks an expression that gives the ids of an item's segments.
pub(crate) fn check_segment_expression(views: &Views, expression: &str) -> Result<(), RuleFault> {
    let schema = ExpressionSchema { views, subject: reql::Subject::Items };
    match reql::parse(expression)?.check(&schema)? {
        reql::Type::Set | reql::Type::Any | reql::Type::Null => Ok(()),
        found => {
            let hint = if found == reql::Type::String { ": put it into braces" } else { "" };
            Err(RuleFault::NoSet { found, hint })
        }
    }
}

/// Checks the filter of a segment.
pub(crate) fn check_segment_filter(views: &Views, filter: &str) -> Result<(), RuleFault> {
    let schema = ExpressionSchema { views, subject: reql::Subject::Items };
    Ok(reql::parse(filter)?.check_filter(&schema)?)
}
