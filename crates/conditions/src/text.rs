//! The text form of conditions: one line, for people.

mod lexer;
mod parser;
mod printer;
mod tests_of_values;

use std::fmt;
use std::str::FromStr;

use crate::condition::Condition;
use crate::error::ConditionError;

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        parser::parse(text)
    }
}

impl fmt::Display for Condition {
    /// The text form, which parses to the same condition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printer::write_condition(f, self)
    }
}
