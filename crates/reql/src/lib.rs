#![doc = include_str!("../README.md")]

mod check;
mod compile;
mod context;
mod conversions;
mod error;
mod evaluate;
mod fold;
mod functions;
mod geo;
mod kind;
mod lexer;
pub mod limits;
mod math;
mod number;
mod operators;
mod parser;
mod rows;
mod syntax;
mod value;

pub use compile::Compiled;
pub use context::{Context, InteractionCount, InteractionKind};
pub use error::{ErrorKind, ReqlError};
pub use functions::function_names;
pub use geo::Region;
pub use kind::{Schema, Subject, Type};
pub use rows::{Column, Rows, TextId, Texts};
pub use syntax::Dependencies;
pub use value::{Set, Value};

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::syntax::Tree;

/// A parsed expression. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Arc<str>,
    tree: Tree,
}

/// Parses an expression. Which properties it names and whether its types fit is for
/// [`Expression::check`].
pub fn parse(text: &str) -> Result<Expression, ReqlError> {
    Ok(Expression { tree: parser::parse(text)?, text: text.into() })
}

impl Expression {
    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the type of the expression's value.
    ///
    /// # Errors
    ///
    /// A property is unknown, or an operand or argument has the wrong type.
    pub fn check(&self, schema: &dyn Schema) -> Result<Type, ReqlError> {
        check::infer_type(&self.tree, schema)
    }

    /// Checks the expression as a filter: its value must be a boolean.
    ///
    /// # Errors
    ///
    /// As for [`Expression::check`], or the value is no boolean.
    pub fn check_filter(&self, schema: &dyn Schema) -> Result<(), ReqlError> {
        self.check_result(schema, "a filter must yield a boolean", &[Type::Boolean])
    }

    /// Checks the expression as a booster: its value must be a number.
    ///
    /// # Errors
    ///
    /// As for [`Expression::check`], or the value is no number.
    pub fn check_booster(&self, schema: &dyn Schema) -> Result<(), ReqlError> {
        let numbers = [Type::Int, Type::Double, Type::Timestamp];
        self.check_result(schema, "a booster must yield a number", &numbers)
    }

    fn check_result(
        &self,
        schema: &dyn Schema,
        rule: &str,
        wanted: &[Type],
    ) -> Result<(), ReqlError> {
        let found = self.check(schema)?;
        if found.is_open() || wanted.contains(&found) {
            return Ok(());
        }
        Err(ReqlError::new(
            ErrorKind::Type,
            self.tree.column,
            format!("{rule}; this yields {found}"),
        ))
    }

    /// Memory that the expression takes, in bytes: many times the length of its text.
    pub fn n_bytes(&self) -> usize {
        size_of::<Self>() + self.text.len() + self.tree.n_bytes()
    }

    /// The inputs on which the value depends. A caller that caches values needs them.
    pub fn dependencies(&self) -> Dependencies {
        self.tree.dependencies()
    }

    /// Names of the segmentations that the expression reads; `None` if it computes such a name.
    pub fn segmentations(&self) -> Option<BTreeSet<&str>> {
        let mut names = BTreeSet::new();
        self.tree.add_segmentations(&mut names).then_some(names)
    }

    /// Evaluates one row with the reference evaluator. Compiled expressions give the same values.
    pub fn evaluate(&self, rows: &dyn Rows, context: &dyn Context, row: u32) -> Value {
        evaluate::evaluate(&self.tree, rows, context, row)
    }

    /// Compiles the expression for many rows. Parts that do not depend on the row are computed
    /// here.
    ///
    /// An unchecked expression can be compiled too: properties without a column are null, and
    /// operators between types that do not fit give null or do not hold.
    pub fn compile<'a>(&self, rows: &'a dyn Rows, context: &'a dyn Context) -> Compiled<'a> {
        Compiled::new(&self.tree, rows, context)
    }
}
