//! Compiles a folded tree into closures over columns. They check no types and copy no text at run
//! time.
//!
//! Parts without a fast form are left to the reference evaluator.

mod compare;
mod form;

use std::sync::Arc;

use crate::compile::form::{Form, RowFn};
use crate::context::Context;
use crate::evaluate::{random, try_value_of, value_of};
use crate::fold::fold;
use crate::functions::Function;
use crate::number::Number;
use crate::rows::{Column, Rows, at, seconds, set_at};
use crate::syntax::{ArithmeticOp, Link, LogicOp, Tree, What};
use crate::value::Value;

/// An expression compiled for many rows of one request.
pub struct Compiled<'a> {
    rows: &'a dyn Rows,
    context: &'a dyn Context,
    tree: Tree,
    form: Form<'a>,
}

impl<'a> Compiled<'a> {
    pub(crate) fn new(tree: &Tree, rows: &'a dyn Rows, context: &'a dyn Context) -> Self {
        let (tree, exhausted) = fold(tree, rows, context);
        // Fast forms cannot tell a part that was given up from one that is null; the evaluation
        // stops at it at once.
        let form = if exhausted {
            Form::Dynamic(tree.clone())
        } else {
            Lowering { rows, context }.lower(&tree)
        };
        Self { rows, context, tree, form }
    }

    /// Whether a filter accepts the row. Only `true` does; null and other types do not.
    pub fn boolean(&self, row: u32) -> bool {
        match &self.form {
            Form::Condition(of_row) | Form::Boolean(of_row) => of_row(row) == Some(true),
            Form::Constant(value) => value.holds(),
            Form::Dynamic(tree) => value_of(tree, self.rows, self.context, row).holds(),
            Form::Number(_) | Form::Text(..) | Form::Set(..) | Form::Id => false,
        }
    }

    /// The factor that a booster gives the row; `None` for null and values of other types.
    pub fn number(&self, row: u32) -> Option<f64> {
        let number = match &self.form {
            Form::Number(of_row) => of_row(row),
            Form::Constant(value) => value.number(),
            Form::Dynamic(tree) => value_of(tree, self.rows, self.context, row).number(),
            Form::Condition(_) | Form::Boolean(_) | Form::Text(..) | Form::Set(..) | Form::Id => {
                None
            }
        };
        number.map(Number::as_f64)
    }

    /// The value for the row.
    pub fn value(&self, row: u32) -> Value {
        value_of(&self.tree, self.rows, self.context, row)
    }

    /// A key of the compiled expression. Expressions with equal keys have equal values for each
    /// row. `None` if a value asks the context for each row anew, or is random.
    pub fn row_key(&self) -> Option<String> {
        let depends_on = self.tree.dependencies();
        (!depends_on.context && !depends_on.chance).then(|| format!("{:?}", self.tree))
    }

    /// The value of all rows if it is the same for each, else `None`.
    pub fn constant(&self) -> Option<Value> {
        match &self.form {
            Form::Constant(value) => Some(value.clone()),
            _ => None,
        }
    }
}

#[derive(Clone, Copy)]
struct Lowering<'a> {
    rows: &'a dyn Rows,
    context: &'a dyn Context,
}

impl<'a> Lowering<'a> {
    fn lower(self, tree: &Tree) -> Form<'a> {
        self.fast_form(tree).unwrap_or_else(|| Form::Dynamic(tree.clone()))
    }

    fn fast_form(self, tree: &Tree) -> Option<Form<'a>> {
        Some(match &tree.what {
            What::Constant(value) => Form::Constant(value.clone()),
            What::Property(name) => self.property(name),
            What::Not(operand) => {
                let truth = self.truth(self.lower(operand));
                Form::condition(move |row| truth(row).map(|holds| !holds))
            }
            What::Negate(operand) => {
                let number = self.lower(operand).number()?;
                Form::number_of(move |row| number(row).map(Number::negate))
            }
            What::Plus(operand) => Form::Number(self.lower(operand).number()?),
            What::Logic(op, operands) => self.logic(*op, operands),
            What::Arithmetic(first, links) => self.arithmetic(first, links)?,
            What::Comparison(first, links) => {
                let mut left = self.lower(first);
                let mut pairs = Vec::new();
                for link in links {
                    let right = self.lower(&link.right);
                    pairs.push(compare::compare(link.op, &left, &right, self.rows)?);
                    left = right;
                }
                first_that(false, pairs)
            }
            What::If { condition, then, otherwise } => {
                let condition = self.lower(condition);
                if let Form::Constant(value) = &condition {
                    return Some(self.lower(if value.holds() { then } else { otherwise }));
                }
                self.choice(condition, self.lower(then), self.lower(otherwise))?
            }
            What::Call(function, arguments) => self.call(*function, arguments, tree.column)?,
            What::Exhausting
            | What::Variable(_)
            | What::Set(_)
            | What::Array(_)
            | What::Index(..)
            | What::Lookup(..)
            | What::Lambda { .. } => return None,
        })
    }

    fn property(self, name: &str) -> Form<'a> {
        if name == self.rows.subject().id_property() {
            return Form::Id;
        }
        match self.rows.column(name) {
            None => Form::Constant(Value::Null),
            Some(Column::Int(values)) => {
                Form::number_of(move |row| at(values, row).map(Number::Int))
            }
            Some(Column::Double(values)) => {
                Form::number_of(move |row| at(values, row).map(Number::Double))
            }
            Some(Column::Boolean(values)) => Form::boolean(move |row| at(values, row)),
            Some(Column::Timestamp(values)) => {
                Form::number_of(move |row| at(values, row).map(|ms| Number::Double(seconds(ms))))
            }
            Some(Column::String(values, texts)) => Form::Text(values, texts),
            Some(Column::Set(values, texts)) => Form::Set(values, texts),
        }
    }

    /// Whether a condition holds; null does not. `None` if it needs too many steps.
    fn truth(self, form: Form<'a>) -> RowFn<'a, bool> {
        match form {
            Form::Condition(of_row) => of_row,
            Form::Boolean(of_row) => Arc::new(move |row| Some(of_row(row) == Some(true))),
            Form::Constant(value) => {
                let holds = value.holds();
                Arc::new(move |_| Some(holds))
            }
            Form::Dynamic(tree) => Arc::new(move |row| {
                try_value_of(&tree, self.rows, self.context, row).map(|value| value.holds())
            }),
            Form::Number(_) | Form::Text(..) | Form::Set(..) | Form::Id => {
                Arc::new(|_| Some(false))
            }
        }
    }

    fn logic(self, op: LogicOp, operands: &[Tree]) -> Form<'a> {
        let ends_at = op == LogicOp::Or;
        let mut conditions = Vec::new();
        for operand in operands {
            match self.lower(operand) {
                Form::Constant(value) if value.holds() == ends_at => {
                    return Form::Constant(Value::Boolean(ends_at));
                }
                Form::Constant(_) => {}
                form => conditions.push(self.truth(form)),
            }
        }
        first_that(ends_at, conditions)
    }

    fn arithmetic(self, first: &Tree, links: &[Link<ArithmeticOp>]) -> Option<Form<'a>> {
        let first = self.lower(first).number()?;
        let links: Option<Vec<_>> =
            links.iter().map(|link| Some((link.op, self.lower(&link.right).number()?))).collect();
        let links = links?;
        Some(Form::number_of(move |row| {
            links.iter().try_fold(first(row)?, |left, (op, right)| left.apply(*op, right(row)?))
        }))
    }

    fn choice(self, condition: Form<'a>, then: Form<'a>, otherwise: Form<'a>) -> Option<Form<'a>> {
        let condition = self.truth(condition);
        if let (Some(then), Some(otherwise)) = (then.number(), otherwise.number()) {
            let choose = move |row| if condition(row)? { then(row) } else { otherwise(row) };
            return Some(Form::number_of(choose));
        }
        let (then, otherwise) = (then.nullable_boolean()?, otherwise.nullable_boolean()?);
        Some(Form::boolean(move |row| if condition(row)? { then(row) } else { otherwise(row) }))
    }

    fn call(self, function: Function, arguments: &[Tree], column: u32) -> Option<Form<'a>> {
        Some(match function {
            Function::Random => {
                let seed = self.context.seed();
                Form::number_of(move |row| Some(Number::Double(random(seed, row, column))))
            }
            Function::Size => match self.lower(&arguments[0]) {
                Form::Set(values, _) => Form::number_of(move |row| {
                    let elements = set_at(values, row).unwrap_or_default();
                    Some(Number::Int(elements.len() as i64))
                }),
                _ => return None,
            },
            Function::Math(math) => {
                let numbers: Option<Vec<_>> =
                    arguments.iter().map(|argument| self.lower(argument).number()).collect();
                match &numbers?[..] {
                    [one] => {
                        let one = one.clone();
                        Form::number_of(move |row| Some(math.apply(&[one(row)?])))
                    }
                    [one, two] => {
                        let (one, two) = (one.clone(), two.clone());
                        Form::number_of(move |row| Some(math.apply(&[one(row)?, two(row)?])))
                    }
                    many => {
                        let many = many.to_vec();
                        Form::number_of(move |row| {
                            let numbers: Option<Vec<_>> =
                                many.iter().map(|number| number(row)).collect();
                            Some(math.apply(&numbers?))
                        })
                    }
                }
            }
            _ => return None,
        })
    }
}

/// Whether a condition comes out as wanted; none is evaluated after the first that does.
fn first_that(wanted: bool, conditions: Vec<RowFn<'_, bool>>) -> Form<'_> {
    Form::condition(move |row| {
        for condition in &conditions {
            if condition(row)? == wanted {
                return Some(wanted);
            }
        }
        Some(!wanted)
    })
}
