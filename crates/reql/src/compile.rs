//! Compiles a folded tree into closures over columns. They check no types and copy no text at run
//! time.
//!
//! Parts without a fast form are left to the reference evaluator.

mod compare;
mod form;

use std::sync::Arc;

use crate::compile::form::{Form, RowFn};
use crate::context::Context;
use crate::evaluate::{draw_random, evaluate, try_evaluate};
use crate::fold::fold;
use crate::functions::Function;
use crate::number::Number;
use crate::rows::{Column, Rows, at, set_at, to_seconds};
use crate::syntax::{ArithmeticOp, Link, LogicOp, NodeKind, Tree};
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
        // Fast forms cannot distinguish a part that was given up from one that is null. The
        // reference evaluator stops at it.
        let form = if exhausted {
            Form::Dynamic(tree.clone())
        } else {
            Lowering { rows, context }.lower(&tree)
        };
        Self { rows, context, tree, form }
    }

    /// Whether a filter accepts the row. Only `true` does; null and other types do not.
    pub fn evaluate_boolean(&self, row: u32) -> bool {
        match &self.form {
            Form::Condition(of_row) | Form::Boolean(of_row) => of_row(row) == Some(true),
            Form::Constant(value) => value.holds(),
            Form::Dynamic(tree) => evaluate(tree, self.rows, self.context, row).holds(),
            Form::Number(_) | Form::Text(..) | Form::Set(..) | Form::Id => false,
        }
    }

    /// The factor that a booster gives the row; `None` for null and values of other types.
    pub fn evaluate_number(&self, row: u32) -> Option<f64> {
        let number = match &self.form {
            Form::Number(of_row) => of_row(row),
            Form::Constant(value) => value.number(),
            Form::Dynamic(tree) => evaluate(tree, self.rows, self.context, row).number(),
            Form::Condition(_) | Form::Boolean(_) | Form::Text(..) | Form::Set(..) | Form::Id => {
                None
            }
        };
        number.map(Number::as_f64)
    }

    /// The value for the row.
    pub fn evaluate(&self, row: u32) -> Value {
        evaluate(&self.tree, self.rows, self.context, row)
    }

    /// A key of the compiled expression. Expressions with equal keys have equal values for each
    /// row. `None` if a value asks the context for each row anew, or is random.
    pub fn row_key(&self) -> Option<String> {
        let depends_on = self.tree.dependencies();
        (!depends_on.context && !depends_on.randomness).then(|| format!("{:?}", self.tree))
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
        self.try_lower(tree).unwrap_or_else(|| Form::Dynamic(tree.clone()))
    }

    fn try_lower(self, tree: &Tree) -> Option<Form<'a>> {
        Some(match &tree.kind {
            NodeKind::Constant(value) => Form::Constant(value.clone()),
            NodeKind::Property(name) => self.lower_property(name),
            NodeKind::Not(operand) => {
                let truth = self.lower_condition(self.lower(operand));
                Form::new_condition(move |row| truth(row).map(|holds| !holds))
            }
            NodeKind::Negate(operand) => {
                let number = self.lower(operand).as_number()?;
                Form::new_number(move |row| number(row).map(Number::negate))
            }
            NodeKind::Plus(operand) => Form::Number(self.lower(operand).as_number()?),
            NodeKind::Logic(op, operands) => self.lower_logic(*op, operands),
            NodeKind::Arithmetic(first, links) => self.lower_arithmetic(first, links)?,
            NodeKind::Comparison(first, links) => {
                let mut left = self.lower(first);
                let mut pairs = Vec::new();
                for link in links {
                    let right = self.lower(&link.right);
                    pairs.push(compare::compare(link.op, &left, &right, self.rows)?);
                    left = right;
                }
                any_equals(false, pairs)
            }
            NodeKind::If { condition, then, otherwise } => {
                let condition = self.lower(condition);
                if let Form::Constant(value) = &condition {
                    return Some(self.lower(if value.holds() { then } else { otherwise }));
                }
                self.lower_choice(condition, self.lower(then), self.lower(otherwise))?
            }
            NodeKind::Call(function, arguments) => {
                self.lower_call(*function, arguments, tree.column)?
            }
            NodeKind::Exhausted
            | NodeKind::Variable(_)
            | NodeKind::Set(_)
            | NodeKind::Array(_)
            | NodeKind::Index(..)
            | NodeKind::Lookup(..)
            | NodeKind::Lambda { .. } => return None,
        })
    }

    fn lower_property(self, name: &str) -> Form<'a> {
        if name == self.rows.subject().id_property() {
            return Form::Id;
        }
        match self.rows.column(name) {
            None => Form::Constant(Value::Null),
            Some(Column::Int(values)) => {
                Form::new_number(move |row| at(values, row).map(Number::Int))
            }
            Some(Column::Double(values)) => {
                Form::new_number(move |row| at(values, row).map(Number::Double))
            }
            Some(Column::Boolean(values)) => Form::new_boolean(move |row| at(values, row)),
            Some(Column::Timestamp(values)) => Form::new_number(move |row| {
                at(values, row).map(|ms| Number::Double(to_seconds(ms)))
            }),
            Some(Column::String(values, texts)) => Form::Text(values, texts),
            Some(Column::Set(values, texts)) => Form::Set(values, texts),
        }
    }

    /// Makes a condition of a form: whether it holds, and null does not. Its value is `None` where
    /// the evaluation needs too many steps.
    fn lower_condition(self, form: Form<'a>) -> RowFn<'a, bool> {
        match form {
            Form::Condition(of_row) => of_row,
            Form::Boolean(of_row) => Arc::new(move |row| Some(of_row(row) == Some(true))),
            Form::Constant(value) => {
                let holds = value.holds();
                Arc::new(move |_| Some(holds))
            }
            Form::Dynamic(tree) => Arc::new(move |row| {
                try_evaluate(&tree, self.rows, self.context, row).map(|value| value.holds())
            }),
            Form::Number(_) | Form::Text(..) | Form::Set(..) | Form::Id => {
                Arc::new(|_| Some(false))
            }
        }
    }

    fn lower_logic(self, op: LogicOp, operands: &[Tree]) -> Form<'a> {
        let ends_at = op == LogicOp::Or;
        let mut conditions = Vec::new();
        for operand in operands {
            match self.lower(operand) {
                Form::Constant(value) if value.holds() == ends_at => {
                    return Form::Constant(Value::Boolean(ends_at));
                }
                Form::Constant(_) => {}
                form => conditions.push(self.lower_condition(form)),
            }
        }
        any_equals(ends_at, conditions)
    }

    fn lower_arithmetic(self, first: &Tree, links: &[Link<ArithmeticOp>]) -> Option<Form<'a>> {
        let first = self.lower(first).as_number()?;
        let links: Option<Vec<_>> = links
            .iter()
            .map(|link| Some((link.op, self.lower(&link.right).as_number()?)))
            .collect();
        let links = links?;
        Some(Form::new_number(move |row| {
            links.iter().try_fold(first(row)?, |left, (op, right)| left.apply(*op, right(row)?))
        }))
    }

    fn lower_choice(
        self,
        condition: Form<'a>,
        then: Form<'a>,
        otherwise: Form<'a>,
    ) -> Option<Form<'a>> {
        let condition = self.lower_condition(condition);
        if let (Some(then), Some(otherwise)) = (then.as_number(), otherwise.as_number()) {
            let choose = move |row| if condition(row)? { then(row) } else { otherwise(row) };
            return Some(Form::new_number(choose));
        }
        let (then, otherwise) = (then.as_boolean()?, otherwise.as_boolean()?);
        Some(Form::new_boolean(move |row| if condition(row)? { then(row) } else { otherwise(row) }))
    }

    fn lower_call(self, function: Function, arguments: &[Tree], column: u32) -> Option<Form<'a>> {
        Some(match function {
            Function::Random => {
                let seed = self.context.seed();
                Form::new_number(move |row| Some(Number::Double(draw_random(seed, row, column))))
            }
            Function::Size => match self.lower(&arguments[0]) {
                Form::Set(values, _) => Form::new_number(move |row| {
                    let elements = set_at(values, row).unwrap_or_default();
                    Some(Number::Int(elements.len() as i64))
                }),
                _ => return None,
            },
            Function::Math(math) => {
                let numbers: Option<Vec<_>> =
                    arguments.iter().map(|argument| self.lower(argument).as_number()).collect();
                match &numbers?[..] {
                    [one] => {
                        let one = one.clone();
                        Form::new_number(move |row| Some(math.apply(&[one(row)?])))
                    }
                    [one, two] => {
                        let (one, two) = (one.clone(), two.clone());
                        Form::new_number(move |row| Some(math.apply(&[one(row)?, two(row)?])))
                    }
                    many => {
                        let many = many.to_vec();
                        Form::new_number(move |row| {
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

/// The form of `wanted` where any condition equals it, else of its opposite. Evaluation stops at
/// the first that does.
fn any_equals(wanted: bool, conditions: Vec<RowFn<'_, bool>>) -> Form<'_> {
    Form::new_condition(move |row| {
        for condition in &conditions {
            if condition(row)? == wanted {
                return Some(wanted);
            }
        }
        Some(!wanted)
    })
}
