//! The text form of conditions: one line, for people.

mod lexer;
mod parser;
mod printer;
mod tests_of_values;

use std::fmt;
use std::str::FromStr;

use crate::condition::{Condition, EventMatch};
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

impl EventMatch {
    /// An event of a name, with tests of its properties as a condition has them behind `where`.
    ///
    /// # Errors
    /// The mistake in `filters` with its column.
    pub fn parse(name: &str, filters: Option<&str>) -> Result<Self, ConditionError> {
        let filters = filters.map_or(Ok(Vec::new()), parser::parse_filters)?;
        Ok(Self { name: name.to_owned(), filters })
    }
}
