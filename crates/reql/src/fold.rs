//! Evaluates ahead every part of a tree that is the same for all rows.

use std::cell::Cell;
use std::sync::Arc;

use crate::context::Context;
use crate::evaluate::try_value_of;
use crate::rows::Rows;
use crate::syntax::{Link, Node, Source, Tree, What};

/// The tree with constants in place of what does not depend on the row, and whether a part could
/// not be evaluated.
pub(crate) fn fold(tree: &Tree, rows: &dyn Rows, context: &dyn Context) -> (Tree, bool) {
    let folding = Folding { rows, context, exhausted: Cell::new(false) };
    let tree = folding.fold(tree).tree;
    (tree, folding.exhausted.get())
}

struct Folding<'a> {
    rows: &'a dyn Rows,
    context: &'a dyn Context,
    exhausted: Cell<bool>,
}

/// A folded tree and what keeps it from being a constant.
struct Folded {
    tree: Tree,
    needs_row: bool,
    /// The outermost lambda variable that it reads without binding it.
    needs_variable: Option<usize>,
}

impl Folding<'_> {
    fn fold(&self, tree: &Tree) -> Folded {
        let mut needs_row = tree.own_dependencies().row;
        let mut needs_variable = match &tree.what {
            What::Variable(variable) => Some(*variable),
            _ => None,
        };
        let mut child = |child: &Tree| {
            let folded = self.fold(child);
            needs_row |= folded.needs_row;
            needs_variable = match (needs_variable, folded.needs_variable) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
            folded.tree
        };
        let what = match &tree.what {
            What::Constant(_) | What::Exhausting => {
                return Folded { tree: tree.clone(), needs_row, needs_variable };
            }
            What::Property(name) => What::Property(name.clone()),
            What::Variable(variable) => What::Variable(*variable),
            What::Not(operand) => What::Not(child(operand)),
            What::Negate(operand) => What::Negate(child(operand)),
            What::Plus(operand) => What::Plus(child(operand)),
            What::Logic(op, operands) => What::Logic(*op, operands.iter().map(child).collect()),
            What::Arithmetic(first, links) => {
                What::Arithmetic(child(first), fold_links(links, child))
            }
            What::Comparison(first, links) => {
                What::Comparison(child(first), fold_links(links, child))
            }
            What::If { condition, then, otherwise } => What::If {
                condition: child(condition),
                then: child(then),
                otherwise: child(otherwise),
            },
            What::Set(elements) => What::Set(elements.iter().map(child).collect()),
            What::Array(elements) => What::Array(elements.iter().map(child).collect()),
            What::Index(base, index) => What::Index(child(base), child(index)),
            What::Lookup(Source::Item(item), key) => {
                What::Lookup(Source::Item(child(item)), child(key))
            }
            What::Lookup(source, key) => What::Lookup(source.clone(), child(key)),
            What::Call(function, arguments) => {
                What::Call(*function, arguments.iter().map(child).collect())
            }
            What::Lambda { op, variable, body, collection } => {
                let (body, collection) = (child(body), child(collection));
                // Its own variable is the innermost, so whatever is further out stays needed.
                needs_variable = needs_variable.filter(|needed| needed < variable);
                What::Lambda { op: *op, variable: *variable, body, collection }
            }
        };
        let folded = Arc::new(Node { column: tree.column, height: tree.height, what });
        if needs_row || needs_variable.is_some() {
            return Folded { tree: folded, needs_row, needs_variable };
        }
        let what = match try_value_of(&folded, self.rows, self.context, 0) {
            Some(value) => What::Constant(value),
            None => {
                self.exhausted.set(true);
                What::Exhausting
            }
        };
        let constant = Node { column: tree.column, height: 1, what };
        Folded { tree: Arc::new(constant), needs_row, needs_variable }
    }
}

fn fold_links<Op: Copy>(links: &[Link<Op>], mut child: impl FnMut(&Tree) -> Tree) -> Vec<Link<Op>> {
    let folded = links.iter().map(|link| Link {
        op: link.op,
        column: link.column,
        right: child(&link.right),
    });
    folded.collect()
}
