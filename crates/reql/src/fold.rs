//! Constant folding: parts of a tree that are the same for all rows are evaluated once.

use std::cell::Cell;
use std::sync::Arc;

use crate::context::Context;
use crate::evaluate::try_evaluate;
use crate::rows::Rows;
use crate::syntax::{Link, Node, NodeKind, Source, Tree};

/// Returns the tree with constants in place of the parts that do not depend on the row, and whether
/// one of these parts needed too many steps.
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

/// A folded tree and the reasons for which it may not be a constant.
struct Folded {
    tree: Tree,
    needs_row: bool,
    /// The outermost lambda variable that it reads without binding it.
    needs_variable: Option<usize>,
}

impl Folding<'_> {
    fn fold(&self, tree: &Tree) -> Folded {
        let mut needs_row = tree.own_dependencies().row;
        let mut needs_variable = match &tree.kind {
            NodeKind::Variable(variable) => Some(*variable),
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
        let kind = match &tree.kind {
            NodeKind::Constant(_) | NodeKind::Exhausted => {
                return Folded { tree: tree.clone(), needs_row, needs_variable };
            }
            NodeKind::Property(name) => NodeKind::Property(name.clone()),
            NodeKind::Variable(variable) => NodeKind::Variable(*variable),
            NodeKind::Not(operand) => NodeKind::Not(child(operand)),
            NodeKind::Negate(operand) => NodeKind::Negate(child(operand)),
            NodeKind::Plus(operand) => NodeKind::Plus(child(operand)),
            NodeKind::Logic(op, operands) => {
                NodeKind::Logic(*op, operands.iter().map(child).collect())
            }
            NodeKind::Arithmetic(first, links) => {
                NodeKind::Arithmetic(child(first), fold_links(links, child))
            }
            NodeKind::Comparison(first, links) => {
                NodeKind::Comparison(child(first), fold_links(links, child))
            }
            NodeKind::If { condition, then, otherwise } => NodeKind::If {
                condition: child(condition),
                then: child(then),
                otherwise: child(otherwise),
            },
            NodeKind::Set(elements) => NodeKind::Set(elements.iter().map(child).collect()),
            NodeKind::Array(elements) => NodeKind::Array(elements.iter().map(child).collect()),
            NodeKind::Index(base, index) => NodeKind::Index(child(base), child(index)),
            NodeKind::Lookup(Source::Item(item), key) => {
                NodeKind::Lookup(Source::Item(child(item)), child(key))
            }
            NodeKind::Lookup(source, key) => NodeKind::Lookup(source.clone(), child(key)),
            NodeKind::Call(function, arguments) => {
                NodeKind::Call(*function, arguments.iter().map(child).collect())
            }
            NodeKind::Lambda { op, variable, body, collection } => {
                let (body, collection) = (child(body), child(collection));
                // Its own variable is the innermost, so whatever is further out stays needed.
                needs_variable = needs_variable.filter(|needed| needed < variable);
                NodeKind::Lambda { op: *op, variable: *variable, body, collection }
            }
        };
        let folded = Arc::new(Node { column: tree.column, height: tree.height, kind });
        if needs_row || needs_variable.is_some() {
            return Folded { tree: folded, needs_row, needs_variable };
        }
        let kind = match try_evaluate(&folded, self.rows, self.context, 0) {
            Some(value) => NodeKind::Constant(value),
            None => {
                self.exhausted.set(true);
                NodeKind::Exhausted
            }
        };
        let constant = Node { column: tree.column, height: 1, kind };
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
