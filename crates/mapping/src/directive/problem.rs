//! Mistakes in a mapping.

use std::fmt;

/// A mistake in a mapping, found when it is read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// The name of the mapping; empty where it has none.
    pub mapping: String,
    /// The field of the action; empty where the mistake is outside of them.
    pub field: String,
    /// The place in the mapping, as a JSON pointer: `/fields/itemId/@if/exists`.
    pub place: String,
    /// What is wrong there: `should be a string but it is a number`; a whole sentence where the
    /// place is empty. `message` in JSON.
    #[serde(rename = "message")]
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.mapping.is_empty() {
            write!(f, "mapping {:?}: ", self.mapping)?;
        }
        match self.place.as_str() {
            "" => f.write_str(&self.what),
            place => write!(f, "{place} {}", self.what),
        }
    }
}

/// A mistake at a place within the fields.
#[derive(Debug)]
pub(crate) struct FieldProblem {
    /// The keys and indexes from the fields on.
    pub(crate) place: Vec<String>,
    pub(crate) what: String,
}

/// The problems found so far, and the place that is being read.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) found: Vec<FieldProblem>,
    place: Vec<String>,
}

/// The most problems of one mapping that are reported.
const PROBLEMS_MAX: usize = 100;

impl Problems {
    /// Reads what is under a key.
    pub(super) fn under<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.place.push(key.to_owned());
        let result = read(self);
        self.place.pop();
        result
    }

    pub(super) fn depth(&self) -> usize {
        self.place.len()
    }

    pub(super) fn add(&mut self, what: impl Into<String>) {
        if self.found.len() < PROBLEMS_MAX {
            self.found.push(FieldProblem { place: self.place.clone(), what: what.into() });
        }
    }

    /// `should be a string but it is an array`.
    pub(super) fn add_type(&mut self, expected: &str, found: &str) {
        let article = if found.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        self.add(format!("should be {expected} but it is {article} {found}"));
    }
}
